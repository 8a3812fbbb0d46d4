/** A token bucket: how many things may come at once, and how many after that. Pure. */

/** What a bucket allows. */
export interface Allowance {
  /** So many at once. */
  readonly burst: number;
  /** After that one in this time, in milliseconds. */
  readonly everyMs: number;
}

/** Kept as the moment at which it is full again (the generic cell rate algorithm, ITU-T I.371 Annex A). */
export class TokenBucket {
  #fullAt = -Infinity;

  /** Whether there is a token at this moment, in milliseconds of a clock that is never set; without taking it. */
  has(now: number, { burst, everyMs }: Allowance): boolean {
    return Math.max(this.#fullAt, now) + everyMs - now <= burst * everyMs;
  }

  /** Takes one. */
  take(now: number, { everyMs }: Allowance): void {
    this.#fullAt = Math.max(this.#fullAt, now) + everyMs;
  }

  /** Whether it is as good as a new one. */
  isFull(now: number): boolean {
    return this.#fullAt <= now;
  }
}
