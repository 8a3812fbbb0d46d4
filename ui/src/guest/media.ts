/** What is the same for each connection: codecs, bitrates, and how good it is. */
import type { Quality } from "../contract/Quality";

/** What a sender of video may use at most: 720p30 is good there, and more only costs others. */
const MAX_VIDEO_BITRATE = 2_500_000;
/** What a screen may use beside it: letters of a large one need that while it is scrolled. */
const MAX_SCREEN_BITRATE = 6_000_000;
/** Speech at 48 kHz is transparent there. */
const MAX_AUDIO_BITRATE = 48_000;

const MAX_BITRATES = { audio: MAX_AUDIO_BITRATE, video: MAX_VIDEO_BITRATE, screen: MAX_SCREEN_BITRATE };

const PREFERRED = ["video/vp9", "video/vp8"];

/** All codecs, the preferred ones first. Nothing is left out: an offer without a codec's retransmission is refused by some. */
export function preferredFirst<C extends { mimeType: string }>(codecs: readonly C[]): C[] {
  const rank = (codec: C) => {
    const at = PREFERRED.indexOf(codec.mimeType.toLowerCase());
    return at < 0 ? PREFERRED.length : at;
  };
  return [...codecs].sort((a, b) => rank(a) - rank(b));
}

export function preferCodecs(transceiver: RTCRtpTransceiver): void {
  if (transceiver.receiver.track.kind !== "video") return;
  const codecs = RTCRtpReceiver.getCapabilities?.("video")?.codecs;
  try {
    if (codecs) transceiver.setCodecPreferences?.(preferredFirst(codecs));
  } catch (error) {
    console.warn("The browser keeps its own order of codecs.", error);
  }
}

/** Bounds what goes out; to be called once there is a local description. */
export async function boundSender(sender: RTCRtpSender, line: "audio" | "video" | "screen"): Promise<void> {
  const parameters = sender.getParameters();
  const encoding = parameters.encodings?.[0];
  if (!encoding) return;
  encoding.maxBitrate = MAX_BITRATES[line];
  if (line !== "audio") parameters.degradationPreference = line === "video" ? "maintain-framerate" : "maintain-resolution";
  try {
    await sender.setParameters(parameters);
  } catch (error) {
    console.warn("The browser keeps its own bounds for what it sends.", error);
  }
}

/** What of a connection's statistics tells how good it is; counters are totals since its start. */
export interface Counters {
  received: number;
  lost: number;
  rttMs: number | null;
}

export function countersOf(report: Iterable<Record<string, unknown>>): Counters {
  const counters: Counters = { received: 0, lost: 0, rttMs: null };
  for (const entry of report) {
    if (entry["type"] === "inbound-rtp") {
      counters.received += numberOf(entry["packetsReceived"]);
      counters.lost += numberOf(entry["packetsLost"]);
    } else if (entry["type"] === "candidate-pair" && entry["nominated"] === true && entry["state"] === "succeeded") {
      const seconds = entry["currentRoundTripTime"];
      if (typeof seconds === "number") counters.rttMs = seconds * 1000;
    }
  }
  return counters;
}

/**
 * How good it was between two readings; `expected`: the other end has its microphone or camera on. Sound suffers audibly from about 2 % loss on, badly from 8 %; people
 * begin to talk over each other at about 250 ms there and back.
 */
export function qualityBetween(before: Counters, after: Counters, expected: boolean): Quality | null {
  const received = after.received - before.received;
  const lost = Math.max(0, after.lost - before.lost);
  if (received <= 0 && expected) return "poor";
  if (received <= 0 && after.rttMs === null) return null;
  const loss = received + lost > 0 ? lost / (received + lost) : 0;
  const rtt = after.rttMs ?? 0;
  if (loss > 0.08 || rtt > 500) return "poor";
  if (loss > 0.02 || rtt > 250) return "fair";
  return "good";
}

const numberOf = (value: unknown): number => (typeof value === "number" ? value : 0);
