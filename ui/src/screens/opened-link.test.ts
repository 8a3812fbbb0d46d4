/** A link that was opened outside of the window: its user is asked, and it replaces nothing. */
import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import App from "../App.svelte";
import { FixtureBackend } from "../gallery/backend";
import { type FixtureName, call, chat, ended, fixtures, openedLink, view } from "../gallery/fixtures";
import { SHOWN_MS } from "../parts/OpenLink.svelte";

function show(name: FixtureName): FixtureBackend {
  const backend = new FixtureBackend(fixtures[name]);
  render(App, { backend });
  return backend;
}

const part = (id: string) => screen.getByTestId(id);
const absent = (id: string) => expect(screen.queryByTestId(id)).toBeNull();

beforeEach(() => {
  // jsdom draws nothing.
  HTMLCanvasElement.prototype.getContext = () => null;
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

/** Lets the link be shown for long enough. */
const seen = () => vi.waitFor(() => expect(part("open-link")).toHaveProperty("disabled", false));

describe("with nothing open", () => {
  it.each([
    ["link-opened", "relay.example.org", "On the internet"],
    ["link-opened-near", "192.168.1.20:3002", "On your own network"],
    ["link-opened-here", "127.0.0.1:3002", "On this computer"],
  ] as const)("%s: names the relay and how far away it is", (name, address, reach) => {
    show(name);
    expect(part("link-address").textContent).toBe(address);
    expect(part("link-reach").textContent?.trim()).toBe(reach);
    absent("link-international");
    absent("new-call");
  });

  it("warns of a name that may be made to look like another one", () => {
    show("link-opened-alike");
    expect(part("link-international").textContent).toContain("other alphabets");
  });

  it("is answered by its buttons, for the link that is shown", async () => {
    const backend = show("link-opened");
    await seen();
    await userEvent.click(part("open-link"));
    backend.show(view({ type: "link_opened", ...openedLink({ id: 2, address: "other.example" }) }));
    await tick();
    expect(part("link-address").textContent).toBe("other.example");
    await userEvent.click(part("dismiss-link"));
    expect(backend.commands).toEqual([
      { type: "accept_link", id: 1 },
      { type: "dismiss_link", id: 2 },
    ]);
  });

  it("is not opened by a key that was meant for something else, and Escape says no", async () => {
    const backend = show("link-opened");
    await tick();
    await userEvent.keyboard("{Enter} {Control>}n{/Control}m");
    expect(backend.commands).toEqual([]);
    await userEvent.keyboard("{Escape}");
    expect(backend.commands).toEqual([{ type: "dismiss_link", id: 1 }]);
  });
});

describe("while something is open", () => {
  it.each(["lobby-link", "share-lobby-link", "call-link", "share-link", "watch-link"] as const)("%s: waits, and can only be sent away", async (name) => {
    const backend = show(name);
    expect(part("waiting-link").textContent).toContain("relay.example.org");
    absent("open-link");
    await userEvent.click(part("dismiss-link"));
    expect(backend.commands).toContainEqual({ type: "dismiss_link", id: 1 });
  });

  it("is opened from the end of a call, which it does not cover", async () => {
    const backend = show("ended-link");
    expect(part("ended")).toBeTruthy();
    expect(part("link-address").textContent).toBe("relay.example.org");
    await seen();
    await userEvent.click(part("open-link"));
    expect(backend.commands).toEqual([{ type: "accept_link", id: 1 }]);
  });
});

describe("a click that was meant for what stood there before", () => {
  const opened = (id: number) => view({ type: "link_opened", ...openedLink({ id, address: `${id}.example` }) });
  const waiting = (id: number) => view(ended({ type: "by_them" }), { waiting_link: openedLink({ id, address: `${id}.example` }) });

  it.each([
    ["on the page of a link", opened],
    ["on a card at the end of a call", waiting],
  ] as const)("does not open the link that has taken its place: %s", async (_, shown) => {
    vi.useFakeTimers();
    const backend = new FixtureBackend({ kind: "app", view: shown(1) });
    render(App, { backend });
    const click = async (after: number) => {
      await vi.advanceTimersByTimeAsync(after);
      part("open-link").click();
      await tick();
    };
    await click(SHOWN_MS - 1);
    expect(backend.commands).toEqual([]);
    await click(1);
    expect(backend.commands).toEqual([{ type: "accept_link", id: 1 }]);
    for (const id of [2, 3]) {
      backend.show(shown(id));
      await tick();
      await click(0);
      await click(SHOWN_MS - 1);
    }
    expect(backend.commands).toHaveLength(1);
    await click(1);
    expect(backend.commands.at(-1)).toEqual({ type: "accept_link", id: 3 });
  });
});

it("calls go by TURN only where the user wants so", async () => {
  const backend = show("start");
  await userEvent.click(part("settings"));
  await userEvent.click(part("relay-only"));
  expect(backend.commands).toEqual([{ type: "set_relay_only", on: true }]);
});

it("addresses in a chat lead somewhere only where somebody else wrote them, and what is left out is told", () => {
  const text = "https://example.org/a";
  const backend = new FixtureBackend({ kind: "app", view: view(call({ chat: chat(["Mika", text], [null, text]), chat_cut: true })) });
  render(App, { backend });
  part("chat-toggle").click();
  return tick().then(() => {
    const links = [...part("chat-lines").querySelectorAll("a")].map((link) => link.closest("[data-testid=chat-line]")?.classList.contains("own"));
    expect(links).toEqual([false]);
    expect(part("chat-cut").textContent).toContain("left out");
  });
});
