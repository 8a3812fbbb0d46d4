import { base64urlnopad } from "@scure/base";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import vectors from "../../../src-tauri/crates/contract/vectors/signals.json";
import type { SignalBody } from "../contract/SignalBody";
import { FakeChannel, settle } from "../test/fake-rtc";
import { Other, World, room, secret } from "../test/world";
import { CONNECT_TIMEOUT_MS } from "./peer";

let world: World;
const host = () => new Other("hhhhhhhhhhhhhhhh", 0, true);
const OFFER: SignalBody = { description: { type: "offer", sdp: "theirs" } };

beforeEach(() => {
  vi.useFakeTimers();
  world = new World();
});
afterEach(() => void vi.useRealTimers());

describe("the way in", () => {
  it("joins with a fresh nonce, and the secret stays here", () => {
    world.call.start();
    world.welcome();
    expect(world.relay.sent).toEqual([{ type: "join", room, role: "caller", name: "Me", nonce: expect.any(String), mac: expect.any(String) }]);
    expect(JSON.stringify(world.relay.sent)).not.toContain(vectors.secret);
    expect(world.call.phase).toBe("joining");
  });

  it("waits two seconds for a seat in a full room, for a host removes strangers", () => {
    world.call.start();
    world.welcome();
    const full = () => world.relay.handlers.message({ type: "error", code: "room_full", message: "" });
    for (let second = 0; second < 10; second++) {
      full();
      expect(world.events.refused).not.toHaveBeenCalled();
      vi.advanceTimersByTime(200);
    }
    expect(world.nonces).toHaveLength(11);
    expect(new Set(world.nonces).size).toBe(1);
    full();
    expect(world.events.refused).toHaveBeenCalledWith("room_full");
  });

  it("waits two seconds for a seat on the way back too, also a second time", () => {
    world.enter([host()]);
    for (let round = 0; round < 2; round++) {
      world.breaks();
      world.welcome();
      const before = world.nonces.length;
      for (let second = 0; second < 10; second++) {
        world.say({ type: "error", code: "room_full", message: "" });
        vi.advanceTimersByTime(200);
      }
      expect(world.nonces.length - before).toBe(10);
      // After that it is tried less often.
      world.say({ type: "error", code: "room_full", message: "" });
      vi.advanceTimersByTime(499);
      expect(world.nonces.length - before).toBe(10);
      vi.advanceTimersByTime(1);
      expect(world.nonces.length - before).toBe(11);
      world.roster([host()]);
      expect(world.call.relayLost).toBe(false);
    }
    expect(world.events.ended).not.toHaveBeenCalled();
  });

  it("is refused by a relay that shows it under another name", () => {
    world.call.start();
    world.welcome();
    const me = { ...world.me, name: "Eve", mac: world.mac, order: 1 };
    world.say({ type: "room", kind: "call", host: null, peers: [me], count: 1, capacity: 8, locked: false });
    expect(world.events.refused).toHaveBeenCalledWith("not_authentic");
    expect(world.relay.closed).toBe(true);
  });

  it("proves a name as long as a relay takes it", () => {
    world = new World("call", "é".repeat(100));
    world.call.start();
    world.welcome();
    expect(world.relay.sent[0]).toMatchObject({ type: "join", name: "é".repeat(64) });
  });

  it.each(["not_found", "locked", "denied", "version"] as const)("is refused with %s", (code) => {
    world.call.start();
    world.welcome();
    world.relay.handlers.message({ type: "error", code, message: "" });
    expect(world.events.refused).toHaveBeenCalledWith(code);
    expect(world.relay.closed).toBe(true);
  });

  it("says so when the relay is not there, or stays silent", () => {
    world.call.start();
    world.relay.handlers.lost();
    expect(world.events.refused).toHaveBeenCalledWith("relay_unreachable");
    const silent = new World();
    silent.call.start();
    silent.welcome();
    vi.advanceTimersByTime(60_000);
    expect(silent.events.refused).toHaveBeenCalledWith("relay_unreachable");
  });

  it("waits where nobody is, and for a host who is away", () => {
    world.enter([]);
    expect(world.call.phase).toBe("host_away");
  });
});

