/** The whole engine behind the guest's page: devices, call and view. */
import { type Readable, type Writable, readonly, writable } from "svelte/store";
import type { Backend, ShownVideo, VideoMarks, VideoTrack } from "../backend";
import type { AppView } from "../contract/AppView";
import type { Command } from "../contract/Command";
import type { ErrorCode } from "../contract/ErrorCode";
import type { Notice } from "../contract/Notice";
import type { RoomKind } from "../contract/RoomKind";
import { userError } from "../text";
import { onAwakening } from "./awakening";
import { Call } from "./call";
import { ChatLog, MAX_CHAT_BYTES, bytesOf } from "./chat";
import { readLink } from "./link";
import { type Looked, look } from "./look";
import { LocalMedia } from "./local";
import type { Line, Outgoing } from "./peer";
import { RelaySocket, socketUrl } from "./relay";
import type { ConnectRelay } from "./session";
import { Showing } from "./showing";
import { type GuestState, initialState, viewOf } from "./view";
import { Videos } from "./videos";
import { WakeLock } from "./wake-lock";

/** What the user can do something about, or wait for, in the lobby. */
const TRY_AGAIN: ReadonlySet<ErrorCode> = new Set(["relay_unreachable", "rate_limited", "busy"]);

const NAME_KEY = "ahoy.name";
const THEME_KEY = "ahoy.theme";
const LANGUAGE_KEY = "ahoy.language";

/** What leads the name of the track of the screen that a member shows. */
const SCREEN_TRACK = "screen:";

const connectRelay: ConnectRelay = (handlers, resume) => new RelaySocket(socketUrl(location), handlers, resume);

/** What somebody sends who watches. */
function nothing(): Outgoing {
  const stream = new MediaStream();
  return { stream, track: () => null, has: () => false, state: () => ({ muted: true, camera_off: true }) };
}

