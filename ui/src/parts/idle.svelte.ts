/** Whether somebody is there: what floats on a picture goes after a while and comes back with them. */

/** After so long without movement the controls leave the picture. */
export const FADE_MS = 3000;

export class Idle {
  /** Nobody has moved for a while. */
  idle = $state(false);
  readonly #hidden: () => boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The touch that brought the controls back must not press one of them. */
  #waking = false;

  /** `hidden` says whether the controls are out of sight. */
  constructor(hidden: () => boolean) {
    this.#hidden = hidden;
  }

  readonly wake = () => {
    this.idle = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.idle = true), FADE_MS);
  };

  readonly pressed = (event: PointerEvent) => {
    this.#waking = this.#hidden() && event.pointerType === "touch";
    this.wake();
  };

  readonly clicked = (event: MouseEvent) => {
    if (!this.#waking) return;
    this.#waking = false;
    event.stopPropagation();
    event.preventDefault();
  };

  /** Begins to look; the returned function ends it. */
  watch(): () => void {
    this.wake();
    return () => clearTimeout(this.#timer);
  }
}
