import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SignalBody } from "../contract/SignalBody";
import { FakeChannel, FakePeerConnection, FakeTransceiver, fakeTrack, settle } from "../test/fake-rtc";
import { freshNonce } from "./auth";
import { CONNECT_TIMEOUT_MS, type Line, Peer, RECONNECT_TIMEOUT_MS, RESTART_AFTER_MS } from "./peer";
import { WordsExchange, type WordsMessage, fingerprints } from "./words";

const OFFER: SignalBody = { description: { type: "offer", sdp: "theirs" } };
const ANSWER: SignalBody = { description: { type: "answer", sdp: "theirs" } };
const candidate = (text: string): SignalBody => ({ candidate: { candidate: text, sdpMid: "0" } });

function setUp({ offers = false, onlyAnswers = false, polite = false, commits = false, devices = ["audio", "video"] as Line[] } = {}) {
  const pc = new FakePeerConnection();
  const tracks = new Map(devices.map((line) => [line, fakeTrack(line === "audio" ? "audio" : "video")]));
  const sent: SignalBody[] = [];
  const hooks = {
    send: (body: SignalBody) => void sent.push(body),
    changed: vi.fn(),
    bye: vi.fn(),
    chat: vi.fn(() => true),
    chatReceived: vi.fn(),
    removed: vi.fn(),
    forged: vi.fn(),
  };
  const outgoing = {
    stream: new MediaStream(),
    track: (line: Line) => tracks.get(line) ?? null,
    has: (line: Line) => line === "screen" || tracks.has(line),
    state: () => ({ muted: false, camera_off: !tracks.has("video") }),
  };
  const peer = new Peer({ offers, onlyAnswers, polite, commits, iceServers: [], outgoing, hooks, connect: () => pc.as() });
  const descriptions = () => sent.flatMap((body) => ("description" in body ? [body.description.type] : []));
  return { peer, pc, sent, hooks, tracks, descriptions };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("who was there first", () => {
  it("offers once, with the data channel and what it sends", async () => {
    const { pc, descriptions, tracks } = setUp({ offers: true });
    await settle();
    expect(new Set(descriptions())).toEqual(new Set(["offer"]));
    expect(pc.channel?.label).toBe("ahoy");
    expect(pc.transceivers.map(({ direction }) => direction)).toEqual(["sendrecv", "sendrecv", "sendrecv"]);
    expect(pc.transceivers.map(({ sender }) => sender.track)).toEqual([tracks.get("audio"), tracks.get("video"), null]);
  });

  it("only receives what it has no device for", async () => {
    const { pc } = setUp({ offers: true, devices: ["audio"] });
    await settle();
    expect(pc.transceivers.map(({ direction }) => direction)).toEqual(["sendrecv", "recvonly", "sendrecv"]);
  });

  it("sends within bounds", async () => {
    const { pc } = setUp({ offers: true });
    await settle();
    const parameters = pc.transceivers[1]!.sender.setParameters.mock.lastCall?.[0];
    expect(parameters?.encodings[0]?.maxBitrate).toBe(2_500_000);
    expect(pc.transceivers[2]!.sender.setParameters.mock.lastCall?.[0]).toMatchObject({ degradationPreference: "maintain-resolution" });
  });
});

describe("who comes", () => {
  it("is silent until it is offered something, then answers with what it has", async () => {
    const { peer, pc, sent, descriptions, tracks } = setUp();
    pc.onnegotiationneeded?.();
    await settle();
    expect(sent).toEqual([]);
    await peer.handle(OFFER);
    expect(descriptions()).toEqual(["answer"]);
    expect(pc.transceivers.map(({ sender }) => sender.track)).toEqual([tracks.get("audio"), tracks.get("video")]);
    expect(pc.transceivers.map(({ direction }) => direction)).toEqual(["sendrecv", "sendrecv"]);
  });

  it("never offers where it only watches, not even a change", async () => {
    const { peer, pc, descriptions } = setUp({ onlyAnswers: true, devices: [] });
    await peer.handle(OFFER);
    pc.onnegotiationneeded?.();
    pc.become("connected");
    pc.become("failed");
    vi.advanceTimersByTime(RESTART_AFTER_MS);
    await settle();
    expect(descriptions()).toEqual(["answer"]);
    expect(pc.restarts).toBe(0);
    expect(pc.transceivers.map(({ direction, sender }) => [direction, sender.track])).toEqual([["recvonly", null], ["recvonly", null]]);
  });

  it("may offer a change once it has answered", async () => {
    const { peer, pc, descriptions } = setUp();
    await peer.handle(OFFER);
    pc.onnegotiationneeded?.();
    await settle();
    expect(descriptions()).toEqual(["answer", "offer"]);
  });
});

describe("when two offers meet", () => {
  it("the polite end gives way", async () => {
    const { peer, pc, descriptions } = setUp({ offers: true, polite: true });
    await settle();
    expect(pc.signalingState).toBe("have-local-offer");
    await peer.handle(OFFER);
    expect(descriptions().at(-1)).toBe("answer");
    expect(pc.remoteDescription?.sdp).toBe("theirs");
  });

  it("the other end goes on with its own", async () => {
    const { peer, pc, descriptions } = setUp({ offers: true, polite: false });
    await settle();
    await peer.handle(OFFER);
    expect(descriptions()).not.toContain("answer");
    expect(pc.remoteDescription).toBeNull();
    await peer.handle(ANSWER);
    expect(pc.signalingState).toBe("stable");
  });
});

describe("what comes at the wrong moment", () => {
  it("a candidate before its description waits for it", async () => {
    const { peer, pc } = setUp();
    await peer.handle(candidate("early"));
    expect(pc.candidates).toEqual([]);
    await peer.handle(OFFER);
    expect(pc.candidates).toEqual([{ candidate: "early", sdpMid: "0" }]);
  });

  it("an endless row of early candidates is cut", async () => {
    const { peer, pc } = setUp();
    for (let i = 0; i < 1000; i++) await peer.handle(candidate(`${i}`));
    await peer.handle(OFFER);
    expect(pc.candidates).toHaveLength(64);
  });

  it("an answer to no offer is left aside", async () => {
    const { peer, pc } = setUp();
    await peer.handle(ANSWER);
    expect(pc.remoteDescription).toBeNull();
  });

  it("rubbish costs nothing but itself", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const { peer, pc, descriptions } = setUp();
    await peer.handle({ description: { type: "offer", sdp: "rubbish" } });
    await peer.handle(candidate("rubbish"));
    await peer.handle(OFFER);
    await peer.handle(candidate("rubbish"));
    await peer.handle(candidate("good"));
    expect(descriptions()).toEqual(["answer"]);
    expect(pc.candidates).toEqual([{ candidate: "good", sdpMid: "0" }]);
    warn.mockRestore();
  });

  it("nothing happens after the end", async () => {
    const { peer, pc, sent } = setUp();
    peer.close();
    await peer.handle(OFFER);
    expect(sent).toEqual([]);
    expect(pc.closed).toBe(true);
  });
});

