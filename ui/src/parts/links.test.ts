import { expect, it } from "vitest";
import { pieces } from "./links";

const hrefs = (line: string) => pieces(line).flatMap(({ href }) => (href ? [href] : []));

it.each([
  ["see https://example.org/a?b=c#d now", ["https://example.org/a?b=c#d"]],
  ["HTTP://Example.org", ["http://example.org/"]],
  ["(https://example.org/a).", ["https://example.org/a"]],
  ["https://en.example.org/wiki/Ahoy_(greeting).", ["https://en.example.org/wiki/Ahoy_(greeting)"]],
  ["看 https://example.org/路。", ["https://example.org/%E8%B7%AF"]],
  ["https://a.example https://b.example", ["https://a.example/", "https://b.example/"]],
  ["<a href='https://example.org/'>x</a>", ["https://example.org/"]],
])("finds the addresses in %s", (line, found) => {
  expect(hrefs(line)).toEqual(found);
});

it.each([
  "javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "file:///etc/passwd",
  "ahoy://relay/r/room#secret",
  "https://",
  "https://good.example@evil.example/",
  "xhttps://example.org",
])("finds none in %s", (line) => {
  expect(hrefs(line)).toEqual([]);
  expect(pieces(line)).toEqual([{ text: line }]);
});

it("does not let a mark turn an address around", () => {
  expect(hrefs("https://example.org/\u202egro.live")).toEqual(["https://example.org/"]);
});

it("loses nothing, and is quick with the longest line", () => {
  for (const line of ["", "a", " https://x.example ", "https://x.example. https://y.example", "(".repeat(16_000), "https://a".repeat(1_800), `https://a/${")".repeat(16_000)}`]) {
    expect(pieces(line).map(({ text }) => text).join("")).toBe(line);
  }
});
