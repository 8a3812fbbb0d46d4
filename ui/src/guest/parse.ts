/** What comes from the relay or from another member is hostile until it went through here. */
import { base64urlnopad } from "@scure/base";
import * as v from "valibot";
import type { ByeReason } from "../contract/ByeReason";
import type { DataMessage } from "../contract/DataMessage";
import type { ErrorCode } from "../contract/ErrorCode";
import type { RelayMessage } from "../contract/RelayMessage";
import type { SignalBody } from "../contract/SignalBody";
import { MAX_CHAT_BYTES } from "./chat";

/** The largest message, in UTF-16 units of its text: a wire message holds at most 64 KiB. */
export const MAX_MESSAGE = 64 * 1024;

/** The longest token of a relay: it says nothing to us, and is kept. */
const MAX_TOKEN = 1024;

const peerId = v.pipe(v.string(), v.regex(/^[a-z2-7]{16}$/));
const roomId = v.pipe(v.string(), v.regex(/^[a-z2-7]{26}$/));
/** So many bytes in base64url without padding, written in the one way that there is. */
const bytesOf = (length: number) =>
  v.pipe(
    v.string(),
    v.length(Math.ceil((length * 4) / 3)),
    v.check((text) => {
      try {
        return base64urlnopad.decode(text).length === length;
      } catch {
        return false;
      }
    }),
  );
const nonce = bytesOf(16);
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** The number of a line of chat. */
const line = v.pipe(count, v.minValue(1), v.maxValue(0xffff_ffff));
const kind = v.picklist(["call", "broadcast"]);

const iceServer = v.object({
  urls: v.pipe(v.array(v.string()), v.maxLength(16)),
  username: v.optional(v.string()),
  credential: v.optional(v.string()),
});

const joinEntries = { peer: peerId, name: v.string(), nonce, mac: bytesOf(32) };
const memberEntries = { ...joinEntries, order: count };
const member = v.object(memberEntries);
const host = v.object({ key: bytesOf(32), ...memberEntries });

// A code that this version does not know is still an error; the wire says the same.
const errorCode = v.pipe(
  v.string(),
  v.transform((code) => code as ErrorCode),
);

const relayMessage = v.variant("type", [
  v.object({
    type: v.literal("welcome"),
    peer: peerId,
    challenge: nonce,
    ice_servers: v.pipe(v.array(iceServer), v.maxLength(16)),
    resume: v.pipe(v.string(), v.maxLength(MAX_TOKEN)),
    resumed: v.optional(v.boolean()),
  }),
  v.object({ type: v.literal("created"), room: roomId }),
  v.object({ type: v.literal("found"), room: roomId, kind }),
  v.object({
    type: v.literal("room"),
    kind,
    host: v.nullable(host),
    peers: v.pipe(v.array(member), v.maxLength(64)),
    count,
    capacity: count,
    locked: v.boolean(),
  }),
  v.object({ type: v.literal("knock"), ...joinEntries }),
  v.object({ type: v.literal("joined"), ...memberEntries }),
  v.object({ type: v.literal("left"), peer: peerId }),
  v.object({
    type: v.literal("signal"),
    from: peerId,
    n: count,
    seq: count,
    body: v.string(),
    sig: v.optional(bytesOf(64)),
  }),
  v.object({ type: v.literal("error"), code: errorCode, message: v.string() }),
]) satisfies v.GenericSchema<unknown, RelayMessage>;

const BYE_REASONS: readonly ByeReason[] = ["hang_up", "not_authentic", "failed", "removed"];

// A reason that this version does not know is one all the same.
const byeReason = v.pipe(
  v.string(),
  v.transform((reason): ByeReason => BYE_REASONS.find((known) => known === reason) ?? "unknown"),
);

const removed = v.object({ peer: peerId, nonce });

const candidate = v.object({
  candidate: v.string(),
  sdpMid: v.nullish(v.string()),
  sdpMLineIndex: v.nullish(count),
  usernameFragment: v.nullish(v.string()),
});

const signalBody = v.union([
  v.object({ description: v.object({ type: v.picklist(["offer", "answer"]), sdp: v.string() }) }),
  v.object({ candidate: v.nullable(candidate) }),
  v.object({ bye: byeReason }),
  v.object({ removed }),
]) satisfies v.GenericSchema<unknown, SignalBody>;

const dataMessage = v.variant("type", [
  v.object({ type: v.literal("state"), muted: v.boolean(), camera_off: v.boolean() }),
  v.object({ type: v.literal("screen"), shown: v.boolean() }),
  v.object({ type: v.literal("chat"), id: line, text: v.pipe(v.string(), v.maxBytes(MAX_CHAT_BYTES)) }),
  v.object({ type: v.literal("chat_received"), id: line }),
  v.object({ type: v.literal("words_commit"), commitment: bytesOf(32) }),
  v.object({ type: v.literal("words_nonce"), nonce }),
  v.object({ type: v.literal("words_reveal"), nonce }),
  v.object({ type: v.literal("removed"), ...removed.entries }),
  v.object({ type: v.literal("bye"), reason: byeReason }),
]) satisfies v.GenericSchema<unknown, DataMessage>;

function parse<T>(schema: v.GenericSchema<unknown, T>, text: unknown): T | null {
  if (typeof text !== "string" || text.length > MAX_MESSAGE) return null;
  try {
    const result = v.safeParse(schema, JSON.parse(text));
    return result.success ? result.output : null;
  } catch {
    return null;
  }
}

/** A message of the relay; `null` when it is none. */
export const parseRelayMessage = (text: unknown): RelayMessage | null => parse(relayMessage, text);

/** The body of a signal; `null` when it is none. */
export const parseSignalBody = (text: unknown): SignalBody | null => parse(signalBody, text);

/** A message of the data channel; `null` when it is none. */
export const parseDataMessage = (text: unknown): DataMessage | null => parse(dataMessage, text);
