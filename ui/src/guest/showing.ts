/** The edge to the user's screen in a browser, which asks the user itself what is to be shown. */
import type { ErrorCode } from "../contract/ErrorCode";
import type { ShareView } from "../contract/ShareView";

export interface ShowingEvents {
  /** What is shown is another track now, or none. */
  track(): void;
  failed(code: ErrorCode): void;
}

const NOTHING: ShareView = {
  sources: { type: "closed" },
  selected: null,
  state: { type: "closed" },
  paused: false,
  content: "text",
  fps: 30,
  sound: false,
  sound_state: { type: "closed" },
};

/** What `getDisplayMedia` says, as a code; `null`: the user thought better of it. */
function codeOf(error: unknown): ErrorCode | null {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "AbortError") return null;
  return name === "NotFoundError" ? "screen_missing" : "screen_failed";
}

export class Showing {
  readonly #events: ShowingEvents;
  #track: MediaStreamTrack | null = null;
  /** Grows with each start and stop: what was asked for before is thrown away. */
  #turn = 0;

  constructor(events: ShowingEvents) {
    this.#events = events;
  }

  /** Whether this browser lets a page show a screen. */
  static get available(): boolean {
    return typeof globalThis.navigator?.mediaDevices?.getDisplayMedia === "function";
  }

  get track(): MediaStreamTrack | null {
    return this.#track;
  }

  /** Has the user choose, and shows that; what is shown already goes on meanwhile. */
  async start(): Promise<void> {
    if (!Showing.available) return;
    const turn = ++this.#turn;
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 30, max: 30 } }, audio: false });
      const [track, ...others] = stream.getTracks();
      for (const other of others) other.stop();
      if (!track || this.#turn !== turn) return track?.stop();
      this.#take(track);
    } catch (error) {
      const code = codeOf(error);
      if (!code || this.#turn !== turn) return;
      console.warn("The screen cannot be shown.", error);
      this.#events.failed(code);
    }
  }

  /** Nothing is shown any more. */
  stop(): void {
    this.#turn++;
    if (!this.#track) return;
    this.#drop();
    this.#events.track();
  }

  view(): ShareView {
    const track = this.#track;
    if (!track) return NOTHING;
    const { displaySurface, width = 0, height = 0 } = track.getSettings?.() ?? {};
    // What browsers call it is no name for people.
    const kind = displaySurface === "monitor" ? "monitor" : "window";
    return { ...NOTHING, selected: { id: track.id, kind, name: "", width, height }, state: { type: "open" } };
  }

  #take(track: MediaStreamTrack): void {
    this.#drop();
    // Letters stay sharp; where the network is slow there are fewer pictures.
    track.contentHint = "text";
    // The window was closed, or the browser's own button was pressed.
    track.onended = () => this.stop();
    this.#track = track;
    this.#events.track();
  }

  #drop(): void {
    if (!this.#track) return;
    this.#track.onended = null;
    this.#track.stop();
    this.#track = null;
  }
}
