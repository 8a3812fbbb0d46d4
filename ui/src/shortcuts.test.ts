import { expect, it } from "vitest";
import { fixtures, lobby, media, view } from "./gallery/fixtures";
import { commandForKey } from "./shortcuts";
import { userError } from "./text";

const key = (name: string, more: Partial<KeyboardEvent> = {}) => ({
  key: name,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  repeat: false,
  target: document.body,
  ...more,
});

it("turns things off and on in lobby and call, and nowhere else", () => {
  expect(commandForKey(key("M"), fixtures.call.view, "app")).toEqual({ type: "set_muted", muted: true });
  const off = view(lobby(true), { media: media({ muted: true, camera_off: true }) });
  expect(commandForKey(key("m"), off, "guest")).toEqual({ type: "set_muted", muted: false });
  expect(commandForKey(key("v"), off, "guest")).toEqual({ type: "set_camera_off", off: false });
  expect(commandForKey(key("m"), fixtures.start.view, "app")).toBeNull();
});

it("leaves alone what is held, combined, or typed", () => {
  const input = document.createElement("input");
  for (const more of [{ repeat: true }, { altKey: true }, { ctrlKey: true }, { target: input }]) {
    expect(commandForKey(key("m", more), fixtures.call.view, "app")).toBeNull();
  }
});

it("takes the banner away first, then goes back", () => {
  expect(commandForKey(key("Escape"), view(lobby(true), { error: userError("busy") }), "app")).toEqual({ type: "dismiss_error" });
  expect(commandForKey(key("Escape"), view(lobby(true)), "app")).toEqual({ type: "back" });
  expect(commandForKey(key("Escape"), view(lobby(false)), "guest")).toBeNull();
  expect(commandForKey(key("Escape"), fixtures.call.view, "app")).toBeNull();
});

it("opens a new call from the start", () => {
  expect(commandForKey(key("n", { ctrlKey: true }), fixtures.start.view, "app")).toEqual({ type: "new_call" });
  expect(commandForKey(key("n", { ctrlKey: true }), fixtures.call.view, "app")).toBeNull();
  expect(commandForKey(key("n", { ctrlKey: true }), fixtures.start.view, "guest")).toBeNull();
});
