/** Relays of small pages. */
import type { CallView } from "../contract/CallView";
import type { PeerView } from "../contract/PeerView";
import { type Fixture, CHAT, broadcast, call, choosing, ended, joined, lobby, meeting, peer, sharing, start, view, waiting, watching } from "./views";

/** What a call through one is without: names, link, host. */
const stranger = (change: Partial<PeerView> = {}) => peer("stranger", "", { quality: "good", ...change });
const MET: Partial<CallView> = { host: false, link: null, peers: [stranger()] };

export const relays = {
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
} satisfies Record<string, Fixture>;
