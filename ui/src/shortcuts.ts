/** The keys of the pages. Pure. */
import type { AppView } from "./contract/AppView";
import type { Command } from "./contract/Command";

type Key = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "repeat" | "target">;

/** What a key asks for on this screen, if anything. A key that somebody types into a field is theirs. */
export function commandForKey(event: Key, view: AppView, kind: "app" | "guest"): Command | null {
  const { screen, media, error } = view;
  const key = event.key.toLowerCase();
  if (event.repeat || event.altKey) return null;
  if (event.ctrlKey || event.metaKey) {
    return key === "n" && kind === "app" && screen.type === "start" ? { type: "new_call" } : null;
  }
  if (event.target instanceof Element && event.target.closest("dialog")) return null;
  if (key === "escape") {
    if (error) return { type: "dismiss_error" };
    if (screen.type === "link_opened") return { type: "dismiss_link", id: screen.id };
    return kind === "app" && (screen.type === "lobby" || screen.type === "ended") ? { type: "back" } : null;
  }
  if (event.target instanceof Element && event.target.closest("input, textarea, select")) return null;
  if (key === "m" && screen.type === "call" && screen.kind === "broadcast" && !screen.host) {
    const flows = screen.peers.some(({ host, state }) => host && (state === "connected" || state === "reconnecting"));
    return flows ? { type: "set_speaker_muted", muted: !media.speaker_muted } : null;
  }
  // In a broadcast nobody has a microphone or a camera.
  if ((screen.type !== "call" && screen.type !== "lobby") || screen.kind !== "call") return null;
  if (key === "m") return { type: "set_muted", muted: !media.muted };
  if (key === "v") return { type: "set_camera_off", off: !media.camera_off };
  return null;
}
