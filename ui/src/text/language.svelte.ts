/** Which language the page speaks. What reads it while it renders changes with it. */
import type { Language } from "../contract/Language";

export type Spoken = Exclude<Language, "system">;

/** As BCP 47 has them: also what `lang` and the formats of dates go by. */
export const LANGUAGES: readonly Spoken[] = ["en", "zh-CN"];

const state = $state<{ spoken: Spoken }>({ spoken: "en" });

export const language = (): Spoken => state.spoken;

/** The language of this page that suits somebody who prefers `tags`, the best first. */
export function suiting(tags: readonly string[]): Spoken {
  for (const tag of tags) {
    const found = LANGUAGES.find((spoken) => spoken.split("-")[0] === tag.toLowerCase().split("-")[0]);
    if (found) return found;
  }
  return "en";
}

/** Speaks the chosen language, or as the system has it, also when that changes. */
export function followLanguage(chosen: Language): () => void {
  const apply = () => {
    state.spoken = chosen === "system" ? suiting([navigator.language]) : chosen;
    document.documentElement.lang = state.spoken;
  };
  apply();
  addEventListener("languagechange", apply);
  return () => removeEventListener("languagechange", apply);
}
