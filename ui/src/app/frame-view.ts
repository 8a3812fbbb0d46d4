/** A canvas that shows one track of the shell. */
import type { VideoMarks, VideoTrack } from "../backend";
import { openDrawer } from "./drawer";
import { type TileSize, type VideoEndpoint, VideoSocket } from "./video-socket";

export class FrameView {
  readonly #canvas = document.createElement("canvas");
  readonly #socket: VideoSocket;
  readonly #observer: ResizeObserver;

  constructor(endpoint: Promise<VideoEndpoint>, track: VideoTrack, host: HTMLElement, marks: VideoMarks) {
    this.#canvas.dataset["testid"] = marks.testid;
    this.#canvas.setAttribute("role", "img");
    this.#canvas.setAttribute("aria-label", marks.label);
    host.append(this.#canvas);
    const drawer = openDrawer(this.#canvas);
    this.#socket = new VideoSocket(endpoint, track, sizeOf(host), (frame) => drawer.draw(frame));
    this.#observer = new ResizeObserver(() => this.#socket.resize(sizeOf(host)));
    this.#observer.observe(host);
  }

  close(): void {
    this.#observer.disconnect();
    this.#socket.close();
    this.#canvas.remove();
  }
}

function sizeOf(host: HTMLElement): TileSize {
  const pixels = (side: number) => Math.max(1, Math.round(side * devicePixelRatio));
  return { width: pixels(host.clientWidth), height: pixels(host.clientHeight) };
}
