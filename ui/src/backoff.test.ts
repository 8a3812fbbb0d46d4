import { expect, it } from "vitest";
import { Backoff } from "./backoff";

it("waits twice as long each time, up to a bound, and ends", () => {
  const backoff = new Backoff(100, 500, 5);
  expect(Array.from({ length: 6 }, () => backoff.next())).toEqual([100, 200, 400, 500, 500, null]);
  backoff.reset();
  expect(backoff.next()).toBe(100);
});