describe("a connection", () => {
  it("is looked for again by who offered, once, and given up in the end", async () => {
    const { peer, pc } = setUp({ offers: true });
    pc.become("connected");
    expect(peer.state).toBe("connected");
    pc.become("disconnected");
    expect(peer.state).toBe("reconnecting");
    vi.advanceTimersByTime(RESTART_AFTER_MS);
    pc.become("failed");
    vi.advanceTimersByTime(1);
    expect(pc.restarts).toBe(1);
    vi.advanceTimersByTime(RECONNECT_TIMEOUT_MS);
    expect(peer.state).toBe("failed");
  });

  it("that comes back is as before", () => {
    const { peer, pc } = setUp();
    pc.become("connected");
    pc.become("disconnected");
    pc.become("connected");
    vi.advanceTimersByTime(RECONNECT_TIMEOUT_MS * 2);
    expect(peer.state).toBe("connected");
    expect(pc.restarts).toBe(0);
  });

  it("that never comes is given up", () => {
    const { peer } = setUp();
    vi.advanceTimersByTime(CONNECT_TIMEOUT_MS);
    expect(peer.state).toBe("failed");
  });
});

describe("the data channel", () => {
  it("tells what is off when it opens and at each change, and hears the same", () => {
    const { peer, pc, hooks } = setUp({ offers: true, devices: ["audio"] });
    pc.channel!.open();
    peer.sayState();
    const state = { type: "state", muted: false, camera_off: true };
    expect(pc.channel!.sent).toEqual([state, { type: "screen", shown: false }, state]);
    pc.channel!.receive({ type: "state", muted: true, camera_off: true });
    expect([peer.muted, peer.cameraOff]).toEqual([true, true]);
    expect(hooks.changed).toHaveBeenCalled();
    pc.channel!.receive("rubbish");
  });

  it("shows what a member says only where it changes something, ten times a second at most, and the last of it", () => {
    const { peer, pc, hooks } = setUp({ offers: true });
    pc.channel!.open();
    for (let i = 0; i < 1000; i++) {
      pc.channel!.receive({ type: "state", muted: false, camera_off: false });
      pc.channel!.receive({ type: "screen", shown: false });
    }
    expect(hooks.changed).not.toHaveBeenCalled();
    for (let i = 0; i < 1000; i++) {
      pc.channel!.receive({ type: "state", muted: i % 2 === 1, camera_off: false });
      pc.channel!.receive({ type: "screen", shown: i % 2 === 1 });
      if (i % 100 === 99) vi.advanceTimersByTime(100);
    }
    vi.advanceTimersByTime(1000);
    expect(hooks.changed.mock.calls.length).toBeGreaterThan(1);
    expect(hooks.changed.mock.calls.length).toBeLessThanOrEqual(12);
    expect([peer.muted, peer.showsScreen]).toEqual([true, true]);
    pc.channel!.receive({ type: "state", muted: false, camera_off: false });
    pc.channel!.receive({ type: "state", muted: true, camera_off: false });
    peer.close();
    hooks.changed.mockClear();
    vi.advanceTimersByTime(1000);
    expect(hooks.changed).not.toHaveBeenCalled();
  });

  it("carries the good-bye", () => {
    const { peer, pc, hooks } = setUp({ offers: true });
    pc.channel!.open();
    pc.channel!.receive({ type: "bye", reason: "hang_up" });
    expect(hooks.bye).toHaveBeenCalledWith("hang_up");
    peer.close("hang_up");
    expect(pc.channel!.sent.at(-1)).toEqual({ type: "bye", reason: "hang_up" });
    vi.advanceTimersByTime(1000);
    expect(pc.closed).toBe(true);
  });
});

