/** The call of a guest: the room, its members, and what becomes of them. Executes what the roster says. */
import type { ByeReason } from "../contract/ByeReason";
import type { CallPhase } from "../contract/CallPhase";
import type { EndReason } from "../contract/EndReason";
import type { ErrorCode } from "../contract/ErrorCode";
import type { PeerId } from "../contract/PeerId";
import type { PeerView } from "../contract/PeerView";
import type { RelayMessage } from "../contract/RelayMessage";
import type { Removed } from "../contract/Removed";
import type { RoomKind } from "../contract/RoomKind";
import type { SignalBody } from "../contract/SignalBody";
import { type IncomingSignal, type Party, Signer, freshNonce, identity, roomOfKey } from "./auth";
import type { ChatLog } from "./chat";
import { EndedJoins, type Entry, isConnected, viewOf } from "./entry";
import type { GuestLink } from "./link";
import { cleanName, cutName } from "./name";
import { type Line, type Outgoing, Peer, type PeerOptions } from "./peer";
import { type RoomMessage, type RosterMember, commitsTo, isPolite, membersOf, offersTo } from "./roster";
import { type ConnectRelay, Session } from "./session";

/** Refusals of a return that may pass: the host is on its way back too, or the relay is busy. */
const PASSING: ReadonlySet<ErrorCode> = new Set(["not_found", "not_in_room", "room_full", "locked", "busy", "rate_limited"]);

/** A guest waits so long for a seat in a full room: its host may be having strangers removed who hold the seats. */
const SEAT_RETRY_MS = 200;
const SEAT_RETRIES = 10;

export interface CallEvents {
  /** Something that the view shows changed. */
  changed(): void;
  /** The way in failed. */
  refused(code: ErrorCode): void;
  /** The room is for something else than was said, and is left. */
  otherKind(kind: RoomKind): void;
  /** The call is over. */
  ended(reason: EndReason, name: string | null): void;
  /** A member's proof failed. */
  notAuthentic(): void;
  joined(peer: PeerId, name: string): void;
  left(peer: PeerId, name: string): void;
}

export interface CallOptions {
  link: GuestLink;
  /** What the room is for, as the relay said: a broadcast is watched. */
  kind: RoomKind;
  name: string;
  outgoing: Outgoing;
  events: CallEvents;
  chat: ChatLog;
  connectRelay: ConnectRelay;
  connectPeer?: PeerOptions["connect"];
  /** Milliseconds since 1970. */
  now?: () => number;
}

export class Call {
  /** In the room. */
  inside = false;
  /** At the door: the host has to let us in. */
  knocking = false;
  /** The host has closed the room to newcomers. */
  locked = false;
  /** The relay's socket is gone; the call goes on without it as long as media flows. */
  relayLost = false;
  connectedAt: number | null = null;
  /** How many others there are, in a broadcast how many watch, by the relay's word. */
  others = 0;

  readonly #options: CallOptions;
  readonly #session: Session;
  readonly #entries = new Map<PeerId, Entry>();
  readonly #ended = new EndedJoins();
  #signer: Signer | null = null;
  /** The relay has given us another id than we had: our connections were those of somebody else. */
  #renewed = false;
  #iceServers: RTCIceServer[] = [];
  #hostHere = false;
  #over = false;
  /** How often the room was full since the relay showed it the last time. */
  #full = 0;
  #lastName: string | null = null;
  /** The console was told that the relay shows this member as it is not. */
  #warned = false;

