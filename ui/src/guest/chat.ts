/** What was written in the call, as long as the page is open. Pure. */
import type { ChatLine } from "../contract/ChatLine";
import type { DataMessage } from "../contract/DataMessage";
import type { PeerId } from "../contract/PeerId";
import { type Allowance, TokenBucket } from "./token-bucket";

/** The longest line, in bytes of UTF-8. */
export const MAX_CHAT_BYTES = 16 * 1024;
/** So many of the last lines are kept, with so much text: the rest is forgotten. */
export const MAX_LINES = 500;
export const MAX_TEXT_BYTES = 512 * 1024;

/** What one member may write: more at once than anybody types. The app has the same limits. */
const OF_ONE: Allowance = { burst: 20, everyMs: 500 };
/** What all of them together may write: seven others at their limits are within it. */
const OF_ALL: Allowance = { burst: 140, everyMs: 50 };

export const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

export class ChatLog {
  readonly #lines: { line: ChatLine; bytes: number }[] = [];
  /** Own lines that somebody has not confirmed yet, by the sender's number. */
  readonly #waiting = new Map<number, { line: ChatLine; peers: Set<PeerId> }>();
  /** What those who wrote a moment ago may still write. */
  readonly #budgets = new Map<PeerId, TokenBucket>();
  readonly #budget = new TokenBucket();
  #bytes = 0;
  #lastId = 0;
  #lastSent = 0;
  #leftOut = 0;

  constructor(
    private readonly now: () => number = Date.now,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  /** The lines, the oldest first. */
  get lines(): ChatLine[] {
    return this.#lines.map(({ line }) => ({ ...line }));
  }

  /** An own line for those who are connected; the message that tells them. */
  write(text: string, peers: readonly PeerId[]): DataMessage {
    const id = ++this.#lastSent;
    const line = this.#add(null, text, false);
    this.#waiting.set(id, { line, peers: new Set(peers) });
    return { type: "chat", id, text };
  }

  /** How many lines of others came too fast and were left out. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** Whether there are such lines. */
  get cut(): boolean {
    return this.#leftOut > 0;
  }

  /** A line of somebody else; whether it is kept. One that came too fast is left out, and is not to be confirmed. */
  heard(peer: PeerId, name: string, text: string): boolean {
    const now = this.clock();
    const own = this.#budgets.get(peer) ?? new TokenBucket();
    if (!own.has(now, OF_ONE) || !this.#budget.has(now, OF_ALL)) {
      this.#leftOut++;
      return false;
    }
    own.take(now, OF_ONE);
    this.#budget.take(now, OF_ALL);
    for (const [other, budget] of this.#budgets) if (budget.isFull(now)) this.#budgets.delete(other);
    this.#budgets.set(peer, own);
    this.#add(name, text, true);
    return true;
  }

  /** Somebody has an own line; whether that changes what is shown. */
  received(peer: PeerId, id: number): boolean {
    const waiting = this.#waiting.get(id);
    if (!waiting?.peers.delete(peer) || waiting.peers.size > 0) return false;
    waiting.line.delivered = true;
    this.#waiting.delete(id);
    return true;
  }

  #add(name: string | null, text: string, delivered: boolean): ChatLine {
    const line: ChatLine = { id: ++this.#lastId, name, text, at: this.now(), delivered };
    const bytes = bytesOf(text);
    this.#lines.push({ line, bytes });
    this.#bytes += bytes;
    while (this.#lines.length > MAX_LINES || (this.#bytes > MAX_TEXT_BYTES && this.#lines.length > 1)) {
      const gone = this.#lines.shift();
      this.#bytes -= gone?.bytes ?? 0;
      for (const [id, waiting] of this.#waiting) if (waiting.line === gone?.line) this.#waiting.delete(id);
    }
    return line;
  }
}
