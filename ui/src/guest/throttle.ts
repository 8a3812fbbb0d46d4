/** Runs something at most once in a time, at once where it has not run of late, and once more at the end of what came since. */
export class Throttle {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #again = false;

  constructor(
    private readonly everyMs: number,
    private readonly run: () => void,
  ) {}

  /** Asks for a run. */
  ask(): void {
    if (this.#timer !== undefined) {
      this.#again = true;
      return;
    }
    this.#timer = setTimeout(() => this.#next(), this.everyMs);
    this.run();
  }

  /** Runs nothing that was asked for before. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#again = false;
  }

  #next(): void {
    const again = this.#again;
    this.stop();
    if (again) this.ask();
  }
}
