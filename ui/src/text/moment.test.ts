import { afterEach, expect, it } from "vitest";
import { followLanguage } from ".";
import { day, timeOfDay } from "./moment";

const now = new Date(2026, 10, 21, 0, 30).getTime();
const daysAgo = (days: number, hour = 23) => new Date(2026, 10, 21 - days, hour, 59).getTime();

afterEach(() => void followLanguage("en"));

it("names a day by how near it is, by the calendar and not by hours", () => {
  expect([daysAgo(0, 0), daysAgo(1), daysAgo(2), daysAgo(6)].map((at) => day(at, now))).toEqual(["today", "yesterday", "Thursday", "Sunday"]);
  expect(day(daysAgo(7), now)).toBe("Nov 14, 2026");
  // A clock that was set back.
  expect(day(daysAgo(-3), now)).toBe("Nov 24, 2026");
});

it("speaks the page's language", () => {
  expect(timeOfDay(now)).toMatch(/^12:30.AM$/);
  followLanguage("zh-CN");
  expect([day(daysAgo(1), now), day(daysAgo(2), now), timeOfDay(now)]).toEqual(["昨天", "星期四", "0:30"]);
});
