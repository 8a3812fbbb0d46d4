import { describe, expect, it } from "vitest";
import { type Frame, HEADER_BYTES, parseFrame, planeBytes, toRgba } from "./frame";

function message({ width = 4, height = 2, magic = 0x59484f41, matrix = 1, range = 0, bytes = planeBytes(width, height) } = {}) {
  const buffer = new ArrayBuffer(HEADER_BYTES + bytes);
  const header = new DataView(buffer);
  header.setUint32(0, magic, true);
  header.setUint32(4, width, true);
  header.setUint32(8, height, true);
  header.setUint8(12, matrix);
  header.setUint8(13, range);
  header.setFloat64(16, 1_795_000_000_123, true);
  header.setUint32(24, 7, true);
  return buffer;
}

describe("a frame", () => {
  it("is read from its message", () => {
    expect(parseFrame(message())).toMatchObject({
      width: 4,
      height: 2,
      matrix: "bt709",
      fullRange: false,
      capturedAt: 1_795_000_000_123,
      sequence: 7,
    });
    expect(parseFrame(message({ width: 5, height: 3 }))?.planes).toHaveLength(15 + 2 * 3 * 2);
  });

  it.each([
    ["too short for a header", new ArrayBuffer(HEADER_BYTES - 1)],
    ["something else", message({ magic: 1 })],
    ["without pixels", message({ width: 0 })],
    ["absurdly large", message({ width: 100_000, bytes: 8 })],
    ["cut", message({ bytes: 11 })],
    ["longer than its picture", message({ bytes: 13 })],
  ])("is refused when it is %s", (_, buffer) => {
    expect(parseFrame(buffer)).toBeNull();
  });
});

describe("conversion", () => {
  /** One pixel of this colour. */
  function pixel(y: number, u: number, v: number, kind: Partial<Frame> = {}) {
    const out = new Uint8ClampedArray(4);
    const frame: Frame = { width: 1, height: 1, matrix: "bt601", fullRange: false, capturedAt: 0, sequence: 0, planes: new Uint8Array([y, u, v]), ...kind };
    toRgba(frame, out);
    return [...out];
  }
  const near = (got: number[], want: number[]) => got.forEach((value, i) => expect(Math.abs(value - want[i]!)).toBeLessThanOrEqual(1));

  it("knows black and white of both ranges", () => {
    near(pixel(16, 128, 128), [0, 0, 0, 255]);
    near(pixel(235, 128, 128), [255, 255, 255, 255]);
    near(pixel(0, 128, 128, { fullRange: true }), [0, 0, 0, 255]);
    near(pixel(255, 128, 128, { fullRange: true }), [255, 255, 255, 255]);
  });

  it("makes pure red of either matrix's red", () => {
    near(pixel(81, 90, 240), [254, 0, 0, 255]);
    near(pixel(63, 102, 240, { matrix: "bt709" }), [255, 1, 0, 255]);
  });

  it("takes the chroma of the right block in odd sizes", () => {
    const planes = new Uint8Array([...Array<number>(9).fill(126), 128, 128, 128, 128, 128, 128, 128, 240]);
    const out = new Uint8ClampedArray(36);
    toRgba({ width: 3, height: 3, matrix: "bt601", fullRange: false, capturedAt: 0, sequence: 0, planes }, out);
    near([...out.slice(0, 4)], [128, 128, 128, 255]);
    expect(out[32]).toBe(255);
  });
});
