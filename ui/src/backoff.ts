/** The waits between attempts: each twice the last up to a bound, then no more. Pure. */
export class Backoff {
  #attempt = 0;

  constructor(
    private readonly firstMs: number,
    private readonly mostMs: number,
    private readonly attempts: number,
  ) {}

  /** How long to wait before the next attempt; `null` when there shall be none. */
  next(): number | null {
    if (this.#attempt >= this.attempts) return null;
    return Math.min(this.firstMs * 2 ** this.#attempt++, this.mostMs);
  }

  reset(): void {
    this.#attempt = 0;
  }
}
