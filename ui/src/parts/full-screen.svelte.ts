/** One element on the whole screen, where the browser can. */

interface OldVideo extends HTMLVideoElement {
  /** All that telephones of Apple have: the video alone, in a player of theirs. */
  webkitEnterFullscreen?(): void;
}

export class FullScreen {
  /** Something is on the whole screen. */
  on = $state(false);

  /** Begins to look; the returned function ends it, and with it the full screen. */
  watch(): () => void {
    const changed = () => (this.on = document.fullscreenElement != null);
    changed();
    document.addEventListener("fullscreenchange", changed);
    return () => {
      document.removeEventListener("fullscreenchange", changed);
      if (document.fullscreenElement) void document.exitFullscreen().catch(() => undefined);
    };
  }

  /** Whether there is a way at all. */
  possible(video: HTMLVideoElement | null): boolean {
    return document.fullscreenEnabled === true || (video !== null && "webkitEnterFullscreen" in video);
  }

  /** On or off: the element, or where only that can be the video in it. */
  async toggle(element: HTMLElement, video: OldVideo | null): Promise<void> {
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else if (document.fullscreenEnabled) await element.requestFullscreen();
      else video?.webkitEnterFullscreen?.();
    } catch (error) {
      console.warn("The browser does not show it on the whole screen.", error);
    }
  }
}
