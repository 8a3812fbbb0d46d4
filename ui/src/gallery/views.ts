/** Views of all kinds to make fixtures of, for the gallery and the tests. */
import type { AppView } from "../contract/AppView";
import type { CallView } from "../contract/CallView";
import type { ChatLine } from "../contract/ChatLine";
import type { DeviceState } from "../contract/DeviceState";
import type { DeviceView } from "../contract/DeviceView";
import type { EndedView } from "../contract/EndedView";
import type { ErrorCode } from "../contract/ErrorCode";
import type { MediaView } from "../contract/MediaView";
import type { OpenedLink } from "../contract/OpenedLink";
import type { PeerView } from "../contract/PeerView";
import type { RecentCall } from "../contract/RecentCall";
import type { RelayCall } from "../contract/RelayCall";
import type { RelayShape } from "../contract/RelayShape";
import type { RoomKind } from "../contract/RoomKind";
import type { Screen } from "../contract/Screen";
import type { ShareView } from "../contract/ShareView";
import type { SourceView } from "../contract/SourceView";
import { userError } from "../text";

export const LINK =
  "https://192.168.1.20:3002/r/kzdvvj2umnduyauf35o36k6kw4#ICEiIyQlJicoKSorLC0uLw.3u5lS0n8n4mRkq1l0gkQmJm0s3Yw8J0vQm1XqC2k7zA";

/** Long enough ago for the clock to show minutes. */
const CONNECTED_AT = Date.now() - (12 * 60 + 8) * 1000;

const devices = (...names: string[]) => names.map((name, index) => ({ id: `${index}`, name }));

export function device(state: DeviceState, ...names: string[]): DeviceView {
  return { devices: devices(...names), selected: null, state };
}

export function media(change: Partial<MediaView> = {}): MediaView {
  return {
    camera: device({ type: "open" }, "Logitech C920", "Integrated camera"),
    microphone: device({ type: "open" }, "Headset", "Built-in microphone"),
    speaker: device({ type: "open" }, "Headset", "Built-in speakers"),
    screen: { type: "closed" },
    muted: false,
    camera_off: false,
    speaker_muted: false,
    ...change,
  };
}

const source = (id: string, kind: SourceView["kind"], name: string, width: number, height: number): SourceView => ({ id, kind, name, width, height });

export const MONITOR = source("monitor:1", "monitor", "Screen 1", 2560, 1440);
export const SOURCES = [
  MONITOR,
  source("monitor:2", "monitor", "Screen 2", 1920, 1080),
  source("window:1", "window", "notes.md – Editor", 1280, 900),
  source("window:2", "window", "A page with a title that is far too long to be shown in the width of a small picture", 1600, 900),
  source("window:3", "window", "", 640, 480),
];
/** Where the desktop asks, and has asked before. */
export const ASKED = [source("again", "again", "", 0, 0), source("asked", "asked", "", 0, 0)];

export function share(change: Partial<ShareView> = {}): ShareView {
  return {
    sources: { type: "closed" },
    selected: null,
    state: { type: "closed" },
    paused: false,
    content: "text",
    fps: 30,
    sound: false,
    sound_state: { type: "closed" },
    ...change,
  };
}

/** Where the user chooses. */
export const choosing = (change: Partial<ShareView> = {}) => share({ sources: { type: "found", sources: SOURCES, left_out: 0 }, selected: MONITOR, ...change });

/** While something is shown. */
export const sharing = (change: Partial<ShareView> = {}) => share({ selected: MONITOR, state: { type: "open" }, ...change });

export const failed = (code: ErrorCode): DeviceState => ({ type: "failed", error: userError(code) });

export function view(screen: Screen, change: Partial<AppView> = {}): AppView {
  return {
    screen,
    media: media(),
    share: share(),
    settings: { name: "Ada", theme: "system", relay: { type: "this_network" }, language: "system", ask_before_entry: false, relay_only: false, last_relay: null },
    relay: { type: "listening", address: "192.168.1.20:3002" },
    recents: [],
    waiting_link: null,
    error: null,
    ...change,
  };
}