it("a device that comes later is offered then", async () => {
  const { peer, pc, tracks } = setUp({ offers: true, devices: ["audio"] });
  await settle();
  tracks.set("video", fakeTrack("video"));
  await peer.sendTrack("video");
  expect(pc.transceivers[1]!.direction).toBe("sendrecv");
  expect(pc.transceivers[1]!.sender.track).toBe(tracks.get("video"));
});

describe("a screen", () => {
  const screen = (shown: boolean) => ({ type: "screen", shown });

  it("is sent beside the camera to who knows what it is, and nothing is negotiated for it", async () => {
    const { peer, pc, tracks, descriptions } = setUp({ offers: true });
    await settle();
    pc.channel!.open();
    const before = descriptions().length;
    tracks.set("screen", fakeTrack("video"));
    await peer.sendTrack("screen");
    expect(pc.channel!.sent.at(-1)).toEqual(screen(true));
    expect(pc.transceivers[2]!.sender.track).toBeNull();
    pc.channel!.receive(screen(false));
    await settle();
    expect(pc.transceivers.map(({ sender }) => sender.track)).toEqual([tracks.get("audio"), tracks.get("video"), tracks.get("screen")]);
    tracks.delete("screen");
    await peer.sendTrack("screen");
    expect(pc.transceivers[2]!.sender.track).toBeNull();
    expect(pc.transceivers[1]!.sender.track).toBe(tracks.get("video"));
    expect(pc.channel!.sent.at(-1)).toEqual(screen(false));
    expect(descriptions()).toHaveLength(before);
  });

  it("of the other end is apart from its camera", async () => {
    const { peer, pc, hooks } = setUp({ offers: true });
    await settle();
    pc.channel!.open();
    for (const transceiver of pc.transceivers) pc.ontrack?.({ track: transceiver.receiver.track, transceiver });
    expect(peer.incoming.getTracks()).toEqual(pc.transceivers.slice(0, 2).map(({ receiver }) => receiver.track));
    expect(peer.screen.getTracks()).toEqual([pc.transceivers[2]!.receiver.track]);
    expect(peer.showsScreen).toBe(false);
    pc.channel!.receive(screen(true));
    expect(peer.showsScreen).toBe(true);
    expect(hooks.changed).toHaveBeenCalled();
    for (const rubbish of [{ type: "screen" }, { type: "screen", shown: 1 }]) pc.channel!.receive(rubbish);
    pc.channel!.receive(screen(false));
    expect(peer.showsScreen).toBe(false);
  });

  it("has the second section of pictures, wherever its transceiver is in the list", async () => {
    const { peer, pc, tracks } = setUp({ devices: ["audio", "video", "screen"] });
    const [camera, shown] = [new FakeTransceiver("video", "recvonly"), new FakeTransceiver("video", "recvonly")];
    Object.assign(camera, { mid: "1" });
    Object.assign(shown, { mid: "2" });
    pc.transceivers = [shown, camera];
    await peer.handle({ description: { type: "offer", sdp: "v=0\r\na=mid:1\r\na=mid:2\r\n" } });
    expect(camera.sender.track).toBe(tracks.get("video"));
    const channel = new FakeChannel("ahoy");
    pc.ondatachannel?.({ channel });
    channel.open();
    channel.receive(screen(false));
    await settle();
    expect(shown.sender.track).toBe(tracks.get("screen"));
  });
});