  constructor(options: CallOptions) {
    // The proof covers the name as it is sent.
    this.#options = { ...options, name: cutName(options.name) };
    this.#session = new Session(options.connectRelay, {
      join: (peer) => this.#join(peer),
      iceServers: (servers) => (this.#iceServers = servers),
      message: (message) => this.#receive(message),
      lost: () => this.#lost(),
    });
  }

  start(): void {
    this.#session.start();
  }

  /** The machine has slept, or is on the network again. */
  awake(): void {
    if (this.inside || this.knocking) this.#session.renew();
  }

  /** Leaves, and says so to everybody. Synchronous, so that it works while the page is closed. */
  leave(): void {
    if (this.#over) return;
    try {
      for (const entry of this.#entries.values()) this.#sendTo(entry, { bye: "hang_up" });
      this.#session.send({ type: "leave" });
    } catch (error) {
      console.warn("A good-bye could not be sent.", error);
    }
    this.#finish("hang_up");
  }

  async sendTrack(line: Line): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ peer }) => peer.sendTrack(line)));
  }

  sayState(): void {
    for (const { peer } of this.#entries.values()) peer.sayState();
  }

  /** A line of chat for everybody who is connected. */
  sendChat(text: string): void {
    const there = [...this.#entries.values()].filter(({ peer, authentic }) => authentic && peer.canHear);
    if (there.length === 0) return;
    const message = this.#options.chat.write(text, there.map(({ member }) => member.peer));
    for (const { peer } of there) peer.say(message);
    this.#options.events.changed();
  }

  stream(peer: PeerId): MediaStream | null {
    return this.#entries.get(peer)?.peer.incoming ?? null;
  }

  /** The screen that a member shows. */
  screen(peer: PeerId): MediaStream | null {
    return this.#entries.get(peer)?.peer.screen ?? null;
  }

  get kind(): RoomKind {
    return this.#options.kind;
  }

  get lastName(): string | null {
    return this.#lastName;
  }

  get phase(): CallPhase {
    const states = this.peers().map(({ state }) => state);
    if (this.knocking && states.length === 0) return "knocking";
    if (!this.inside) return "joining";
    if (states.length === 0) return this.#hostHere ? "waiting" : "host_away";
    if (states.includes("connected")) return "connected";
    if (states.includes("reconnecting") || states.includes("failed")) return "reconnecting";
    return "connecting";
  }

  peers(): PeerView[] {
    return [...this.#entries.values()].map(viewOf);
  }

  #receive(message: Exclude<RelayMessage, { type: "welcome" }>): void {
    if (this.#over) return;
    switch (message.type) {
      case "room":
        return this.#room(message);
      case "knock":
        return this.#knock(message.peer);
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

  /** Under the same id it is the same membership, whatever the relay remembers: same nonce, growing numbers. */
  #join(peer: PeerId) {
    const { link, kind, name } = this.#options;
    if (this.#signer?.me.peer !== peer) {
      // The roster may still name the member that this page was before.
      if (this.#signer) this.#ended.depart(this.#signer.me);
      this.#renewed = this.#signer !== null;
      this.#signer = new Signer(link.room, link.secret, { peer, nonce: freshNonce() });
    }
    const role = kind === "broadcast" ? "viewer" : "caller";
    const mac = this.#signer.proveJoin(name);
    return { type: "join", room: link.room, role, name, nonce: this.#signer.me.nonce, mac } as const;
  }

  #knock(peer: PeerId): void {
    if (peer !== this.#signer?.me.peer) return;
    this.#settled();
    this.knocking = true;
    this.#options.events.changed();
  }

  #room(room: RoomMessage): void {
    const me = this.#signer?.me;
    const members = membersOf(room);
    const self = members.find((member) => me && identity(member) === identity(me));
    if (!self || !this.#signer) return;
    // The relay gives us another name, or keeps our proof from the others.
    if (self.name !== this.#options.name || !this.#signer.verifyJoin(self)) return this.#distrust();
    if (room.kind !== this.kind) return this.#otherKind(room.kind);
    const returned = this.#session.returning;
    this.#settled();
    if (this.#renewed) for (const entry of [...this.#entries.values()]) this.#drop(entry);
    this.#renewed = false;
    this.knocking = false;
    this.inside = true;
    this.locked = room.locked;
    // Who watches a broadcast is all but its host.
    const apart = this.kind === "broadcast" && room.host === null ? 0 : 1;
    this.others = Math.max(0, room.count - apart);
    this.#hostHere = room.host !== null;
    const present = new Set(members.map(identity));
    for (const entry of [...this.#entries.values()]) {
      // Who is still on the way back as we were is not gone; a relay that was there all the time knows better.
      if (!present.has(identity(entry.member))) this.#miss(entry, returned);
    }
    for (const member of members) if (member !== self && this.#concerns(member)) this.#meet(self, member);
    if (returned) for (const { peer, authentic } of this.#entries.values()) if (authentic) peer.retell();
    this.#options.events.changed();
  }

  #settled(): void {
    this.#session.settle();
    this.relayLost = false;
    this.#full = 0;
  }

  /** What the relay shows is not what was said to it: the call does not begin, or is over where no media flows. */
  #distrust(): void {
    if (this.#anyConnected()) {
      if (!this.#warned) console.warn("The relay showed this member under another name or proof; that is not believed.");
      this.#warned = true;
      return;
    }
    if (!this.inside) this.#session.send({ type: "leave" });
    this.#stop("not_authentic");
  }

  /** What the relay said before was wrong, or the room is another one now. Nobody shall see a member here that is none. */
  #otherKind(kind: RoomKind): void {
    if (this.inside) return this.#error("bad_message");
    this.#session.send({ type: "leave" });
    this.#finish();
    this.#options.events.otherKind(kind);
  }

  /** A viewer has to do with the host and with nobody else, whoever a relay names. */
  #concerns(member: RosterMember): boolean {
    return this.kind === "call" || member.hostKey !== undefined;
  }

  #meet(me: RosterMember, member: RosterMember): void {
    const known = this.#entries.get(member.peer);
    const proven = this.#signer?.verifyJoin(member) ?? false;
    const wrongKey = member.hostKey !== undefined && roomOfKey(member.hostKey) !== this.#options.link.room;
    const forged = wrongKey || (member.hostKey !== undefined && !proven);
    if (known && identity(known.member) === identity(member)) {
      // A member keeps the name that it has proven, and whoever was the host has to sign as the host: a later roster
      // makes nobody the host of whom it was not said at first.
      known.member = { ...known.member, order: member.order };
      known.absent = false;
      if (wrongKey) this.#notAuthentic(known);
      return;
    }
    // Whoever is connected stays until the join that replaces it is proven.
    if (known && isConnected(known) && (!proven || forged)) return this.#notAuthentic(known);
    // Who does not know the link is no member of this call, whatever the relay says.
    if (!proven && !forged) return;
    if (this.#ended.has(member)) return;
    if (known) {
      // No member goes back to an earlier join: a roster that names that one is old.
      this.#ended.depart(known.member);
      this.#drop(known);
    }
    const { outgoing, connectPeer, chat, events } = this.#options;
    const entry: Entry = {
      // A name without a proof is the relay's.
      member: proven ? member : { ...member, name: "" },
      authentic: true,
      absent: false,
      warned: false,
      peer: new Peer({
        offers: this.kind === "call" && offersTo(me, member) && !forged,
        onlyAnswers: this.kind === "broadcast",
        polite: isPolite(me, member),
        commits: commitsTo(me, member),
        iceServers: this.#iceServers,
        outgoing,
        hooks: {
          send: (body) => this.#sendTo(entry, body),
          changed: () => this.#peerChanged(entry),
          bye: (reason) => this.#bye(entry, reason),
          removed: (whom) => this.#removed(entry, whom),
          forged: () => this.#refuse(entry, true),
          chat: (text) => {
            const kept = text.trim() === "" || chat.heard(entry.member.peer, cleanName(entry.member.name), text);
            // That something is left out is shown once; a view for each line would be what whoever floods is after.
            if (kept || chat.leftOut === 1) events.changed();
            return kept;
          },
          chatReceived: (id) => void (chat.received(entry.member.peer, id) && events.changed()),
        },
        ...(connectPeer ? { connect: connectPeer } : {}),
      }),
    };
    this.#entries.set(member.peer, entry);
    if (forged) this.#refuse(entry, true);
    else events.joined(member.peer, cleanName(member.name));
  }

  #signal(signal: IncomingSignal): void {
    const entry = this.#entries.get(signal.from);
    if (!entry?.authentic || !this.#signer) return;
    const opened = this.#signer.open(signal, entry.member, entry.member.hostKey);
    if (!opened.authentic) return this.#notAuthentic(entry);
    if (!opened.body) return;
    if ("bye" in opened.body) return this.#bye(entry, opened.body.bye);
    if ("removed" in opened.body) return this.#removed(entry, opened.body.removed);
    void entry.peer.handle(opened.body);
  }

  #sendTo(entry: Entry, body: SignalBody): void {
    if (entry.authentic) this.#seal(entry.member, body);
  }

  #seal(to: Party, body: SignalBody): void {
    if (this.#signer) this.#session.send(this.#signer.seal(to, body));
  }

  /**
   * Something came in a member's name that it did not prove. While media flows it is dropped: a relay can make up as much
   * of it as it likes, and shall end no call by that.
   */
  #notAuthentic(entry: Entry): void {
    if (!isConnected(entry)) return this.#refuse(entry, true);
    if (!entry.warned) console.warn("The relay brought what a connected member did not prove; it is dropped.");
    entry.warned = true;
  }

  /** What came in this member's name is not its own, or it says that of ours: no media with it. */
  #refuse(entry: Entry, tell: boolean): void {
    if (!entry.authentic || this.#over) return;
    entry.authentic = false;
    entry.peer.close();
    if (tell) this.#seal(entry.member, { bye: "not_authentic" });
    this.#options.events.notAuthentic();
    this.#options.events.changed();
  }

  #bye(entry: Entry, reason: ByeReason): void {
    if (this.#entries.get(entry.member.peer) !== entry) return;
    if (reason === "not_authentic") return this.#refuse(entry, false);
    // Only the host sends away; from anybody else it is a way to say good-bye.
    if (reason === "removed" && entry.member.hostKey !== undefined) return this.#end({ type: "refused", code: "removed" });
    this.#ended.depart(entry.member);
    this.#drop(entry);
    if (this.#entries.size === 0) this.#end({ type: reason === "failed" ? "network" : "by_them" });
  }

  /** A member says that another was sent away, which only the host can do: no connection to that one goes on. */
  #removed(by: Entry, whom: Removed): void {
    if (this.#entries.get(by.member.peer) !== by || by.member.hostKey === undefined || whom.peer === by.member.peer) return;
    this.#ended.sendAway(whom);
    const entry = this.#entries.get(whom.peer);
    if (entry && identity(entry.member) === identity(whom)) this.#drop(entry);
  }

  #leftRoster(id: PeerId): void {
    const entry = this.#entries.get(id);
    if (entry) this.#miss(entry, false);
  }

  /** It is not in the roster. It stays while media flows, or, with `patience`, until its connection is given up. */
  #miss(entry: Entry, patience: boolean): void {
    entry.absent = true;
    if (!entry.authentic || (entry.peer.state !== "connected" && !patience)) this.#drop(entry);
  }

  #peerChanged(entry: Entry): void {
    if (this.#over || this.#entries.get(entry.member.peer) !== entry) return;
    const { state } = entry.peer;
    if (state === "connected") {
      this.connectedAt ??= (this.#options.now ?? Date.now)();
      this.#lastName = cleanName(entry.member.name) || this.#lastName;
    } else if (entry.absent && state !== "connecting") {
      this.#drop(entry);
    }
    const all = [...this.#entries.values()];
    if (all.length > 0 && all.every(({ peer }) => peer.state === "failed")) return this.#end({ type: "network" });
    if (all.length === 0 && this.relayLost) return this.#end({ type: "network" });
    this.#options.events.changed();
  }

  #drop(entry: Entry): void {
    if (this.#entries.get(entry.member.peer) === entry) this.#entries.delete(entry.member.peer);
    entry.peer.close();
    this.#options.events.left(entry.member.peer, cleanName(entry.member.name));
    this.#options.events.changed();
  }

  #error(code: ErrorCode): void {
    const entering = this.#session.returning || (!this.inside && !this.knocking);
    if (code === "room_full" && entering && this.#full < SEAT_RETRIES) {
      this.#full += 1;
      return this.#session.joinAgain(SEAT_RETRY_MS);
    }
    if (this.#session.returning && PASSING.has(code)) {
      if (!this.#session.rejoin(this.#anyConnected())) this.#stop(code);
      return;
    }
    // That the host has sent us away it says itself; by the relay's word alone no call ends.
    if ((code === "removed" || code === "denied") && this.#anyConnected()) return this.#session.abandon();
    if (!this.inside || code === "removed" || code === "denied") return this.#stop(code);
    // The room is gone, or does not take us back: what is connected goes on.
    if (["not_found", "not_in_room", "room_full", "locked", "bad_message"].includes(code)) {
      if (!this.#anyConnected()) this.#stop(code);
      return;
    }
    console.warn(`The relay refused a message: ${code}.`);
  }

  #lost(): void {
    if (this.#over) return;
    if (!this.inside && !this.knocking) return this.#stop("relay_unreachable");
    this.relayLost = true;
    if (!this.#session.retry(this.#anyConnected()) && !this.#anyConnected()) return this.#end({ type: "network" });
    this.#options.events.changed();
  }

  #anyConnected(): boolean {
    return [...this.#entries.values()].some(isConnected);
  }

  /** Refused: before the room it is the way in that failed, after that the call is over. */
  #stop(code: ErrorCode): void {
    if (this.inside) return this.#end({ type: "refused", code });
    this.#finish();
    this.#options.events.refused(code);
  }

  #end(reason: EndReason): void {
    if (this.#over) return;
    this.#session.send({ type: "leave" });
    this.#finish();
    this.#options.events.ended(reason, this.#lastName);
  }

  #finish(bye?: ByeReason): void {
    this.#over = true;
    for (const { peer } of this.#entries.values()) peer.close(bye);
    this.#entries.clear();
    this.#session.close();
  }
}
