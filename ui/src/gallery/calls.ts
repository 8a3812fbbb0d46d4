/** Calls, from joining on. */
import { userError } from "../text";
import { type Fixture, CHAT, KNOCKS, MONITOR, call, chat, choosing, media, peer, sharing, view, waiting } from "./views";

const WORDS = ["acorn", "harbour", "violin", "pepper"];
const BUSY_CHAT = chat(...Array.from({ length: 60 }, (_, index): [string | null, string] => [index % 3 ? "Mika" : null, `Line ${index} ${"word ".repeat(index % 12)}`]), [
  "Ulrich-Maximilian von der Hohenstaufen zu Altenburg",
  `https://example.org/${"path/".repeat(40)}`,
]);

export const calls = {
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
} satisfies Record<string, Fixture>;
