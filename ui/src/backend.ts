/** What the screens need of what is behind them: the app's shell, or the engine in the guest's page. */
import type { Readable } from "svelte/store";
import type { AppView } from "./contract/AppView";
import type { Command } from "./contract/Command";
import type { Notice } from "./contract/Notice";
import type { PeerId } from "./contract/PeerId";

/** Whose picture: the user's own, that of a member or of the screen that it shows, or the small one of a source of the screen. */
export type VideoTrack = "self" | PeerId | `screen:${PeerId}` | `source:${string}`;

/** How the element that shows a picture is marked. */
export interface VideoMarks {
  testid: string;
  /** What a screen reader says. */
  label: string;
}

/** A picture that is shown. */
export interface ShownVideo {
  /** All of its own pixels are wanted, however large its place is; else as many as fit into that. */
  wantAll(all: boolean): void;
  /** Takes it away. */
  close(): void;
}

export interface Backend {
  /** The app's window, or a guest's page in a browser. */
  readonly kind: "app" | "guest";
  /** Whether a screen can be shown from here. */
  readonly canShare: boolean;
  /** What the screens show: always whole. */
  readonly view: Readable<AppView>;
  dispatch(command: Command): Promise<void>;
  /** Calls for each notice until the returned function is called. */
  onNotice(listener: (notice: Notice) => void): () => void;
  /**
   * Puts a `video` or `canvas` with this picture into the element, until it is closed.
   * A track that has no picture (yet) gets its element all the same.
   */
  attachVideo(track: VideoTrack, host: HTMLElement, marks: VideoMarks): ShownVideo;
}
