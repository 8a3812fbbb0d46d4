/** The `video` elements of the guest's page. */
import type { ShownVideo, VideoMarks } from "../backend";

/** What counts as a touch of the page: not all of these do everywhere, and one is enough. */
const TOUCHES = ["pointerdown", "click", "keydown"] as const;

export class Videos {
  readonly #remote = new Set<HTMLVideoElement>();
  #speaker: string | null = null;
  /** The viewer does not want to hear any of them. */
  #muted = false;
  /** Those that the browser plays without their sound until the page is touched. */
  readonly #heldBack = new Set<HTMLVideoElement>();

  /** Shows a stream in a new element inside `host`; the user's own stays without sound. */
  attach(stream: MediaStream | null, own: boolean, host: HTMLElement, marks: VideoMarks): ShownVideo {
    const video = document.createElement("video");
    video.autoplay = true;
    video.playsInline = true;
    video.muted = own || this.#muted;
    video.disablePictureInPicture = own;
    video.dataset["testid"] = marks.testid;
    video.setAttribute("aria-label", marks.label);
    // A stream without a track yet would hold back the page's `load` for as long as there is none.
    const show = () => (video.srcObject = stream);
    if (document.readyState === "complete") show();
    else addEventListener("load", show, { once: true });
    host.append(video);
    if (!own) {
      this.#remote.add(video);
      this.#route(video);
    }
    const begin = async () => {
      if (await playsSilently(video)) this.#heldBack.add(video);
    };
    // What the viewer has muted, in a window of its own for one, stays so.
    const touched = () => {
      if (this.#heldBack.delete(video)) video.muted = this.#muted;
      void begin();
    };
    for (const touch of TOUCHES) addEventListener(touch, touched);
    void begin();
    return {
      // A browser has all of them.
      wantAll: () => {},
      close: () => {
        removeEventListener("load", show);
        for (const touch of TOUCHES) removeEventListener(touch, touched);
        this.#remote.delete(video);
        this.#heldBack.delete(video);
        video.srcObject = null;
        video.remove();
      },
    };
  }

  useSpeaker(id: string | null): void {
    this.#speaker = id;
    for (const video of this.#remote) this.#route(video);
  }

  get muted(): boolean {
    return this.#muted;
  }

  mute(muted: boolean): void {
    // A touch that would turn the sound off has it on now.
    if (muted && this.#heldBack.size > 0) return;
    this.#muted = muted;
    for (const video of this.#remote) video.muted = muted;
  }

  #route(video: HTMLVideoElement): void {
    const wanted = this.#speaker ?? "";
    if (!("setSinkId" in video) || video.sinkId === wanted) return;
    video.setSinkId(wanted).catch((error: unknown) => console.warn("The speaker cannot be used.", error));
  }
}

/** Plays. The sound of a page that nobody has touched is held back: then the picture goes on without it, and that is said. */
async function playsSilently(video: HTMLVideoElement): Promise<boolean> {
  try {
    await video.play();
    return false;
  } catch (error) {
    if (!(error instanceof DOMException) || error.name !== "NotAllowedError" || video.muted) return false;
    video.muted = true;
    await video.play().catch(() => undefined);
    return true;
  }
}
