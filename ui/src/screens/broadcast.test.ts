/** A broadcast on its screens: what to show, who watches, and how it is watched. */
import { cleanup, render, screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import App from "../App.svelte";
import type { VideoMarks } from "../backend";
import { FixtureBackend } from "../gallery/backend";
import { ASKED, type Fixture, type FixtureName, MONITOR, SOURCES, broadcast, choosing, fixtures, lobby, peer, share, sharing, view, watching } from "../gallery/fixtures";
import { commandForKey } from "../shortcuts";

function show(fixture: FixtureName | Fixture): FixtureBackend {
  const backend = new FixtureBackend(typeof fixture === "string" ? fixtures[fixture] : fixture);
  render(App, { backend });
  return backend;
}

const part = (id: string) => screen.getByTestId(id);
const absent = (id: string) => expect(screen.queryByTestId(id)).toBeNull();
const source = (id: string) => screen.getAllByTestId("source").find((element) => element.dataset["source"] === id)!;

beforeEach(() => {
  HTMLCanvasElement.prototype.getContext = () => null;
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

describe("the way to a broadcast", () => {
  it("begins at the start", async () => {
    const backend = show("start");
    await userEvent.click(part("share-screen"));
    expect(backend.commands).toEqual([{ type: "new_broadcast" }]);
  });

  it("leads through the choice of what is shown, and how", async () => {
    const backend = show("share-lobby");
    expect(source(MONITOR.id)).toHaveProperty("checked", true);
    await userEvent.click(source("window:1"));
    await userEvent.click(part("content-motion"));
    await userEvent.click(part("rate-60"));
    await userEvent.click(part("share-sound"));
    await userEvent.click(part("join"));
    expect(backend.commands).toEqual([
      { type: "select_source", id: "window:1" },
      { type: "set_share_content", content: "motion" },
      { type: "set_share_rate", fps: 60 },
      { type: "set_share_sound", on: true },
      { type: "enter", name: "Ada" },
    ]);
  });

  it("names each source, with a small picture of its own", () => {
    const asked: string[] = [];
    const attach = vi.spyOn(FixtureBackend.prototype, "attachVideo").mockImplementation((track: string, _: HTMLElement, marks: VideoMarks) => {
      asked.push(`${track}: ${marks.label}`);
      return { wantAll: () => {}, close: () => {} };
    });
    show("share-lobby");
    attach.mockRestore();
    expect(asked).toEqual(SOURCES.map(({ id, name }) => `source:${id}: Preview of ${name || "Without a title"}`));
    expect(screen.getByRole("radio", { name: /Screen 2\s*1920 × 1080/ })).toBeTruthy();
  });

  it("keeps the picture of a window that gets another title", async () => {
    const backend = show("share-lobby");
    const picture = () => source("window:1").closest("label")!.querySelector("canvas");
    const before = picture();
    const renamed = SOURCES.map((known) => (known.id === "window:1" ? { ...known, name: "other.md" } : known));
    backend.show(view(lobby(true, false, "broadcast"), { share: choosing({ sources: { type: "found", sources: renamed, left_out: 0 } }) }));
    await tick();
    expect(picture()).toBe(before);
    expect(before?.getAttribute("aria-label")).toBe("Preview of other.md");
  });

  it("leaves it to the desktop where that asks, without a picture of what nobody has chosen yet", async () => {
    const attach = vi.spyOn(FixtureBackend.prototype, "attachVideo");
    const backend = show({ kind: "app", view: view(lobby(true, false, "broadcast"), { share: choosing({ sources: { type: "found", sources: ASKED, left_out: 0 }, selected: ASKED[0]! }) }) });
    expect(attach).not.toHaveBeenCalled();
    attach.mockRestore();
    expect(screen.getByRole("group", { name: "Screen" })).toBeTruthy();
    expect(screen.getByRole("radio", { name: /The same as last time/ })).toHaveProperty("checked", true);
    await userEvent.click(screen.getByRole("radio", { name: /Your desktop asks you which one/ }));
    await userEvent.click(part("join"));
    expect(backend.commands).toEqual([
      { type: "select_source", id: "asked" },
      { type: "enter", name: "Ada" },
    ]);
    cleanup();
    show("share-asked");
    expect(part("status").textContent).toContain("Sharing what you chose");
  });

  it("does not go on with nothing chosen", async () => {
    for (const name of ["share-lobby-looking", "share-lobby-none", "share-lobby-denied"] as const) {
      const backend = show(name);
      expect(part("join").getAttribute("aria-disabled")).toBe("true");
      await userEvent.click(part("join"));
      expect(backend.commands, name).toEqual([]);
      cleanup();
    }
  });

  it("says why there is nothing to choose", () => {
    show("share-lobby-denied");
    expect(part("sources").textContent).toContain("Ahoy may not show the screen.");
    cleanup();
    show("share-lobby-many");
    expect(part("sources-left-out").textContent).toContain("6 are left out");
    cleanup();
    show("share-lobby-none");
    absent("sources-left-out");
    expect(part("sources").textContent).toContain("There is nothing to show here");
  });
});

describe("the own broadcast", () => {
  it("shows the link, and has it copied", async () => {
    const backend = show("share");
    expect(part("link").textContent).toContain("https://");
    expect(part("viewer-count").textContent).toBe("Nobody watches yet");
    await userEvent.click(part("copy-link"));
    expect(backend.commands).toEqual([{ type: "copy_link" }]);
    expect(part("status").textContent).toBe("Sharing Screen 1");
    expect(document.title).toBe("Sharing a screen · Ahoy");
  });

  it("counts and lists who watches, and sends away only who is meant", async () => {
    const backend = show("share-viewers");
    expect(part("viewer-count").textContent).toBe("5 viewers");
    const rows = screen.getAllByTestId("viewer");
    expect(rows.map((row) => row.dataset["peer"])).toHaveLength(5);
    expect(within(rows[1]!).getByRole("img", { name: "Connection: Fair" })).toBeTruthy();
    await userEvent.click(within(rows[1]!).getByTestId("remove"));
    expect(backend.commands).toEqual([]);
    // The question is read out with the harmless answer, which has the focus.
    expect(document.activeElement).toBe(part("remove-keep"));
    expect(screen.getByRole("group", { name: "Remove Jo from the broadcast?" }).contains(part("remove-keep"))).toBe(true);
    await userEvent.keyboard("{Enter}");
    expect(document.activeElement).toBe(within(rows[1]!).getByTestId("remove"));
    await userEvent.click(within(rows[1]!).getByTestId("remove"));
    await userEvent.click(part("remove-confirm"));
    expect(document.activeElement).toBe(part("viewer-list"));
    expect(backend.commands).toEqual([{ type: "remove", peer: "viewer1" }]);
  });

  it("lists no more than somebody reads, and all of them for whom that is not enough", async () => {
    const backend = show("share-crowd");
    expect(part("viewer-count").textContent).toBe("120 viewers");
    expect(screen.getAllByTestId("viewer")).toHaveLength(50);
    expect(part("viewers-more").textContent).toBe("Show more (70)");
    for (const rows of [100, 120]) {
      await userEvent.click(part("viewers-more"));
      expect(screen.getAllByTestId("viewer")).toHaveLength(rows);
    }
    absent("viewers-more");
    const last = screen.getAllByTestId("viewer").at(-1)!;
    await userEvent.click(within(last).getByTestId("remove"));
    await userEvent.click(part("remove-confirm"));
    expect(backend.commands).toEqual([{ type: "remove", peer: "viewer119" }]);
  });

  it("is paused, goes on, gets sound, another content, a lock, and is stopped", async () => {
    const backend = show("share-viewers");
    expect(part("pause-share").title).toContain("Captures nothing until you go on.");
    for (const id of ["pause-share", "share-sound", "content-motion", "lock", "stop-share"]) await userEvent.click(part(id));
    expect(backend.commands).toEqual([
      { type: "set_camera_off", off: true },
      { type: "set_share_sound", on: false },
      { type: "set_share_content", content: "motion" },
      { type: "set_locked", locked: false },
      { type: "hang_up" },
    ]);
    cleanup();
    const paused = show("share-paused");
    expect(part("cover").textContent).toContain("Nothing of your screen is captured.");
    expect(part("status").textContent).toBe("Paused");
    expect(part("pause-share").title).toBe("The viewers see the screen again.");
    await userEvent.click(part("pause-share"));
    expect(paused.commands).toEqual([{ type: "set_camera_off", off: false }]);
  });

  it("says that its sound fails for as long as it does, and lets it be turned off", async () => {
    const backend = show("share-viewers");
    expect(part("share-sound").textContent?.trim()).toBe("System sound");
    backend.show(fixtures["share-no-sound"].view);
    await tick();
    absent("error");
    expect(part("share-sound").textContent?.trim()).toBe("System sound fails");
    expect(part("share-sound").title).toContain("cannot be shared");
    await userEvent.click(part("share-sound"));
    expect(backend.commands).toEqual([{ type: "set_share_sound", on: false }]);
  });

  /** Something is shown, and the user looks for something else. */
  async function switching(): Promise<FixtureBackend> {
    const backend = show("share");
    await userEvent.click(part("switch-screen"));
    backend.show(view(broadcast(), { share: choosing({ state: { type: "open" } }) }));
    await tick();
    return backend;
  }

  it("has nobody look what there is once the window was made anew", () => {
    const backend = show({ kind: "app", view: view(broadcast(), { share: choosing({ state: { type: "open" } }) }) });
    expect(backend.commands).toEqual([{ type: "show_sources", shown: false }]);
  });

  it("switches to something else once the user is sure, and looks for it no longer than that", async () => {
    const backend = await switching();
    await userEvent.click(source("window:2"));
    expect(backend.commands).toEqual([{ type: "show_sources", shown: true }]);
    await userEvent.click(part("switch-go"));
    absent("switch-go");
    await userEvent.click(part("switch-screen"));
    await userEvent.click(part("close-sheet"));
    expect(backend.commands.slice(1)).toEqual([
      { type: "select_source", id: "window:2" },
      { type: "show_sources", shown: false },
      { type: "show_sources", shown: true },
      { type: "show_sources", shown: false },
    ]);
  });

  it("cannot be switched to what is gone meanwhile", async () => {
    const backend = await switching();
    await userEvent.click(source("window:2"));
    backend.show(view(broadcast(), { share: choosing({ sources: { type: "found", sources: SOURCES.slice(0, 2), left_out: 0 } }) }));
    await tick();
    expect(part("switch-go")).toHaveProperty("disabled", true);
  });

  it("says that what was shown is gone, and that the relay is", () => {
    show("share-gone");
    expect(part("cover").textContent).toContain("is gone");
    expect(part("status").textContent).toBe("Nothing is shown");
    // The way out is another one: what is there under its number now was not chosen.
    expect(part("error").dataset["code"]).toBe("screen_missing");
    absent("retry-devices");
    cleanup();
    show("share-relay-lost");
    expect(part("relay-lost").textContent).toContain("nobody new can come");
  });

  it("lets those at the door in", async () => {
    const backend = show("share-knock");
    await userEvent.click(part("admit"));
    expect(backend.commands).toEqual([{ type: "admit", peer: "knock0", accept: true }]);
  });
});

describe("the lobby of somebody's broadcast", () => {
  it.each(["guest-watch-lobby", "watch-lobby"] as const)("has a name and one button, and no devices: %s", async (name) => {
    const backend = show(name);
    for (const id of ["self-video", "mic-level", "camera-select", "toggle-mic", "toggle-camera"]) absent(id);
    await userEvent.click(part("join"));
    expect(backend.commands).toEqual([{ type: "enter", name: "Ada" }]);
    expect(commandForKey(new KeyboardEvent("keydown", { key: "v" }), fixtures[name].view, backend.kind)).toBeNull();
  });

  it("comes once it is known what the link leads to: before that there is neither name nor camera", async () => {
    const backend = show("guest-looking");
    for (const id of ["name", "join", "self-video", "back"]) absent(id);
    expect(part("looking").textContent).toContain("Finding out where the link leads");
    backend.show(view(lobby(false, false, "broadcast")));
    await tick();
    expect(part("join").textContent?.trim()).toBe("Watch");
  });

  it("is asked for once more where the relay did not say what it is", async () => {
    const backend = show("guest-looking");
    absent("look-again");
    backend.show(fixtures["guest-looking-untold"].view);
    await tick();
    expect(part("error").dataset["code"]).toBe("relay_unreachable");
    for (const id of ["name", "join", "self-video"]) absent(id);
    await userEvent.click(part("look-again"));
    expect(backend.commands).toEqual([{ type: "call_again" }]);
  });

  it("can be left in the app", async () => {
    const backend = show({ kind: "app", view: view(lobby(false, true, null)) });
    await userEvent.click(part("back"));
    expect(backend.commands).toEqual([{ type: "back" }]);
  });
});

describe("watching", () => {
  it("shows the host's picture whole or in its own size", async () => {
    show("guest-watch");
    const picture = part("remote-video").parentElement!;
    expect(picture.classList.contains("fill")).toBe(false);
    expect(part("own-size").getAttribute("aria-pressed")).toBe("false");
    await userEvent.click(part("own-size"));
    expect(picture.classList.contains("own")).toBe(true);
    expect(picture.getAttribute("tabindex")).toBe("0");
  });

  it("says how many watch, and nothing else of them", () => {
    show("guest-watch");
    expect(part("viewer-count").textContent?.trim()).toBe("7 watching");
    absent("viewer-list");
  });

  it.each([
    ["guest-watch-paused", "Ada shows nothing now"],
    ["guest-watch-host-away", "The host is away"],
    ["guest-watch-connecting", "Connecting to Ada…"],
    ["guest-watch-reconnecting", "Looking for the way to Ada…"],
    ["guest-watch-knocking", "Waiting to be let in"],
    ["guest-watch-not-authentic", "could not prove"],
  ] as const)("%s: says why there is nothing to see: %s", (name, words) => {
    show(name);
    expect(part("cover").textContent).toContain(words);
  });

  it("offers the sound that the browser holds back", async () => {
    vi.spyOn(FixtureBackend.prototype, "attachVideo").mockImplementation((_: string, host: HTMLElement, marks: VideoMarks) => {
      const video = document.createElement("video");
      video.dataset["testid"] = marks.testid;
      host.append(video);
      return { wantAll: () => {}, close: () => video.remove() };
    });
    show("guest-watch");
    absent("sound-on");
    const video = part("remote-video") as HTMLVideoElement;
    video.muted = true;
    video.dispatchEvent(new Event("volumechange"));
    await tick();
    await userEvent.click(part("sound-on"));
    expect(video.muted).toBe(false);
    video.dispatchEvent(new Event("volumechange"));
    await tick();
    absent("sound-on");
    vi.restoreAllMocks();
  });

  it("is silent on wish, by button and key", async () => {
    const backend = show("guest-watch");
    expect(part("mute-speaker").getAttribute("aria-pressed")).toBe("false");
    await userEvent.click(part("mute-speaker"));
    expect(backend.commands).toEqual([{ type: "set_speaker_muted", muted: true }]);
    cleanup();
    const muted = show("watch-muted");
    expect(part("mute-speaker").getAttribute("aria-pressed")).toBe("true");
    absent("sound-on");
    await userEvent.click(part("mute-speaker"));
    expect(muted.commands).toEqual([{ type: "set_speaker_muted", muted: false }]);
    const key = (name: FixtureName) => commandForKey(new KeyboardEvent("keydown", { key: "M" }), fixtures[name].view, fixtures[name].kind);
    expect(key("guest-watch")).toEqual({ type: "set_speaker_muted", muted: true });
    expect(key("watch-muted")).toEqual({ type: "set_speaker_muted", muted: false });
    // Who shows hears nobody, and before there is a way there is nothing to hear.
    for (const name of ["share", "guest-watch-connecting", "guest-watch-host-away"] as const) expect(key(name)).toBeNull();
  });

  it("keeps the button under the finger, and follows what is done in a window of the browser's own", async () => {
    vi.spyOn(FixtureBackend.prototype, "attachVideo").mockImplementation((_: string, host: HTMLElement, marks: VideoMarks) => {
      const video = document.createElement("video");
      video.dataset["testid"] = marks.testid;
      host.append(video);
      return { wantAll: () => {}, close: () => video.remove() };
    });
    const backend = show("guest-watch");
    const video = part("remote-video") as HTMLVideoElement;
    const told = async (muted: boolean) => {
      const { view } = fixtures["guest-watch"];
      backend.show({ ...view, media: { ...view.media, speaker_muted: muted } });
      video.muted = muted;
      // The event comes a little later.
      await tick();
      absent("sound-on");
      video.dispatchEvent(new Event("volumechange"));
      await tick();
      absent("sound-on");
    };
    const button = part("mute-speaker");
    button.focus();
    for (const muted of [true, false, true]) await told(muted);
    expect(document.activeElement).toBe(button);
    expect(backend.commands).toEqual([]);
    video.muted = false;
    video.dispatchEvent(new Event("volumechange"));
    expect(backend.commands[0]).toEqual({ type: "set_speaker_muted", muted: false });
    vi.restoreAllMocks();
  });

  it("fills the screen by button and key, where there is a way", async () => {
    show("guest-watch");
    absent("full-screen");
    cleanup();
    Object.assign(document, { fullscreenEnabled: true, fullscreenElement: null, exitFullscreen: async () => {} });
    const request = vi.fn(async () => {});
    HTMLElement.prototype.requestFullscreen = request;
    show("guest-watch");
    await tick();
    await userEvent.click(part("full-screen"));
    await userEvent.keyboard("f");
    expect(request).toHaveBeenCalledTimes(2);
    expect(request.mock.contexts[0]).toBe(part("call"));
    Object.assign(document, { fullscreenEnabled: false });
  });

  it("is left", async () => {
    const backend = show("guest-watch");
    await userEvent.click(part("hang-up"));
    expect(backend.commands).toEqual([{ type: "hang_up" }]);
  });

  it("keeps what floats in sight while there is nothing to see", async () => {
    vi.useFakeTimers();
    show("guest-watch-paused");
    vi.advanceTimersByTime(3500);
    await tick();
    expect(part("call").classList.contains("faded")).toBe(false);
    cleanup();
    show("guest-watch");
    await tick();
    vi.advanceTimersByTime(3500);
    await tick();
    expect(part("call").classList.contains("faded")).toBe(true);
  });
});

describe("after a broadcast", () => {
  it.each([
    ["share-ended", "You stopped sharing.", "Share again"],
    ["guest-watch-ended", "Ada stopped sharing.", "Watch again"],
  ] as const)("%s: %s", (name, words, again) => {
    show(name);
    expect(part("end-reason").textContent).toContain(words);
    expect(part("call-again").textContent?.trim()).toBe(again);
    expect(screen.getByRole("heading", { name: "The broadcast is over" })).toBeTruthy();
  });

  it("it is among the recent ones, and leads back", async () => {
    const backend = show("start-broadcasts");
    await userEvent.click(screen.getByRole("button", { name: "Share again" }));
    await userEvent.click(screen.getByRole("button", { name: "Watch again: Ada" }));
    expect(backend.commands).toEqual([
      { type: "call_recent", id: "6" },
      { type: "call_recent", id: "7" },
    ]);
  });
});

it("shows nothing of a share where there is none", () => {
  show({ kind: "app", view: view(watching({ peers: [peer("ada", "", { host: true })] }), { share: share() }) });
  expect(document.title).toBe("Ahoy");
  cleanup();
  show({ kind: "app", view: view(broadcast({ phase: "joining", link: null }), { share: sharing({ selected: null, state: { type: "opening" } }) }) });
  expect(part("status").textContent).toBe("Starting…");
});
