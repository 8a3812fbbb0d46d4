import { expect, it } from "vitest";
import { type RoomMessage, isPolite, membersOf, offersTo } from "./roster";

const member = (peer: string, order: number) => ({ peer, name: peer, nonce: "AAAA", mac: "AAAA", order });

const room: RoomMessage = {
  type: "room",
  kind: "call",
  host: { key: "key", ...member("host", 4) },
  peers: [member("b", 7), member("a", 2)],
  count: 3,
  capacity: 8,
  locked: false,
};

it("lists host and others in the order in which they came", () => {
  expect(membersOf(room).map(({ peer }) => peer)).toEqual(["a", "host", "b"]);
  expect(membersOf(room).map(({ hostKey }) => hostKey)).toEqual([undefined, "key", undefined]);
  expect(membersOf({ ...room, host: null })).toHaveLength(2);
});

it("lets who was there first offer, and the smaller id give way", () => {
  expect(offersTo(member("x", 1), member("a", 2))).toBe(true);
  expect(offersTo(member("a", 2), member("x", 1))).toBe(false);
  expect(isPolite(member("a", 2), member("x", 1))).toBe(true);
});
