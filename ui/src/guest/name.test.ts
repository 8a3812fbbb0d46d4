import { expect, it } from "vitest";
import vectors from "../../../src-tauri/crates/contract/vectors/names.json";
import { cleanName, cutName } from "./name";

it.each(vectors.cases)("shows the name $name as $shown, as the app does", ({ name, shown }) => {
  expect(cleanName(name)).toBe(shown);
  expect(cleanName(shown)).toBe(shown);
});

it("cuts a shown name at the end of a character", () => {
  expect(cleanName("é".repeat(100))).toBe("é".repeat(64));
  expect(cleanName(`${"x".repeat(127)} y`)).toBe("x".repeat(127));
  expect(cleanName("👩\u200d".repeat(10_000))).toBe("👩\u200d".repeat(18).slice(0, -1));
});

it("shows nothing of half a character", () => {
  expect(cleanName("Ada\ud83d")).toBe("Ada");
});

it("cuts the own name at the end of a character", () => {
  expect(cutName("Ada")).toBe("Ada");
  expect(cutName("é".repeat(100))).toBe("é".repeat(64));
  expect(cutName(`a${"👋".repeat(40)}`)).toBe(`a${"👋".repeat(31)}`);
  expect(cutName("x\ud83d")).toBe("x\ufffd");
});
