/** A canvas that shows one track of the shell. */
import type { ShownVideo, VideoMarks, VideoTrack } from "../backend";
import type { VideoEndpoint } from "../contract/VideoEndpoint";
import { type Size, shownSize } from "../parts/layout";
import { openDrawer } from "./drawer";
import { type TileSize, VideoSocket } from "./video-socket";

/** Smaller differences of shape come from rounding to whole pixels: an answer to them would bring the next one. */
const SAME_SHAPE = 0.02;

/** Larger than any screen: a picture is never enlarged on its way. */
const ALL: TileSize = { width: 8192, height: 8192 };

export class FrameView implements ShownVideo {
  readonly #canvas = document.createElement("canvas");
  readonly #host: HTMLElement;
  readonly #socket: VideoSocket;
  readonly #observer: ResizeObserver;
  /** The size of the last picture. */
  #shape: Size = { width: 0, height: 0 };
  #all = false;

  constructor(endpoint: Promise<VideoEndpoint>, track: VideoTrack, host: HTMLElement, marks: VideoMarks) {
    this.#canvas.dataset["testid"] = marks.testid;
    this.#canvas.setAttribute("role", "img");
    this.#canvas.setAttribute("aria-label", marks.label);
    host.append(this.#canvas);
    const drawer = openDrawer(this.#canvas);
    this.#host = host;
    this.#socket = new VideoSocket(endpoint, track, this.#wanted(), (frame) => drawer.draw(frame));
    this.#observer = new ResizeObserver(this.#resize);
    this.#observer.observe(host);
    this.#canvas.addEventListener("resize", () => {
      const { width, height } = this.#canvas;
      if (sameShape(this.#shape, { width, height })) return;
      this.#shape = { width, height };
      this.#resize();
    });
    document.addEventListener("visibilitychange", this.#resize);
  }

  wantAll(all: boolean): void {
    this.#all = all;
    this.#resize();
  }

  close(): void {
    document.removeEventListener("visibilitychange", this.#resize);
    this.#observer.disconnect();
    this.#socket.close();
    this.#canvas.remove();
  }

  readonly #resize = () => this.#socket.resize(this.#wanted());

  /** In device pixels; nothing while nobody sees it. */
  #wanted(): TileSize {
    if (document.hidden) return { width: 0, height: 0 };
    if (this.#all) return ALL;
    const { clientWidth: width, clientHeight: height } = this.#host;
    const shown = shownSize(this.#shape, { width, height });
    const pixels = (side: number) => Math.max(1, Math.round(side * devicePixelRatio));
    return { width: pixels(shown.width), height: pixels(shown.height) };
  }
}

function sameShape(a: Size, b: Size): boolean {
  return Math.abs((a.width * b.height) / (a.height * b.width) - 1) < SAME_SHAPE;
}
