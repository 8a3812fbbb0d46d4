/** The membership at the relay, over as many sockets as it takes: what broke is taken up where it was. */
import { Backoff } from "../backoff";
import type { ClientMessage } from "../contract/ClientMessage";
import type { PeerId } from "../contract/PeerId";
import type { RelayMessage } from "../contract/RelayMessage";
import type { RelayHandlers, RelaySocket, Resume } from "./relay";

/** How long the relay may take to answer a `join`. */
const JOIN_TIMEOUT_MS = 15_000;
/** Sockets are tried again after 1 s, 2 s … 30 s, for about eight minutes. */
const SOCKETS = [1_000, 30_000, 20] as const;
/** A refused return is tried again after 0.5 s, 1 s … 15 s, for about two minutes: a host may need a while to come back. */
const RETURNS = [500, 15_000, 12] as const;
/** While media flows nobody gives up: then it is tried so often. */
const LAST_WAIT_MS = 30_000;
/** What arrived is confirmed after so many messages, or so long. A relay keeps 64. */
const ACK_AFTER = 16;
const ACK_AFTER_MS = 1_000;

/** The least that a call needs of a relay's socket. */
export type Relay = Pick<RelaySocket, "send" | "close">;

export type ConnectRelay = (handlers: RelayHandlers, resume: Resume | null) => Relay;

type Join = Extract<ClientMessage, { type: "join" }>;

export interface SessionHooks {
  /** The relay has named us and knows nothing of us: how to join. */
  join(peer: PeerId): Join;
  /** The relay's ICE servers, before anything else of a socket. */
  iceServers(servers: RTCIceServer[]): void;
  /** All but `welcome`. */
  message(message: Exclude<RelayMessage, { type: "welcome" }>): void;
  /** The socket is gone, or never came. */
  lost(): void;
}

export class Session {
  /** On the way back: this socket is not the first, and the relay has not shown where we are. */
  returning = false;

  readonly #connect: ConnectRelay;
  readonly #hooks: SessionHooks;
  readonly #sockets = new Backoff(...SOCKETS);
  readonly #returns = new Backoff(...RETURNS);
  #relay: Relay | null = null;
  #peer: PeerId | null = null;
  #token: string | null = null;
  /** The last delivery that arrived, and the last that was confirmed. */
  #heard = 0;
  #acked = 0;
  #closed = false;
  #joinTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #ackTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(connect: ConnectRelay, hooks: SessionHooks) {
    this.#connect = connect;
    this.#hooks = hooks;
  }

  /** Opens a socket. */
  start(): void {
    const resume = this.#token === null ? null : { resume: this.#token, ack: this.#heard };
    this.#acked = this.#heard;
    this.#relay = this.#connect({ message: (message) => this.#receive(message), lost: () => this.#lost() }, resume);
  }

  send(message: ClientMessage): void {
    this.#relay?.send(message);
  }

  /** The relay has shown where we are. */
  settle(): void {
    clearTimeout(this.#joinTimer);
    this.returning = false;
    this.#sockets.reset();
    this.#returns.reset();
  }

  /** Tries a new socket after a while; `false` when there were enough. `forever`: there never are. */
  retry(forever: boolean): boolean {
    return this.#after(this.#sockets.next() ?? (forever ? LAST_WAIT_MS : null), () => this.start());
  }

  /** Joins once more after a while, on the same socket; `false` when there was enough of that. */
  rejoin(forever: boolean): boolean {
    clearTimeout(this.#joinTimer);
    return this.#after(this.#returns.next() ?? (forever ? LAST_WAIT_MS : null), () => this.#join());
  }

  /** Joins once more after a short while, on the same socket: the room was full. */
  joinAgain(wait: number): void {
    clearTimeout(this.#joinTimer);
    this.#after(wait, () => this.#join());
  }

  /** The socket may be dead without a word: another one at once. Nothing is lost where it was not. */
  renew(): void {
    if (this.#closed || this.#token === null) return;
    if (this.#relay) this.#lost();
    if (!this.#closed) this.#after(0, () => this.start());
  }

  /** The relay has ended the membership: the same as a lost socket, from which there is a way back. */
  abandon(): void {
    this.#lost();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    this.#drop();
  }

  #after(wait: number | null, then: () => void): boolean {
    if (wait === null || this.#closed) return false;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(then, wait);
    return true;
  }

  #receive(message: RelayMessage): void {
    if (this.#closed) return;
    if (message.type === "welcome") return this.#welcome(message);
    if (message.type === "signal") {
      // After a return a relay may begin too early; at any other time what comes again is played again.
      if (this.returning && message.n <= this.#heard) return;
      this.#heard = Math.max(this.#heard, message.n);
      this.#ack();
    }
    this.#hooks.message(message);
  }

  #welcome({ peer, resume, resumed, ice_servers }: Extract<RelayMessage, { type: "welcome" }>): void {
    this.#token = resume;
    this.#hooks.iceServers(ice_servers);
    if (resumed && peer === this.#peer) return this.#awaitRoom();
    this.#peer = peer;
    this.#heard = 0;
    this.#acked = 0;
    this.#join();
  }

  #join(): void {
    if (this.#peer === null) return;
    this.send(this.#hooks.join(this.#peer));
    this.#awaitRoom();
  }

  #awaitRoom(): void {
    clearTimeout(this.#joinTimer);
    this.#joinTimer = setTimeout(() => this.#lost(), JOIN_TIMEOUT_MS);
  }

  #ack(): void {
    if (this.#heard - this.#acked >= ACK_AFTER) this.#sayAck();
    else this.#ackTimer ??= setTimeout(() => this.#sayAck(), ACK_AFTER_MS);
  }

  #sayAck(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    this.#acked = this.#heard;
    this.send({ type: "ack", n: this.#heard });
  }

  #lost(): void {
    if (this.#closed) return;
    clearTimeout(this.#retryTimer);
    this.#drop();
    this.returning = true;
    this.#hooks.lost();
  }

  #drop(): void {
    clearTimeout(this.#joinTimer);
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    this.#relay?.close();
    this.#relay = null;
  }
}
