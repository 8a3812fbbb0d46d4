import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { HEADER_BYTES } from "./frame";
import { VideoSocket } from "./video-socket";

class FakeSocket {
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = 0;
  binaryType = "";
  sent: unknown[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  open() {
    this.readyState = 1;
    this.onopen?.();
  }
}

const endpoint = Promise.resolve({ url: "ws://127.0.0.1:1/video", token: "secret" });

function frame() {
  const buffer = new ArrayBuffer(HEADER_BYTES + 6);
  const header = new DataView(buffer);
  header.setUint32(0, 0x59484f41, true);
  header.setUint32(4, 2, true);
  header.setUint32(8, 2, true);
  return buffer;
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => void vi.useRealTimers());

async function open(draw = vi.fn()) {
  const video = new VideoSocket(endpoint, "self", { width: 640, height: 360 }, draw);
  await vi.advanceTimersByTimeAsync(0);
  const socket = FakeSocket.all[0]!;
  socket.open();
  return { video, socket, draw };
}

it("says its token, track and size first, and another size later", async () => {
  const { video, socket } = await open();
  expect(socket.url).not.toContain("secret");
  video.resize({ width: 640, height: 360 });
  video.resize({ width: 320, height: 180 });
  expect(socket.sent).toEqual([
    { token: "secret", track: "self", width: 640, height: 360 },
    { width: 320, height: 180 },
  ]);
});

it("acknowledges each picture after it was drawn", async () => {
  const { socket, draw } = await open();
  draw.mockImplementation(() => expect(socket.sent).toHaveLength(1));
  socket.onmessage?.({ data: frame() });
  expect(draw).toHaveBeenCalledWith(expect.objectContaining({ width: 2, height: 2 }));
  expect(socket.sent.at(-1)).toEqual({ ack: 1 });
});

it("draws no rubbish, and gives its credit back", async () => {
  const { socket, draw } = await open();
  socket.onmessage?.({ data: new ArrayBuffer(3) });
  socket.onmessage?.({ data: "text" });
  expect(draw).not.toHaveBeenCalled();
  expect(socket.sent.slice(1)).toEqual([{ ack: 1 }]);
});

it("comes back with bounded waits while the tile is there", async () => {
  const { video } = await open();
  for (let i = 0; i < 6; i++) {
    FakeSocket.all.at(-1)!.onclose?.();
    await vi.advanceTimersByTimeAsync(4_000);
  }
  expect(FakeSocket.all).toHaveLength(7);
  video.close();
  FakeSocket.all.at(-1)!.onclose?.();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(FakeSocket.all).toHaveLength(7);
});
