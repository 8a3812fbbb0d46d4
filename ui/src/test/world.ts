/** A relay, other members who can sign, and the guest's call in between. */
import { ed25519 } from "@noble/curves/ed25519.js";
import { base64urlnopad } from "@scure/base";
import { vi } from "vitest";
import vectors from "../../../src-tauri/crates/contract/vectors/signals.json";
import type { ClientMessage } from "../contract/ClientMessage";
import type { RelayMessage } from "../contract/RelayMessage";
import type { RoomKind } from "../contract/RoomKind";
import type { SignalBody } from "../contract/SignalBody";
import { type IncomingSignal, type Party, Signer, freshNonce, signedBytes } from "../guest/auth";
import { Call } from "../guest/call";
import { ChatLog } from "../guest/chat";
import type { RelayHandlers, Resume } from "../guest/relay";
import type { RoomMessage } from "../guest/roster";
import { FakePeerConnection, settle } from "./fake-rtc";

export const { room } = vectors;
export const secret = base64urlnopad.decode(vectors.secret);
export const ME = "mmmmmmmmmmmmmmmm";

/** Another member, who can sign as one. */
export class Other {
  readonly party: Party;
  readonly signer: Signer;
  constructor(
    readonly peer: string,
    readonly order: number,
    readonly host = false,
    linkSecret = secret,
    readonly name = `name of ${peer[0]}`,
  ) {
    this.party = { peer, nonce: freshNonce() };
    this.signer = new Signer(room, linkSecret, this.party);
  }
  get member() {
    const { name, order } = this;
    return { ...this.party, name, mac: this.signer.proveJoin(name), order };
  }
  says(to: Party, body: SignalBody): IncomingSignal {
    const { seq, body: sealed } = this.signer.seal(to, body);
    const signal: IncomingSignal = { type: "signal", from: this.peer, n: 1, seq, body: sealed };
    if (!this.host) return signal;
    const bytes = signedBytes(room, this.party, to, seq, sealed);
    return { ...signal, sig: base64urlnopad.encode(ed25519.sign(bytes, base64urlnopad.decode(vectors.host_seed))) };
  }
}

export class World {
  readonly sockets: { handlers: RelayHandlers; resume: Resume | null; sent: ClientMessage[]; closed: boolean }[] = [];
  readonly pcs: FakePeerConnection[] = [];
  peer = ME;
  /** Everybody who was in a roster, as they were last. */
  readonly #parties = new Map<string, Party>();
  readonly events = {
    changed: vi.fn(),
    refused: vi.fn(),
    otherKind: vi.fn(),
    ended: vi.fn(),
    notAuthentic: vi.fn(),
    joined: vi.fn(),
    left: vi.fn(),
  };
  readonly chat = new ChatLog();
  readonly call: Call;
  constructor(
    readonly kind: RoomKind = "call",
    name = "Me",
  ) {
    this.call = new Call({
      link: { room, secret },
      kind,
      name,
      outgoing: { stream: new MediaStream(), track: () => null, has: () => false, state: () => ({ muted: true, camera_off: true }) },
      events: this.events,
      chat: this.chat,
      connectRelay: (handlers, resume) => {
        const socket = { handlers, resume, sent: [] as ClientMessage[], closed: false };
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
  }

  get relay() {
    return this.sockets.at(-1)!;
  }
  /** The nonces of all joins, the last one last. */
  get nonces(): string[] {
    return this.sockets.flatMap(({ sent }) => sent.flatMap((message) => (message.type === "join" ? [message.nonce] : [])));
  }
  get me(): Party {
    return { peer: this.peer, nonce: this.nonces.at(-1) ?? "" };
  }
  /** The proof of the last join. */
  get mac(): string {
    return this.sockets.flatMap(({ sent }) => sent.flatMap((message) => (message.type === "join" ? [message.mac] : []))).at(-1) ?? "";
  }
  /** The signals on the last socket; `says` is what their addressees read. */
  get signals() {
    return this.relay.sent.flatMap((message) => {
      if (message.type !== "signal") return [];
      const opened = new Signer(room, secret, this.#parties.get(message.to)!).open({ ...message, from: this.peer, n: 1 }, this.me);
      return [{ ...message, says: opened.authentic ? opened.body : null }];
    });
  }
  welcome(change: Partial<Extract<RelayMessage, { type: "welcome" }>> = {}) {
    const message: RelayMessage & { type: "welcome" } = { type: "welcome", peer: ME, challenge: "", ice_servers: [], resume: `token ${this.sockets.length}`, ...change };
    this.peer = message.peer;
    this.relay.handlers.message(message);
  }
  say(message: RelayMessage) {
    this.relay.handlers.message(message);
  }
  /** The socket breaks, and the next one is open. */
  breaks(after = 1_000) {
    this.relay.handlers.lost();
    vi.advanceTimersByTime(after);
  }
  roster(others: Other[], order = 10, key = vectors.host_key, locked = false) {
    const host = others.find((other) => other.host);
    for (const { peer, party } of others) this.#parties.set(peer, party);
    const message: RoomMessage = {
      type: "room",
      kind: this.kind,
      host: host ? { key, ...host.member } : null,
      peers: [...others.filter((other) => !other.host).map(({ member }) => member), { ...this.me, name: "Me", mac: this.mac, order }],
      count: others.length + 1,
      capacity: 8,
      locked,
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
