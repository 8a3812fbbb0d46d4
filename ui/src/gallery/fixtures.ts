/** Views of every screen and state, for the gallery and the tests. */
import type { AppView } from "../contract/AppView";
import type { CallView } from "../contract/CallView";
import type { DeviceState } from "../contract/DeviceState";
import type { DeviceView } from "../contract/DeviceView";
import type { EndedView } from "../contract/EndedView";
import type { ErrorCode } from "../contract/ErrorCode";
import type { MediaView } from "../contract/MediaView";
import type { PeerView } from "../contract/PeerView";
import type { RecentCall } from "../contract/RecentCall";
import type { Screen } from "../contract/Screen";
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
    muted: false,
    camera_off: false,
    ...change,
  };
}

export const failed = (code: ErrorCode): DeviceState => ({ type: "failed", error: userError(code) });

export function view(screen: Screen, change: Partial<AppView> = {}): AppView {
  return {
    screen,
    media: media(),
    settings: { name: "Ada", theme: "system", relay: { type: "this_network" }, language: "system", ask_before_entry: false },
    relay: { type: "listening", address: "192.168.1.20:3002" },
    recents: [],
    error: null,
    ...change,
  };
}

export function peer(id: string, name: string, change: Partial<PeerView> = {}): PeerView {
  return { peer: id, name, host: false, state: "connected", muted: false, camera_off: false, quality: "good", words: null, ...change };
}

export function call(change: Partial<CallView> = {}): Screen {
  return {
    type: "call",
    phase: "connected",
    host: true,
    link: LINK,
    addresses: [],
    peers: [peer("mika", "Mika")],
    knocks: [],
    locked: false,
    relay_lost: false,
    chat: [],
    connected_at: CONNECTED_AT,
    ...change,
  };
}

export function waiting(change: Partial<CallView> = {}): Screen {
  return call({ phase: "waiting", peers: [], connected_at: null, ...change });
}

export function ended(reason: EndedView["reason"], change: Partial<EndedView> = {}): Screen {
  return { type: "ended", reason, name: "Mika", seconds: 1450, can_call_again: true, ...change };
}

const recent = (id: number, name: string | null, daysAgo: number, seconds: number | null, host = true): RecentCall => ({
  id: `${id}`,
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

export const start: Screen = { type: "start" };
export const lobby = (host: boolean, busy = false): Screen => ({ type: "lobby", host, busy });

export interface Fixture {
  /** The page that it belongs to. */
  kind: "app" | "guest";
  view: AppView;
  /** The microphone's level, dB below full scale. */
  level?: number;
}

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
  "guest-full": { kind: "guest", view: view(lobby(false), { error: userError("room_full") }), level: -60 },
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
  connecting: { kind: "app", view: view(call({ phase: "connecting", connected_at: null, peers: [peer("mika", "Mika", { state: "connecting", quality: null })] })) },
  call: { kind: "app", view: view(call()) },
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
    view: view(call({ link: null, peers: [peer("mika", "Mika", { quality: "poor" })] }), {
      relay: { type: "failed", error: userError("relay_unreachable") },
    }),
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
  "ended-by-me": { kind: "app", view: view(ended({ type: "by_me" })) },
  "ended-by-them": { kind: "app", view: view(ended({ type: "by_them" })) },
  "ended-network": { kind: "app", view: view(ended({ type: "network" })) },
  "ended-refused": { kind: "app", view: view(ended({ type: "refused", code: "not_found" }, { seconds: null, name: null })) },
  "guest-ended": { kind: "guest", view: view(ended({ type: "by_them" })) },
  "guest-bad-link": {
    kind: "guest",
    view: view(ended({ type: "refused", code: "bad_link" }, { seconds: null, name: null, can_call_again: false })),
  },
} satisfies Record<string, Fixture>;

export type FixtureName = keyof typeof fixtures;
