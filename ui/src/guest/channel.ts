/** The data channel to one other member: state, chat, the four words, and good-bye. */
import type { DataMessage } from "../contract/DataMessage";
import { freshNonce } from "./auth";
import { parseDataMessage } from "./parse";
import { type Ends, WordsExchange } from "./words";

/** More of what was not sent yet than this, in bytes, and a line is not put behind it. */
const MOST_WAITING = 1024 * 1024;

/** What is not about the channel itself. */
export type PeerMessage = Exclude<DataMessage, { type: `words_${string}` }>;

export interface ChannelOptions {
  /** This end binds itself first when the words are drawn. */
  commits: boolean;
  /** The certificates of the connection; `null` as long as a description is missing. */
  ends(): Ends | null;
  /** It can be spoken. */
  opened(): void;
  message(message: PeerMessage): void;
  /** The words are drawn. */
  drawn(): void;
  /** What was revealed does not fit. */
  forged(): void;
}

export class PeerChannel {
  readonly #options: ChannelOptions;
  readonly #words: WordsExchange;
  #channel: RTCDataChannel | null = null;
  #closed = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#words = new WordsExchange(options.commits, freshNonce());
  }

  /** The four words; `null` until they are drawn. */
  get words(): string[] | null {
    return this.#words.words;
  }

  get isOpen(): boolean {
    return this.#channel?.readyState === "open";
  }

  use(channel: RTCDataChannel): void {
    this.#channel = channel;
    channel.onopen = () => this.#open();
    channel.onmessage = ({ data }) => this.#hear(parseDataMessage(data));
    if (channel.readyState === "open") this.#open();
  }

  /** Says it, where it can be said now. */
  say(message: DataMessage): void {
    if (this.#channel?.readyState !== "open" || this.#channel.bufferedAmount > MOST_WAITING) return;
    this.#channel.send(JSON.stringify(message));
  }

  /** Hears nothing more. */
  close(): void {
    this.#closed = true;
  }

  #open(): void {
    if (this.#closed) return;
    this.#options.opened();
    const ends = this.#options.ends();
    const first = ends && this.#words.open(ends);
    if (first) this.say(first);
  }

  #hear(message: DataMessage | null): void {
    if (this.#closed || !message) return;
    if (message.type !== "words_commit" && message.type !== "words_nonce" && message.type !== "words_reveal") {
      return this.#options.message(message);
    }
    const ends = this.#options.ends();
    if (!ends) return;
    const undrawn = this.#words.words === null;
    const { say, forged } = this.#words.hear(message, ends);
    if (forged) return this.#options.forged();
    if (say) this.say(say);
    if (undrawn && this.#words.words) this.#options.drawn();
  }
}
