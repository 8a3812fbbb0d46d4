/** A screen in a call, beside the cameras. */
import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import App from "../App.svelte";
import { FixtureBackend } from "../gallery/backend";
import { type Fixture, type FixtureName, MONITOR, SOURCES, call, fixtures, peer, share, sharing, view } from "../gallery/fixtures";

function show(fixture: FixtureName | Fixture): FixtureBackend {
  const backend = new FixtureBackend(typeof fixture === "string" ? fixtures[fixture] : fixture);
  render(App, { backend });
  return backend;
}

const part = (id: string) => screen.getByTestId(id);
const all = (id: string) => screen.queryAllByTestId(id);

beforeEach(() => {
  HTMLCanvasElement.prototype.getContext = () => null;
});
afterEach(cleanup);

describe("who shows a screen", () => {
  it("chooses first, and nothing is asked for before", async () => {
    const backend = show({ kind: "app", view: view(call()) });
    await userEvent.click(part("share-screen"));
    expect(backend.commands).toEqual([{ type: "show_sources", shown: true }]);
    backend.show(view(call(), { share: share({ sources: { type: "found", sources: SOURCES, left_out: 0 } }) }));
    await tick();
    expect(part("switch-go")).toHaveProperty("disabled", true);
    await userEvent.click(all("source").find((element) => element.dataset["source"] === MONITOR.id)!);
    expect(backend.commands).toHaveLength(1);
    await userEvent.click(part("switch-go"));
    expect(backend.commands.slice(1)).toEqual([
      { type: "select_source", id: MONITOR.id },
      { type: "show_sources", shown: false },
    ]);
    expect(all("sources")).toEqual([]);
  });

  it("is told so for as long as it is shown, and can stop", async () => {
    const backend = show("call-showing");
    expect(part("showing").textContent).toBe("You are showing Screen 1");
    await userEvent.click(part("stop-share"));
    expect(backend.commands).toEqual([{ type: "stop_share" }]);
    backend.show(view(call()));
    await tick();
    expect(all("showing")).toEqual([]);
  });

  it("is asked by the browser itself on the guest's page", async () => {
    const backend = show("guest-showing");
    expect(part("showing").textContent).toBe("You are showing your screen");
    await userEvent.click(part("share-screen"));
    expect(backend.commands).toEqual([{ type: "show_sources", shown: true }]);
    expect(all("sources")).toEqual([]);
  });

  it("has no button where the browser cannot show one, or nobody is there", () => {
    const fixture: Fixture = { kind: "guest", view: view(call({ host: false, link: null })) };
    render(App, { backend: Object.assign(new FixtureBackend(fixture), { canShare: false }) });
    expect(all("share-screen")).toEqual([]);
    cleanup();
    show("waiting");
    expect(all("share-screen")).toEqual([]);
  });
});

describe("who is shown a screen", () => {
  it("sees it large, and keeps the picture of the camera", async () => {
    const backend = show({ kind: "app", view: view(call()) });
    const camera = part("remote-video");
    backend.show(view(call({ peers: [peer("mika", "Mika", { screen: true })] })));
    await tick();
    expect(part("remote-screen").getAttribute("aria-label")).toBe("What Mika shows");
    expect(part("remote-video"), "the element goes on").toBe(camera);
    expect(part("self-video")).toBeTruthy();
    backend.show(view(call()));
    await tick();
    expect(all("remote-screen")).toEqual([]);
    expect(part("remote-video")).toBe(camera);
  });

  it("sees the screens of all who show one", () => {
    show("call-screens");
    expect(all("remote-screen")).toHaveLength(2);
    expect(all("remote-video")).toHaveLength(4);
  });

  it("does not look at one whose way was not found", () => {
    const peers = [peer("mika", "Mika", { screen: true, state: "failed" }), peer("jo", "Jo")];
    show({ kind: "app", view: view(call({ peers }), { share: sharing() }) });
    expect(all("remote-screen")).toEqual([]);
  });
});
