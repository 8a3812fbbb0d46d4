/**
 * Proof of where a signal comes from, as `signed_bytes` of the contract says. Pure: no clock, no
 * socket, randomness comes in from outside.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { base32nopad, base64urlnopad } from "@scure/base";
import type { ClientMessage } from "../contract/ClientMessage";
import type { RelayMessage } from "../contract/RelayMessage";
import type { RoomId } from "../contract/RoomId";
import type { SignalBody } from "../contract/SignalBody";
import { parseSignalBody } from "./parse";

/** One end of a signal: its id and the nonce of its join. */
export interface Party {
  peer: string;
  /** 16 bytes in base64url. */
  nonce: string;
}

export type OutgoingSignal = Extract<ClientMessage, { type: "signal" }>;
export type IncomingSignal = Extract<RelayMessage, { type: "signal" }>;

/** What became of a received signal. `body` is `null` where it says nothing that this version knows. */
export type Opened = { authentic: false } | { authentic: true; body: SignalBody | null };

const FORGED: Opened = { authentic: false };

const SIGNAL_KEY_INFO = "ahoy-v1 signal";

/** The room that the holder of this key (base64url) may open; `null` when it is no key. */
export function roomOfKey(key: string): RoomId | null {
  const bytes = decode(key, 32);
  return bytes && base32nopad.encode(sha256(bytes).subarray(0, 16)).toLowerCase();
}

/** The key of the macs: HKDF-SHA256 (RFC 5869) of the link's secret, salted with the room's id. */
export function signalKey(secret: Uint8Array, room: RoomId): Uint8Array {
  return hkdf(sha256, secret, utf8ToBytes(room), utf8ToBytes(SIGNAL_KEY_INFO), 32);
}

/** The bytes that `mac` and `sig` are made over. */
export function signedBytes(room: RoomId, from: Party, to: Party, seq: number, body: string): Uint8Array {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(seq));
  const parts = [
    utf8ToBytes("ahoy-v1"),
    utf8ToBytes(room),
    utf8ToBytes(from.peer),
    utf8ToBytes(to.peer),
    number,
    base64urlnopad.decode(from.nonce),
    base64urlnopad.decode(to.nonce),
    utf8ToBytes(body),
  ];
  return tuple(parts);
}

/** The parts as one, each led by its length, four bytes, big-endian: no two tuples give the same bytes. */
export function tuple(parts: readonly Uint8Array[]): Uint8Array {
  return concatBytes(
    ...parts.flatMap((part) => {
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, part.length);
      return [length, part];
    }),
  );
}

/** One join of one member: whoever comes back as who they were has the same. */
export const identity = ({ peer, nonce }: Party): string => `${peer} ${nonce}`;

/** Seals what one member sends and opens what it receives, as long as it is the same member: one nonce, growing numbers. */
export class Signer {
  readonly #key: Uint8Array;
  readonly #sent = new Map<string, number>();
  readonly #received = new Map<string, number>();

  constructor(
    readonly room: RoomId,
    secret: Uint8Array,
    readonly me: Party,
  ) {
    this.#key = signalKey(secret, room);
  }

  /** The signal that carries `body` to `to`. */
  seal(to: Party, body: SignalBody): OutgoingSignal {
    const seq = (this.#sent.get(identity(to)) ?? 0) + 1;
    this.#sent.set(identity(to), seq);
    const text = JSON.stringify(body);
    const mac = hmac(sha256, this.#key, signedBytes(this.room, this.me, to, seq, text));
    return { type: "signal", to: to.peer, seq, body: text, mac: base64urlnopad.encode(mac) };
  }

  /**
   * What `signal` says, if `from` made it, for this member, and it was not here before. `hostKey` is
   * the key that the roster shows for the host, when `from` is the host: then it must have signed too.
   */
  open(signal: IncomingSignal, from: Party, hostKey?: string): Opened {
    const mac = decode(signal.mac, 32);
    if (!mac || decode(from.nonce, 16) === null) return FORGED;
    const bytes = signedBytes(this.room, from, this.me, signal.seq, signal.body);
    if (!equal(mac, hmac(sha256, this.#key, bytes))) return FORGED;
    if (hostKey !== undefined && !this.#signed(signal.sig, bytes, hostKey)) return FORGED;
    if (signal.seq <= (this.#received.get(identity(from)) ?? 0)) return FORGED;
    this.#received.set(identity(from), signal.seq);
    return { authentic: true, body: parseSignalBody(signal.body) };
  }

  #signed(sig: string | undefined, bytes: Uint8Array, hostKey: string): boolean {
    const signature = decode(sig ?? "", 64);
    const key = decode(hostKey, 32);
    if (!signature || !key || roomOfKey(hostKey) !== this.room) return false;
    try {
      return ed25519.verify(signature, bytes, key, { zip215: false });
    } catch {
      return false;
    }
  }
}

/** 16 fresh bytes in base64url. */
export function freshNonce(): string {
  return base64urlnopad.encode(crypto.getRandomValues(new Uint8Array(16)));
}

function decode(text: string, length: number): Uint8Array | null {
  try {
    const bytes = base64urlnopad.decode(text);
    return bytes.length === length ? bytes : null;
  } catch {
    return null;
  }
}

/** Compares without telling by its duration where the first difference is. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
