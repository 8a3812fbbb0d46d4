import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Throttle } from "./throttle";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("runs at once, and then once for all that came in each span of time", () => {
  const run = vi.fn();
  const throttle = new Throttle(100, run);
  for (let i = 0; i < 5; i++) throttle.ask();
  expect(run).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(99);
  expect(run).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1);
  expect(run).toHaveBeenCalledTimes(2);
  // Nothing came since.
  vi.advanceTimersByTime(1000);
  expect(run).toHaveBeenCalledTimes(2);
  throttle.ask();
  expect(run).toHaveBeenCalledTimes(3);
});

it("runs nothing once it is stopped", () => {
  const run = vi.fn();
  const throttle = new Throttle(100, run);
  throttle.ask();
  throttle.ask();
  throttle.stop();
  vi.advanceTimersByTime(1000);
  expect(run).toHaveBeenCalledTimes(1);
});
