/** Calls through relays of small WebRTC pages: what follows from the shape of each. */
import type { RelayCall } from "../contract/RelayCall";
import type { RelayShape } from "../contract/RelayShape";
import { t } from "../text";

export type ShapeName = RelayShape["type"];

/** What those who know the pages call each shape; the same in all languages. */
export const CODES: Record<ShapeName, string> = {
  send: "1c1s",
  receive: "1c1s",
  broadcast: "nc1s",
  view: "nc1s",
  both: "1cs1cs",
  ready: "ready / bye",
  socket_io: "Socket.IO",
  targeted: "video-offer",
};

const SOCKETS = ["ws:", "wss:"];

/** Whether a text is an address of such a relay; the shell looks once more. */
export function isRelayAddress(text: string, shape: ShapeName | null): boolean {
  const schemes = shape === "socket_io" || shape === null ? [...SOCKETS, "http:", "https:"] : SOCKETS;
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    return false;
  }
  const pin = /^(#[\w-]{43})?$/;
  return schemes.includes(url.protocol) && url.hostname !== "" && url.username === "" && url.password === "" && pin.test(url.hash);
}

/** Whether the user's camera and microphone are in use; `null`: it is a call in a room of Ahoy's. */
export function usesDevices(call: RelayCall | null): boolean {
  if (call === null) return true;
  const { shape } = call;
  switch (shape.type) {
    case "send":
      return !shape.screen;
    case "socket_io":
      return shape.media;
    case "both":
    case "ready":
    case "targeted":
      return true;
    case "receive":
    case "broadcast":
    case "view":
      return false;
  }
}

/** Whether lines can be written. */
export const hasChat = (call: RelayCall | null) => call === null || call.shape.type === "socket_io";

/** How it goes on from here, while nobody has answered. */
export function whatNext({ shape }: RelayCall): string {
  if (shape.type !== "targeted") return t(`relays.wait.${shape.type}`);
  return shape.target === null ? t("relays.wait.targeted.called", { name: shape.name }) : t("relays.wait.targeted", { name: shape.target });
}
