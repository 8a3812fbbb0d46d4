import { base64urlnopad } from "@scure/base";
import type { RoomId } from "../contract/RoomId";

/** What the address of the guest page says: the room, and the secret that never leaves the page. */
export interface GuestLink {
  room: RoomId;
  /** 16 bytes. */
  secret: Uint8Array;
}

const ROOM_PATH = /^\/r\/([a-z2-7]{26})\/?$/;
const SECRET_BYTES = 16;

/**
 * Reads `/r/ROOM` and `#SECRET[.PIN]`; `null` when either is missing or cut. The pin is for the app,
 * which checks the relay's certificate with it; a browser does that by itself.
 */
export function readLink(location: { pathname: string; hash: string }): GuestLink | null {
  const room = ROOM_PATH.exec(location.pathname)?.[1];
  const [text = ""] = location.hash.replace(/^#/, "").split(".");
  if (room === undefined) return null;
  try {
    const secret = base64urlnopad.decode(text);
    return secret.length === SECRET_BYTES ? { room, secret } : null;
  } catch {
    return null;
  }
}
