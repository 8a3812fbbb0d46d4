/** The call of a guest: the room, its members, and what becomes of them. Executes what the roster says. */
import type { ByeReason } from "../contract/ByeReason";
import type { CallPhase } from "../contract/CallPhase";
import type { EndReason } from "../contract/EndReason";
import type { ErrorCode } from "../contract/ErrorCode";
import type { PeerId } from "../contract/PeerId";
import type { PeerView } from "../contract/PeerView";
import type { RelayMessage } from "../contract/RelayMessage";
import type { SignalBody } from "../contract/SignalBody";
import { type IncomingSignal, Signer, freshNonce, roomOfKey } from "./auth";
import { Backoff } from "../backoff";
import type { GuestLink } from "./link";
import { type Kind, type Outgoing, Peer, type PeerOptions } from "./peer";
import { RelaySocket, type RelayHandlers } from "./relay";
import { type RoomMessage, type RosterMember, isPolite, membersOf, offersTo, tidyName } from "./roster";

/** How long the relay may take to let us in once it has answered. */
const JOIN_TIMEOUT_MS = 15_000;
/** More failing attempts than this to come back, about eight minutes, and the page stops trying. */
const REJOIN_ATTEMPTS = 20;

/** The least that a call needs of a relay's socket. */
export type Relay = Pick<RelaySocket, "send" | "close">;

export interface CallEvents {
  /** Something that the view shows changed. */
  changed(): void;
  /** The way in failed. */
  refused(code: ErrorCode): void;
  /** The call is over. */
  ended(reason: EndReason, name: string | null): void;
  /** A member's proof failed. */
  notAuthentic(): void;
  joined(peer: PeerId, name: string): void;
  left(peer: PeerId, name: string): void;
}

export interface CallOptions {
  link: GuestLink;
  name: string;
  outgoing: Outgoing;
  events: CallEvents;
  connectRelay: (handlers: RelayHandlers) => Relay;
  connectPeer?: PeerOptions["connect"];
  /** Milliseconds since 1970. */
  now?: () => number;
}

interface Entry {
  member: RosterMember;
  peer: Peer;
  authentic: boolean;
  /** Left the roster without a word; it stays as long as its media flows. */
  absent: boolean;
}

export class Call {
  /** In the room. */
  inside = false;
  /** The relay's socket is gone; the call goes on without it as long as media flows. */
  relayLost = false;
  connectedAt: number | null = null;

