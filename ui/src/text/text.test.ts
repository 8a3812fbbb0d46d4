import { afterEach, describe, expect, it, vi } from "vitest";
import { type ErrorText, type TextId, clock, errorText, followLanguage, spoken, t, tables, userError } from ".";
import { suiting } from "./language.svelte";

const sources = import.meta.glob<string>("../**/*.{ts,svelte}", { query: "?raw", import: "default", eager: true });
const code = Object.entries(sources)
  .filter(([path]) => !/\/(en|zh-CN)(\.relays)?\.ts$/.test(path) && !path.includes(".test."))
  .map(([, source]) => source)
  .join("\n");
const { en, "zh-CN": zh } = tables;
const marks = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([mark]) => mark).sort();

afterEach(() => void followLanguage("en"));

describe("the table of texts", () => {
  it.each(Object.keys(en.texts))("%s is used", (id) => {
    // Some ids are put together: `status.${phase}`.
    const stem = id.slice(0, id.lastIndexOf(".") + 1);
    expect(code.includes(`"${id}"`) || code.includes(`\`${stem}\${`), id).toBe(true);
  });

  it.each(Object.entries(tables))("%s has no empty, untidy or unfinished text", (_, { texts, errorTexts, broadcastErrorTexts }) => {
    const sentences = [errorTexts, broadcastErrorTexts].flatMap(Object.values<ErrorText>).flatMap(({ message, hint }) => [message, hint]);
    for (const text of Object.values(texts)) expect(text.trim(), text).not.toBe("");
    for (const [id, text] of Object.entries(texts)) if (id !== "error.detail") expect(text.trim()).toBe(text);
    for (const text of sentences) expect(text === "" || /^[A-Z].*[.]$|^[\p{Script=Han}A].*。$/u.test(text), text).toBe(true);
    for (const { message } of Object.values(errorTexts)) expect(message).not.toBe("");
  });

  it("is whole in each language: no text is missing, none is left over, all fill in the same", () => {
    expect(Object.keys(zh.texts).sort()).toEqual(Object.keys(en.texts).sort());
    expect(Object.keys(zh.errorTexts).sort()).toEqual(Object.keys(en.errorTexts).sort());
    expect(Object.keys(zh.broadcastErrorTexts).sort()).toEqual(Object.keys(en.broadcastErrorTexts).sort());
    for (const [id, text] of Object.entries(en.texts)) expect(marks(zh.texts[id as TextId]), id).toEqual(marks(text));
    for (const [error, { hint }] of Object.entries(en.errorTexts)) {
      expect(zh.errorTexts[error as keyof typeof zh.errorTexts].hint === "", error).toBe(hint === "");
    }
  });

  it("is translated, but for names, signs and what is the same everywhere", () => {
    const same = Object.keys(en.texts).filter((id) => en.texts[id as TextId] === zh.texts[id as TextId]);
    for (const id of same) expect(id).toMatch(/^(app\.|settings\.language\.|lobby\.unnamed$|recents\.when\.long$|settings\.relay\.address\.placeholder$|relays\.address\.placeholder$|share\.source\.size$)/);
  });

  it("is the only place of words, also of those that are only read out or shown as tips", () => {
    for (const [path, source] of Object.entries(sources)) {
      if (!path.endsWith(".svelte")) continue;
      const markup = source.replace(/<script[\s\S]*?<\/script>|<style[\s\S]*?<\/style>|<!--[\s\S]*?-->|<kbd>.*?<\/kbd>/g, "");
      const words = markup.replace(/\{[^{}]*(\{[^{}]*\}[^{}]*)*\}/g, "").match(/>[^<>{}]*[A-Za-z]{3,}[^<>{}]*</g) ?? [];
      const spokenOnly = markup.match(/\b(aria-label|title|placeholder|alt|aria-description|aria-roledescription)="[^"{]*[A-Za-z]/g) ?? [];
      expect([...words, ...spokenOnly], path).toEqual([]);
    }
  });
});