describe("with somebody there", () => {
  it("answers who was there first, and offers to who comes", async () => {
    const first = host();
    world.enter([first]);
    await settle();
    expect(world.signals).toEqual([]);
    await world.hear(first.says(world.me, OFFER));
    expect(world.signals[0]!.says).toMatchObject({ description: { type: "answer" } });
    const later = new Other("pppppppppppppppp", 11);
    world.roster([first, later]);
    await settle();
    expect(world.signals.find(({ to }) => to === later.peer)!.says).toMatchObject({ description: { type: "offer" } });
  });

  it("is connected when the first is, and shows who is there", () => {
    world.enter([host()]);
    expect(world.call.phase).toBe("connecting");
    world.pcs[0]!.become("connected");
    expect(world.call.phase).toBe("connected");
    expect(world.call.connectedAt).toBe(1000);
    expect(world.call.peers()).toMatchObject([{ name: "name of h", host: true, state: "connected" }]);
  });

  it("goes on while media flows when a member leaves the roster without a word", () => {
    world.enter([host()]);
    world.pcs[0]!.become("connected");
    world.roster([]);
    expect(world.call.phase).toBe("connected");
    world.pcs[0]!.become("disconnected");
    expect(world.call.phase).toBe("host_away");
    expect(world.events.ended).not.toHaveBeenCalled();
  });

  it("ends when no way is found", () => {
    world.enter([host()]);
    vi.advanceTimersByTime(CONNECT_TIMEOUT_MS);
    expect(world.events.ended).toHaveBeenCalledWith({ type: "network" }, null);
  });
});

describe("the end", () => {
  it("comes when the last other one hangs up", async () => {
    const other = host();
    world.enter([other]);
    world.pcs[0]!.become("connected");
    await world.hear(other.says(world.me, { bye: "hang_up" }));
    expect(world.events.ended).toHaveBeenCalledWith({ type: "by_them" }, "name of h");
    expect(world.pcs[0]!.closed).toBe(true);
  });

  it("does not come while somebody else is there", async () => {
    const other = host();
    world.enter([other, new Other("pppppppppppppppp", 5)]);
    await world.hear(other.says(world.me, { bye: "hang_up" }));
    world.roster([other, new Other("pppppppppppppppp", 5)]);
    expect(world.events.ended).not.toHaveBeenCalled();
    expect(world.call.peers().map(({ peer }) => peer[0])).toEqual(["p"]);
  });

  it("is told to everybody at once", () => {
    world.enter([host()]);
    const { relay } = world;
    world.call.leave();
    expect(relay.sent.slice(-2)).toMatchObject([{ type: "signal" }, { type: "leave" }]);
    expect(world.signals.at(-1)!.says).toEqual({ bye: "hang_up" });
    expect(relay.closed).toBe(true);
  });

  it("comes by the host's word", () => {
    world.enter([host()]);
    world.relay.handlers.message({ type: "error", code: "removed", message: "" });
    expect(world.events.ended).toHaveBeenCalledWith({ type: "refused", code: "removed" }, null);
  });

  it("comes when the room is gone and nobody is connected", () => {
    world.enter([]);
    world.relay.handlers.message({ type: "error", code: "not_found", message: "" });
    expect(world.events.ended).toHaveBeenCalledWith({ type: "refused", code: "not_found" }, null);
  });
});

