/** The app's window: views come from the shell, commands go to it. */
import { Channel, invoke } from "@tauri-apps/api/core";
import { type Readable, readonly, writable } from "svelte/store";
import type { Backend, ShownVideo, VideoMarks, VideoTrack } from "../backend";
import type { AppView } from "../contract/AppView";
import type { Command } from "../contract/Command";
import type { Notice } from "../contract/Notice";
import type { VideoEndpoint } from "../contract/VideoEndpoint";
import { FrameView } from "./frame-view";

/** What is shown for the moment until the shell has spoken. */
const EMPTY: AppView = {
  screen: { type: "start" },
  media: {
    camera: { devices: [], selected: null, state: { type: "closed" } },
    microphone: { devices: [], selected: null, state: { type: "closed" } },
    speaker: { devices: [], selected: null, state: { type: "closed" } },
    screen: { type: "closed" },
    muted: false,
    camera_off: false,
    speaker_muted: false,
  },
  share: { sources: { type: "closed" }, selected: null, state: { type: "closed" }, paused: false, content: "text", fps: 30, sound: false, sound_state: { type: "closed" } },
  settings: { name: "", theme: "system", relay: { type: "this_network" }, language: "system", ask_before_entry: false, relay_only: false, last_relay: null },
  relay: { type: "starting" },
  recents: [],
  waiting_link: null,
  error: null,
};

export class TauriBackend implements Backend {
  readonly kind = "app";
  readonly canShare = true;
  readonly view: Readable<AppView>;
  readonly #listeners = new Set<(notice: Notice) => void>();
  readonly #endpoint: Promise<VideoEndpoint>;

  constructor() {
    const view = writable(EMPTY);
    this.view = readonly(view);
    const views = new Channel<AppView>((next) => view.set(next));
    const notices = new Channel<Notice>((notice) => {
      for (const listener of this.#listeners) listener(notice);
    });
    void invoke("subscribe", { views, notices });
    this.#endpoint = invoke<VideoEndpoint>("video_endpoint");
  }

  async dispatch(command: Command): Promise<void> {
    await invoke("dispatch", { command });
  }

  onNotice(listener: (notice: Notice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  attachVideo(track: VideoTrack, host: HTMLElement, marks: VideoMarks): ShownVideo {
    return new FrameView(this.#endpoint, track, host, marks);
  }
}
