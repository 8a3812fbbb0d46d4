import { beforeEach, describe, expect, it, vi } from "vitest";
import { fakeTrack } from "../test/fake-rtc";
import { LocalMedia, codeOf } from "./local";
import { levelOf } from "./level";

type Request = { audio?: unknown; video?: unknown };

let asked: Request[];
/** What the browser refuses, by kind. */
let refuse: { audio?: string; video?: string };

function setUp() {
  const events = { changed: vi.fn(), track: vi.fn(), level: vi.fn() };
  return { local: new LocalMedia(events), events };
}

beforeEach(() => {
  asked = [];
  refuse = {};
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("navigator", {
    mediaDevices: {
      addEventListener: vi.fn(),
      enumerateDevices: async () => [
        { kind: "videoinput", deviceId: "c1", label: "Camera" },
        { kind: "audioinput", deviceId: "default", label: "Default" },
        { kind: "audioinput", deviceId: "m1", label: "" },
      ],
      getUserMedia: async (request: Request) => {
        asked.push(request);
        for (const kind of ["audio", "video"] as const) {
          if (request[kind] && refuse[kind]) throw new DOMException("", refuse[kind]);
        }
        return new MediaStream((["audio", "video"] as const).filter((kind) => request[kind]).map(fakeTrack));
      },
    },
  });
});

describe("the user's devices", () => {
  it("are asked for at once, so that the user is asked once", async () => {
    const { local } = setUp();
    await local.open();
    expect(asked).toHaveLength(1);
    expect([local.has("audio"), local.has("video")]).toEqual([true, true]);
    expect(local.stream.getTracks()).toHaveLength(2);
  });

  it("come one by one where one of them fails", async () => {
    refuse.video = "NotReadableError";
    const { local } = setUp();
    await local.open();
    expect(local.track("audio")).not.toBeNull();
    expect(local.view().camera.state).toMatchObject({ type: "failed", error: { code: "camera_busy" } });
    expect(local.error?.code).toBe("camera_busy");
    expect(local.state()).toEqual({ muted: false, camera_off: true });
  });

  it("that are not there are no failure", async () => {
    refuse = { audio: "NotFoundError", video: "NotFoundError" };
    const { local } = setUp();
    await local.open();
    expect(local.error).toBeNull();
    expect(local.view().camera.state.type).toBe("missing");
    expect(local.state()).toEqual({ muted: true, camera_off: true });
  });

  it("can be tried again", async () => {
    refuse = { audio: "NotAllowedError", video: "NotAllowedError" };
    const { local, events } = setUp();
    await local.open();
    expect(local.error?.code).toBe("camera_denied");
    refuse = {};
    await local.retry();
    expect(local.error).toBeNull();
    expect(events.track).toHaveBeenCalledWith("video");
  });

  it("are not asked for on a page that is not secure", async () => {
    vi.stubGlobal("navigator", {});
    vi.stubGlobal("isSecureContext", false);
    const { local } = setUp();
    await local.open();
    expect(local.error?.code).toBe("insecure_page");
  });

  it("have names even where the browser keeps them", async () => {
    const { local } = setUp();
    await local.open();
    expect(local.view().camera.devices).toEqual([{ id: "c1", name: "Camera" }]);
    expect(local.view().microphone.devices).toEqual([{ id: "m1", name: "Microphone 1" }]);
  });
});

describe("off", () => {
  it("gives the camera back, and on takes it again", async () => {
    const { local, events } = setUp();
    await local.open();
    const track = local.track("video");
    await local.setCameraOff(true);
    expect(track?.stop).toHaveBeenCalled();
    expect(local.track("video")).toBeNull();
    expect(local.has("video")).toBe(true);
    await local.setCameraOff(false);
    expect(local.track("video")).not.toBeNull();
    expect(events.track.mock.calls.filter(([kind]) => kind === "video").length).toBeGreaterThanOrEqual(2);
  });

  it("silences the microphone, also one that comes later", async () => {
    const { local } = setUp();
    local.setMuted(true);
    await local.open();
    expect(local.track("audio")?.enabled).toBe(false);
    local.setMuted(false);
    expect(local.track("audio")?.enabled).toBe(true);
  });

  it("wins over an opening that is still on its way", async () => {
    const { local } = setUp();
    const opening = local.open();
    local.close();
    await opening;
    expect(local.track("video")).toBeNull();
    expect(local.stream.getTracks()).toEqual([]);
  });

  it("comes by itself when a device is pulled out", async () => {
    const { local, events } = setUp();
    await local.open();
    events.track.mockClear();
    local.track("video")?.onended?.(new Event("ended"));
    expect(local.view().camera.state.type).toBe("missing");
    expect(events.track).toHaveBeenCalledWith("video");
  });
});

it("takes another device by its id", async () => {
  const { local } = setUp();
  await local.open();
  await local.select("video", "c2");
  expect(asked.at(-1)).toMatchObject({ video: { deviceId: { exact: "c2" } } });
  expect(local.stream.getTracks()).toHaveLength(2);
});

it.each([
  ["video", "NotAllowedError", "camera_denied"],
  ["audio", "SecurityError", "microphone_denied"],
  ["video", "OverconstrainedError", "camera_missing"],
  ["video", "NotReadableError", "camera_busy"],
  ["audio", "NotReadableError", "microphone_failed"],
  ["video", "AbortError", "camera_failed"],
] as const)("%s: %s is %s", (kind, name, code) => {
  expect(codeOf(kind, new DOMException("", name))).toBe(code);
});

it("measures loudness", () => {
  expect(levelOf([0, 0, 0])).toBe(-100);
  expect(levelOf([])).toBe(-100);
  expect(levelOf([1, -1])).toBe(0);
  expect(levelOf([0.1, -0.1])).toBeCloseTo(-20);
});
