import { describe, expect, it } from "vitest";
import { media, peer, share } from "../gallery/fixtures";
import { type CallState, type GuestState, initialState, viewOf } from "./view";

const NOTHING = { lines: [], cut: false };
const state = (change: Partial<GuestState> = {}): GuestState => ({ ...initialState("relay:3002", { name: "Ada", theme: "light", language: "zh-CN" }), ...change });

const own = () => ({ media: media(), share: share() });

const call = (change: Partial<CallState> = {}): CallState => ({
  phase: "connected",
  kind: "call",
  others: 1,
  peers: () => [peer("p", "Mika")],
  connectedAt: 5,
  relayLost: false,
  locked: false,
  ...change,
});

describe("the view of a guest", () => {
  it("begins in the lobby with what is remembered", () => {
    const view = viewOf(state(), own(), null, NOTHING);
    expect(view.screen).toEqual({ type: "lobby", kind: null, host: false, busy: false, relay: null });
    expect(view.settings).toMatchObject({ name: "Ada", theme: "light", language: "zh-CN" });
    const rubbish = initialState("r", { name: "", theme: "rubbish", language: "xx" });
    expect([rubbish.theme, rubbish.language]).toEqual(["system", "system"]);
  });

  it("shows the call without a link to give away", () => {
    const view = viewOf(state({ screen: "call" }), own(), call(), NOTHING);
    expect(view.screen).toMatchObject({ type: "call", phase: "connected", host: false, link: null, connected_at: 5 });
    expect(view.relay.type).toBe("server");
  });

  it("shows a broadcast with as many others as the relay says", () => {
    const view = viewOf(state({ screen: "call", kind: "broadcast" }), own(), call({ kind: "broadcast", others: 41 }), NOTHING);
    expect(view.screen).toMatchObject({ type: "call", kind: "broadcast", others: 41, host: false });
    const over = viewOf(state({ screen: "ended", kind: "broadcast", ended: { reason: { type: "by_them" }, name: "Ada" } }), own(), null, NOTHING);
    expect(over.screen).toMatchObject({ type: "ended", kind: "broadcast", host: false });
  });

  it("says that the relay is gone", () => {
    expect(viewOf(state({ screen: "call" }), own(), call({ relayLost: true }), NOTHING).relay).toMatchObject({
      type: "failed",
      error: { code: "relay_unreachable" },
    });
  });

  it.each([
    [{ type: "by_them" }, true],
    [{ type: "network" }, true],
    [{ type: "refused", code: "not_found" }, true],
    [{ type: "refused", code: "bad_link" }, false],
    [{ type: "refused", code: "removed" }, false],
  ] as const)("after %o a way back: %s", (reason, can) => {
    const view = viewOf(state({ screen: "ended", ended: { reason, name: "Mika", seconds: 9 } }), own(), null, NOTHING);
    expect(view.screen).toEqual({ type: "ended", kind: "call", host: false, reason, name: "Mika", seconds: 9, can_call_again: can, relay: null });
  });
});