export function peer(id: string, name: string, change: Partial<PeerView> = {}): PeerView {
  return { peer: id, name, host: false, state: "connected", muted: false, camera_off: false, screen: false, quality: "good", words: null, ...change };
}

export function call(change: Partial<CallView> = {}): Screen {
  return {
    type: "call",
    phase: "connected",
    kind: "call",
    others: 1,
    host: true,
    link: LINK,
    addresses: [],
    peers: [peer("mika", "Mika")],
    knocks: [],
    locked: false,
    relay_lost: false,
    chat: [],
    chat_cut: false,
    connected_at: CONNECTED_AT,
    relay: null,
    ...change,
  };
}

export function waiting(change: Partial<CallView> = {}): Screen {
  return call({ phase: "waiting", peers: [], connected_at: null, ...change });
}

export function ended(reason: EndedView["reason"], change: Partial<EndedView> = {}): Screen {
  return { type: "ended", kind: "call", host: true, reason, name: "Mika", seconds: 1450, can_call_again: true, relay: null, ...change };
}

/** A broadcast of the user's own, with nobody there yet. */
export function broadcast(change: Partial<CallView> = {}): Screen {
  return call({ kind: "broadcast", phase: "waiting", others: 0, peers: [], connected_at: null, ...change });
}

/** A broadcast of somebody else. */
export function watching(change: Partial<CallView> = {}): Screen {
  return call({ kind: "broadcast", host: false, link: null, others: 7, peers: [peer("ada", "Ada", { host: true })], ...change });
}

const recent = (id: number, name: string | null, daysAgo: number, seconds: number | null, host = true, kind: RoomKind = "call"): RecentCall => ({
  id: `${id}`,
  kind,
  name,
  at: Date.now() - daysAgo * 86_400_000,
  seconds,
  host,
});

export const RECENTS = [
  recent(1, "Mika Korhonen", 0, 1450),
  recent(2, null, 1, null),
  recent(3, "دانا", 2, 48, false),
  recent(4, "Ulrich-Maximilian von der Hohenstaufen zu Altenburg", 4, 5400),
  recent(5, null, 30, null, false),
];

export const BROADCASTS = [recent(6, "Mika", 0, 1450, true, "broadcast"), recent(7, "Ada", 1, 300, false, "broadcast")];

export const start: Screen = { type: "start" };

/** A link that was opened outside of the window. */
export const openedLink = (change: Partial<OpenedLink> = {}): OpenedLink => ({ id: 1, address: "relay.example.org", reach: "internet", international: false, ...change });

export const lobby = (host: boolean, busy = false, kind: RoomKind | null = "call", relay: RelayCall | null = null): Screen => ({ type: "lobby", kind, host, busy, relay });

/** A relay of small pages. */
export const meeting = (shape: RelayShape): RelayCall => ({ url: "ws://192.168.1.30:3002/", shape });

/** A view in which such a relay was joined before. */
export const joined = (shape: RelayShape): AppView => {
  const before = view(start);
  return { ...before, settings: { ...before.settings, last_relay: meeting(shape) } };
};

export interface Fixture {
  /** The page that it belongs to. */
  kind: "app" | "guest";
  view: AppView;
  /** The microphone's level, dB below full scale. */
  level?: number;
  /** What is pressed once it is shown, by its mark. */
  press?: string;
}

/** Lines of a chat: who (`null` is the user), and what. */
export function chat(...lines: [name: string | null, text: string][]): ChatLine[] {
  const at = Date.now() - lines.length * 40_000;
  return lines.map(([name, text], index) => ({ id: index + 1, name, text, at: at + index * 40_000, delivered: index + 1 < lines.length || name !== null }));
}

export const CHAT = chat(
  ["Mika", "Here is the plan: https://example.org/plans/2026?page=2 (and a copy at http://files.example.org)."],
  [null, "Thanks, I am reading it."],
  ["Mika", "Take your time."],
  ["Mika", "<b>No rush</b> & no markup"],
  ["דנה", "שלום לכולם"],
  [null, "Two lines\nin one message, which is long enough to be broken in a narrow panel."],
);

/** Who asks to come in. */
export const KNOCKS = ["Jo", "Oma", "李明"].map((name, index) => ({ peer: `knock${index}`, name }));
