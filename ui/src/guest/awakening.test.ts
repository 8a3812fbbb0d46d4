import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { onAwakening } from "./awakening";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("notices that the machine slept and that the network is back, and not that time goes by", () => {
  let asleep = 0;
  const awake = vi.fn();
  const stop = onAwakening(awake, () => Date.now() + asleep);
  vi.advanceTimersByTime(600_000);
  expect(awake).not.toHaveBeenCalled();
  asleep = 120_000;
  vi.advanceTimersByTime(60_000);
  expect(awake).toHaveBeenCalledTimes(1);
  dispatchEvent(new Event("online"));
  expect(awake).toHaveBeenCalledTimes(2);
  stop();
  asleep = 240_000;
  vi.advanceTimersByTime(60_000);
  dispatchEvent(new Event("online"));
  expect(awake).toHaveBeenCalledTimes(2);
});
