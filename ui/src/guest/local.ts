/** The edge to the user's own camera, microphone and speaker in a browser. */
import type { DeviceInfo } from "../contract/DeviceInfo";
import type { DeviceState } from "../contract/DeviceState";
import type { ErrorCode } from "../contract/ErrorCode";
import type { MediaView } from "../contract/MediaView";
import type { UserError } from "../contract/UserError";
import { t, userError } from "../text";
import { LevelMeter } from "./level";
import type { Kind } from "./peer";

export interface LocalEvents {
  changed(): void;
  /** What is sent of this kind is another track now, or none. */
  track(kind: Kind): void;
  level(db: number): void;
}

const NAMES: Record<Kind, "camera" | "microphone"> = { video: "camera", audio: "microphone" };

const CONSTRAINTS: Record<Kind, MediaTrackConstraints> = {
  video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } },
  audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
};

/** What `getUserMedia` says, as a code. */
export function codeOf(kind: Kind, error: unknown): ErrorCode {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  const device = NAMES[kind];
  if (name === "NotAllowedError" || name === "SecurityError") return `${device}_denied`;
  if (name === "NotFoundError" || name === "OverconstrainedError") return `${device}_missing`;
  if (name === "NotReadableError" && kind === "video") return "camera_busy";
  return `${device}_failed`;
}

interface Device {
  state: DeviceState;
  selected: string | null;
  track: MediaStreamTrack | null;
  /** Grows with each opening and closing: an opening that was overtaken is thrown away. */
  turn: number;
}

const closed = (): Device => ({ state: { type: "closed" }, selected: null, track: null, turn: 0 });

export class LocalMedia {
  /** One stream for both tracks, so that the other end plays them in step. */
  readonly stream = new MediaStream();
  readonly #events: LocalEvents;
  readonly #devices: Record<Kind, Device> = { audio: closed(), video: closed() };
  readonly #meter: LevelMeter;
  #speaker: string | null = null;
  #muted = false;
  #cameraOff = false;
  #inUse = false;
  #known: MediaDeviceInfo[] = [];

