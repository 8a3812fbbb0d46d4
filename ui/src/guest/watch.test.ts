/** A broadcast as the guest's page watches it. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import vectors from "../../../src-tauri/crates/contract/vectors/signals.json";
import type { SignalBody } from "../contract/SignalBody";
import { FakeChannel, settle } from "../test/fake-rtc";
import { Other, World } from "../test/world";

let world: World;
const host = () => new Other("hhhhhhhhhhhhhhhh", 0, true);
const viewer = () => new Other("vvvvvvvvvvvvvvvv", 3);
const OFFER: SignalBody = { description: { type: "offer", sdp: "theirs" } };

beforeEach(() => {
  vi.useFakeTimers();
  world = new World("broadcast");
});
afterEach(() => void vi.useRealTimers());

describe("a viewer", () => {
  it("joins as one, and answers the host without anything of its own", async () => {
    const ada = host();
    world.enter([ada]);
    expect(world.relay.sent[0]).toMatchObject({ type: "join", role: "viewer" });
    await world.hear(ada.says(world.me, OFFER));
    expect(world.signals[0]!.says).toMatchObject({ description: { type: "answer" } });
    expect(world.pcs[0]!.transceivers.map(({ direction }) => direction)).toEqual(["recvonly", "recvonly"]);
  });

  it("offers nothing, also where the host came later", async () => {
    const ada = new Other("hhhhhhhhhhhhhhhh", 20, true);
    world.enter([ada]);
    await settle();
    expect(world.signals).toEqual([]);
    await world.hear(ada.says(world.me, OFFER));
    world.pcs[0]!.onnegotiationneeded?.();
    await settle();
    expect(world.signals.map(({ says }) => says)).toMatchObject([{ description: { type: "answer" } }]);
  });

  it("has to do with the host and with nobody else, whomever a relay names", async () => {
    const other = viewer();
    world.enter([host(), other]);
    await world.hear(other.says(world.me, OFFER));
    expect(world.call.peers().map(({ name }) => name)).toEqual(["name of h"]);
    expect(world.pcs).toHaveLength(1);
    expect(world.signals).toEqual([]);
  });

  it("takes nothing in the host's name that the host has not signed", async () => {
    const ada = host();
    world.enter([ada]);
    const { sig: _, ...unsigned } = ada.says(world.me, OFFER);
    await world.hear(unsigned);
    expect(world.call.peers()).toMatchObject([{ state: "not_authentic" }]);
    expect(world.pcs[0]!.closed).toBe(true);
    expect(world.events.notAuthentic).toHaveBeenCalledOnce();
  });

  it("does not watch a host with another key", () => {
    world.call.start();
    world.welcome();
    world.roster([host()], 10, "A".repeat(43));
    expect(world.call.peers()).toMatchObject([{ state: "not_authentic" }]);
  });

  it("sees how many others there are by the relay's word alone", () => {
    world.enter([host()]);
    world.relay.handlers.message({ ...lastRoster(), count: 42 });
    expect(world.call.others).toBe(41);
    world.relay.handlers.message({ ...lastRoster(), count: 0 });
    expect(world.call.others).toBe(0);
  });

  it("sees that the host has paused", () => {
    world.enter([host()]);
    const channel = new FakeChannel("ahoy");
    world.pcs[0]!.ondatachannel?.({ channel });
    channel.open();
    channel.receive({ type: "state", muted: true, camera_off: true });
    expect(world.call.peers()).toMatchObject([{ camera_off: true }]);
  });

  it("waits for a host that is away, and is told when the broadcast is over", async () => {
    const ada = host();
    world.enter([ada]);
    world.pcs[0]!.become("connected");
    await world.hear(ada.says(world.me, { bye: "hang_up" }));
    expect(world.events.ended).toHaveBeenCalledWith({ type: "by_them" }, "name of h");
    const alone = new World("broadcast");
    alone.enter([]);
    expect(alone.call.phase).toBe("host_away");
  });

  it("leaves a room of another kind than it was told, and says so", () => {
    world.call.start();
    world.welcome();
    world.relay.handlers.message({ ...lastRoster(), kind: "call" });
    expect(world.relay.sent.at(-1)).toEqual({ type: "leave" });
    expect(world.relay.closed).toBe(true);
    expect(world.events.otherKind).toHaveBeenCalledWith("call");
    expect(world.events.refused).not.toHaveBeenCalled();
  });
});

function lastRoster() {
  const ada = host();
  return {
    type: "room" as const,
    kind: "broadcast" as const,
    host: { key: vectors.host_key, ...ada.member },
    peers: [{ ...world.me, name: "Me", mac: world.mac, order: 10 }],
    count: 2,
    capacity: 8,
    locked: false,
  };
}
