import { expect, it } from "vitest";
import { ChatLog, MAX_LINES, MAX_TEXT_BYTES, bytesOf } from "./chat";

it("keeps who wrote what and when", () => {
  let now = 5;
  const log = new ChatLog(() => now++);
  expect(log.write("hello", ["a"])).toEqual({ type: "chat", id: 1, text: "hello" });
  log.heard("Mika", "<b>hi</b>");
  expect(log.lines).toEqual([
    { id: 1, name: null, text: "hello", at: 5, delivered: false },
    { id: 2, name: "Mika", text: "<b>hi</b>", at: 6, delivered: true },
  ]);
});

it("knows a line delivered when all who were there have it, and believes nobody else", () => {
  const log = new ChatLog();
  log.write("hello", ["a", "b"]);
  const delivered = () => log.lines[0]?.delivered;
  log.received("a", 1);
  log.received("a", 1);
  log.received("c", 1);
  log.received("b", 2);
  expect(delivered()).toBe(false);
  expect(log.received("b", 1)).toBe(true);
  expect(delivered()).toBe(true);
  expect(log.received("b", 1)).toBe(false);
});

it("does not call a line delivered that nobody was there for", () => {
  const log = new ChatLog();
  log.write("hello", []);
  log.received("a", 1);
  expect(log.lines[0]?.delivered).toBe(false);
});

it("forgets the oldest lines, by their number and by their size", () => {
  const log = new ChatLog();
  for (let i = 0; i < MAX_LINES + 10; i++) log.heard("Mika", `${i}`);
  expect(log.lines).toHaveLength(MAX_LINES);
  expect(log.lines[0]).toMatchObject({ id: 11, text: "10" });
  const long = "李".repeat(5_000);
  for (let i = 0; i < 100; i++) log.heard("Mika", long);
  const kept = log.lines.reduce((sum, { text }) => sum + bytesOf(text), 0);
  expect(kept).toBeLessThanOrEqual(MAX_TEXT_BYTES);
  expect(kept).toBeGreaterThan(MAX_TEXT_BYTES - 2 * bytesOf(long));
});
