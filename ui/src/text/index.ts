/** The texts of the pages. The one place that knows what each language says. */
import type { ErrorCode } from "../contract/ErrorCode";
import type { RoomKind } from "../contract/RoomKind";
import type { UserError } from "../contract/UserError";
import * as en from "./en";
import type { ErrorText, TextId } from "./en";
import { type Spoken, language } from "./language.svelte";
import * as zh from "./zh-CN";

export { LANGUAGES, type Spoken, followLanguage, language } from "./language.svelte";
export type { ErrorText, TextId };

interface Table {
  texts: Record<TextId, string>;
  errorTexts: Record<ErrorCode, ErrorText>;
  broadcastErrorTexts: Partial<Record<ErrorCode, ErrorText>>;
}

export const tables: Record<Spoken, Table> = { en, "zh-CN": zh };

/** What turns the direction of the text around it: letters of scripts from right to left, and marks. */
const TURNS = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const MARKS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A name in a sentence keeps its direction to itself (UAX #9, FIRST STRONG ISOLATE). */
const isolated = (text: string) => (TURNS.test(text) ? `\u2068${text.replace(MARKS, "")}\u2069` : text);

/** The text of an id, with `{name}` filled in. */
export function t(id: TextId, values: Record<string, string | number> = {}): string {
  return tables[language()].texts[id].replace(/\{(\w+)\}/g, (mark, key: string) => {
    const value = values[key];
    return value === undefined ? mark : isolated(String(value));
  });
}

/** Codes that stand for several mistakes, which only the sentences that came with them, in English, tell apart. */
const SEVERAL: ReadonlySet<ErrorCode> = new Set(["bad_link", "relay_failed", "file", "codec", "internal", "unknown"]);

/** The sentences of an error: this language's for its code; the ones that came with it where they say more. */
export function errorText(error: UserError, kind: RoomKind = "call"): ErrorText {
  const { errorTexts, broadcastErrorTexts } = tables[language()];
  // A code of a later version has no sentence here.
  const known: ErrorText | undefined = (kind === "broadcast" && broadcastErrorTexts[error.code]) || errorTexts[error.code];
  const own = { message: error.message, hint: error.hint };
  const generic = error.message === "" || error.message === error.code;
  if (language() === "en") return known && (generic || !SEVERAL.has(error.code)) ? known : own;
  const { message, hint } = known ?? errorTexts.unknown;
  if (generic || (known && (!SEVERAL.has(error.code) || error.code === "bad_link"))) return { message, hint };
  return { message, hint: `${hint}${t("error.detail", { detail: error.message })}` };
}

/** An error of the page's own making: its sentences are found when it is shown. */
export function userError(code: ErrorCode): UserError {
  return { code, message: code, hint: "" };
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
