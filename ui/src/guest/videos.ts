/** The `video` elements of the guest's page. */
import type { VideoMarks } from "../backend";

export class Videos {
  readonly #remote = new Set<HTMLVideoElement>();
  #speaker: string | null = null;

  /** Shows a stream in a new element inside `host`; the user's own stays without sound. */
  attach(stream: MediaStream | null, own: boolean, host: HTMLElement, marks: VideoMarks): () => void {
    const video = document.createElement("video");
    video.autoplay = true;
    video.playsInline = true;
    video.muted = own;
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
    const play = () => void video.play().catch(() => undefined);
    // The sound of a page that nobody has touched is held back until somebody does.
    addEventListener("pointerdown", play);
    addEventListener("keydown", play);
    play();
    return () => {
      removeEventListener("load", show);
      removeEventListener("pointerdown", play);
      removeEventListener("keydown", play);
      this.#remote.delete(video);
      video.srcObject = null;
      video.remove();
    };
  }

  useSpeaker(id: string | null): void {
    this.#speaker = id;
    for (const video of this.#remote) this.#route(video);
  }

  #route(video: HTMLVideoElement): void {
    const wanted = this.#speaker ?? "";
    if (!("setSinkId" in video) || video.sinkId === wanted) return;
    video.setSinkId(wanted).catch((error: unknown) => console.warn("The speaker cannot be used.", error));
  }
}