describe("the language", () => {
  it("is switched while the page is shown, and stands on the document", () => {
    const stop = followLanguage("zh-CN");
    expect([t("control.hangUp"), document.documentElement.lang]).toEqual(["挂断", "zh-CN"]);
    expect(errorText(userError("room_full")).message).toBe("通话人数已满。");
    stop();
    followLanguage("en");
    expect([t("control.hangUp"), document.documentElement.lang]).toEqual(["Hang up", "en"]);
  });

  it("follows the system where none is chosen, also when that changes", () => {
    const system = vi.spyOn(navigator, "language", "get").mockReturnValue("zh-Hans-SG");
    const stop = followLanguage("system");
    expect(t("action.back")).toBe("返回");
    system.mockReturnValue("en-GB");
    dispatchEvent(new Event("languagechange"));
    expect(t("action.back")).toBe("Back");
    stop();
    system.mockReturnValue("zh-CN");
    dispatchEvent(new Event("languagechange"));
    expect(t("action.back")).toBe("Back");
    system.mockRestore();
  });

  it.each([
    ["zh", "zh-CN"],
    ["zh-TW", "zh-CN"],
    ["en-US", "en"],
    ["fi", "en"],
    ["", "en"],
  ])("for %s is %s", (tag, language) => expect(suiting([tag])).toBe(language));
});

it("fills in what is given, and nothing twice", () => {
  expect(t("call.peer.muted", { name: "{name}" })).toBe("{name}'s microphone is off");
  expect(t("call.muted.hint")).toContain("{key}");
});

it("keeps the direction of a name inside the name", () => {
  expect(t("call.peer.left", { name: "Mika" })).toBe("Mika left");
  expect(t("call.peer.left", { name: "דנה" })).toBe("\u2068דנה\u2069 left");
  expect(t("call.peer.left", { name: "\u202eevil\u2069" })).toBe("\u2068evil\u2069 left");
});

describe("the sentences of an error", () => {
  it("are this language's rather than the backend's", () => {
    expect(errorText({ code: "room_full", message: "x", hint: "y" }).message).toBe("The call is full.");
    expect(errorText(userError("bad_link")).message).toContain("not complete");
    expect(errorText(userError("locked")).hint).not.toBe("");
  });

  it("say of a broadcast no word of calls", () => {
    for (const language of ["en", "zh-CN"] as const) {
      followLanguage(language);
      for (const code of ["not_found", "room_full", "locked", "denied", "removed", "not_in_room", "no_such_peer", "busy"] as const) {
        const { message, hint } = errorText(userError(code), "broadcast");
        expect(message + hint, code).not.toMatch(/call|通话/);
      }
    }
  });

  it("are the backend's where only that knows what happened", () => {
    expect(errorText({ code: "internal", message: "x", hint: "y" })).toEqual({ message: "x", hint: "y" });
    expect(errorText({ code: "bad_link", message: "x", hint: "y" })).toEqual({ message: "x", hint: "y" });
    expect(errorText({ code: "brand_new" as "unknown", message: "x", hint: "y" })).toEqual({ message: "x", hint: "y" });
  });

  it("are in the user's language all the same, with the backend's own as a detail", () => {
    followLanguage("zh-CN");
    const text = errorText({ code: "relay_failed", message: "Port 3002 is taken.", hint: "y" });
    expect(text.message).toBe("Ahoy 内置的中继无法启动。");
    expect(text.hint).toContain("Port 3002 is taken.");
    expect(errorText({ code: "brand_new" as "unknown", message: "x.", hint: "" }).message).toMatch(/^发生/);
    expect(errorText({ code: "bad_link", message: "x", hint: "y" }).message).toMatch(/^这个链接/);
  });
});

it("says times as a clock and in words", () => {
  expect([7, 728, 3723, -1].map(clock)).toEqual(["0:07", "12:08", "1:02:03", "0:00"]);
  expect([0, 1, 29, 60, 1450].map(spoken)).toEqual(["0 seconds", "1 second", "29 seconds", "1 minute", "24 minutes"]);
  followLanguage("zh-CN");
  expect([1, 60, 1450].map(spoken)).toEqual(["1 秒", "1 分钟", "24 分钟"]);
});
