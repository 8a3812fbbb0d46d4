/** The start page and the lobbies. */
import type { DeviceState } from "../contract/DeviceState";
import { userError } from "../text";
import { type Fixture, BROADCASTS, RECENTS, device, failed, lobby, media, start, view } from "./views";

const NONE: DeviceState = { type: "missing" };
const NOTHING = media({
  camera: device(NONE),
  microphone: device(NONE),
  speaker: device({ type: "open" }),
});
const DENIED = media({
  camera: device(failed("camera_denied")),
  microphone: device(failed("microphone_denied")),
});

export const entry = {
  start: { kind: "app", view: view(start) },
  "start-recents": { kind: "app", view: view(start, { recents: RECENTS }) },
  "start-server": {
    kind: "app",
    view: view(start, { relay: { type: "server", url: "https://relay.example.org" } }),
  },
  "start-relay-starting": { kind: "app", view: view(start, { relay: { type: "starting" } }) },
  "start-relay-failed": {
    kind: "app",
    view: view(start, {
      relay: { type: "failed", error: userError("relay_failed") },
      error: {
        code: "relay_failed",
        message: "The built-in relay could not start: port 3002 is taken.",
        hint: "Close the other program, or choose a server's address in the settings.",
      },
    }),
  },
  "start-set-aside": { kind: "app", view: view(start, { error: userError("settings_unreadable") }) },
  "start-settings": { kind: "app", view: view(start, { recents: RECENTS }), press: "settings" },
  lobby: { kind: "app", view: view(lobby(true)), level: -28 },
  "lobby-join": { kind: "app", view: view(lobby(false)), level: -70 },
  "lobby-busy": { kind: "app", view: view(lobby(true, true)), level: -40 },
  "lobby-opening": {
    kind: "app",
    view: view(lobby(true), {
      media: media({ camera: device({ type: "opening" }), microphone: device({ type: "opening" }) }),
    }),
  },
  "lobby-no-device": { kind: "app", view: view(lobby(true), { media: NOTHING }) },
  "lobby-camera-busy": {
    kind: "app",
    view: view(lobby(true), {
      media: media({ camera: device(failed("camera_busy"), "Logitech C920") }),
      error: userError("camera_busy"),
    }),
    level: -30,
  },
  "lobby-off": { kind: "app", view: view(lobby(true), { media: media({ muted: true, camera_off: true }) }) },
  "guest-lobby": { kind: "guest", view: view(lobby(false)), level: -25 },
  "guest-denied": {
    kind: "guest",
    view: view(lobby(false), { media: DENIED, error: userError("camera_denied") }),
  },
  "guest-insecure": {
    kind: "guest",
    view: view(lobby(false), {
      media: media({ camera: device(failed("insecure_page")), microphone: device(failed("insecure_page")) }),
      error: userError("insecure_page"),
    }),
  },
  "guest-relay-unreachable": { kind: "guest", view: view(lobby(false), { error: userError("relay_unreachable") }), level: -60 },
  "guest-settings": { kind: "guest", view: view(lobby(false)), level: -25, press: "settings" },
  "guest-busy": { kind: "guest", view: view(lobby(false, true)), level: -25 },
  "start-broadcasts": { kind: "app", view: view(start, { recents: BROADCASTS }) },
  "guest-looking": { kind: "guest", view: view(lobby(false, true, null)) },
  "guest-looking-untold": { kind: "guest", view: view(lobby(false, false, null), { error: userError("relay_unreachable") }) },
} satisfies Record<string, Fixture>;
