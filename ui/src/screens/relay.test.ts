/** Calls through relays of small WebRTC pages: the dialog, and what the screens then show and leave out. */
import { cleanup, render, screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import App from "../App.svelte";
import type { RelayShape } from "../contract/RelayShape";
import { FixtureBackend } from "../gallery/backend";
import { type Fixture, type FixtureName, call, ended, fixtures, joined, meeting, peer, view, waiting } from "../gallery/fixtures";
import { CODES, isRelayAddress } from "../parts/relay";

function show(fixture: FixtureName | Fixture): FixtureBackend {
  const backend = new FixtureBackend(typeof fixture === "string" ? fixtures[fixture] : fixture);
  render(App, { backend });
  return backend;
}

const part = (id: string) => screen.getByTestId(id);
const absent = (...ids: string[]) => ids.forEach((id) => expect(screen.queryByTestId(id), id).toBeNull());

beforeEach(() => {
  // jsdom draws nothing.
  HTMLCanvasElement.prototype.getContext = () => null;
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

async function open(fixture: FixtureName | Fixture = "start") {
  const backend = show(fixture);
  absent("relay-go");
  await userEvent.click(part("join-relay"));
  return backend;
}

describe("the dialog", () => {
  it("asks for an address and for a shape, shows each as a picture, and says what strangers mean", async () => {
    await open();
    for (const shape of Object.keys(CODES)) {
      const label = part(`relay-shape-${shape}`).closest("label")!;
      expect(label.querySelector("svg"), shape).toBeTruthy();
      expect(label.textContent, shape).toContain(CODES[shape as keyof typeof CODES]);
    }
    expect(part("not-authenticated").textContent).toMatch(/Not authenticated.*mixes strangers/);
    expect(part("relay-go")).toHaveProperty("disabled", true);
    await userEvent.type(part("relay-url"), "ws://127.0.0.1:3002");
    // Nothing is chosen for its user.
    expect(part("relay-go")).toHaveProperty("disabled", true);
  });

  it.each<[RelayShape, string[]]>([
    [{ type: "send", screen: false }, []],
    [{ type: "send", screen: true }, ["relay-send-screen"]],
    [{ type: "receive" }, []],
    [{ type: "broadcast" }, []],
    [{ type: "view" }, []],
    [{ type: "both" }, []],
    [{ type: "ready" }, []],
    [{ type: "socket_io", media: false }, []],
    [{ type: "socket_io", media: true }, ["relay-media"]],
    [{ type: "targeted", name: "Ada", target: null }, []],
  ])("leads to %j", async (shape, presses) => {
    const backend = await open();
    await userEvent.type(part("relay-url"), " wss://relay.example/a?b ");
    await userEvent.click(part(`relay-shape-${shape.type}`));
    for (const press of presses) await userEvent.click(part(press));
    await userEvent.click(part("relay-go"));
    expect(backend.commands).toEqual([{ type: "join_relay", url: "wss://relay.example/a?b", shape }]);
    absent("relay-go");
  });

  it("asks whom to call, and under which name", async () => {
    const backend = await open();
    await userEvent.type(part("relay-url"), "ws://127.0.0.1:3002");
    await userEvent.click(part("relay-shape-targeted"));
    await userEvent.clear(part("relay-name"));
    expect(part("relay-go")).toHaveProperty("disabled", true);
    await userEvent.type(part("relay-name"), " ada ");
    await userEvent.type(part("relay-target"), " bob {Enter}");
    expect(backend.commands).toEqual([{ type: "join_relay", url: "ws://127.0.0.1:3002", shape: { type: "targeted", name: "ada", target: "bob" } }]);
  });

  it("says what an address begins with, which depends on the shape", async () => {
    await open();
    await userEvent.type(part("relay-url"), "http://127.0.0.1:5001");
    await userEvent.click(part("relay-shape-socket_io"));
    expect(part("relay-bad").textContent?.trim()).toBe("");
    expect(part("relay-go")).toHaveProperty("disabled", false);
    await userEvent.click(part("relay-shape-ready"));
    expect(part("relay-bad").textContent).toContain("ws:// or wss://");
    expect(part("relay-url").getAttribute("aria-invalid")).toBe("true");
    expect(part("relay-go")).toHaveProperty("disabled", true);
  });

  it("starts with what was joined last", async () => {
    const backend = await open({ kind: "app", view: joined({ type: "targeted", name: "ada", target: "bob" }) });
    await userEvent.click(part("relay-go"));
    expect(backend.commands).toEqual([{ type: "join_relay", ...meeting({ type: "targeted", name: "ada", target: "bob" }) }]);
  });

  it("is left without a word", async () => {
    const backend = await open();
    await userEvent.click(part("close-sheet"));
    absent("relay-go");
    expect(backend.commands).toEqual([]);
  });
});

it.each([
  ["ws://127.0.0.1:3002/", true],
  ["wss://relay.example/#AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", true],
  ["wss://relay.example/#rubbish", false],
  ["ws://user:word@relay.example/", false],
  ["https://relay.example", false],
  ["javascript:alert(1)", false],
  ["relay.example", false],
  ["ws://", false],
  ["", false],
])("%s as an address: %s", (text, good) => expect(isRelayAddress(text, "both")).toBe(good));

describe("the lobby", () => {
  it("goes in by a press, asks for no name, and says once more that nobody is known", async () => {
    const backend = show("relay-lobby");
    absent("name", "ask-before-entry");
    expect(part("self-video")).toBeTruthy();
    expect(part("relay-card").textContent).toContain("ws://192.168.1.30:3002/");
    expect(part("not-authenticated")).toBeTruthy();
    await userEvent.click(part("join"));
    expect(backend.commands).toEqual([{ type: "enter", name: "Ada" }]);
  });

  it.each(["relay-lobby-view", "relay-lobby-text"] as const)("of %s shows no camera", (name) => {
    show(name);
    absent("self-video", "camera-select", "name");
    expect(part("not-authenticated")).toBeTruthy();
  });

  it("of a broadcast is the choice of what is shown", () => {
    show("relay-lobby-share");
    absent("name", "ask-before-entry");
    expect(screen.getAllByTestId("source").length).toBeGreaterThan(0);
    expect(part("not-authenticated")).toBeTruthy();
  });
});

describe("a call", () => {
  it("has what media needs, and nothing that only rooms of Ahoy's have", () => {
    show("relay-call");
    for (const id of ["remote-video", "self-video", "toggle-mic", "toggle-camera", "devices", "hang-up"]) expect(part(id), id).toBeTruthy();
    absent("link", "verify", "people-toggle", "chat-toggle", "locked");
    expect(part("not-authenticated").textContent).toContain("Not authenticated");
    expect(part("call").textContent).not.toContain("Secured");
  });

  it("over Socket.IO has lines, of which nobody knows whether they arrived", async () => {
    show("relay-call-text");
    absent("self-video", "toggle-mic", "toggle-camera", "devices");
    await userEvent.click(part("chat-toggle"));
    expect(screen.getAllByTestId("chat-line").length).toBeGreaterThan(0);
    absent("chat-mark");
  });

  it("with one that only receives says that nothing comes, and not what is off there", () => {
    show("relay-call-send");
    expect(part("peer").textContent).toContain("Nothing comes from there.");
    absent("peer-muted", "peer-camera-off");
  });

  it("in a room of Ahoy's has no such mark", () => {
    show({ kind: "app", view: view(call()) });
    absent("not-authenticated");
  });

  it("that nobody answers says so, and after a while what may be wrong", async () => {
    vi.useFakeTimers();
    const backend = show("relay-waiting");
    expect(part("waiting").textContent).toMatch(/Nobody has answered yet.*You have called/);
    absent("relay-late", "link");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(part("relay-late").textContent).toContain("the other half");
    const relay = meeting({ type: "both" });
    backend.show(view(call({ host: false, link: null, peers: [peer("a", "")], relay })));
    await tick();
    backend.show(view(waiting({ host: false, link: null, relay })));
    await tick();
    // Whoever has been there may come back.
    absent("relay-late");
  });

  it("says to whom it goes, or under which name it waits", () => {
    const targeted = (target: string | null) =>
      view(waiting({ host: false, link: null, relay: meeting({ type: "targeted", name: "ada", target }) }));
    const backend = show({ kind: "app", view: targeted("bob") });
    expect(part("waiting").textContent).toContain("You have called bob");
    backend.show(targeted(null));
    return tick().then(() => expect(part("waiting").textContent).toContain("You are there as ada"));
  });
});

describe("a broadcast", () => {
  it("has the relay in the place of a link, and nobody to lock out or send away", () => {
    show("relay-share-viewers");
    absent("link", "lock", "remove");
    expect(part("relay-card").textContent).toContain("192.168.1.30");
    expect(part("viewer-list").textContent).toContain("viewer one");
    for (const id of ["switch-screen", "pause-share", "stop-share", "self-video"]) expect(part(id), id).toBeTruthy();
  });

  it("that is watched does not say how many watch, for nobody knows", () => {
    show("relay-watch");
    expect(part("remote-video")).toBeTruthy();
    expect(part("not-authenticated")).toBeTruthy();
    absent("viewer-count");
  });

  it("that nobody shows yet is waited for", async () => {
    vi.useFakeTimers();
    show("relay-waiting-view");
    expect(part("cover").textContent).toMatch(/Nobody has answered yet.*You have said that you are here/);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(part("relay-late")).toBeTruthy();
  });
});

describe("the end", () => {
  it.each([
    ["relay-unreachable", "does not answer", "relay_unreachable"],
    ["relay-not-trusted", "Nobody vouches", "relay_not_trusted"],
  ] as const)("%s names the relay and says what to do", (name, words, code) => {
    show(name);
    expect(part("error").dataset["code"]).toBe(code);
    expect(part("error").textContent).toContain(words);
    expect(part("error").textContent).toContain("ws://192.168.1.30:3002/");
  });

  it("of a call in a room of Ahoy's names none", () => {
    show({ kind: "app", view: view(ended({ type: "refused", code: "relay_unreachable" }, { seconds: null })) });
    expect(part("error").textContent).toContain("The relay does not answer.");
  });
});
