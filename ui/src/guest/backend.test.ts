import { base64urlnopad } from "@scure/base";
import { get } from "svelte/store";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RoomKind } from "../contract/RoomKind";
import { FakePeerConnection, fakeTrack, settle } from "../test/fake-rtc";
import { Signer } from "./auth";
import { GuestBackend } from "./backend";
import { Call } from "./call";

const ROOM = `/r/${"a".repeat(26)}`;
const SECRET = "#AAECAwQFBgcICQoLDA0ODw";

class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = 1;
  sent: { type: string }[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  say(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

function open(path: string, hash: string) {
  history.replaceState(null, "", path + hash);
  const backend = new GuestBackend();
  return { backend, view: () => get(backend.view) };
}

beforeEach(() => {
  FakeSocket.all = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("RTCPeerConnection", class {});
  vi.stubGlobal("isSecureContext", true);
  localStorage.clear();
});
const browser = navigator;
afterEach(() => {
  window.dispatchEvent(new Event("pagehide"));
  vi.stubGlobal("navigator", browser);
});

/** The relay has said who we are. */
function welcomed() {
  const socket = FakeSocket.all.at(-1)!;
  socket.onopen?.();
  socket.say({ type: "welcome", peer: "mmmmmmmmmmmmmmmm", challenge: "AAECAwQFBgcICQoLDA0ODw", ice_servers: [], resume: "r" });
  return socket;
}

/** Up to the lobby of a link that leads to this. */
async function lobby(kind: RoomKind = "call") {
  const page = open(ROOM, SECRET);
  welcomed().say({ type: "found", room: "a".repeat(26), kind });
  await settle();
  return page;
}

/** Up to the moment when the relay has said who we are. */
async function join(kind: RoomKind = "call") {
  const page = await lobby(kind);
  await page.backend.dispatch({ type: "enter", name: "Grace" });
  return { ...page, socket: welcomed() };
}

describe("a guest's page", () => {
  it.each([
    ["cut", ROOM, "#AAEC"],
    ["markup", ROOM, "#<img src=x onerror=alert(1)>"],
    ["markup behind a secret", ROOM, `${SECRET}<script>alert(1)</script>`],
    ["markup for a room", "/r/%3Cscript%3Ealert(1)%3C%2Fscript%3E", SECRET],
    ["turned around", ROOM, `#\u202e${SECRET.slice(1)}`],
    ["endless", ROOM, `#${"A".repeat(100_000)}`],
  ])("says that its link is no good, and goes nowhere: %s", (_, path, hash) => {
    const { view } = open(path, hash);
    expect(view().screen).toMatchObject({ type: "ended", reason: { type: "refused", code: "bad_link" }, can_call_again: false });
    expect(FakeSocket.all).toEqual([]);
  });

  it("asks what the link leads to before it opens anything, and says nothing of its user", async () => {
    const getUserMedia = vi.fn(() => Promise.reject(new DOMException("", "NotFoundError")));
    vi.stubGlobal("navigator", { mediaDevices: { getUserMedia, enumerateDevices: async () => [], addEventListener() {} } });
    const { backend, view } = open(ROOM, SECRET);
    expect(view().screen).toMatchObject({ type: "lobby", kind: null, busy: true });
    await backend.dispatch({ type: "enter", name: "Grace" });
    const socket = welcomed();
    expect(socket.url).toBe(`ws://${location.host}/ws`);
    expect(socket.sent).toEqual([
      { type: "hello", version: 2, app: "ahoy-guest" },
      { type: "look", room: "a".repeat(26) },
    ]);
    expect(getUserMedia).not.toHaveBeenCalled();
    socket.say({ type: "found", room: "a".repeat(26), kind: "call" });
    await settle();
    expect(view().screen).toMatchObject({ type: "lobby", kind: "call" });
    expect(getUserMedia).toHaveBeenCalled();
    expect(FakeSocket.all).toHaveLength(1);
    await backend.dispatch({ type: "enter", name: "Grace" });
    expect(view().screen).toMatchObject({ type: "lobby", busy: true });
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("watches a broadcast without camera or microphone, also where the page is not secure", async () => {
    const getUserMedia = vi.fn();
    vi.stubGlobal("navigator", { mediaDevices: { getUserMedia, addEventListener() {} } });
    vi.stubGlobal("isSecureContext", false);
    const { backend, view, socket } = await join("broadcast");
    expect(view().screen).toMatchObject({ type: "lobby", kind: "broadcast", busy: true });
    expect(view().error).toBeNull();
    expect(socket.sent[1]).toMatchObject({ type: "join", role: "viewer", name: "Grace" });
    const { nonce, mac } = socket.sent[1] as unknown as { nonce: string; mac: string };
    const me = { peer: "mmmmmmmmmmmmmmmm", name: "Grace", nonce, mac, order: 3 };
    socket.say({ type: "room", kind: "broadcast", host: null, peers: [me], count: 8, capacity: 100, locked: false });
    expect(view().screen).toMatchObject({ type: "call", kind: "broadcast", phase: "host_away", others: 8 });
    expect(getUserMedia).not.toHaveBeenCalled();
    for (const muted of [true, false, true]) {
      await backend.dispatch({ type: "set_speaker_muted", muted });
      expect(view().media.speaker_muted).toBe(muted);
    }
    socket.say({ type: "left", peer: "hhhhhhhhhhhhhhhh" });
    socket.say({ type: "error", code: "removed", message: "" });
    expect(view().screen).toMatchObject({ type: "ended", kind: "broadcast", can_call_again: false });
  });

  it.each(["busy", "rate_limited", null])("opens nothing while the relay does not say what the link leads to, and asks once more when told to: %s", async (code) => {
    const getUserMedia = vi.fn();
    vi.stubGlobal("navigator", { mediaDevices: { getUserMedia, addEventListener() {} } });
    const { backend, view } = open(ROOM, SECRET);
    expect(view().screen).toMatchObject({ type: "lobby", kind: null, busy: true });
    if (code) welcomed().say({ type: "error", code, message: "" });
    else FakeSocket.all.at(-1)!.onclose?.();
    await settle();
    expect(view().screen).toMatchObject({ type: "lobby", kind: null, busy: false });
    expect(view().error?.code).toBe(code ?? "relay_unreachable");
    expect(getUserMedia).not.toHaveBeenCalled();
    await backend.dispatch({ type: "call_again" });
    expect(view().screen).toMatchObject({ kind: null, busy: true });
    expect(view().error).toBeNull();
    welcomed().say({ type: "found", room: "a".repeat(26), kind: "broadcast" });
    expect(view().screen).toMatchObject({ type: "lobby", kind: "broadcast", busy: false });
    expect(getUserMedia).not.toHaveBeenCalled();
  });

  it("goes into a broadcast anew, as a viewer and without its camera, where it was taken for a call", async () => {
    const tracks = (["audio", "video"] as const).map(fakeTrack);
    const getUserMedia = vi.fn(async () => new MediaStream(tracks));
    vi.stubGlobal("navigator", { mediaDevices: { getUserMedia, enumerateDevices: async () => [], addEventListener() {} } });
    const { view, socket } = await join("call");
    const { nonce, mac } = socket.sent[1] as unknown as { nonce: string; mac: string };
    const room = (peer: { nonce: string; mac: string }) => ({ type: "room", kind: "broadcast", host: null, peers: [{ peer: "mmmmmmmmmmmmmmmm", name: "Grace", order: 3, ...peer }], count: 2, capacity: 100, locked: false });
    socket.say(room({ nonce, mac }));
    expect(socket.sent.at(-1)).toEqual({ type: "leave" });
    expect(socket.readyState).toBe(3);
    for (const track of tracks) expect(track.stop).toHaveBeenCalled();
    const second = welcomed();
    expect(second).not.toBe(socket);
    expect(second.sent[1]).toMatchObject({ type: "join", role: "viewer", name: "Grace" });
    const again = second.sent[1] as unknown as { nonce: string; mac: string };
    second.say(room({ nonce: again.nonce, mac: again.mac }));
    expect(view().screen).toMatchObject({ type: "call", kind: "broadcast" });
    expect(getUserMedia).toHaveBeenCalledOnce();
  });

  it("says at once that there is nothing behind its link, and looks once more when asked to", async () => {
    const { backend, view } = open(ROOM, SECRET);
    welcomed().say({ type: "error", code: "not_found", message: "" });
    expect(view().screen).toMatchObject({ type: "ended", reason: { type: "refused", code: "not_found" }, can_call_again: true });
    await backend.dispatch({ type: "call_again" });
    expect(view().screen).toMatchObject({ type: "lobby", kind: null });
    welcomed().say({ type: "found", room: "a".repeat(26), kind: "broadcast" });
    expect(view().screen).toMatchObject({ type: "lobby", kind: "broadcast" });
    // It is over when its page is opened once more: then it was a broadcast.
    await backend.dispatch({ type: "back" });
    welcomed().say({ type: "error", code: "not_found", message: "" });
    expect(view().screen).toMatchObject({ type: "ended", kind: "broadcast" });
  });

  it("speaks the protocol, and keeps the secret to itself", async () => {
    const { socket } = await join();
    expect(socket.sent).toMatchObject([{ type: "hello", version: 2 }, { type: "join", name: "Grace", role: "caller" }]);
    expect(socket.url + JSON.stringify(socket.sent)).not.toContain(SECRET.slice(1));
  });

  it.each([
    ["not_found", true],
    ["locked", true],
    ["denied", true],
    ["removed", false],
  ])("ends with a sentence when it is refused with %s; a way back: %s", async (code, again) => {
    const { backend, view, socket } = await join();
    socket.say({ type: "error", code, message: "" });
    expect(view().screen).toMatchObject({ type: "ended", reason: { type: "refused", code }, seconds: null, can_call_again: again });
    await backend.dispatch({ type: "call_again" });
    expect(view().screen).toMatchObject({ type: "lobby", kind: null, busy: true });
  });

  it.each(["busy", "rate_limited"])("stays in the lobby with a sentence where waiting helps: %s", async (code) => {
    const { view, socket } = await join();
    socket.say({ type: "error", code, message: "" });
    expect(view().screen).toMatchObject({ type: "lobby", busy: false });
    expect(view().error?.code).toBe(code);
  });

  it("waits at the door, and can leave it", async () => {
    const { backend, view, socket } = await join();
    const { nonce, mac } = socket.sent[1] as unknown as { nonce: string; mac: string };
    socket.say({ type: "knock", peer: "mmmmmmmmmmmmmmmm", name: "Grace", nonce, mac });
    expect(view().screen).toMatchObject({ type: "call", phase: "knocking", peers: [] });
    await backend.dispatch({ type: "hang_up" });
    expect(socket.sent.at(-1)).toEqual({ type: "leave" });
    expect(view().screen).toMatchObject({ type: "ended", reason: { type: "by_me" }, seconds: null });
  });

  it.each(["the socket", "the call"])("closes camera and microphone when the user hangs up, though %s fails", async (what) => {
    const tracks = (["audio", "video"] as const).map(fakeTrack);
    const getUserMedia = vi.fn(async () => new MediaStream(tracks));
    vi.stubGlobal("navigator", { mediaDevices: { getUserMedia, enumerateDevices: async () => [], addEventListener() {} } });
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const { backend, view, socket } = await join();
    vi.spyOn(socket, "send").mockImplementation(() => {
      throw new Error("no socket");
    });
    const leave = vi.spyOn(Call.prototype, "leave");
    if (what === "the call") {
      leave.mockImplementation(() => {
        throw new Error("no call");
      });
    }
    await backend.dispatch({ type: "hang_up" }).catch(() => undefined);
    leave.mockRestore();
    for (const track of tracks) expect(track.stop).toHaveBeenCalled();
    expect(view().screen).toMatchObject({ type: "ended" });
    warn.mockRestore();
  });

  it("refuses a line that is too long, with a sentence", async () => {
    const { backend, view } = await join();
    await backend.dispatch({ type: "send_chat", text: "李".repeat(350_000) });
    expect(view().error?.code).toBe("too_large");
  });

  it("is in the call when the relay shows the room, and says good-bye when it is closed", async () => {
    const { view, socket } = await join();
    const { nonce, mac } = socket.sent[1] as unknown as { nonce: string; mac: string };
    const me = { peer: "mmmmmmmmmmmmmmmm", name: "Grace", nonce, mac, order: 3 };
    socket.say({ type: "room", kind: "call", host: null, peers: [me], count: 1, capacity: 8, locked: false });
    expect(view().screen).toMatchObject({ type: "call", phase: "host_away" });
    window.dispatchEvent(new Event("pagehide"));
    expect(socket.sent.at(-1)).toEqual({ type: "leave" });
    expect(view().screen).toMatchObject({ type: "ended", reason: { type: "by_me" } });
  });

  it("shows the others by names that are fit to be shown, whatever the relay says", async () => {
    vi.stubGlobal("RTCPeerConnection", FakePeerConnection);
    const { view, socket } = await join();
    const { nonce, mac } = socket.sent[1] as unknown as { nonce: string; mac: string };
    const secret = base64urlnopad.decode(SECRET.slice(1));
    const member = (peer: string, name: string, order: number) => {
      const proof = new Signer("a".repeat(26), secret, { peer, nonce }).proveJoin(name);
      return { peer, name, nonce, mac: peer.startsWith("m") ? mac : proof, order };
    };
    const peers = [
      member("mmmmmmmmmmmmmmmm", "Grace", 3),
      member("aaaaaaaaaaaaaaaa", `\u202e<b>\u0000${"x".repeat(10_000)}`, 1),
      member("bbbbbbbbbbbbbbbb", "\u2066\u200f\n ", 2),
    ];
    socket.say({ type: "room", kind: "call", host: null, peers, count: 3, capacity: 8, locked: false });
    expect(view().screen).toMatchObject({ peers: [{ name: `<b>${"x".repeat(125)}` }, { name: "" }] });
  });

  it("remembers the name, the colours and the language", async () => {
    const { backend } = await join();
    await backend.dispatch({ type: "set_theme", theme: "light" });
    await backend.dispatch({ type: "set_language", language: "zh-CN" });
    expect(open(ROOM, SECRET).view().settings).toMatchObject({ name: "Grace", theme: "light", language: "zh-CN" });
  });
});
