/**
 * The way of one tile's pictures from the shell: a WebSocket on loopback.
 *
 * The first message is a `VideoHello`, later ones are `VideoControl`s: another size of the tile, and one `ack` for each
 * picture that was drawn. The shell has two pictures of credit at the start and one more for each ack, so that a slow
 * window gets fewer pictures and not older ones.
 */
import type { VideoTrack } from "../backend";
import { Backoff } from "../backoff";
import type { VideoControl } from "../contract/VideoControl";
import type { VideoEndpoint } from "../contract/VideoEndpoint";
import type { VideoHello } from "../contract/VideoHello";
import { type Frame, parseFrame } from "./frame";

export interface TileSize {
  /** Device pixels; 0 while nobody sees it. */
  width: number;
  height: number;
}

/** As long as a tile is shown its pictures are wanted: the waits are bounded, the attempts are not. */
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 4_000;

export class VideoSocket {
  readonly #endpoint: Promise<VideoEndpoint>;
  readonly #track: VideoTrack;
  readonly #draw: (frame: Frame) => void;
  readonly #backoff = new Backoff(FIRST_RETRY_MS, LAST_RETRY_MS, Infinity);
  #size: TileSize;
  #socket: WebSocket | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(endpoint: Promise<VideoEndpoint>, track: VideoTrack, size: TileSize, draw: (frame: Frame) => void) {
    this.#endpoint = endpoint;
    this.#track = track;
    this.#size = size;
    this.#draw = draw;
    void this.#connect();
  }

  /** The tile has another size. */
  resize(size: TileSize): void {
    if (size.width === this.#size.width && size.height === this.#size.height) return;
    this.#size = size;
    this.#send(size);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#socket?.close();
  }

  async #connect(): Promise<void> {
    const endpoint = await this.#endpoint.catch(() => null);
    if (!endpoint || this.#closed) return;
    const socket = new WebSocket(endpoint.url);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#send({ token: endpoint.token, track: this.#track, ...this.#size });
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = () => this.#again();
  }

  #receive(data: unknown): void {
    if (this.#closed || !(data instanceof ArrayBuffer)) return;
    const frame = parseFrame(data);
    if (frame) {
      this.#backoff.reset();
      this.#draw(frame);
    }
    this.#send({ ack: 1 });
  }

  #again(): void {
    const wait = this.#backoff.next();
    if (this.#closed || wait === null) return;
    this.#retry = setTimeout(() => void this.#connect(), wait);
  }

  #send(message: VideoHello | VideoControl): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}
