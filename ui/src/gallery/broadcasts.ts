/** Broadcasts, from the lobby on: of the user and of others. */
import { userError } from "../text";
import { type Fixture, ASKED, KNOCKS, SOURCES, broadcast, choosing, failed, lobby, media, peer, share, sharing, view, watching } from "./views";

/** Those who watch, some not so well. */
const VIEWERS = ["Mika", "Jo", "李明", "Ulrich-Maximilian von der Hohenstaufen zu Altenburg", "דנה"].map((name, index) =>
  peer(`viewer${index}`, name, { quality: (["good", "fair", "poor"] as const)[index % 3] ?? null }),
);
const CROWD = Array.from({ length: 120 }, (_, index) => peer(`viewer${index}`, `Viewer ${index + 1}`, { state: index % 9 === 8 ? "connecting" : "connected" }));

export const broadcasts = {
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
} satisfies Record<string, Fixture>;
