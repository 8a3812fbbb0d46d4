import { expect, it } from "vitest";
import { type RoomMessage, isPolite, membersOf, offersTo, cutName, tidyName } from "./roster";

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

it("shows no name that would play tricks", () => {
  expect(tidyName("  Ada \u202e\u0000")).toBe("Ada");
  expect([...tidyName("👋".repeat(500))]).toHaveLength(64);
  expect(tidyName("Ada \u3164\u2800\u115f")).toBe("Ada");
  expect(tidyName(`a${"\u0301\u0323".repeat(1000)}b`)).toBe("a\u0301\u0323\u0301\u0323b");
  for (const name of ["Nguyễn Thị Ánh", "张伟", "क्षितिज", "O'Neil-D’Arcy & Søn <3"]) expect(tidyName(name)).toBe(name);
});

it("cuts the own name at the end of a character", () => {
  expect(cutName("Ada")).toBe("Ada");
  expect(cutName("é".repeat(100))).toBe("é".repeat(64));
  expect(cutName(`a${"👋".repeat(40)}`)).toBe(`a${"👋".repeat(31)}`);
  expect(cutName("x\ud83d")).toBe("x\ufffd");
});
