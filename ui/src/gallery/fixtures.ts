/** Views of every screen and state, for the gallery and the tests. */
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
const WAITING = { waiting_link: openedLink() };
const ALIKE = openedLink({ address: "xn--80ak6aa92e.com", international: true });
export const lobby = (host: boolean, busy = false, kind: RoomKind | null = "call", relay: RelayCall | null = null): Screen => ({ type: "lobby", kind, host, busy, relay });

/** A relay of small pages. */
export const meeting = (shape: RelayShape): RelayCall => ({ url: "ws://192.168.1.30:3002/", shape });

/** What a call through one is without: names, link, host. */
const stranger = (change: Partial<PeerView> = {}) => peer("stranger", "", { quality: "good", ...change });
const MET: Partial<CallView> = { host: false, link: null, peers: [stranger()] };

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

const WORDS = ["acorn", "harbour", "violin", "pepper"];

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
const BUSY_CHAT = chat(...Array.from({ length: 60 }, (_, index): [string | null, string] => [index % 3 ? "Mika" : null, `Line ${index} ${"word ".repeat(index % 12)}`]), [
  "Ulrich-Maximilian von der Hohenstaufen zu Altenburg",
  `https://example.org/${"path/".repeat(40)}`,
]);
/** Those who watch, some not so well. */
const VIEWERS = ["Mika", "Jo", "李明", "Ulrich-Maximilian von der Hohenstaufen zu Altenburg", "דנה"].map((name, index) =>
  peer(`viewer${index}`, name, { quality: (["good", "fair", "poor"] as const)[index % 3] ?? null }),
);
const CROWD = Array.from({ length: 120 }, (_, index) => peer(`viewer${index}`, `Viewer ${index + 1}`, { state: index % 9 === 8 ? "connecting" : "connected" }));

const KNOCKS = ["Jo", "Oma", "李明"].map((name, index) => ({ peer: `knock${index}`, name }));

const NONE: DeviceState = { type: "missing" };
const NOTHING = media({
  camera: device(NONE),
  microphone: device(NONE),
  speaker: device({ type: "open" }),
});
const DENIED = media({
  camera: device(failed("camera_denied")),
  microphone: device(failed("microphone_denied")),
});

const refusedGuest = (code: ErrorCode, change: Partial<EndedView> = {}): Fixture => ({
  kind: "guest",
  view: view(ended({ type: "refused", code }, { seconds: null, name: null, ...change })),
});

