import { expect, it } from "vitest";
import { ChatLog, MAX_LINES, MAX_TEXT_BYTES, bytesOf } from "./chat";

it("keeps who wrote what and when", () => {
  let now = 5;
  const log = new ChatLog(() => now++);
  expect(log.write("hello", ["a"])).toEqual({ type: "chat", id: 1, text: "hello" });
  log.heard("m", "Mika", "<b>hi</b>");
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
  let clock = 0;
  const log = new ChatLog(Date.now, () => (clock += 1_000));
  for (let i = 0; i < MAX_LINES + 10; i++) log.heard("m", "Mika", `${i}`);
  expect(log.lines).toHaveLength(MAX_LINES);
  expect(log.lines[0]).toMatchObject({ id: 11, text: "10" });
  const long = "李".repeat(5_000);
  for (let i = 0; i < 100; i++) log.heard("m", "Mika", long);
  const kept = log.lines.reduce((sum, { text }) => sum + bytesOf(text), 0);
  expect(kept).toBeLessThanOrEqual(MAX_TEXT_BYTES);
  expect(kept).toBeGreaterThan(MAX_TEXT_BYTES - 2 * bytesOf(long));
});

it("leaves out what comes faster than anybody types, of each and of all together", () => {
  let clock = 0;
  const log = new ChatLog(Date.now, () => clock);
  const write = (peer: string, lines: number) => Array.from({ length: lines }, () => log.heard(peer, "", "x")).filter(Boolean).length;
  expect(write("a", 100)).toBe(20);
  expect(log).toMatchObject({ cut: true, leftOut: 80 });
  expect(write("b", 1)).toBe(1);
  clock = 2_000;
  expect(write("a", 100)).toBe(4);
  clock = 1_000_000;
  expect(Array.from({ length: 1_000 }, (_, peer) => write(`${peer}`, 1)).reduce((sum, kept) => sum + kept)).toBe(140);
  expect(write("a", 1)).toBe(0);
});
