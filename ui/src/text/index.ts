/** The texts of the pages. The one place that knows which language is shown. */
import type { ErrorCode } from "../contract/ErrorCode";
import type { UserError } from "../contract/UserError";
import { type ErrorText, type TextId, errorTexts, texts } from "./en";

export type { ErrorText, TextId };

/** The text of an id, with `{name}` filled in. */
export function t(id: TextId, values: Record<string, string | number> = {}): string {
  return texts[id].replace(/\{(\w+)\}/g, (mark, key: string) => String(values[key] ?? mark));
}

/** Codes that stand for several mistakes, which only the sentences that came with them tell apart. */
const SEVERAL: ReadonlySet<ErrorCode> = new Set(["bad_link"]);

/** The sentences of an error: this language's for its code, else the ones that came with it. */
export function errorText(error: UserError): ErrorText {
  const known = SEVERAL.has(error.code) ? undefined : errorTexts[error.code];
  return known ?? { message: error.message, hint: error.hint };
}

/** An error of the page's own making. */
export function userError(code: ErrorCode): UserError {
  return { code, message: code, hint: "", ...errorTexts[code] };
}

/** How long something took, in the largest fitting unit: "4 minutes". */
export function spoken(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (minutes >= 1) return minutes === 1 ? t("time.minutes.one") : t("time.minutes", { count: minutes });
  return seconds === 1 ? t("time.seconds.one") : t("time.seconds", { count: seconds });
}

/** A running time as a clock: 0:07, 12:08, 1:02:03. */
export function clock(seconds: number): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