export const fixtures = {
  start: { kind: "app", view: view(start) },
  "start-recents": { kind: "app", view: view(start, { recents: RECENTS }) },
  "start-server": {
    kind: "app",
    view: view(start, { relay: { type: "server", url: "https://relay.example.org" } }),
  },
  "start-relay-starting": { kind: "app", view: view(start, { relay: { type: "starting" } }) },
  "start-relay-failed": {
    kind: "app",
    view: view(start, {
      relay: { type: "failed", error: userError("relay_failed") },
      error: {
        code: "relay_failed",
        message: "The built-in relay could not start: port 3002 is taken.",
        hint: "Close the other program, or choose a server's address in the settings.",
      },
    }),
  },
  "start-bad-link": { kind: "app", view: view(start, { error: userError("bad_link") }) },
  "start-set-aside": { kind: "app", view: view(start, { error: userError("settings_unreadable") }) },
  "start-settings": { kind: "app", view: view(start, { recents: RECENTS }), press: "settings" },
  "link-opened": { kind: "app", view: view({ type: "link_opened", ...openedLink() }) },
  "link-opened-near": { kind: "app", view: view({ type: "link_opened", ...openedLink({ address: "192.168.1.20:3002", reach: "this_network" }) }) },
  "link-opened-here": { kind: "app", view: view({ type: "link_opened", ...openedLink({ address: "127.0.0.1:3002", reach: "this_computer" }) }) },
  "link-opened-alike": {
    kind: "app",
    view: view({ type: "link_opened", ...openedLink({ address: `xn--80ak6aa92e.${"a-long-label-of-a-name.".repeat(8)}example:44300`, international: true }) }),
  },
  "lobby-link": { kind: "app", view: view(lobby(true), WAITING), level: -28 },
  "share-lobby-link": { kind: "app", view: view(lobby(true, false, "broadcast"), { share: choosing(), ...WAITING }) },
  "call-link": { kind: "app", view: view(call(), WAITING) },
  "share-link": { kind: "app", view: view(broadcast(), { share: sharing(), ...WAITING }) },
  "watch-link": { kind: "app", view: view(watching(), WAITING) },
  "ended-link": { kind: "app", view: view(ended({ type: "by_them" }), WAITING) },
  "ended-link-alike": { kind: "app", view: view(ended({ type: "network" }), { waiting_link: ALIKE }) },
  "ended-turn-missing": { kind: "app", view: view(ended({ type: "refused", code: "turn_missing" }, { seconds: null, name: null })) },
  lobby: { kind: "app", view: view(lobby(true)), level: -28 },
  "lobby-join": { kind: "app", view: view(lobby(false)), level: -70 },
  "lobby-busy": { kind: "app", view: view(lobby(true, true)), level: -40 },
  "lobby-opening": {
    kind: "app",
    view: view(lobby(true), {
      media: media({ camera: device({ type: "opening" }), microphone: device({ type: "opening" }) }),
    }),
  },
  "lobby-no-device": { kind: "app", view: view(lobby(true), { media: NOTHING }) },
  "lobby-camera-busy": {
    kind: "app",
    view: view(lobby(true), {
      media: media({ camera: device(failed("camera_busy"), "Logitech C920") }),
      error: userError("camera_busy"),
    }),
    level: -30,
  },
  "lobby-off": { kind: "app", view: view(lobby(true), { media: media({ muted: true, camera_off: true }) }) },
  "guest-lobby": { kind: "guest", view: view(lobby(false)), level: -25 },
  "guest-denied": {
    kind: "guest",
    view: view(lobby(false), { media: DENIED, error: userError("camera_denied") }),
  },
  "guest-insecure": {
    kind: "guest",
    view: view(lobby(false), {
      media: media({ camera: device(failed("insecure_page")), microphone: device(failed("insecure_page")) }),
      error: userError("insecure_page"),
    }),
  },
  "guest-relay-unreachable": { kind: "guest", view: view(lobby(false), { error: userError("relay_unreachable") }), level: -60 },
  "guest-settings": { kind: "guest", view: view(lobby(false)), level: -25, press: "settings" },
  "guest-busy": { kind: "guest", view: view(lobby(false, true)), level: -25 },
  "guest-knocking": { kind: "guest", view: view(waiting({ phase: "knocking", host: false, link: null })) },
  "guest-knocking-relay-lost": { kind: "guest", view: view(waiting({ phase: "knocking", host: false, link: null, relay_lost: true })) },
  "guest-waiting": { kind: "guest", view: view(waiting({ host: false, link: null })) },
  "guest-host-away": { kind: "guest", view: view(waiting({ phase: "host_away", host: false, link: null })) },
  joining: { kind: "app", view: view(waiting({ phase: "joining", link: null })) },
  waiting: { kind: "app", view: view(waiting()) },
  "waiting-addresses": {
    kind: "app",
    view: view(
      waiting({
        addresses: [
          { address: "192.168.1.20", label: "Wi-Fi", chosen: true },
          { address: "10.8.0.2", label: "tun0", chosen: false },
        ],
      }),
      { media: media({ camera_off: true, muted: true }) },
    ),
  },
  "waiting-knock": { kind: "app", view: view(waiting({ knocks: KNOCKS.slice(0, 1) })) },
  "waiting-relay-lost": { kind: "app", view: view(waiting({ relay_lost: true })) },
  connecting: { kind: "app", view: view(call({ phase: "connecting", connected_at: null, peers: [peer("mika", "Mika", { state: "connecting", quality: null })] })) },
  call: { kind: "app", view: view(call()) },
  "call-knock": { kind: "app", view: view(call({ knocks: KNOCKS })) },
  "call-knock-long": {
    kind: "app",
    view: view(call({ knocks: [{ peer: "long", name: "W".repeat(128) }], relay_lost: true }), { error: userError("camera_failed"), media: media({ muted: true }) }),
  },
  "call-chat": { kind: "app", view: view(call({ chat: CHAT })), press: "chat-toggle" },
  "call-chat-empty": { kind: "app", view: view(call()), press: "chat-toggle" },
  "call-chat-busy": { kind: "app", view: view(call({ chat: BUSY_CHAT, peers: [peer("mika", "Mika"), peer("jo", "Jo")] })), press: "chat-toggle" },
  "call-chat-cut": { kind: "app", view: view(call({ chat: CHAT, chat_cut: true })), press: "chat-toggle" },
  "call-people": {
    kind: "app",
    view: view(call({ locked: true, peers: [peer("mika", "Mika", { words: WORDS }), peer("jo", "Jo", { muted: true, camera_off: true })] })),
    press: "people-toggle",
  },
  "guest-people": {
    kind: "guest",
    view: view(call({ host: false, link: null, locked: true, peers: [peer("mika", "Mika", { host: true }), peer("jo", "Jo")] })),
    press: "people-toggle",
  },
  "call-words": { kind: "app", view: view(call({ peers: [peer("mika", "Mika", { words: WORDS })] })), press: "verify" },
  "call-verify": { kind: "app", view: view(call({ locked: true, peers: [peer("mika", "Mika Korhonen", { words: WORDS })] })) },
  "call-muted": {
    kind: "app",
    view: view(call({ peers: [peer("mika", "Mika", { quality: "fair" })] }), { media: media({ muted: true }) }),
  },
  "call-peer-off": {
    kind: "app",
    view: view(call({ peers: [peer("mika", "Mika Korhonen", { muted: true, camera_off: true })] })),
  },
  "call-reconnecting": {
    kind: "app",
    view: view(call({ phase: "reconnecting", peers: [peer("mika", "Mika", { state: "reconnecting", quality: null })] })),
  },
  "call-relay-lost": {
    kind: "guest",
    view: view(call({ host: false, link: null, relay_lost: true, peers: [peer("mika", "Mika", { quality: "poor", host: true })] })),
  },
  "call-not-authentic": {
    kind: "app",
    view: view(call({ phase: "connecting", peers: [peer("mika", "Mika", { state: "not_authentic", quality: null })] }), {
      error: userError("not_authentic"),
    }),
  },
  "call-four": {
    kind: "app",
    view: view(
      call({
        peers: [
          peer("mika", "Mika"),
          peer("jo", "Jo", { muted: true, quality: "fair" }),
          peer("oma", "Oma", { camera_off: true }),
        ],
      }),
    ),
  },
  "call-eight": {
    kind: "app",
    view: view(
      call({
        peers: ["Mika", "Jo", "Oma", "Ulrich-Maximilian von der Hohenstaufen", "李明", "Zoë", "Bo"].map((name, index) =>
          peer(`peer${index}`, name, { camera_off: index % 3 === 2, muted: index % 2 === 1, quality: (["good", "fair", "poor"] as const)[index % 3] ?? null }),
        ),
      }),
    ),
  },
  "call-screen": { kind: "app", view: view(call({ peers: [peer("mika", "Mika", { screen: true })] })) },
  "guest-screen": { kind: "guest", view: view(call({ host: false, link: null, peers: [peer("mika", "Mika", { host: true, screen: true, camera_off: true })] })) },
  "call-screens": {
    kind: "app",
    view: view(call({ peers: [peer("mika", "Mika", { screen: true }), peer("jo", "Jo", { muted: true }), peer("oma", "Oma", { screen: true, camera_off: true }), peer("bo", "Bo")] })),
  },
  "call-showing": { kind: "app", view: view(call(), { share: sharing(), media: media({ muted: true }) }) },
  "guest-showing": {
    kind: "guest",
    view: view(call({ host: false, link: null, peers: [peer("mika", "Mika", { host: true, screen: true })] }), { share: sharing({ selected: { ...MONITOR, name: "" } }) }),
  },
  "call-share": { kind: "app", view: view(call(), { share: choosing({ selected: null }) }), press: "share-screen" },
  "call-share-gone": { kind: "app", view: view(call(), { error: userError("screen_missing") }) },
  "share-lobby": { kind: "app", view: view(lobby(true, false, "broadcast"), { share: choosing() }) },
  "share-lobby-many": { kind: "app", view: view(lobby(true, false, "broadcast"), { share: choosing({ sources: { type: "found", sources: SOURCES, left_out: 6 } }) }) },
  "share-lobby-looking": { kind: "app", view: view(lobby(true, false, "broadcast"), { share: share({ sources: { type: "looking" } }) }) },
  "share-lobby-none": { kind: "app", view: view(lobby(true, false, "broadcast"), { share: share({ sources: { type: "found", sources: [], left_out: 0 } }) }) },
  "share-lobby-denied": {
    kind: "app",
    view: view(lobby(true, false, "broadcast"), { share: share({ sources: { type: "failed", error: userError("screen_denied") } }) }),
  },
  "share-lobby-asked": {
    kind: "app",
    view: view(lobby(true, true, "broadcast"), {
      share: choosing({ sources: { type: "found", sources: ASKED, left_out: 0 }, selected: ASKED[1]!, content: "motion", fps: 60, sound: true }),
    }),
  },
  "share-asked": { kind: "app", view: view(broadcast(), { share: sharing({ selected: ASKED[0]! }) }) },
  "share-opening": { kind: "app", view: view(broadcast({ phase: "joining", link: null }), { share: sharing({ state: { type: "opening" } }) }) },
  share: { kind: "app", view: view(broadcast(), { share: sharing() }) },
  "share-viewers": { kind: "app", view: view(broadcast({ phase: "connected", others: VIEWERS.length, peers: VIEWERS, locked: true }), { share: sharing({ sound: true, sound_state: { type: "open" } }) }) },
  "share-crowd": { kind: "app", view: view(broadcast({ phase: "connected", others: CROWD.length, peers: CROWD }), { share: sharing({ content: "motion" }) }) },
  "share-paused": { kind: "app", view: view(broadcast({ phase: "connected", others: 1, peers: VIEWERS.slice(0, 1) }), { share: sharing({ paused: true, state: { type: "closed" } }) }) },
  "share-knock": { kind: "app", view: view(broadcast({ knocks: KNOCKS }), { share: sharing() }) },
  "share-relay-lost": { kind: "app", view: view(broadcast({ phase: "connected", others: 2, peers: VIEWERS.slice(0, 2), relay_lost: true }), { share: sharing() }) },
  "share-gone": {
    kind: "app",
    view: view(broadcast({ phase: "connected", others: 2, peers: VIEWERS.slice(0, 2) }), {
      share: sharing({ state: failed("screen_missing") }),
      error: userError("screen_missing"),
    }),
  },
  "share-no-sound": { kind: "app", view: view(broadcast(), { share: sharing({ sound: true, sound_state: failed("system_sound_failed") }) }) },
  "share-switch": { kind: "app", view: view(broadcast({ phase: "connected", others: 2, peers: VIEWERS.slice(0, 2) }), { share: choosing({ state: { type: "open" } }) }), press: "switch-screen" },
  "start-broadcasts": { kind: "app", view: view(start, { recents: BROADCASTS }) },
  "guest-looking": { kind: "guest", view: view(lobby(false, true, null)) },
  "guest-looking-untold": { kind: "guest", view: view(lobby(false, false, null), { error: userError("relay_unreachable") }) },
  "guest-watch-lobby": { kind: "guest", view: view(lobby(false, false, "broadcast")) },
  "watch-lobby": { kind: "app", view: view(lobby(false, false, "broadcast")) },
  "guest-watch": { kind: "guest", view: view(watching()) },
  "watch-muted": { kind: "app", view: view(watching(), { media: media({ speaker_muted: true }) }) },
  "watch-own-size": { kind: "app", view: view(watching()), press: "own-size" },
  "guest-watch-connecting": { kind: "guest", view: view(watching({ phase: "connecting", peers: [peer("ada", "Ada", { host: true, state: "connecting", quality: null })] })) },
  "guest-watch-knocking": { kind: "guest", view: view(watching({ phase: "knocking", others: 0, peers: [] })) },
  "guest-watch-paused": { kind: "guest", view: view(watching({ peers: [peer("ada", "Ada", { host: true, camera_off: true })] })) },
  "guest-watch-host-away": { kind: "guest", view: view(watching({ phase: "host_away", others: 4, peers: [] })) },
  "guest-watch-reconnecting": { kind: "guest", view: view(watching({ phase: "reconnecting", peers: [peer("ada", "Ada", { host: true, state: "reconnecting", quality: null })] })) },
  "guest-watch-relay-lost": { kind: "guest", view: view(watching({ relay_lost: true, peers: [peer("ada", "Ada", { host: true, quality: "poor" })] })) },
  "guest-watch-not-authentic": {
    kind: "guest",
    view: view(watching({ phase: "connecting", peers: [peer("ada", "Ada", { host: true, state: "not_authentic", quality: null })] }), { error: userError("not_authentic") }),
  },
  "relay-join": { kind: "app", view: view(start), press: "join-relay" },
  "relay-join-again": { kind: "app", view: joined({ type: "targeted", name: "ada", target: "bob" }), press: "join-relay" },
  "relay-lobby": { kind: "app", view: view(lobby(false, false, "call", meeting({ type: "both" }))), level: -28 },
  "relay-lobby-share": { kind: "app", view: view(lobby(true, false, "broadcast", meeting({ type: "broadcast" })), { share: choosing() }) },
  "relay-lobby-view": { kind: "app", view: view(lobby(false, false, "broadcast", meeting({ type: "view" }))) },
  "relay-lobby-text": { kind: "app", view: view(lobby(false, false, "call", meeting({ type: "socket_io", media: false }))) },
  "relay-waiting": { kind: "app", view: view(waiting({ ...MET, peers: [], relay: meeting({ type: "both" }) })) },
  "relay-waiting-view": { kind: "app", view: view(watching({ ...MET, phase: "waiting", others: 0, peers: [], relay: meeting({ type: "view" }) })) },
  "relay-call": { kind: "app", view: view(call({ ...MET, relay: meeting({ type: "both" }) })) },
  "relay-call-send": { kind: "app", view: view(call({ ...MET, peers: [stranger({ muted: true, camera_off: true })], relay: meeting({ type: "send", screen: false }) })) },
  "relay-call-text": { kind: "app", view: view(call({ ...MET, chat: CHAT, relay: meeting({ type: "socket_io", media: false }) })), press: "chat-toggle" },
  "relay-share": { kind: "app", view: view(broadcast({ link: null, relay: meeting({ type: "broadcast" }) }), { share: sharing() }) },
  "relay-share-viewers": {
    kind: "app",
    view: view(broadcast({ phase: "connected", link: null, others: 2, peers: [peer("one", "viewer one"), peer("two", "8f14e45f-ceea-467f-9f3b-1c2d3e4f5a6b")], relay: meeting({ type: "broadcast" }) }), { share: sharing() }),
  },
  "relay-watch": { kind: "app", view: view(watching({ ...MET, others: 0, peers: [stranger({ host: true })], relay: meeting({ type: "view" }) })) },
  "relay-unreachable": {
    kind: "app",
    view: view(ended({ type: "refused", code: "relay_unreachable" }, { host: false, seconds: null, name: null, relay: meeting({ type: "both" }) })),
  },
  "relay-not-trusted": {
    kind: "app",
    view: view(ended({ type: "refused", code: "relay_not_trusted" }, { host: false, seconds: null, name: null, can_call_again: false, relay: meeting({ type: "both" }) })),
  },
  "share-ended": { kind: "app", view: view(ended({ type: "by_me" }, { kind: "broadcast", name: null })) },
  "guest-watch-ended": { kind: "guest", view: view(ended({ type: "by_them" }, { kind: "broadcast", host: false, name: "Ada" })) },
  "guest-watch-removed": refusedGuest("removed", { kind: "broadcast", host: false, seconds: 130, can_call_again: false }),
  "ended-by-me": { kind: "app", view: view(ended({ type: "by_me" })) },
  "ended-by-them": { kind: "app", view: view(ended({ type: "by_them" })) },
  "ended-network": { kind: "app", view: view(ended({ type: "network" })) },
  "ended-refused": { kind: "app", view: view(ended({ type: "refused", code: "not_found" }, { seconds: null, name: null })) },
  "ended-before": { kind: "app", view: view(ended({ type: "by_me" }, { seconds: null, name: null })) },
  "ended-denied": { kind: "app", view: view(ended({ type: "refused", code: "denied" }, { seconds: null, name: null })) },
  "guest-full": refusedGuest("room_full"),
  "guest-gone": refusedGuest("not_found"),
  "guest-not-let-in": refusedGuest("denied"),
  "guest-locked": refusedGuest("locked"),
  "guest-removed": refusedGuest("removed", { seconds: 130, can_call_again: false }),
  "guest-network": { kind: "guest", view: view(ended({ type: "network" })) },
  "guest-ended": { kind: "guest", view: view(ended({ type: "by_them" })) },
  "guest-bad-link": {
    kind: "guest",
    view: view(ended({ type: "refused", code: "bad_link" }, { seconds: null, name: null, can_call_again: false })),
  },
} satisfies Record<string, Fixture>;

export type FixtureName = keyof typeof fixtures;