describe("what did not prove where it comes from stops media with that member and is told", () => {
  const expectRefused = () => {
    expect(world.call.peers()[0]?.state).toBe("not_authentic");
    expect(world.pcs[0]!.closed).toBe(true);
    expect(world.events.notAuthentic).toHaveBeenCalled();
    expect(world.signals.at(-1)!.says).toEqual({ bye: "not_authentic" });
  };

  it("a changed body", async () => {
    const other = host();
    world.enter([other]);
    const signal = other.says(world.me, OFFER);
    await world.hear({ ...signal, body: signal.body.slice(4) });
    expectRefused();
    await world.hear(other.says(world.me, OFFER));
    expect(world.pcs[0]!.remoteDescription).toBeNull();
  });

  it("a host whose link has another secret", () => {
    world.enter([new Other("hhhhhhhhhhhhhhhh", 1, true, new Uint8Array(16))]);
    expectRefused();
  });

  it("a host that the relay has given another name, which is not shown", () => {
    const other = host();
    world.call.start();
    world.welcome();
    vi.spyOn(other, "member", "get").mockReturnValue({ ...other.member, name: "Eve" });
    world.roster([other]);
    expectRefused();
    expect(world.call.peers()[0]?.name).toBe("");
    expect(world.events.joined).not.toHaveBeenCalled();
  });

  it("a signal played again", async () => {
    const other = host();
    world.enter([other]);
    const signal = other.says(world.me, OFFER);
    await world.hear(signal);
    await world.hear({ ...signal, n: 2 });
    expectRefused();
  });

  it("a host without the host's signature", async () => {
    const other = host();
    world.enter([other]);
    const { sig: _, ...unsigned } = other.says(world.me, OFFER);
    await world.hear(unsigned);
    expectRefused();
  });

  it("a host with another key", () => {
    world.call.start();
    world.welcome();
    world.roster([host()], 10, base64urlnopad.encode(new Uint8Array(32)));
    expectRefused();
  });

  it("a member who says that of us", async () => {
    const other = host();
    world.enter([other]);
    await world.hear(other.says(world.me, { bye: "not_authentic" }));
    expect(world.call.peers()[0]?.state).toBe("not_authentic");
    expect(world.signals).toEqual([]);
  });

  it("but a member who does not know the link is no member", async () => {
    const stranger = new Other("pppppppppppppppp", 1, false, new Uint8Array(16));
    world.enter([host(), stranger]);
    await world.hear(stranger.says(world.me, OFFER));
    expect(world.call.peers().map(({ name }) => name)).toEqual(["name of h"]);
    expect(world.pcs).toHaveLength(1);
    expect(world.events.notAuthentic).not.toHaveBeenCalled();
  });

  it("and a member keeps the name that it has proven", () => {
    const other = host();
    world.enter([other]);
    vi.spyOn(other, "member", "get").mockReturnValue({ ...other.member, name: "Eve" });
    world.roster([other]);
    expect(world.call.peers()).toMatchObject([{ name: "name of h", state: "connecting" }]);
  });

  it("but a stranger's signal is nobody's", async () => {
    world.enter([host()]);
    await world.hear(new Other("ssssssssssssssss", 3).says(world.me, OFFER));
    expect(world.events.notAuthentic).not.toHaveBeenCalled();
  });
});

