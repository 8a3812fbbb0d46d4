/** Puts the theme on the document, and keeps it there when the system changes its own. */
import type { Theme } from "./contract/Theme";

export function followTheme(theme: Theme): () => void {
  const light = matchMedia("(prefers-color-scheme: light)");
  const apply = () => {
    const shown = theme === "system" ? (light.matches ? "light" : "dark") : theme;
    document.documentElement.dataset["theme"] = shown;
  };
  apply();
  light.addEventListener("change", apply);
  return () => light.removeEventListener("change", apply);
}
