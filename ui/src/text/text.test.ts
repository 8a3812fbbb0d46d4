import { describe, expect, it } from "vitest";
import { clock, errorText, spoken, t, userError } from ".";
import { errorTexts, texts } from "./en";

const sources = import.meta.glob<string>("../**/*.{ts,svelte}", { query: "?raw", import: "default", eager: true });
const code = Object.entries(sources)
  .filter(([path]) => !path.endsWith("en.ts") && !path.includes(".test."))
  .map(([, source]) => source)
  .join("\n");

describe("the table of texts", () => {
  it.each(Object.keys(texts))("%s is used", (id) => {
    // Some ids are put together: `status.${phase}`.
    const stem = id.slice(0, id.lastIndexOf(".") + 1);
    expect(code.includes(`"${id}"`) || code.includes(`\`${stem}\${`), id).toBe(true);
  });

  it("has no empty, untidy or unfinished text", () => {
    const sentences = Object.values(errorTexts).flatMap(({ message, hint }) => [message, hint]);
    for (const text of Object.values(texts)) expect(text.trim()).toBe(text);
    for (const text of Object.values(texts)) expect(text).not.toBe("");
    for (const text of sentences) expect(text === "" || /^[A-Z].*[.]$/.test(text), text).toBe(true);
  });

  it("is the only place of words", () => {
    for (const [path, source] of Object.entries(sources)) {
      if (!path.endsWith(".svelte")) continue;
      const markup = source.replace(/<script[\s\S]*?<\/script>|<style[\s\S]*?<\/style>|<!--[\s\S]*?-->|<kbd>.*?<\/kbd>/g, "");
      const words = markup.replace(/\{[^{}]*(\{[^{}]*\}[^{}]*)*\}/g, "").match(/>[^<>{}]*[A-Za-z]{3,}[^<>{}]*</g) ?? [];
      expect(words, path).toEqual([]);
    }
  });
});

it("fills in what is given, and nothing twice", () => {
  expect(t("call.peer.muted", { name: "{name}" })).toBe("{name}'s microphone is off");
  expect(t("call.muted.hint")).toContain("{key}");
});

it("prefers this language's sentence to the backend's", () => {
  expect(errorText({ code: "room_full", message: "x", hint: "y" }).message).toBe("The call is full.");
  expect(errorText({ code: "internal", message: "x", hint: "y" })).toEqual({ message: "x", hint: "y" });
  expect(errorText({ code: "bad_link", message: "x", hint: "y" })).toEqual({ message: "x", hint: "y" });
  expect(errorText(userError("bad_link")).message).toContain("not complete");
  expect(userError("locked").hint).not.toBe("");
});

it("says times as a clock and in words", () => {
  expect([7, 728, 3723, -1].map(clock)).toEqual(["0:07", "12:08", "1:02:03", "0:00"]);
  expect([0, 1, 29, 60, 1450].map(spoken)).toEqual(["0 seconds", "1 second", "29 seconds", "1 minute", "24 minutes"]);
});
