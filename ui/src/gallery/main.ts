/** `/?NAME` shows one fixture (`&theme=light`, `&language=zh-CN`), `/` lists them. For development only. */
import { flushSync } from "svelte";
import { start } from "../mount";
import { LANGUAGES } from "../text";
import { FixtureBackend } from "./backend";
import { type Fixture, type FixtureName, fixtures } from "./fixtures";

const query = new URLSearchParams(location.search);
const name = [...query.keys()][0];

if (name !== undefined && name in fixtures) {
  const fixture: Fixture = fixtures[name as FixtureName];
  const theme = query.get("theme");
  if (theme === "light" || theme === "dark") fixture.view.settings.theme = theme;
  const language = LANGUAGES.find((known) => known === query.get("language"));
  if (language) fixture.view.settings.language = language;
  start(new FixtureBackend(fixture));
  flushSync();
  if (fixture.press) document.querySelector<HTMLElement>(`[data-testid="${fixture.press}"]`)?.click();
} else {
  const list = document.createElement("ul");
  for (const each of Object.keys(fixtures)) {
    for (const theme of ["dark", "light"]) {
      const link = Object.assign(document.createElement("a"), { href: `/?${each}&theme=${theme}`, textContent: `${each}, ${theme}` });
      const item = document.createElement("li");
      item.append(link);
      list.append(item);
    }
  }
  document.body.replaceChildren(list);
}
