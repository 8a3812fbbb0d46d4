/**
 * A picture as the shell sends it: 32 bytes of header, little-endian, then the I420 planes without gaps. Pure.
 *
 * | at | |
 * |---|---|
 * | 0 | u32 magic 0x59484F41 |
 * | 4 | u32 width, pixels |
 * | 8 | u32 height, pixels |
 * | 12 | u8 matrix: 0 BT.601, 1 BT.709 |
 * | 13 | u8 range: 0 limited, 1 full |
 * | 14 | u16 0 |
 * | 16 | f64 when it was captured, milliseconds since 1970 |
 * | 24 | u32 sequence number |
 * | 28 | u32 0 |
 */
export const HEADER_BYTES = 32;
const MAGIC = 0x59484f41;
/** Larger than any screen that is shown. */
const MAX_SIDE = 8192;

export interface Frame {
  width: number;
  height: number;
  matrix: "bt601" | "bt709";
  fullRange: boolean;
  /** Milliseconds since 1970. */
  capturedAt: number;
  sequence: number;
  /** Y, then U, then V; the chroma planes have half of each side, rounded up. */
  planes: Uint8Array<ArrayBuffer>;
}

/** The picture in a message; `null` when it is none. */
export function parseFrame(buffer: ArrayBuffer): Frame | null {
  if (buffer.byteLength < HEADER_BYTES) return null;
  const header = new DataView(buffer);
  const width = header.getUint32(4, true);
  const height = header.getUint32(8, true);
  if (header.getUint32(0, true) !== MAGIC || !sane(width) || !sane(height)) return null;
  const planes = new Uint8Array(buffer, HEADER_BYTES);
  if (planes.length !== planeBytes(width, height)) return null;
  return {
    width,
    height,
    matrix: header.getUint8(12) === 1 ? "bt709" : "bt601",
    fullRange: header.getUint8(13) === 1,
    capturedAt: header.getFloat64(16, true),
    sequence: header.getUint32(24, true),
    planes,
  };
}

/** The bytes of the three planes. */
export function planeBytes(width: number, height: number): number {
  return width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2);
}

const sane = (side: number) => side >= 1 && side <= MAX_SIDE;

/** The luma weights of red and blue. */
const WEIGHTS = { bt601: { r: 0.299, b: 0.114 }, bt709: { r: 0.2126, b: 0.0722 } };

/** The picture as RGBA, into `out` (four bytes for each pixel). ITU-R BT.601 §2.5, BT.709 §3. */
export function toRgba(frame: Frame, out: Uint8ClampedArray): void {
  const { width, height, planes, fullRange } = frame;
  const { r: kr, b: kb } = WEIGHTS[frame.matrix];
  const kg = 1 - kr - kb;
  const luma = fullRange ? 1 : 255 / 219;
  const chroma = fullRange ? 1 : 255 / 224;
  const black = fullRange ? 0 : 16;
  const redOfV = 2 * (1 - kr) * chroma;
  const blueOfU = 2 * (1 - kb) * chroma;
  const greenOfU = (-blueOfU * kb) / kg;
  const greenOfV = (-redOfV * kr) / kg;
  const half = (width + 1) >> 1;
  const u = width * height;
  const v = u + half * ((height + 1) >> 1);
  let at = 0;
  for (let y = 0; y < height; y++) {
    const row = (y >> 1) * half;
    for (let x = 0; x < width; x++) {
      const c = row + (x >> 1);
      const light = ((planes[y * width + x] ?? 0) - black) * luma;
      const du = (planes[u + c] ?? 128) - 128;
      const dv = (planes[v + c] ?? 128) - 128;
      out[at] = light + redOfV * dv;
      out[at + 1] = light + greenOfU * du + greenOfV * dv;
      out[at + 2] = light + blueOfU * du;
      out[at + 3] = 255;
      at += 4;
    }
  }
}