export class GuestBackend implements Backend {
  readonly kind = "guest";
  readonly canShare = Showing.available;
  readonly view: Readable<AppView>;
  readonly #view: Writable<AppView>;
  readonly #listeners = new Set<(notice: Notice) => void>();
  readonly #link = readLink(location);
  readonly #local = new LocalMedia({
    changed: () => this.#render(),
    track: (kind) => this.#trackChanged(kind),
    level: (db) => this.#notify({ type: "microphone_level", db }),
  });
  readonly #showing = new Showing({
    track: () => this.#trackChanged("screen"),
    failed: (code) => this.#set({ error: userError(code) }),
  });
  readonly #videos = new Videos();
  /** Kept until the page is closed, also from one call to the next: the room is the same. */
  readonly #chat = new ChatLog();
  readonly #wakeLock = new WakeLock();
  #state: GuestState;
  #call: Call | null = null;
  #stopLooking = () => {};

  constructor() {
    this.#state = initialState(location.host, {
      name: remembered(NAME_KEY),
      theme: remembered(THEME_KEY),
      language: remembered(LANGUAGE_KEY),
    });
    this.#view = writable(viewOf(this.#state, this.#own(), null, this.#chat));
    this.view = readonly(this.#view);
    // A page that is closed, reloaded or put aside ends its call.
    addEventListener("pagehide", () => this.#hangUp());
    onAwakening(() => this.#call?.awake());
    addEventListener("pageshow", ({ persisted }) => {
      if (persisted && this.#state.screen === "lobby") this.#openLobby();
    });
    if (!this.#link) this.#set({ screen: "ended", ended: { reason: { type: "refused", code: "bad_link" }, name: null } });
    else if (!globalThis.RTCPeerConnection) {
      this.#set({ screen: "ended", ended: { reason: { type: "refused", code: "unsupported" }, name: null } });
    } else this.#openLobby();
  }

  async dispatch(command: Command): Promise<void> {
    switch (command.type) {
      case "enter":
        return this.#enter(command.name);
      case "hang_up":
        return this.#hangUp();
      case "call_again":
      case "back":
        return this.#openLobby();
      case "set_muted":
        this.#local.setMuted(command.muted);
        return this.#call?.sayState();
      case "set_camera_off":
        await this.#local.setCameraOff(command.off);
        return this.#call?.sayState();
      case "select_camera":
        return this.#local.select("video", command.id);
      case "select_microphone":
        return this.#local.select("audio", command.id);
      case "select_speaker":
        this.#videos.useSpeaker(command.id);
        return this.#local.selectSpeaker(command.id);
      case "set_speaker_muted":
        this.#videos.mute(command.muted);
        return this.#render();
      case "show_sources":
        if (command.shown && this.#call?.kind === "call") await this.#showing.start();
        return;
      case "stop_share":
        return this.#showing.stop();
      case "retry_devices":
        this.#set({ error: null });
        await this.#local.retry();
        return this.#showDeviceError();
      case "send_chat":
        return this.#sendChat(command.text);
      case "set_theme":
        remember(THEME_KEY, command.theme);
        return this.#set({ theme: command.theme });
      case "set_language":
        remember(LANGUAGE_KEY, command.language);
        return this.#set({ language: command.language });
      case "dismiss_error":
        return this.#set({ error: null });
      default:
        // The rest is for hosts.
        return;
    }
  }

  onNotice(listener: (notice: Notice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  attachVideo(track: VideoTrack, host: HTMLElement, marks: VideoMarks): ShownVideo {
    const stream = track === "self" ? this.#local.stream : this.#streamOf(track);
    return this.#videos.attach(stream, track === "self", host, marks);
  }

  #streamOf(track: string): MediaStream | null {
    const [peer, isScreen] = track.startsWith(SCREEN_TRACK) ? [track.slice(SCREEN_TRACK.length), true] : [track, false];
    return (isScreen ? this.#call?.screen(peer) : this.#call?.stream(peer)) ?? null;
  }

  #own() {
    return { media: { ...this.#local.view(), speaker_muted: this.#videos.muted }, share: this.#showing.view() };
  }

  /** What goes to the others in a call. */
  #outgoing(): Outgoing {
    const [local, showing] = [this.#local, this.#showing];
    return {
      stream: local.stream,
      track: (line) => (line === "screen" ? showing.track : local.track(line)),
      has: (line) => (line === "screen" ? Showing.available : local.has(line)),
      state: () => local.state(),
    };
  }

  /** Nothing of the user's is opened before it is known what for. */
  #openLobby(): void {
    if (!this.#link) return;
    this.#stopLooking();
    this.#set({ screen: "lobby", kind: null, busy: true, error: null, ended: null });
    this.#stopLooking = look(this.#link.room, connectRelay, (looked) => this.#looked(looked));
  }

  #looked(looked: Looked): void {
    if ("refused" in looked) this.#refused(looked.refused);
    else void this.#found(looked.kind);
  }

  async #found(kind: RoomKind): Promise<void> {
    this.#set({ kind, was: kind, busy: false });
    if (kind === "broadcast") return;
    await this.#local.open();
    this.#showDeviceError();
  }

  /** A broadcast is watched without camera and microphone; to a call the user has not said yes yet. */
  #otherKind(kind: RoomKind): void {
    this.#call = null;
    this.#local.close();
    this.#set({ screen: "lobby" });
    void this.#found(kind);
    if (kind === "broadcast") this.#enter(this.#state.name);
  }

  #showDeviceError(): void {
    if (this.#local.error && !this.#state.error) this.#set({ error: this.#local.error });
  }

  #enter(name: string): void {
    const { screen, kind, busy } = this.#state;
    if (!this.#link || screen !== "lobby" || kind === null || busy) return;
    remember(NAME_KEY, name);
    this.#videos.mute(false);
    this.#set({ busy: true, error: null, name });
    this.#call = new Call({
      link: this.#link,
      kind,
      name,
      outgoing: kind === "broadcast" ? nothing() : this.#outgoing(),
      chat: this.#chat,
      connectRelay,
      events: {
        changed: () => this.#render(),
        refused: (code) => this.#refused(code),
        otherKind: (kind) => this.#otherKind(kind),
        ended: (reason, name) => this.#ended({ reason, name }),
        notAuthentic: () => this.#set({ error: userError("not_authentic") }),
        joined: (peer, name) => this.#notify({ type: "peer_joined", peer, name }),
        left: (peer, name) => this.#notify({ type: "peer_left", peer, name }),
      },
    });
    this.#call.start();
  }

  /** The way in failed: here again where it can be tried at once, else at the end. */
  #refused(code: ErrorCode): void {
    if (!TRY_AGAIN.has(code)) return this.#ended({ reason: { type: "refused", code }, name: null });
    this.#call = null;
    this.#set({ screen: "lobby", busy: false, error: userError(code) });
  }

  #sendChat(text: string): void {
    if (bytesOf(text) > MAX_CHAT_BYTES) return this.#set({ error: userError("too_large") });
    if (text.trim()) this.#call?.sendChat(text);
  }

  #hangUp(): void {
    this.#stopLooking();
    const call = this.#call;
    if (!call) return this.#local.close();
    try {
      call.leave();
    } finally {
      // Whatever happens meanwhile, camera and microphone are closed.
      this.#ended({ reason: { type: "by_me" }, name: call.lastName });
    }
  }

  #ended(ended: NonNullable<GuestState["ended"]>): void {
    const since = this.#call?.connectedAt ?? null;
    const seconds = since === null ? null : Math.round((Date.now() - since) / 1000);
    this.#call = null;
    this.#showing.stop();
    this.#local.close();
    this.#set({ screen: "ended", busy: false, error: null, ended: { ...ended, seconds } });
  }

  #trackChanged(line: Line): void {
    void this.#call?.sendTrack(line);
    this.#call?.sayState();
    this.#render();
  }

  #set(change: Partial<GuestState>): void {
    this.#state = { ...this.#state, ...change };
    this.#render();
  }

  #render(): void {
    if ((this.#call?.inside || this.#call?.knocking) && this.#state.screen === "lobby") this.#state = { ...this.#state, screen: "call", busy: false };
    this.#wakeLock.keep(this.#state.screen === "call");
    this.#view.set(viewOf(this.#state, this.#own(), this.#call, this.#chat));
  }

  #notify(notice: Notice): void {
    for (const listener of this.#listeners) listener(notice);
  }
}

// Storage may be closed to the page: then it forgets.
function remembered(key: string): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // It forgets.
  }
}
