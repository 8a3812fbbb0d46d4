import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { settle } from "../test/fake-rtc";
import { Videos } from "./videos";

const MARKS = { testid: "remote-video", label: "Picture of Ada" };

/** Whether somebody has touched the page: before that a browser plays only what is muted. */
let touched: boolean;
const play = vi.fn(async function (this: HTMLMediaElement) {
  if (!touched && !this.muted) throw new DOMException("", "NotAllowedError");
});

beforeEach(() => {
  touched = false;
  play.mockClear();
  vi.spyOn(HTMLMediaElement.prototype, "play").mockImplementation(play);
});
afterEach(() => void vi.restoreAllMocks());

async function attach(own = false) {
  const host = document.createElement("div");
  const shown = new Videos().attach(new MediaStream(), own, host, MARKS);
  await settle();
  return { video: host.querySelector("video")!, shown };
}

async function touch(by: "pointerdown" | "keydown") {
  touched = true;
  dispatchEvent(new Event(by));
  await settle();
}

it("shows the picture without its sound where the browser holds that back, until somebody touches the page", async () => {
  const { video, shown } = await attach();
  expect([video.muted, play.mock.results.length]).toEqual([true, 2]);
  await expect(play.mock.results[1]!.value).resolves.toBeUndefined();
  await touch("keydown");
  expect(video.muted).toBe(false);
  await expect(play.mock.results.at(-1)!.value).resolves.toBeUndefined();
  shown.close();
});

it("leaves muted what its viewer has muted, whatever is pressed", async () => {
  const { video, shown } = await attach();
  await touch("pointerdown");
  video.muted = true;
  await touch("keydown");
  await touch("pointerdown");
  expect(video.muted).toBe(true);
  shown.close();
});

it("is silent while its viewer wants that, also with what comes later", async () => {
  touched = true;
  const [videos, host] = [new Videos(), document.createElement("div")];
  const attach = (own: boolean) => videos.attach(new MediaStream(), own, host, MARKS);
  const shown = [attach(false), attach(true)];
  const muted = () => [...host.querySelectorAll("video")].map((video) => video.muted);
  videos.mute(true);
  shown.push(attach(false));
  await settle();
  expect([videos.muted, ...muted()]).toEqual([true, true, true, true]);
  videos.mute(false);
  expect([videos.muted, ...muted()]).toEqual([false, false, true, false]);
  for (const each of shown) each.close();
});

it("has its sound from the first touch on, also where that would turn it off", async () => {
  const [videos, host] = [new Videos(), document.createElement("div")];
  const shown = videos.attach(new MediaStream(), false, host, MARKS);
  await settle();
  // The page's own keys are heard first.
  videos.mute(true);
  await touch("keydown");
  expect([videos.muted, host.querySelector("video")!.muted]).toEqual([false, false]);
  videos.mute(true);
  await touch("keydown");
  expect([videos.muted, host.querySelector("video")!.muted]).toEqual([true, true]);
  shown.close();
});

it("never plays the user's own sound", async () => {
  const { video, shown } = await attach(true);
  await touch("pointerdown");
  expect(video.muted).toBe(true);
  shown.close();
});

it("hears of no touch any more once it is closed", async () => {
  const { video, shown } = await attach();
  shown.close();
  play.mockClear();
  await touch("pointerdown");
  expect([video.muted, play.mock.calls.length]).toEqual([true, 0]);
});