  readonly #options: CallOptions;
  readonly #entries = new Map<PeerId, Entry>();
  /** Who said good-bye: a roster that still names them is old. */
  readonly #departed = new Set<PeerId>();
  readonly #backoff = new Backoff(1_000, 30_000, REJOIN_ATTEMPTS);
  #relay: Relay | null = null;
  #signer: Signer | null = null;
  #iceServers: RTCIceServer[] = [];
  #hostHere = false;
  #over = false;
  #lastName: string | null = null;
  #joinTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: CallOptions) {
    this.#options = options;
  }

  start(): void {
    this.#relay = this.#options.connectRelay({
      message: (message) => this.#receive(message),
      lost: () => this.#lost(),
    });
  }

  /** Leaves, and says so to everybody. Synchronous, so that it works while the page is closed. */
  leave(): void {
    if (this.#over) return;
    for (const entry of this.#entries.values()) this.#sendTo(entry, { bye: "hang_up" });
    this.#relay?.send({ type: "leave" });
    this.#finish("hang_up");
  }

  async sendTrack(kind: Kind): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ peer }) => peer.sendTrack(kind)));
  }

  sayState(): void {
    for (const { peer } of this.#entries.values()) peer.sayState();
  }

  stream(peer: PeerId): MediaStream | null {
    return this.#entries.get(peer)?.peer.incoming ?? null;
  }

  get lastName(): string | null {
    return this.#lastName;
  }

  get phase(): CallPhase {
    if (!this.inside) return "joining";
    const states = this.peers().map(({ state }) => state);
    if (states.length === 0) return this.#hostHere ? "waiting" : "host_away";
    if (states.includes("connected")) return "connected";
    if (states.includes("reconnecting") || states.includes("failed")) return "reconnecting";
    return "connecting";
  }

  peers(): PeerView[] {
    return [...this.#entries.values()].map(({ member, peer, authentic }) => ({
      peer: member.peer,
      name: tidyName(member.name),
      host: member.hostKey !== undefined,
      state: authentic ? peer.state : "not_authentic",
      muted: peer.muted,
      camera_off: peer.cameraOff,
      quality: peer.quality,
      words: null,
    }));
  }

  #receive(message: RelayMessage): void {
    if (this.#over) return;
    switch (message.type) {
      case "welcome":
        return this.#join(message.peer, message.ice_servers);
      case "room":
        return this.#room(message);
      case "left":
        return this.#leftRoster(message.peer);
      case "signal":
        return this.#signal(message);
      case "error":
        return this.#error(message.code);
      default:
        // The rest is for hosts.
        return;
    }
  }

  #join(peer: PeerId, iceServers: RTCIceServer[]): void {
    const { link, name } = this.#options;
    this.#iceServers = iceServers;
    // Where this is not the first join, the roster may still name the member that this page was before.
    if (this.#signer) this.#departed.add(this.#signer.me.peer);
    this.#signer = new Signer(link.room, link.secret, { peer, nonce: freshNonce() });
    this.#relay?.send({ type: "join", room: link.room, role: "caller", name, nonce: this.#signer.me.nonce });
    this.#joinTimer = setTimeout(() => this.#lost(), JOIN_TIMEOUT_MS);
  }

  #room(room: RoomMessage): void {
    const signer = this.#signer;
    const members = membersOf(room);
    const me = members.find(({ peer }) => peer === signer?.me.peer);
    if (!signer || !me) return;
    if (room.kind !== "call") return this.#error("unsupported");
    clearTimeout(this.#joinTimer);
    if (this.relayLost) {
      // A new socket is a new member: the connections of the old one end here and there.
      for (const entry of [...this.#entries.values()]) this.#drop(entry);
      this.relayLost = false;
      this.#backoff.reset();
    }
    this.inside = true;
    this.#hostHere = room.host !== null;
    for (const id of this.#entries.keys()) if (!members.some(({ peer }) => peer === id)) this.#leftRoster(id);
    for (const member of members) if (member !== me) this.#meet(me, member);
    this.#options.events.changed();
  }

  #meet(me: RosterMember, member: RosterMember): void {
    const known = this.#entries.get(member.peer);
    if (known) {
      known.member = member;
      known.absent = false;
      return;
    }
    if (this.#departed.has(member.peer)) return;
    const { outgoing, connectPeer } = this.#options;
    const forged = member.hostKey !== undefined && roomOfKey(member.hostKey) !== this.#options.link.room;
    const entry: Entry = {
      member,
      authentic: true,
      absent: false,
      peer: new Peer({
        offers: offersTo(me, member) && !forged,
        polite: isPolite(me, member),
        iceServers: this.#iceServers,
        outgoing,
        hooks: {
          send: (body) => this.#sendTo(entry, body),
          changed: () => this.#peerChanged(entry),
          bye: (reason) => this.#bye(entry, reason),
        },
        ...(connectPeer ? { connect: connectPeer } : {}),
      }),
    };
    this.#entries.set(member.peer, entry);
    this.#options.events.joined(member.peer, tidyName(member.name));
    if (forged) this.#refuse(entry, true);
  }

  #signal(signal: IncomingSignal): void {
    const entry = this.#entries.get(signal.from);
    if (!entry?.authentic || !this.#signer) return;
    const opened = this.#signer.open(signal, entry.member, entry.member.hostKey);
    if (!opened.authentic) return this.#refuse(entry, true);
    if (!opened.body) return;
    if ("bye" in opened.body) return this.#bye(entry, opened.body.bye);
    void entry.peer.handle(opened.body);
  }

  #sendTo(entry: Entry, body: SignalBody): void {
    if (this.#signer && entry.authentic) this.#relay?.send(this.#signer.seal(entry.member, body));
  }

  /** What came in this member's name is not its own, or it says that of ours: no media with it. */
  #refuse(entry: Entry, tell: boolean): void {
    if (tell) this.#sendTo(entry, { bye: "not_authentic" });
    entry.authentic = false;
    entry.peer.close();
    this.#options.events.notAuthentic();
    this.#options.events.changed();
  }

  #bye(entry: Entry, reason: ByeReason): void {
    if (!this.#entries.has(entry.member.peer)) return;
    if (reason === "not_authentic") return this.#refuse(entry, false);
    this.#departed.add(entry.member.peer);
    this.#drop(entry);
    if (this.#entries.size === 0) this.#end({ type: reason === "hang_up" ? "by_them" : "network" });
  }

  #leftRoster(id: PeerId): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.absent = true;
    if (entry.peer.state !== "connected" || !entry.authentic) this.#drop(entry);
  }

  #peerChanged(entry: Entry): void {
    if (this.#over || !this.#entries.has(entry.member.peer)) return;
    const { state } = entry.peer;
    if (state === "connected") {
      this.connectedAt ??= (this.#options.now ?? Date.now)();
      this.#lastName = tidyName(entry.member.name) || this.#lastName;
    } else if (entry.absent) {
      this.#drop(entry);
    }
    const all = [...this.#entries.values()];
    if (all.length > 0 && all.every(({ peer }) => peer.state === "failed")) return this.#end({ type: "network" });
    if (all.length === 0 && this.relayLost) return this.#end({ type: "network" });
    this.#options.events.changed();
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.member.peer);
    entry.peer.close();
    this.#options.events.left(entry.member.peer, tidyName(entry.member.name));
    this.#options.events.changed();
  }

  #error(code: ErrorCode): void {
    if (!this.inside) {
      this.#finish();
      return this.#options.events.refused(code);
    }
    if (code === "removed" || code === "denied") return this.#end({ type: "refused", code });
    // The room is gone, or does not take us back: what is connected goes on.
    if (["not_found", "not_in_room", "room_full", "locked", "unsupported"].includes(code)) {
      if (!this.#anyConnected()) this.#end({ type: "refused", code });
      return;
    }
    console.warn(`The relay refused a message: ${code}.`);
  }

  #lost(): void {
    if (this.#over) return;
    clearTimeout(this.#joinTimer);
    this.#relay?.close();
    this.#relay = null;
    if (!this.inside) {
      this.#finish();
      return this.#options.events.refused("relay_unreachable");
    }
    this.relayLost = true;
    const wait = this.#backoff.next();
    if (wait !== null) this.#retryTimer = setTimeout(() => this.start(), wait);
    else if (!this.#anyConnected()) return this.#end({ type: "network" });
    this.#options.events.changed();
  }

  #anyConnected(): boolean {
    return [...this.#entries.values()].some(({ peer }) => peer.state === "connected");
  }

  #end(reason: EndReason): void {
    if (this.#over) return;
    this.#relay?.send({ type: "leave" });
    this.#finish();
    this.#options.events.ended(reason, this.#lastName);
  }

  #finish(bye?: ByeReason): void {
    this.#over = true;
    clearTimeout(this.#joinTimer);
    clearTimeout(this.#retryTimer);
    for (const { peer } of this.#entries.values()) peer.close(bye);
    this.#entries.clear();
    this.#relay?.close();
    this.#relay = null;
  }
}
