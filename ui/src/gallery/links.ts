/** Links that were opened outside of the window. */
import { userError } from "../text";
import { type Fixture, broadcast, call, choosing, ended, lobby, openedLink, sharing, start, view, watching } from "./views";

const WAITING = { waiting_link: openedLink() };
const ALIKE = openedLink({ address: "xn--80ak6aa92e.com", international: true });

export const links = {
  "start-bad-link": { kind: "app", view: view(start, { error: userError("bad_link") }) },
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
} satisfies Record<string, Fixture>;
