/** Keeps the screen on while a call goes on, where the browser can: a phone that sleeps hangs up. */
export class WakeLock {
  #wanted = false;
  #lock: WakeLockSentinel | null = null;

  constructor() {
    // The browser takes it away whenever the page is out of sight.
    document.addEventListener("visibilitychange", () => {
      if (this.#wanted && document.visibilityState === "visible") void this.#take();
    });
  }

  keep(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) return void this.#take();
    void this.#lock?.release().catch(() => undefined);
    this.#lock = null;
  }

  async #take(): Promise<void> {
    if (!("wakeLock" in navigator)) return;
    // Refused when the battery is low: then the screen may sleep.
    const lock = await navigator.wakeLock.request("screen").catch(() => null);
    if (this.#wanted) this.#lock = lock;
    else void lock?.release().catch(() => undefined);
  }
}