describe("while media flows", () => {
  const NONE = base64urlnopad.encode(new Uint8Array(32));
  let warn: ReturnType<typeof vi.spyOn>;
  beforeEach(() => void (warn = vi.spyOn(console, "warn").mockImplementation(() => undefined)));
  afterEach(() => warn.mockRestore());

  /** Two members, both connected. */
  async function connected() {
    const [first, second] = [host(), new Other("pppppppppppppppp", 5)];
    world.enter([first, second]);
    await world.hear(first.says(world.me, OFFER));
    for (const pc of world.pcs) pc.become("connected");
    return [first, second] as const;
  }
  const expectFlow = () => {
    expect(world.pcs.map(({ closed }) => closed)).toEqual([false, false]);
    expect(world.call.peers().map(({ state }) => state)).toEqual(["connected", "connected"]);
    expect(world.events.notAuthentic).not.toHaveBeenCalled();
    expect(world.events.ended).not.toHaveBeenCalled();
  };

  it("signals that nobody proved are dropped, with one warning", async () => {
    const [first, second] = await connected();
    const replayed = first.says(world.me, { candidate: null });
    const { sig: _, ...unsigned } = first.says(world.me, { bye: "hang_up" });
    await world.hear({ ...replayed, n: 2 });
    for (let n = 3; n < 9; n++) await world.hear({ ...replayed, n });
    await world.hear({ ...unsigned, n: 9 });
    await world.hear({ ...second.says(world.me, OFFER), body: "rubbish", n: 10 });
    await world.hear({ ...second.says(world.me, OFFER), body: "rubbish", n: 11 });
    expectFlow();
    expect(warn).toHaveBeenCalledTimes(2);
    // What is proven still counts.
    await world.hear({ ...second.says(world.me, { bye: "hang_up" }), n: 12 });
    expect(world.call.peers().map(({ peer }) => peer)).toEqual([first.peer]);
  });

  it("nobody is replaced by a join without a proof, only by one with it, and never by an earlier one", async () => {
    const [first, second] = await connected();
    const [fakeHost, fake] = [new Other(first.peer, 8, true, new Uint8Array(16)), new Other(second.peer, 9, false, new Uint8Array(16))];
    world.roster([fakeHost, fake]);
    world.roster([fakeHost, fake]);
    expectFlow();
    expect(warn).toHaveBeenCalledTimes(2);
    const again = new Other(second.peer, 12);
    world.roster([first, again]);
    expect(world.pcs.map(({ closed }) => closed)).toEqual([false, true, false]);
    world.pcs[2]!.become("connected");
    world.roster([first, second]);
    expect(world.pcs.map(({ closed }) => closed)).toEqual([false, true, false]);
  });

  it("no roster makes another key the host's, or another member the host", async () => {
    const [first, second] = await connected();
    world.roster([first, second], 10, NONE);
    expectFlow();
    const crowned = new Other(second.peer, 5, true);
    Object.assign(crowned.party, second.party);
    world.roster([crowned]);
    const channel = new FakeChannel("ahoy");
    world.pcs[1]!.ondatachannel?.({ channel });
    channel.receive({ type: "removed", ...first.party });
    expectFlow();
  });

  it("a roster that shows us under another name or proof is not believed", async () => {
    const [first] = await connected();
    for (const change of [{ name: "Eve" }, { mac: NONE }]) {
      const me = { ...world.me, name: "Me", mac: world.mac, order: 10, ...change };
      world.say({ type: "room", kind: "call", host: { key: vectors.host_key, ...first.member }, peers: [me], count: 2, capacity: 8, locked: false });
    }
    expectFlow();
  });

  it.each(["removed", "denied"] as const)("the relay's %s counts as a lost relay, until the host says so", async (code) => {
    const [first, second] = await connected();
    world.say({ type: "error", code, message: "" });
    expectFlow();
    expect(world.call.relayLost).toBe(true);
    vi.advanceTimersByTime(1_000);
    world.welcome();
    expect(world.sockets).toHaveLength(2);
    world.roster([first, second]);
    expect(world.call.relayLost).toBe(false);
    const channel = new FakeChannel("ahoy");
    world.pcs[0]!.ondatachannel?.({ channel });
    channel.receive({ type: "bye", reason: "removed" });
    expect(world.events.ended).toHaveBeenCalledWith({ type: "refused", code: "removed" }, "name of p");
  });
});

it("hanging up ends the call although a member has a nonce that is none", () => {
  const other = host();
  Object.assign(other.party, { nonce: "A" });
  const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  world.call.start();
  world.welcome();
  vi.spyOn(other, "member", "get").mockReturnValue({ ...other.party, name: "", mac: "", order: 0 });
  expect(() => world.roster([other])).toThrow();
  expect(world.call.peers()[0]?.state).toBe("not_authentic");
  world.call.leave();
  expect([world.relay.closed, world.pcs[0]!.closed]).toEqual([true, true]);
  warn.mockRestore();
});

