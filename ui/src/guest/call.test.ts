import { ed25519 } from "@noble/curves/ed25519.js";
import { base64urlnopad } from "@scure/base";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import vectors from "../../../src-tauri/crates/contract/vectors/signals.json";
import type { ClientMessage } from "../contract/ClientMessage";
import type { SignalBody } from "../contract/SignalBody";
import { FakePeerConnection, settle } from "../test/fake-rtc";
import { type IncomingSignal, type Party, Signer, freshNonce, signedBytes } from "./auth";
import { Call } from "./call";
import { CONNECT_TIMEOUT_MS } from "./peer";
import type { RelayHandlers } from "./relay";
import type { RoomMessage } from "./roster";

const { room } = vectors;
const secret = base64urlnopad.decode(vectors.secret);
const ME = "mmmmmmmmmmmmmmmm";

/** Another member, who can sign as one. */
class Other {
  readonly party: Party;
  readonly signer: Signer;
  constructor(
    readonly peer: string,
    readonly order: number,
    readonly host = false,
    linkSecret = secret,
  ) {
    this.party = { peer, nonce: freshNonce() };
    this.signer = new Signer(room, linkSecret, this.party);
  }
  get member() {
    return { ...this.party, name: `name of ${this.peer[0]}`, order: this.order };
  }
  says(to: Party, body: SignalBody): IncomingSignal {
    const { seq, body: text, mac } = this.signer.seal(to, body);
    const signal: IncomingSignal = { type: "signal", from: this.peer, n: 1, seq, body: text, mac };
    if (!this.host) return signal;
    const bytes = signedBytes(room, this.party, to, seq, text);
    return { ...signal, sig: base64urlnopad.encode(ed25519.sign(bytes, base64urlnopad.decode(vectors.host_seed))) };
  }
}

class World {
  readonly sockets: { handlers: RelayHandlers; sent: ClientMessage[]; closed: boolean }[] = [];
  readonly pcs: FakePeerConnection[] = [];
  readonly events = {
    changed: vi.fn(),
    refused: vi.fn(),
    ended: vi.fn(),
    notAuthentic: vi.fn(),
    joined: vi.fn(),
    left: vi.fn(),
  };
  readonly call = new Call({
    link: { room, secret },
    name: "Me",
    outgoing: { stream: new MediaStream(), track: () => null, has: () => false, state: () => ({ muted: true, camera_off: true }) },
    events: this.events,
    connectRelay: (handlers) => {
      const socket = { handlers, sent: [] as ClientMessage[], closed: false };
      this.sockets.push(socket);
      return { send: (message) => void socket.sent.push(message), close: () => void (socket.closed = true) };
    },
    connectPeer: () => {
      const pc = new FakePeerConnection();
      this.pcs.push(pc);
      return pc.as();
    },
    now: () => 1000,
  });

  get relay() {
    return this.sockets.at(-1)!;
  }
  get me(): Party {
    const join = this.relay.sent.find((message) => message.type === "join");
    return { peer: ME, nonce: join?.type === "join" ? join.nonce : "" };
  }
  get signals() {
    return this.relay.sent.flatMap((message) => (message.type === "signal" ? [message] : []));
  }
  welcome() {
    this.relay.handlers.message({ type: "welcome", peer: ME, challenge: "", ice_servers: [], resume: "" });
  }
  roster(others: Other[], order = 10, key = vectors.host_key) {
    const host = others.find((other) => other.host);
    const message: RoomMessage = {
      type: "room",
      kind: "call",
      host: host ? { key, ...host.member } : null,
      peers: [...others.filter((other) => !other.host).map(({ member }) => member), { ...this.me, name: "Me", order }],
      count: others.length + 1,
      capacity: 8,
      locked: false,
    };
    this.relay.handlers.message(message);
  }
  async hear(signal: IncomingSignal) {
    this.relay.handlers.message(signal);
    await settle();
  }
  enter(others: Other[]) {
    this.call.start();
    this.welcome();
    this.roster(others);
  }
}

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
    expect(world.relay.sent).toEqual([{ type: "join", room, role: "caller", name: "Me", nonce: expect.any(String) }]);
    expect(JSON.stringify(world.relay.sent)).not.toContain(vectors.secret);
    expect(world.call.phase).toBe("joining");
  });

  it.each(["room_full", "not_found", "locked", "denied", "version"] as const)("is refused with %s", (code) => {
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
    expect(JSON.parse(world.signals[0]!.body)).toMatchObject({ description: { type: "answer" } });
    const later = new Other("pppppppppppppppp", 11);
    world.roster([first, later]);
    await settle();
    expect(JSON.parse(world.signals.find(({ to }) => to === later.peer)!.body)).toMatchObject({ description: { type: "offer" } });
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
    expect(relay.sent.slice(-2)).toMatchObject([{ type: "signal", body: '{"bye":"hang_up"}' }, { type: "leave" }]);
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
    expect(JSON.parse(world.signals.at(-1)!.body)).toEqual({ bye: "not_authentic" });
  };

  it("a changed body", async () => {
    const other = host();
    world.enter([other]);
    const signal = other.says(world.me, OFFER);
    await world.hear({ ...signal, body: signal.body.replace("theirs", "mine") });
    expectRefused();
    await world.hear(other.says(world.me, OFFER));
    expect(world.pcs[0]!.remoteDescription).toBeNull();
  });

  it("a link with another secret", async () => {
    const other = new Other("pppppppppppppppp", 1, false, new Uint8Array(16));
    world.enter([other]);
    await world.hear(other.says(world.me, OFFER));
    expectRefused();
  });

  it("a signal played again", async () => {
    const other = host();
    world.enter([other]);
    const signal = other.says(world.me, OFFER);
    await world.hear(signal);
    await world.hear(signal);
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

  it("but a stranger's signal is nobody's", async () => {
    world.enter([host()]);
    await world.hear(new Other("ssssssssssssssss", 3).says(world.me, OFFER));
    expect(world.events.notAuthentic).not.toHaveBeenCalled();
  });
});

describe("without the relay", () => {
  it("the call goes on, and comes back as a new member", () => {
    world.enter([host()]);
    world.pcs[0]!.become("connected");
    world.relay.handlers.lost();
    expect([world.call.phase, world.call.relayLost]).toEqual(["connected", true]);
    vi.advanceTimersByTime(1_000);
    expect(world.sockets).toHaveLength(2);
    world.welcome();
    world.roster([host()]);
    expect(world.pcs[0]!.closed).toBe(true);
    expect(world.call.relayLost).toBe(false);
    expect(world.call.peers()).toHaveLength(1);
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
});
