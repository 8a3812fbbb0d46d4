import { describe, expect, it } from "vitest";
import { countersOf, preferredFirst, qualityBetween } from "./media";

it("puts VP9 and VP8 first and drops nothing", () => {
  const codecs = ["video/H264", "video/rtx", "video/VP8", "video/AV1", "video/VP9", "video/rtx"].map((mimeType) => ({ mimeType }));
  expect(preferredFirst(codecs).map(({ mimeType }) => mimeType)).toEqual([
    "video/VP9",
    "video/VP8",
    "video/H264",
    "video/rtx",
    "video/AV1",
    "video/rtx",
  ]);
});

describe("quality", () => {
  const at = (received: number, lost: number, rttMs: number | null = 40) => ({ received, lost, rttMs });

  it.each([
    [at(0, 0), at(100, 0), "good"],
    [at(0, 0), at(96, 4), "fair"],
    [at(0, 0), at(80, 20), "poor"],
    [at(0, 0), at(100, 0, 300), "fair"],
    [at(0, 0), at(100, 0, 900), "poor"],
    // What was lost long ago is over, and a repaired loss may count backwards.
    [at(100, 50), at(200, 49), "good"],
    [at(100, 0), at(100, 0), "poor"],
  ])("%o to %o is %s", (before, after, quality) => {
    expect(qualityBetween(before, after, true)).toBe(quality);
  });

  it("does not suffer from a silence that was announced", () => {
    expect(qualityBetween(at(100, 0), at(100, 0), false)).toBe("good");
    expect(qualityBetween(at(100, 0), at(100, 0, null), false)).toBeNull();
  });

  it("is read from what comes in and from the pair that is used", () => {
    const report = [
      { type: "inbound-rtp", packetsReceived: 10, packetsLost: 1 },
      { type: "inbound-rtp", packetsReceived: 5 },
      { type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.05 },
      { type: "candidate-pair", nominated: false, state: "succeeded", currentRoundTripTime: 9 },
    ];
    expect(countersOf(report)).toEqual({ received: 15, lost: 1, rttMs: 50 });
  });
});
