/** Moments in the language and the clock of the user. */
import { language } from ".";

const DAY_MS = 86_400_000;

/** The time of day: 14:03. */
export function timeOfDay(at: number): string {
  return new Intl.DateTimeFormat(language(), { hour: "numeric", minute: "2-digit" }).format(at);
}

/** A day, as near as it is: today, yesterday, Tuesday, 3 Nov 2026. */
export function day(at: number, now: number): string {
  const midnight = (ms: number) => new Date(ms).setHours(0, 0, 0, 0);
  const ago = Math.round((midnight(now) - midnight(at)) / DAY_MS);
  if (ago === 0 || ago === 1) return new Intl.RelativeTimeFormat(language(), { numeric: "auto" }).format(-ago, "day");
  const near = ago > 0 && ago < 7;
  return new Intl.DateTimeFormat(language(), near ? { weekday: "long" } : { dateStyle: "medium" }).format(at);
}