describe("without the relay", () => {
  it("the call goes on, and is taken up where it was", async () => {
    const other = host();
    world.enter([other]);
    world.pcs[0]!.become("connected");
    await world.hear({ ...other.says(world.me, OFFER), n: 7 });
    world.relay.handlers.lost();
    expect([world.call.phase, world.call.relayLost]).toEqual(["connected", true]);
    vi.advanceTimersByTime(1_000);
    expect(world.relay.resume).toEqual({ resume: "token 1", ack: 7 });
    world.welcome({ resumed: true });
    expect(world.relay.sent).toEqual([]);
    // What was kept comes first; what was there before does not come again.
    const missed = other.says(world.me, { candidate: { candidate: "late" } });
    await world.hear({ ...missed, n: 7 });
    await world.hear({ ...missed, n: 8 });
    world.roster([other]);
    expect(world.call.relayLost).toBe(false);
    expect(world.pcs).toHaveLength(1);
    expect(world.pcs[0]!.candidates).toEqual([{ candidate: "late" }]);
    expect(world.events.notAuthentic).not.toHaveBeenCalled();
  });

  it("that has forgotten all it comes back as who it was: same nonce, growing numbers, and media never stops", async () => {
    const other = host();
    world.enter([other]);
    await world.hear({ ...other.says(world.me, OFFER), n: 40 });
    world.pcs[0]!.become("connected");
    const before = world.signals.at(-1)!.seq;
    world.breaks();
    world.welcome({ resume: "another" });
    expect(world.nonces).toHaveLength(2);
    expect(new Set(world.nonces).size).toBe(1);
    // The host is still on its way.
    world.roster([]);
    expect([world.call.phase, world.pcs[0]!.closed]).toEqual(["connected", false]);
    world.roster([other]);
    await world.hear({ ...other.says(world.me, { candidate: null }), n: 1 });
    await world.hear({ ...other.says(world.me, OFFER), n: 2 });
    expect(world.signals.at(-1)!.seq).toBeGreaterThan(before);
    expect([world.pcs.length, world.events.left.mock.calls.length, world.events.notAuthentic.mock.calls.length]).toEqual([1, 0, 0]);
  });

  it("waits for the host to open the room again, and is back by itself", () => {
    const other = host();
    world.enter([other]);
    world.pcs[0]!.become("connected");
    world.breaks();
    world.welcome();
    for (let attempt = 0; attempt < 30; attempt++) {
      const before = world.nonces.length;
      world.say({ type: "error", code: "not_found", message: "" });
      for (let second = 0; second < 30 && world.nonces.length === before; second++) vi.advanceTimersByTime(1_000);
    }
    expect([world.call.phase, world.call.relayLost, world.sockets.length]).toEqual(["connected", true, 2]);
    expect(new Set(world.nonces).size).toBe(1);
    expect(world.nonces.length).toBeGreaterThan(20);
    world.roster([other]);
    expect(world.call.relayLost).toBe(false);
    expect(world.events.ended).not.toHaveBeenCalled();
  });

  it("that has no room for it any more, and nobody connected, it ends with a reason", () => {
    world.enter([]);
    world.breaks();
    world.welcome();
    for (let attempt = 0; attempt < 30; attempt++) {
      if (!world.relay.closed) world.say({ type: "error", code: "not_found", message: "" });
      vi.advanceTimersByTime(30_000);
    }
    expect(world.events.ended).toHaveBeenCalledWith({ type: "refused", code: "not_found" }, null);
    expect(world.nonces.length).toBeLessThan(20);
  });

  it("under another id it is a new member with a new nonce, and the old connections end", () => {
    world.enter([host()]);
    world.pcs[0]!.become("connected");
    world.breaks();
    world.welcome({ peer: "nnnnnnnnnnnnnnnn" });
    expect(new Set(world.nonces).size).toBe(2);
    world.roster([host()]);
    expect(world.pcs[0]!.closed).toBe(true);
    expect(world.call.peers()).toHaveLength(1);
    // A relay that says that it goes on, but as somebody else, is not believed.
    world.breaks();
    world.welcome({ peer: "oooooooooooooooo", resumed: true });
    expect(new Set(world.nonces).size).toBe(3);
  });

  it("tells once more what was said meanwhile to those who are not connected", async () => {
    const later = new Other("pppppppppppppppp", 11);
    world.enter([host(), later]);
    await settle();
    world.pcs[0]!.become("connected");
    const offer = world.signals.at(-1)!;
    world.breaks();
    world.pcs[1]!.onicecandidate?.({ candidate: { toJSON: () => ({ candidate: "meanwhile" }) } });
    world.welcome({ resumed: true });
    world.roster([host(), later].map((other) => other));
    const told = world.signals.filter(({ to }) => to === later.peer);
    expect(told.map(({ says }) => says).slice(-2)).toEqual([offer.says, { candidate: { candidate: "meanwhile" } }]);
    expect(told.at(-1)!.seq).toBeGreaterThan(offer.seq);
    expect(world.signals.filter(({ to }) => to === "hhhhhhhhhhhhhhhh")).toEqual([]);
  });

  it("confirms what arrives, soon but not one by one", async () => {
    const other = host();
    world.enter([other]);
    const acks = () => world.relay.sent.flatMap((message) => (message.type === "ack" ? [message.n] : []));
    for (let n = 1; n <= 20; n++) await world.hear({ ...other.says(world.me, { candidate: null }), n });
    expect(acks()).toEqual([16]);
    vi.advanceTimersByTime(1_000);
    expect(acks()).toEqual([16, 20]);
  });

  it("it is tried for a while only, and ends when media is gone too", () => {
    world.enter([]);
    world.relay.handlers.lost();
    for (let i = 0; i < 100; i++) {
      vi.advanceTimersByTime(30_000);
      if (!world.relay.closed) world.relay.handlers.lost();
    }
    expect(world.sockets.length).toBeLessThan(30);
    expect(world.events.ended).toHaveBeenCalledWith({ type: "network" }, null);
  });

  it("it is looked for at once when the machine wakes up, on a new socket", () => {
    world.enter([host()]);
    world.pcs[0]!.become("connected");
    const { relay } = world;
    world.call.awake();
    vi.advanceTimersByTime(1);
    expect([relay.closed, world.sockets.length, world.relay.resume?.resume]).toEqual([true, 2, "token 1"]);
    world.relay.handlers.lost();
    world.call.awake();
    vi.advanceTimersByTime(1);
    expect(world.sockets).toHaveLength(3);
    vi.advanceTimersByTime(14_000);
    expect(world.sockets).toHaveLength(3);
    world.call.leave();
    world.call.awake();
    vi.advanceTimersByTime(60_000);
    expect(world.sockets).toHaveLength(3);
  });

  it("it is tried as long as media flows", () => {
    world.enter([host()]);
    world.pcs[0]!.become("connected");
    world.relay.handlers.lost();
    for (let i = 0; i < 100; i++) {
      vi.advanceTimersByTime(30_000);
      world.relay.handlers.lost();
    }
    expect(world.sockets.length).toBeGreaterThan(90);
    expect(world.call.phase).toBe("connected");
  });
});

