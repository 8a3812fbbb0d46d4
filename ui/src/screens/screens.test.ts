import { cleanup, render, screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import App from "../App.svelte";
import { FixtureBackend } from "../gallery/backend";
import { LINK, type Fixture, type FixtureName, call, ended, fixtures, media, peer, view, waiting } from "../gallery/fixtures";
import { userError } from "../text";

function show(fixture: FixtureName | Fixture): FixtureBackend {
  const backend = new FixtureBackend(typeof fixture === "string" ? fixtures[fixture] : fixture);
  render(App, { backend });
  return backend;
}

const part = (id: string) => screen.getByTestId(id);
const absent = (id: string) => expect(screen.queryByTestId(id)).toBeNull();

beforeEach(() => {
  // jsdom draws nothing.
  HTMLCanvasElement.prototype.getContext = () => null;
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

describe("every screen and state", () => {
  it.each(Object.keys(fixtures) as FixtureName[])("%s: shows, and each control has a name", (name) => {
    show(name);
    expect(document.documentElement.lang).toBe("en");
    for (const control of document.querySelectorAll("button, input, select, textarea, [role=log], [role=img], [role=meter], [tabindex]")) {
      const labelled = (control as HTMLInputElement).labels?.length || control.getAttribute("aria-label") || control.textContent?.trim();
      expect(labelled, control.outerHTML).toBeTruthy();
    }
    const { press } = fixtures[name] as Fixture;
    if (press) part(press).click();
    expect(document.body.textContent).not.toMatch(/undefined|null|\{\w+\}/);
  });
});

describe("start", () => {
  it("leads into a new call by button and by keys", async () => {
    const backend = show("start");
    await userEvent.click(part("new-call"));
    await userEvent.keyboard("{Control>}n{/Control}");
    expect(backend.commands).toEqual([{ type: "new_call" }, { type: "new_call" }]);
  });

  it("leads into somebody's call by their link", async () => {
    const backend = show("start");
    expect(part("join-go")).toHaveProperty("disabled", true);
    await userEvent.type(part("join-link"), ` ${LINK} {Enter}`);
    expect(backend.commands).toEqual([{ type: "open_link", link: LINK }]);
  });

  it.each([
    ["start", "Built-in relay, this network"],
    ["start-server", "Relay at relay.example.org"],
    ["start-relay-starting", "Starting the built-in relay…"],
    ["start-relay-failed", "The relay does not run"],
  ] as const)("%s says how others reach you: %s", (name, words) => {
    show(name);
    expect(part("relay").textContent?.trim()).toBe(words);
  });
});

describe("recent calls", () => {
  it("say who, when and for how long, and lead back", async () => {
    const backend = show("start-recents");
    const rows = screen.getAllByTestId("recent").map((row) => row.textContent);
    expect(rows[0]).toMatch(/Mika Korhonen\s*today, .* · 24 minutes/);
    expect(rows[1]).toMatch(/Nobody came\s*yesterday, [^·]*$/);
    expect(rows[4]).toMatch(/Did not connect/);
    await userEvent.click(screen.getByRole("button", { name: "Call again: Mika Korhonen" }));
    await userEvent.click(part("forget-recents"));
    expect(backend.commands).toEqual([{ type: "call_recent", id: "1" }, { type: "forget_recents" }]);
  });

  it("are not there before the first call: then it says how it works", () => {
    show("start");
    absent("recents");
    expect(screen.getByText("How it works")).toBeTruthy();
  });
});

describe("settings", () => {
  it("switch the language at once, whole", async () => {
    const backend = show("start");
    await userEvent.click(part("settings"));
    await userEvent.click(part("language-zh-CN"));
    expect(backend.commands).toEqual([{ type: "set_language", language: "zh-CN" }]);
    const { view: now } = fixtures.start;
    backend.show({ ...now, settings: { ...now.settings, language: "zh-CN" } });
    await tick();
    expect(document.documentElement.lang).toBe("zh-CN");
    expect(part("new-call").textContent).toContain("新通话");
    expect(screen.getByRole("heading", { name: "设置" })).toBeTruthy();
  });

  it("ask before entry, or not", async () => {
    const backend = show("start");
    await userEvent.click(part("settings"));
    await userEvent.click(part("ask-before-entry"));
    expect(backend.commands).toEqual([{ type: "set_ask_before_entry", ask: true }]);
  });

  it("set colours and relay", async () => {
    const backend = show("start");
    await userEvent.click(part("settings"));
    await userEvent.click(part("theme-light"));
    await userEvent.click(part("relay-this-computer"));
    await userEvent.click(part("relay-server"));
    await userEvent.type(part("relay-url"), "http://example.org");
    expect(part("relay-use")).toHaveProperty("disabled", true);
    await userEvent.clear(part("relay-url"));
    await userEvent.type(part("relay-url"), "https://example.org/");
    await userEvent.click(part("relay-use"));
    expect(backend.commands).toEqual([
      { type: "set_theme", theme: "light" },
      { type: "set_relay", relay: { type: "this_computer" } },
      { type: "set_relay", relay: { type: "server", url: "https://example.org" } },
    ]);
    await userEvent.click(part("close-sheet"));
    absent("relay-url");
  });

  it("offer a guest no relay", async () => {
    show("guest-lobby");
    await userEvent.click(part("settings"));
    absent("relay-server");
    absent("ask-before-entry");
    expect(part("theme-dark")).toBeTruthy();
    expect(part("language-zh-CN")).toBeTruthy();
  });
});

describe("the lobby", () => {
  it("goes in under the name that stands there", async () => {
    const backend = show("lobby");
    await userEvent.clear(part("name"));
    await userEvent.type(part("name"), " Grace {Enter}");
    expect(backend.commands).toEqual([{ type: "enter", name: "Grace" }]);
  });

  it("does not go in twice", async () => {
    const backend = show("lobby-busy");
    await userEvent.click(part("join"));
    expect(backend.commands).toEqual([]);
    expect(part("join").getAttribute("aria-busy")).toBe("true");
  });

  it("chooses devices", async () => {
    const backend = show("lobby");
    await userEvent.selectOptions(part("camera-select"), "Integrated camera");
    await userEvent.selectOptions(part("mic-select"), "Built-in microphone");
    await userEvent.selectOptions(part("speaker-select"), "System default");
    await userEvent.click(part("toggle-mic"));
    await userEvent.click(part("toggle-camera"));
    await userEvent.click(part("back"));
    expect(backend.commands).toEqual([
      { type: "select_camera", id: "1" },
      { type: "select_microphone", id: "1" },
      { type: "select_speaker", id: null },
      { type: "set_muted", muted: true },
      { type: "set_camera_off", off: true },
      { type: "back" },
    ]);
  });

  it("shows how loud the microphone is", async () => {
    const backend = show("lobby");
    backend.notify({ type: "microphone_level", db: -30 });
    await tick();
    expect(part("mic-level").getAttribute("aria-valuenow")).toBe("50");
    expect(screen.getByText("You can be heard")).toBeTruthy();
    backend.notify({ type: "microphone_level", db: -100 });
    await tick();
    expect(part("mic-level").getAttribute("aria-valuenow")).toBe("0");
  });

  it("says what a missing or refused device means, and keeps the place of the picture", () => {
    show("lobby-no-device");
    expect(screen.getByText("No camera: others will not see you")).toBeTruthy();
    expect(screen.getByText("You will see and hear the others; they will not see or hear you.")).toBeTruthy();
    expect(part("self-video")).toBeTruthy();
  });

  it("tells a guest whom they trust", () => {
    show("guest-lobby");
    expect(screen.getByText(/you trust whoever runs it/)).toBeTruthy();
    absent("back");
  });

  it("lets people type the letters of the shortcuts", async () => {
    const backend = show("lobby");
    await userEvent.type(part("name"), "mv");
    expect(backend.commands).toEqual([]);
  });
});

describe("waiting", () => {
  it("shows the whole link, copies it and says so", async () => {
    const backend = show("waiting");
    expect(part("link").textContent).toBe(LINK);
    expect(screen.getByRole("img", { name: "QR code of the link" })).toBeTruthy();
    await userEvent.click(part("copy-link"));
    expect(backend.commands).toEqual([{ type: "copy_link" }]);
    backend.notify({ type: "link_copied" });
    await tick();
    expect(part("copy-link").textContent?.trim()).toBe("Copied");
    expect(part("status").textContent).toBe("Waiting for someone to join");
  });

  it("picks among addresses where there are several", async () => {
    const backend = show("waiting-addresses");
    await userEvent.selectOptions(part("link-address"), "10.8.0.2");
    expect(backend.commands).toEqual([{ type: "select_link_address", address: "10.8.0.2" }]);
  });

  it("tells a guest that the host is away", () => {
    show("guest-host-away");
    expect(screen.getByRole("heading", { name: "The host is away" })).toBeTruthy();
    absent("link");
  });
});

describe("a call", () => {
  it("shows who is there, for how long, and how it is", () => {
    show("call");
    expect(part("status").textContent).toBe("Connected");
    expect(part("duration").textContent).toMatch(/^12:\d\d$/);
    expect(part("remote-video")).toBeTruthy();
    expect(part("self-video")).toBeTruthy();
    expect(screen.getByRole("img", { name: "Connection: Good" })).toBeTruthy();
    absent("peer-muted");
  });

  it("goes by hand and by key", async () => {
    const backend = show("call");
    await userEvent.click(part("toggle-mic"));
    await userEvent.keyboard("mv");
    await userEvent.click(part("hang-up"));
    expect(backend.commands).toEqual([
      { type: "set_muted", muted: true },
      { type: "set_muted", muted: true },
      { type: "set_camera_off", off: true },
      { type: "hang_up" },
    ]);
  });

  it("says what is off here", () => {
    show("call-muted");
    expect(part("toggle-mic").getAttribute("aria-pressed")).toBe("true");
    expect(part("toggle-camera").getAttribute("aria-pressed")).toBe("false");
    expect(part("muted").textContent).toContain("You are muted.");
  });

  it("says what is off there, and keeps the element of the picture", () => {
    show("call-peer-off");
    expect(part("peer-muted").textContent).toBe("Mika Korhonen's microphone is off");
    expect(part("peer-camera-off").textContent).toBe("Mika Korhonen's camera is off");
    expect(part("remote-video")).toBeTruthy();
    expect(screen.getByText("MK")).toBeTruthy();
  });

  it("shows everybody and oneself where several are there", () => {
    show("call-eight");
    expect(screen.getAllByTestId("remote-video")).toHaveLength(7);
    expect(screen.getAllByTestId("self-video")).toHaveLength(1);
  });

  it("keeps the picture's element when only the state changes", async () => {
    const backend = show("call");
    const before = part("remote-video");
    backend.show(view(call({ peers: [peer("mika", "Mika", { muted: true, state: "reconnecting" })], phase: "reconnecting" })));
    await tick();
    expect(part("remote-video")).toBe(before);
    expect(part("status").textContent).toBe("Connection lost, reconnecting…");
  });

  it("is quiet about nothing that is not secure", () => {
    show("call-not-authentic");
    expect(part("error").dataset["code"]).toBe("not_authentic");
    expect(part("status").textContent).toBe("Not secure: nothing is sent");
    expect(part("peer").dataset["state"]).toBe("not_authentic");
  });

  it("says that the relay is gone, and that the call is not", () => {
    show("call-relay-lost");
    expect(part("relay-lost").textContent).toContain("The call goes on without it.");
    expect(part("status").textContent).toBe("Connected");
  });

  it("lets the controls leave the picture and brings them back", async () => {
    vi.useFakeTimers();
    show("call");
    await tick();
    vi.advanceTimersByTime(3500);
    await tick();
    expect(part("call").classList.contains("faded")).toBe(true);
    window.dispatchEvent(new KeyboardEvent("keydown", { key: "Shift" }));
    await tick();
    expect(part("call").classList.contains("faded")).toBe(false);
  });

  it("keeps the controls while it waits", async () => {
    vi.useFakeTimers();
    show("waiting");
    vi.advanceTimersByTime(3500);
    await tick();
    expect(part("call").classList.contains("faded")).toBe(false);
  });

  it("moves the own picture by arrow keys", async () => {
    show("call");
    const self = screen.getByRole("group", { name: /Arrow keys/ });
    self.focus();
    await userEvent.keyboard("{ArrowUp}{ArrowLeft}");
    expect(self.classList.contains("top-left")).toBe(true);
  });

  it("changes devices and shows the link again", async () => {
    const backend = show("call");
    await userEvent.click(part("devices"));
    await userEvent.selectOptions(part("camera-select"), "Integrated camera");
    expect(backend.commands).toEqual([{ type: "select_camera", id: "1" }]);
    await userEvent.click(part("close-sheet"));
    await userEvent.click(part("people-toggle"));
    await userEvent.click(part("invite"));
    expect(part("link").textContent).toBe(LINK);
  });

  it("says who came and who left", async () => {
    const backend = show("call");
    backend.notify({ type: "peer_joined", peer: "jo", name: "Jo" });
    await tick();
    expect(screen.getByText("Jo came in")).toBeTruthy();
    backend.notify({ type: "peer_left", peer: "jo", name: "" });
    await tick();
    expect(screen.getByText("Guest left")).toBeTruthy();
  });

  it("keeps the name of the call in the window's title", () => {
    show("call");
    expect(document.title).toBe("Mika · Ahoy");
  });
});

describe("the end", () => {
  it.each([
    ["ended-by-me", "You hung up."],
    ["ended-by-them", "Mika hung up."],
    ["ended-network", "The connection was lost."],
  ] as const)("%s says who or what ended it", (name, words) => {
    show(name);
    expect(part("end-reason").textContent).toContain(words);
    expect(part("talked").textContent).toBe("You talked for 24 minutes.");
  });

  it("leads back", async () => {
    const backend = show("ended-by-them");
    await userEvent.click(part("call-again"));
    await userEvent.click(part("back"));
    expect(backend.commands).toEqual([{ type: "call_again" }, { type: "back" }]);
  });

  it("names a refusal by its code, and offers no way where there is none", () => {
    show("guest-bad-link");
    expect(part("error").dataset["code"]).toBe("bad_link");
    absent("call-again");
  });

  it("says a name or none", () => {
    show({ kind: "app", view: view(ended({ type: "by_them" }, { name: null, seconds: 1 })) });
    expect(part("end-reason").textContent).toContain("The other side hung up.");
    expect(part("talked").textContent).toBe("You talked for 1 second.");
  });
});

describe("the banner", () => {
  it("is announced, and has what can be done about a device", async () => {
    const backend = show("lobby-camera-busy");
    const banner = within(screen.getByRole("alert"));
    expect(part("error").dataset["code"]).toBe("camera_busy");
    await userEvent.click(banner.getByRole("button", { name: "Try again" }));
    await userEvent.click(banner.getByRole("button", { name: "Go on without camera" }));
    await userEvent.keyboard("{Escape}");
    expect(backend.commands).toEqual([{ type: "retry_devices" }, { type: "dismiss_error" }, { type: "dismiss_error" }]);
  });

  it("shows the backend's own sentence where only that knows it", () => {
    show("start-relay-failed");
    expect(part("error").textContent).toContain("port 3002 is taken");
  });

  it("comes and goes with the view", async () => {
    const backend = show("call");
    absent("error");
    backend.show(view(waiting(), { error: userError("camera_failed"), media: media() }));
    await tick();
    expect(part("error").dataset["code"]).toBe("camera_failed");
  });
});