describe("the certificates", () => {
  const sdp = (print: string) => `v=0\r\na=fingerprint:sha-256 ${print}\r\n`;
  const offer = (print: string): SignalBody => ({ description: { type: "offer", sdp: sdp(print) } });

  it("must be the first ones for as long as the connection lasts", async () => {
    const { peer, pc, hooks } = setUp();
    await peer.handle(offer("AA:BB"));
    await peer.handle(offer("aa:bb"));
    expect(hooks.forged).not.toHaveBeenCalled();
    await peer.handle(offer("AA:CC"));
    expect(hooks.forged).toHaveBeenCalledOnce();
    expect(pc.remoteDescription?.sdp).toBe(sdp("aa:bb"));
  });

  it("give four words with who answers, and other ends see the same", async () => {
    const { peer, pc, hooks } = setUp({ commits: true });
    await peer.handle(offer("AA"));
    const channel = new FakeChannel("ahoy");
    pc.ondatachannel?.({ channel });
    channel.open();
    const own = fingerprints(pc.localDescription!.sdp);
    const other = new WordsExchange(false, freshNonce());
    const ends = { own: "sha-256 AA", other: own };
    const said = (type: string) => channel.sent.find((message) => (message as { type: string }).type === type) as WordsMessage;
    channel.receive(other.hear(said("words_commit"), ends).say);
    other.hear(said("words_reveal"), ends);
    expect(peer.words).toHaveLength(4);
    expect(peer.words).toEqual(other.words);
    expect(hooks.changed).toHaveBeenCalledOnce();
    for (let i = 0; i < 100; i++) channel.receive({ type: "words_nonce", nonce: freshNonce() });
    expect(hooks.changed).toHaveBeenCalledOnce();
  });

  it("are not who they were when what is revealed does not fit", async () => {
    const { peer, pc, hooks } = setUp();
    await peer.handle(offer("AA"));
    const channel = new FakeChannel("ahoy");
    pc.ondatachannel?.({ channel });
    channel.open();
    channel.receive(new WordsExchange(true, freshNonce()).open({ own: "x", other: "y" }));
    channel.receive({ type: "words_reveal", nonce: freshNonce() });
    expect(hooks.forged).toHaveBeenCalledOnce();
    expect(peer.words).toBeNull();
  });
});

describe("telling once more", () => {
  it("says the last description and what came after it, while there is no connection", async () => {
    const { peer, pc, sent } = setUp();
    await peer.handle(OFFER);
    for (let i = 0; i < 100; i++) pc.onicecandidate?.({ candidate: { toJSON: () => ({ candidate: `${i}` }) } });
    const before = sent.length;
    peer.retell();
    const told = sent.slice(before);
    expect(told).toHaveLength(65);
    expect(told[0]).toMatchObject({ description: { type: "answer" } });
    pc.become("connected");
    peer.retell();
    peer.close();
    peer.retell();
    expect(sent).toHaveLength(before + 65);
  });
});