  constructor(events: LocalEvents) {
    this.#events = events;
    this.#meter = new LevelMeter((db) => events.level(this.#muted ? -100 : db));
    globalThis.navigator?.mediaDevices?.addEventListener?.("devicechange", () => void this.#list());
  }

  /** Why neither camera nor microphone can be had here at all. */
  static unavailable(): ErrorCode | null {
    if ("mediaDevices" in navigator) return null;
    return globalThis.isSecureContext ? "unsupported" : "insecure_page";
  }

  track(kind: Kind): MediaStreamTrack | null {
    return this.#devices[kind].track;
  }

  has(kind: Kind): boolean {
    const { state } = this.#devices[kind];
    if (state.type === "open" || state.type === "opening") return true;
    return kind === "video" && this.#cameraOff && state.type === "closed" && this.#inUse;
  }

  state(): { muted: boolean; camera_off: boolean } {
    return { muted: this.#muted || !this.has("audio"), camera_off: this.#cameraOff || !this.has("video") };
  }

  get speaker(): string | null {
    return this.#speaker;
  }

  /** The first device that failed, in words. */
  get error(): UserError | null {
    for (const kind of ["video", "audio"] as const) {
      const { state } = this.#devices[kind];
      if (state.type === "failed") return state.error;
    }
    return null;
  }

  view(): Omit<MediaView, "screen" | "speaker_muted"> {
    return {
      camera: this.#view("videoinput", this.#devices.video),
      microphone: this.#view("audioinput", this.#devices.audio),
      speaker: {
        devices: "setSinkId" in HTMLMediaElement.prototype ? this.#infos("audiooutput") : [],
        selected: this.#speaker,
        state: { type: "open" },
      },
      muted: this.#muted,
      camera_off: this.#cameraOff,
    };
  }

  /** Opens camera and microphone, asking for both at once so that the browser asks the user once. */
  async open(): Promise<void> {
    this.#inUse = true;
    const unavailable = LocalMedia.unavailable();
    if (unavailable) {
      for (const kind of ["audio", "video"] as const) this.#fail(kind, unavailable);
      return this.#events.changed();
    }
    const kinds = (["audio", "video"] as const).filter(
      (kind) => !this.#devices[kind].track && !(kind === "video" && this.#cameraOff),
    );
    await this.#start([...kinds]);
    await this.#list();
  }

  /** Stops everything. */
  close(): void {
    this.#inUse = false;
    this.#meter.stop();
    for (const kind of ["audio", "video"] as const) this.#stop(kind);
    this.#events.changed();
  }

  setMuted(muted: boolean): void {
    this.#muted = muted;
    const { track } = this.#devices.audio;
    if (track) track.enabled = !muted;
    this.#events.changed();
  }

  /** Off means off: the camera is given back, and its light goes out. */
  async setCameraOff(off: boolean): Promise<void> {
    if (off === this.#cameraOff) return;
    this.#cameraOff = off;
    if (!off) return this.#start(["video"]);
    const { state } = this.#devices.video;
    if (state.type !== "failed" && state.type !== "missing") this.#stop("video");
    this.#events.track("video");
    this.#events.changed();
  }

  async select(kind: Kind, id: string | null): Promise<void> {
    this.#devices[kind].selected = id;
    if (!this.#inUse || (kind === "video" && this.#cameraOff)) return this.#events.changed();
    this.#stop(kind);
    await this.#start([kind]);
  }

  selectSpeaker(id: string | null): void {
    this.#speaker = id;
    this.#events.changed();
  }

  /** Tries once more what failed. */
  async retry(): Promise<void> {
    const failed = (["audio", "video"] as const).filter((kind) =>
      ["failed", "missing"].includes(this.#devices[kind].state.type),
    );
    if (!LocalMedia.unavailable()) await this.#start(failed);
    await this.#list();
  }

  async #start(kinds: Kind[]): Promise<void> {
    if (kinds.length === 0) return;
    const turns = new Map(kinds.map((kind) => [kind, ++this.#devices[kind].turn]));
    for (const kind of kinds) this.#devices[kind].state = { type: "opening" };
    this.#events.changed();
    try {
      const request = Object.fromEntries(kinds.map((kind) => [kind, this.#constraints(kind)]));
      const stream = await navigator.mediaDevices.getUserMedia(request);
      for (const kind of kinds) this.#take(kind, stream, turns.get(kind));
    } catch (error) {
      // Asked for together, one that is missing takes the other with it.
      if (kinds.length > 1) for (const kind of kinds) await this.#start([kind]);
      else for (const kind of kinds) if (this.#devices[kind].turn === turns.get(kind)) this.#fail(kind, codeOf(kind, error));
    }
    for (const kind of kinds) this.#events.track(kind);
    this.#events.changed();
    void this.#list();
  }

  #constraints(kind: Kind): MediaTrackConstraints {
    const { selected } = this.#devices[kind];
    return selected === null ? CONSTRAINTS[kind] : { ...CONSTRAINTS[kind], deviceId: { exact: selected } };
  }

  #take(kind: Kind, stream: MediaStream, turn: number | undefined): void {
    const device = this.#devices[kind];
    const track = stream.getTracks().find((candidate) => candidate.kind === kind);
    if (!track) return this.#fail(kind, `${NAMES[kind]}_failed`);
    if (device.turn !== turn) return track.stop();
    track.contentHint = kind === "video" ? "motion" : "speech";
    track.onended = () => {
      this.#stop(kind);
      this.#fail(kind, `${NAMES[kind]}_missing`);
      this.#events.track(kind);
      this.#events.changed();
    };
    device.track = track;
    device.state = { type: "open" };
    this.stream.addTrack(track);
    if (kind === "audio") {
      track.enabled = !this.#muted;
      this.#meter.start(track);
    }
  }

  #fail(kind: Kind, code: ErrorCode): void {
    const device = this.#devices[kind];
    device.turn++;
    device.state = code.endsWith("_missing") ? { type: "missing" } : { type: "failed", error: userError(code) };
  }

  #stop(kind: Kind): void {
    const device = this.#devices[kind];
    device.turn++;
    if (device.track) {
      device.track.onended = null;
      device.track.stop();
      this.stream.removeTrack(device.track);
      device.track = null;
    }
    device.state = { type: "closed" };
    if (kind === "audio") this.#meter.stop();
  }

  async #list(): Promise<void> {
    const known = await navigator.mediaDevices?.enumerateDevices?.().catch(() => null);
    if (!known) return;
    this.#known = known;
    this.#events.changed();
  }

  #view(kind: MediaDeviceKind, device: Device) {
    return { devices: this.#infos(kind), selected: device.selected, state: device.state };
  }

  #infos(kind: MediaDeviceKind): DeviceInfo[] {
    const label = { videoinput: "lobby.camera", audioinput: "lobby.microphone", audiooutput: "lobby.speaker" } as const;
    // Before the user has agreed browsers list devices without ids: they cannot be chosen. `default` is our `null`.
    return this.#known
      .filter((info) => info.kind === kind && !["", "default", "communications"].includes(info.deviceId))
      .map((info, index) => ({
        id: info.deviceId,
        name: info.label || t("lobby.unnamed", { kind: t(label[kind]), number: index + 1 }),
      }));
  }
}
