import { afterEach, expect, it, vi } from "vitest";
import { fakeTrack, settle } from "../test/fake-rtc";
import { Showing } from "./showing";

const browser = navigator;
afterEach(() => void vi.stubGlobal("navigator", browser));

function setUp(answer: () => Promise<MediaStream>) {
  const getDisplayMedia = vi.fn(answer);
  vi.stubGlobal("navigator", { mediaDevices: { getDisplayMedia } });
  const events = { track: vi.fn(), failed: vi.fn() };
  return { showing: new Showing(events), events, getDisplayMedia };
}

const stream = (...tracks: MediaStreamTrack[]) => new MediaStream(tracks);

it("shows what the user has chosen, sharp, until they stop", async () => {
  const track = fakeTrack("video");
  const { showing, events, getDisplayMedia } = setUp(async () => stream(track));
  expect(getDisplayMedia).not.toHaveBeenCalled();
  await showing.start();
  expect(showing.track).toBe(track);
  expect(track.contentHint).toBe("text");
  expect(showing.view()).toMatchObject({ selected: { name: "" }, state: { type: "open" } });
  showing.stop();
  expect(track.stop).toHaveBeenCalledOnce();
  expect(showing.view().selected).toBeNull();
  expect(events.track).toHaveBeenCalledTimes(2);
});

it("ends when the browser ends it", async () => {
  const track = fakeTrack("video");
  const { showing, events } = setUp(async () => stream(track));
  await showing.start();
  track.onended?.(new Event("ended"));
  expect(showing.track).toBeNull();
  expect(events.track).toHaveBeenCalledTimes(2);
});

it("goes on with what is shown until another was chosen", async () => {
  const [first, second] = [fakeTrack("video"), fakeTrack("video")];
  const answers = [stream(first), stream(second)];
  const { showing } = setUp(async () => answers.shift()!);
  await showing.start();
  const next = showing.start();
  expect(showing.track).toBe(first);
  await next;
  expect(showing.track).toBe(second);
  expect(first.stop).toHaveBeenCalledOnce();
});

it("throws away what comes after the end", async () => {
  const track = fakeTrack("video");
  const { showing, events } = setUp(async () => stream(track));
  const asked = showing.start();
  showing.stop();
  await asked;
  await settle();
  expect(track.stop).toHaveBeenCalledOnce();
  expect(events.track).not.toHaveBeenCalled();
});

it("says why nothing can be shown, and nothing where the user thought better of it", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  for (const [name, code] of [["NotReadableError", "screen_failed"], ["NotFoundError", "screen_missing"], ["NotAllowedError", null]] as const) {
    const { showing, events } = setUp(() => Promise.reject(new DOMException("", name)));
    await showing.start();
    expect(events.failed.mock.calls.flat()).toEqual(code ? [code] : []);
    expect(showing.track).toBeNull();
  }
  warn.mockRestore();
});

it("is not there where the browser has no such thing", async () => {
  vi.stubGlobal("navigator", {});
  expect(Showing.available).toBe(false);
  await new Showing({ track: vi.fn(), failed: vi.fn() }).start();
});