describe("at the door", () => {
  const knock = () => world.say({ type: "knock", ...world.me, name: "Me", mac: world.mac });
  const deny = () => world.say({ type: "error", code: "denied", message: "" });

  it("waits without an end, until it is let in", () => {
    world.call.start();
    world.welcome();
    knock();
    vi.advanceTimersByTime(600_000);
    expect([world.call.phase, world.pcs.length]).toEqual(["knocking", 0]);
    world.roster([host()]);
    expect([world.call.phase, world.call.knocking]).toEqual(["connecting", false]);
  });

  it("is told that it is not let in, and does not try again by itself", () => {
    world.call.start();
    world.welcome();
    knock();
    deny();
    vi.advanceTimersByTime(600_000);
    expect(world.events.refused).toHaveBeenCalledWith("denied");
    expect(world.sockets).toHaveLength(1);
  });

  it("keeps its place when the socket breaks", () => {
    world.call.start();
    world.welcome();
    knock();
    world.breaks();
    expect(world.call.relayLost).toBe(true);
    world.welcome({ resumed: true });
    knock();
    expect([world.call.phase, world.call.relayLost]).toEqual(["knocking", false]);
    deny();
    expect(world.events.refused).toHaveBeenCalledWith("denied");
  });

  it("is somebody else's knock not ours", () => {
    world.call.start();
    world.welcome();
    world.say({ type: "knock", ...world.me, peer: "pppppppppppppppp", name: "Me", mac: world.mac });
    expect(world.call.phase).toBe("joining");
  });
});

