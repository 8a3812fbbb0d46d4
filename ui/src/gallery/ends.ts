/** The end of calls and broadcasts. */
import type { EndedView } from "../contract/EndedView";
import type { ErrorCode } from "../contract/ErrorCode";
import { type Fixture, ended, view } from "./views";

const refusedGuest = (code: ErrorCode, change: Partial<EndedView> = {}): Fixture => ({
  kind: "guest",
  view: view(ended({ type: "refused", code }, { seconds: null, name: null, ...change })),
});

export const ends = {
  "ended-turn-missing": { kind: "app", view: view(ended({ type: "refused", code: "turn_missing" }, { seconds: null, name: null })) },
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
