/** Text of strangers on every screen that shows some: it is text, wherever it stands, and turns nothing else around. */
import { cleanup, render } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import App from "../App.svelte";
import type { AppView } from "../contract/AppView";
import { FixtureBackend } from "../gallery/backend";
import { RECENTS, broadcast, call, chat, choosing, ended, lobby, openedLink, peer, sharing, start, view, watching } from "../gallery/fixtures";

const MARKUP = '<img src=x onerror="alert(1)"><b>Ada</b><script>alert(1)</script>';
const TURNED = "\u202etsoh\u2066";
const LONG = "W".repeat(10_000);
const NAMES = [MARKUP, TURNED, LONG];

const screens: Record<string, { view: AppView; press?: string }> = {
  "the start": { view: view(start, { recents: RECENTS.map((recent) => ({ ...recent, name: MARKUP })), error: { code: "bad_link", message: MARKUP, hint: MARKUP } }) },
  "a call": { view: view(call({ peers: NAMES.map((name, index) => peer(`${index}`, name, { camera_off: true, muted: true })) })) },
  "its people": { view: view(call({ peers: NAMES.map((name, index) => peer(`${index}`, name)) })), press: "people-toggle" },
  "its chat": { view: view(call({ chat: chat(...NAMES.map((name): [string, string] => [name, MARKUP])) })), press: "chat-toggle" },
  "the door": { view: view(call({ knocks: [{ peer: "a", name: `${TURNED}${MARKUP}` }] })) },
  "what can be shown": {
    view: view(lobby(true, false, "broadcast"), {
      share: choosing({ sources: { type: "found", sources: NAMES.map((name, index) => ({ id: `${index}`, kind: "window", name, width: 1, height: 1 })), left_out: 0 } }),
    }),
  },
  "a broadcast": {
    view: view(broadcast({ others: 3, peers: NAMES.map((name, index) => peer(`${index}`, name)) }), {
      share: sharing({ selected: { id: "0", kind: "window", name: MARKUP, width: 1, height: 1 } }),
    }),
  },
  "somebody's broadcast": { view: view(watching({ peers: [peer("0", TURNED, { host: true, camera_off: true })] })) },
  "a link from outside": { view: view({ type: "link_opened", ...openedLink({ address: MARKUP }) }) },
  "one that waits": { view: view(call(), { waiting_link: openedLink({ address: MARKUP }) }) },
  "one at the end": { view: view(ended({ type: "by_me" }), { waiting_link: openedLink({ address: MARKUP }) }) },
  "the end": { view: view(ended({ type: "by_them" }, { name: MARKUP })) },
};

beforeEach(() => {
  HTMLCanvasElement.prototype.getContext = () => null;
});
afterEach(cleanup);

async function show(kind: "app" | "guest", name: string): Promise<Element> {
  const { view, press } = screens[name]!;
  const { container } = render(App, { backend: new FixtureBackend({ kind, view }) });
  if (press) await userEvent.click(container.querySelector(`[data-testid=${press}]`)!);
  return container;
}

describe.each(["app", "guest"] as const)("in the page of the %s", (kind) => {
  it.each(Object.keys(screens))("%s shows it as text", async (name) => {
    const page = await show(kind, name);
    expect(page.querySelector("img[src=x], script, [onerror]")).toBeNull();
    expect([...page.querySelectorAll("b")].map(({ textContent }) => textContent)).not.toContain("Ada");
  });
});

/** The innermost elements whose own text holds this. */
const holders = (root: Element, text: string) =>
  [...root.querySelectorAll("*")].filter((element) => [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.includes(text)));

it.each(["a call", "its people", "the door", "what can be shown", "a broadcast", "somebody's broadcast"])("a name that turns text around turns nothing but itself: %s", async (name) => {
  const found = holders(await show("app", name), "tsoh");
  expect(found).not.toEqual([]);
  for (const element of found) {
    // An element of its own, or between marks that none of the name's own can close.
    const apart = element.closest("bdi") !== null || /\u2068[^\u202a-\u202e\u2066-\u2069]*tsoh/.test(element.textContent ?? "");
    expect(apart, element.outerHTML.slice(0, 200)).toBe(true);
  }
});