describe("the host", () => {
  it("sends us away by its own word, on either way", async () => {
    for (const way of ["signal", "channel"]) {
      world = new World();
      const other = host();
      world.enter([other]);
      await world.hear(other.says(world.me, OFFER));
      const channel = new FakeChannel("ahoy");
      world.pcs[0]!.ondatachannel?.({ channel });
      if (way === "signal") await world.hear(other.says(world.me, { bye: "removed" }));
      else channel.receive({ type: "bye", reason: "removed" });
      expect(world.events.ended).toHaveBeenCalledWith({ type: "refused", code: "removed" }, null);
      expect(world.pcs[0]!.closed).toBe(true);
    }
  });

  it("is the only one who can: from another it is a good-bye", async () => {
    const [first, second] = [host(), new Other("pppppppppppppppp", 5)];
    world.enter([first, second]);
    await world.hear(second.says(world.me, { bye: "removed" }));
    expect(world.events.ended).not.toHaveBeenCalled();
    expect(world.call.peers().map(({ host }) => host)).toEqual([true]);
  });

  it("sends another away: we leave that one at once, on either way, though its media flows", async () => {
    for (const way of ["signal", "channel"]) {
      world = new World();
      const [first, second] = [host(), new Other("pppppppppppppppp", 5)];
      world.enter([first, second]);
      for (const pc of world.pcs) pc.become("connected");
      if (way === "signal") await world.hear(first.says(world.me, { removed: second.party }));
      else {
        const channel = new FakeChannel("ahoy");
        world.pcs[0]!.ondatachannel?.({ channel });
        channel.receive({ type: "removed", ...second.party });
      }
      expect(world.pcs.map(({ closed }) => closed)).toEqual([false, true]);
      expect(world.events.left).toHaveBeenCalledWith(second.peer, "name of p");
      // No roster brings it back; another join, which the host has let in, does.
      world.roster([first, second]);
      expect(world.call.peers().map(({ peer }) => peer)).toEqual([first.peer]);
      world.roster([first, new Other(second.peer, 12)]);
      expect(world.pcs).toHaveLength(3);
      expect(world.events.ended).not.toHaveBeenCalled();
    }
  });

  it("is the only one who can do that: neither another member nor the relay ends what flows", async () => {
    const [first, second] = [host(), new Other("pppppppppppppppp", 5)];
    world.enter([first, second]);
    for (const pc of world.pcs) pc.become("connected");
    await world.hear(second.says(world.me, { removed: first.party }));
    const channel = new FakeChannel("ahoy");
    world.pcs[1]!.ondatachannel?.({ channel });
    channel.receive({ type: "removed", ...first.party });
    await world.hear({ ...first.says(world.me, { removed: first.party }), n: 2 });
    world.say({ type: "left", peer: first.peer });
    expect(world.pcs.map(({ closed }) => closed)).toEqual([false, false]);
    expect(world.call.peers()).toHaveLength(2);
  });

  it("has whom it sent away stay away in any order of what happens", () => {
    // Numbers as good as random, and the same each time.
    let seed = 1;
    const below = (n: number) => (seed = (seed * 48_271) % 2_147_483_647) % n;
    for (let round = 0; round < 50; round++) {
      world = new World();
      const first = host();
      const others = ["pppppppppppppppp", "qqqqqqqqqqqqqqqq"].flatMap((peer) => [5, 6].map((order) => new Other(peer, order, false, secret, `${peer[0]}${order}`)));
      const gone = new Set<string>();
      world.enter([first]);
      const channel = new FakeChannel("ahoy");
      world.pcs[0]!.ondatachannel?.({ channel });
      for (let step = 0; step < 30; step++) {
        const other = others[below(4)]!;
        const pc = world.pcs[below(world.pcs.length)]!;
        switch (below(5)) {
          case 0:
          case 1: {
            const members = [first, other, others[(others.indexOf(other) + 2) % 4]!];
            world.roster(members, 10 + step);
            break;
          }
          case 2:
            gone.add(other.name);
            channel.receive({ type: "removed", ...other.party });
            break;
          case 3:
            if (!pc.closed) pc.become("connected");
            break;
          case 4:
            world.say({ type: "left", peer: other.peer });
        }
        const there = world.call.peers().map(({ name }) => name);
        expect(world.pcs.filter(({ closed }) => !closed)).toHaveLength(there.length);
        expect(there.filter((name) => gone.has(name))).toEqual([]);
      }
      expect(world.events.notAuthentic).not.toHaveBeenCalled();
    }
  });

  it("stays the host, whatever a later roster calls it", async () => {
    const other = host();
    world.enter([other]);
    const demoted = new Other(other.peer, 0);
    Object.assign(demoted.party, other.party);
    world.roster([demoted]);
    expect(world.call.peers()).toMatchObject([{ host: true }]);
    await world.hear(demoted.says(world.me, OFFER));
    expect(world.call.peers()[0]?.state).toBe("not_authentic");
  });

  it("locks the room", () => {
    world.enter([host()]);
    expect(world.call.locked).toBe(false);
    world.roster([host()], 10, vectors.host_key, true);
    expect(world.call.locked).toBe(true);
  });
});

