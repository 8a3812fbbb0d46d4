import { beforeEach, expect, it, vi } from "vitest";
import { openDrawer } from "./drawer";
import type { Frame } from "./frame";

const context = { drawImage: vi.fn(), putImageData: vi.fn() };

function frame(width = 2, height = 2): Frame {
  const planes = new Uint8Array(width * height + 2).fill(128);
  return { width, height, matrix: "bt709", fullRange: true, capturedAt: 1.5, sequence: 1, planes };
}

function canvas() {
  const element = document.createElement("canvas");
  element.getContext = (() => context) as unknown as typeof element.getContext;
  return element;
}

beforeEach(() => {
  vi.clearAllMocks();
  vi.stubGlobal(
    "ImageData",
    class {
      data: Uint8ClampedArray;
      constructor(
        readonly width: number,
        readonly height: number,
      ) {
        this.data = new Uint8ClampedArray(width * height * 4);
      }
    },
  );
});

it("leaves the conversion to the web view, and frees each picture", () => {
  const close = vi.fn();
  const made: unknown[] = [];
  vi.stubGlobal(
    "VideoFrame",
    class {
      close = close;
      constructor(_: unknown, init: unknown) {
        made.push(init);
      }
    },
  );
  openDrawer(canvas()).draw(frame());
  expect(made).toEqual([
    expect.objectContaining({ format: "I420", codedWidth: 2, codedHeight: 2, timestamp: 1500, colorSpace: expect.objectContaining({ matrix: "bt709", fullRange: true }) }),
  ]);
  expect(context.drawImage).toHaveBeenCalledOnce();
  expect(close).toHaveBeenCalledOnce();
});

it("converts where the web view cannot, from the first picture on", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const construct = vi.fn();
  vi.stubGlobal(
    "VideoFrame",
    class {
      constructor() {
        construct();
        throw new Error("not here");
      }
    },
  );
  const drawer = openDrawer(canvas());
  drawer.draw(frame());
  drawer.draw(frame());
  expect(construct).toHaveBeenCalledOnce();
  expect(context.putImageData).toHaveBeenCalledTimes(2);
  warn.mockRestore();
});

it("takes the size of the picture and says so", () => {
  vi.stubGlobal("VideoFrame", undefined);
  Reflect.deleteProperty(globalThis, "VideoFrame");
  const element = canvas();
  const resized = vi.fn();
  element.addEventListener("resize", resized);
  const drawer = openDrawer(element);
  drawer.draw(frame(4, 2));
  drawer.draw(frame(4, 2));
  expect([element.width, element.height]).toEqual([4, 2]);
  expect(resized).toHaveBeenCalledOnce();
});
