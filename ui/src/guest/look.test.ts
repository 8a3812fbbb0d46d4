import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { RelayMessage } from "../contract/RelayMessage";
import { look } from "./look";
import type { RelayHandlers } from "./relay";

const ROOM = "a".repeat(26);
const WELCOME: RelayMessage = { type: "welcome", peer: "m".repeat(16), challenge: "", ice_servers: [], resume: "" };

function ask() {
  const sent: unknown[] = [];
  const tell = vi.fn();
  const close = vi.fn();
  let handlers: RelayHandlers | undefined;
  const stop = look(ROOM, (given) => ((handlers = given), { send: (message) => void sent.push(message), close }), tell);
  return { sent, tell, close, stop, say: (message: RelayMessage) => handlers!.message(message), lost: () => handlers!.lost() };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it.each(["call", "broadcast"] as const)("asks once it may, and tells the answer: %s", (kind) => {
  const { sent, tell, close, say } = ask();
  expect(sent).toEqual([]);
  say(WELCOME);
  expect(sent).toEqual([{ type: "look", room: ROOM }]);
  say({ type: "found", room: "b".repeat(26), kind: "call" });
  expect(tell).not.toHaveBeenCalled();
  say({ type: "found", room: ROOM, kind });
  say({ type: "error", code: "not_found", message: "" });
  expect(tell.mock.calls).toEqual([[{ kind }]]);
  expect(close).toHaveBeenCalled();
});

it.each(["not_found", "busy", "rate_limited", "version"] as const)("tells why the relay does not say: %s", (code) => {
  const { tell, say } = ask();
  say(WELCOME);
  say({ type: "error", code, message: "" });
  expect(tell.mock.calls).toEqual([[{ refused: code }]]);
});

it("concludes nothing from a relay that is silent or is not there", () => {
  const silent = ask();
  silent.say(WELCOME);
  vi.advanceTimersByTime(10_000);
  const gone = ask();
  gone.lost();
  for (const { tell, close } of [silent, gone]) {
    expect(tell.mock.calls).toEqual([[{ refused: "relay_unreachable" }]]);
    expect(close).toHaveBeenCalledOnce();
  }
});

it("takes it for a call where an old relay does not know the question", () => {
  const { tell, say } = ask();
  say(WELCOME);
  say({ type: "error", code: "bad_message", message: "" });
  expect(tell.mock.calls).toEqual([[{ kind: "call" }]]);
});

it("tells nothing once it is stopped", () => {
  const { tell, close, stop, say } = ask();
  stop();
  say({ type: "found", room: ROOM, kind: "broadcast" });
  vi.advanceTimersByTime(10_000);
  expect(tell).not.toHaveBeenCalled();
  expect(close).toHaveBeenCalled();
});
