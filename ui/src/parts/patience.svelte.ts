/** How long a page that is there may take to answer. */
const LONG_MS = 10_000;

/** Notices when something has been waited for so long that it has to be wondered about. */
export class Patience {
  over = $state(false);

  /** Begins to wait; the function that is returned ends that. */
  readonly watch = (): (() => void) => {
    const timer = setTimeout(() => (this.over = true), LONG_MS);
    return () => {
      clearTimeout(timer);
      this.over = false;
    };
  };
}