it("a member that comes with another nonce is another member", async () => {
  const before = new Other("pppppppppppppppp", 1);
  world.enter([before]);
  const after = new Other("pppppppppppppppp", 2);
  world.roster([after]);
  expect([world.pcs.length, world.pcs[0]!.closed]).toEqual([2, true]);
  // Its numbers begin anew, and what the first one said counts no more.
  await world.hear(after.says(world.me, OFFER));
  expect(world.call.peers()[0]?.state).toBe("connecting");
  await world.hear({ ...before.says(world.me, OFFER), n: 2 });
  expect(world.call.peers()[0]?.state).toBe("not_authentic");
});

describe("chat", () => {
  const open = (at: number) => {
    const channel = new FakeChannel("ahoy");
    world.pcs[at]!.ondatachannel?.({ channel });
    channel.open();
    return channel;
  };

  it("goes to those who are connected, and is delivered when they say so", () => {
    world.enter([host(), new Other("pppppppppppppppp", 5), new Other("qqqqqqqqqqqqqqqq", 6)]);
    const [first, second] = [open(0), open(1)];
    world.call.sendChat("hello");
    const line = { type: "chat", id: 1, text: "hello" };
    expect([first.sent.at(-1), second.sent.at(-1)]).toEqual([line, line]);
    first.receive({ type: "chat_received", id: 1 });
    expect(world.chat.lines).toMatchObject([{ name: null, text: "hello", delivered: false }]);
    second.receive({ type: "chat_received", id: 1 });
    expect(world.chat.lines).toMatchObject([{ delivered: true }]);
  });

  it("goes nowhere while nobody is connected", () => {
    world.enter([host()]);
    world.call.sendChat("hello");
    expect(world.chat.lines).toEqual([]);
  });

  it("is heard under the name of the roster, confirmed, and bounded", () => {
    world.enter([host()]);
    const channel = open(0);
    channel.receive({ type: "chat", id: 3, text: "ahoy" });
    for (const length of [16 * 1024 + 1, 1024 * 1024]) channel.receive({ type: "chat", id: 4, text: "x".repeat(length) });
    channel.receive({ type: "chat", id: 5, text: " \n " });
    expect(world.chat.lines).toMatchObject([{ name: "name of h", text: "ahoy", delivered: true }]);
    expect(channel.sent.filter((message) => (message as { type: string }).type === "chat_received")).toEqual([
      { type: "chat_received", id: 3 },
      { type: "chat_received", id: 5 },
    ]);
  });

  it("is left out and not confirmed where it comes faster than anybody types, and that is shown once", () => {
    world.enter([host()]);
    const channel = open(0);
    world.events.changed.mockClear();
    for (let id = 1; id <= 100; id++) channel.receive({ type: "chat", id, text: `${id}` });
    expect(world.chat.lines).toHaveLength(20);
    expect(world.chat.cut).toBe(true);
    expect(channel.sent.filter((message) => (message as { type: string }).type === "chat_received")).toHaveLength(20);
    expect(world.events.changed).toHaveBeenCalledTimes(21);
  });

  it("is not heard from who is not authentic", async () => {
    const other = host();
    world.enter([other]);
    const channel = open(0);
    await world.hear(new Other(other.peer, 0, true, new Uint8Array(16)).says(world.me, OFFER));
    channel.receive({ type: "chat", id: 1, text: "trust me" });
    expect(world.chat.lines).toEqual([]);
  });
});
