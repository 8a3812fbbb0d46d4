/** The edge to the relay: one WebSocket, from `hello` to its close. */
import type { ClientMessage } from "../contract/ClientMessage";
import type { RelayMessage } from "../contract/RelayMessage";
import { parseRelayMessage } from "./parse";

/** The version of the protocol that this page speaks. */
const VERSION = 2;

/** How long the relay may take from the first packet to `welcome`. */
const WELCOME_TIMEOUT_MS = 10_000;

export interface RelayHandlers {
  message(message: RelayMessage): void;
  /** The socket is gone, or never came; said once, and never after `close`. */
  lost(): void;
}

/** The address of the WebSocket of the relay that served this page. */
export function socketUrl(location: { protocol: string; host: string }): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
}

/** What a membership goes on with after its socket broke. */
export interface Resume {
  /** The token of the last `welcome`. */
  resume: string;
  /** The last `n` that arrived. */
  ack: number;
}

export class RelaySocket {
  readonly #socket: WebSocket;
  readonly #handlers: RelayHandlers;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #done = false;

  constructor(url: string, handlers: RelayHandlers, resume: Resume | null = null) {
    this.#handlers = handlers;
    this.#socket = new WebSocket(url);
    this.#deadline = setTimeout(() => this.#lose(), WELCOME_TIMEOUT_MS);
    this.#socket.onopen = () => this.send({ type: "hello", version: VERSION, app: "ahoy-guest", ...resume });
    this.#socket.onmessage = (event) => this.#receive(event.data);
    this.#socket.onclose = () => this.#lose();
  }

  /** Sends; does nothing while the socket is not open. */
  send(message: ClientMessage): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Closes after what was sent has gone out. */
  close(): void {
    this.#end();
  }

  #receive(data: unknown): void {
    if (this.#done) return;
    const message = parseRelayMessage(data);
    if (!message) {
      console.warn("The relay sent something that this page does not understand.");
      return;
    }
    if (message.type === "welcome") clearTimeout(this.#deadline);
    this.#handlers.message(message);
  }

  #lose(): void {
    if (this.#done) return;
    this.#end();
    this.#handlers.lost();
  }

  #end(): void {
    this.#done = true;
    clearTimeout(this.#deadline);
    this.#socket.close();
  }
}
