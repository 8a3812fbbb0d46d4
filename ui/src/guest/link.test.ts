import { expect, it } from "vitest";
import { readLink } from "./link";

const ROOM = "abcdefghijklmnopqrstuvwxyz";
const SECRET = "AAECAwQFBgcICQoLDA0ODw";

it("reads the room and the secret, and leaves the pin to the app", () => {
  const secret = Uint8Array.from({ length: 16 }, (_, i) => i);
  expect(readLink({ pathname: `/r/${ROOM}`, hash: `#${SECRET}` })).toEqual({ room: ROOM, secret });
  expect(readLink({ pathname: `/r/${ROOM}/`, hash: `#${SECRET}.AwMD` })).toEqual({ room: ROOM, secret });
});

it.each([
  ["/", `#${SECRET}`],
  [`/r/${ROOM}`, ""],
  [`/r/${ROOM}`, "#"],
  [`/r/${ROOM}`, `#${SECRET.slice(1)}`],
  [`/r/${ROOM}`, `#${SECRET.slice(0, 10)}`],
  [`/r/${ROOM}`, `#${SECRET}AA`],
  [`/r/${ROOM}`, `#${SECRET.slice(0, -1)}!`],
  [`/r/${ROOM.slice(1)}`, `#${SECRET}`],
  [`/r/${ROOM.toUpperCase()}`, `#${SECRET}`],
])("refuses what is cut or something else: %s%s", (pathname, hash) => {
  expect(readLink({ pathname, hash })).toBeNull();
});
