/**
 * Proofs of who knows the link and of where a signal comes from, and the encryption of signals, as the contract says
 * (`join_bytes`, `signal_context`, `signed_bytes`). Pure but for random numbers.
 */
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { base32nopad, base64urlnopad } from "@scure/base";
import type { ClientMessage } from "../contract/ClientMessage";
import type { Member } from "../contract/Member";
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

const SIGNAL_KEY_INFO = "ahoy-v2 signal";
const JOIN_KEY_INFO = "ahoy-v2 join";

/** The nonce in front of an encrypted body, and the tag behind it, in bytes. */
const SEAL_NONCE_BYTES = 24;
const TAG_BYTES = 16;

/** The room that the holder of this key (base64url) may open; `null` when it is no key. */
export function roomOfKey(key: string): RoomId | null {
  const bytes = decode(key, 32);
  return bytes && base32nopad.encode(sha256(bytes).subarray(0, 16)).toLowerCase();
}

/** Draws a key from the link's secret: HKDF-SHA256 (RFC 5869), salted with the room's id. */
function drawKey(secret: Uint8Array, room: RoomId, info: string): Uint8Array {
  return hkdf(sha256, secret, utf8ToBytes(room), utf8ToBytes(info), 32);
}

/** The key that encrypts the bodies of signals. */
export const signalKey = (secret: Uint8Array, room: RoomId): Uint8Array => drawKey(secret, room, SIGNAL_KEY_INFO);

/** The key of the proofs that members join with. */
export const joinKey = (secret: Uint8Array, room: RoomId): Uint8Array => drawKey(secret, room, JOIN_KEY_INFO);

/** The bytes that a member's `mac` is made over. */
export function joinBytes(room: RoomId, { peer, nonce }: Party, name: string): Uint8Array {
  return tuple([
    utf8ToBytes("ahoy-join-v2"),
    utf8ToBytes(room),
    utf8ToBytes(peer),
    base64urlnopad.decode(nonce),
    utf8ToBytes(name),
  ]);
}

/** The data that the encrypted body of a signal is bound to. */
export function signalContext(room: RoomId, from: Party, to: Party, seq: number): Uint8Array {
  return tuple(signalParts(room, from, to, seq));
}

/** The bytes that the host signs: those of `signalContext`, and the encrypted body as one more part. */
export function signedBytes(room: RoomId, from: Party, to: Party, seq: number, body: string): Uint8Array {
  return tuple([...signalParts(room, from, to, seq), utf8ToBytes(body)]);
}

function signalParts(room: RoomId, from: Party, to: Party, seq: number): Uint8Array[] {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(seq));
  return [
    utf8ToBytes("ahoy-v2"),
    utf8ToBytes(room),
    utf8ToBytes(from.peer),
    utf8ToBytes(to.peer),
    number,
    base64urlnopad.decode(from.nonce),
    base64urlnopad.decode(to.nonce),
  ];
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

/**
 * Proves and checks who knows the link, seals what one member sends and opens what it receives, as long as it is the same
 * member: one nonce, growing numbers.
 */
export class Signer {
  readonly #signalKey: Uint8Array;
  readonly #joinKey: Uint8Array;
  readonly #sent = new Map<string, number>();
  readonly #received = new Map<string, number>();

  constructor(
    readonly room: RoomId,
    secret: Uint8Array,
    readonly me: Party,
  ) {
    this.#signalKey = signalKey(secret, room);
    this.#joinKey = joinKey(secret, room);
  }

  /** The proof with which this member joins under this name. */
  proveJoin(name: string): string {
    return base64urlnopad.encode(hmac(sha256, this.#joinKey, joinBytes(this.room, this.me, name)));
  }

  /** Returns true if a member knows the link and gave this name for this join. */
  verifyJoin(member: Pick<Member, "peer" | "nonce" | "name" | "mac">): boolean {
    const mac = decode(member.mac, 32);
    if (!mac || decode(member.nonce, 16) === null) return false;
    return equal(mac, hmac(sha256, this.#joinKey, joinBytes(this.room, member, member.name)));
  }

  /** The signal that carries `body` to `to`. `nonce` is random and used once; only tests give it. */
  seal(to: Party, body: SignalBody, nonce = crypto.getRandomValues(new Uint8Array(SEAL_NONCE_BYTES))): OutgoingSignal {
    const seq = (this.#sent.get(identity(to)) ?? 0) + 1;
    this.#sent.set(identity(to), seq);
    const cipher = xchacha20poly1305(this.#signalKey, nonce, signalContext(this.room, this.me, to, seq));
    const sealed = concatBytes(nonce, cipher.encrypt(utf8ToBytes(JSON.stringify(body))));
    return { type: "signal", to: to.peer, seq, body: base64urlnopad.encode(sealed) };
  }

  /**
   * What `signal` says, if `from` made it, for this member, and it was not here before. `hostKey` is
   * the key that the roster shows for the host, when `from` is the host: then it must have signed too.
   */
  open(signal: IncomingSignal, from: Party, hostKey?: string): Opened {
    if (decode(from.nonce, 16) === null) return FORGED;
    const text = this.#decrypt(signal, from);
    if (text === null) return FORGED;
    if (hostKey !== undefined && !this.#signed(signal, from, hostKey)) return FORGED;
    if (signal.seq <= (this.#received.get(identity(from)) ?? 0)) return FORGED;
    this.#received.set(identity(from), signal.seq);
    return { authentic: true, body: parseSignalBody(text) };
  }

  #decrypt({ seq, body }: IncomingSignal, from: Party): string | null {
    try {
      const sealed = base64urlnopad.decode(body);
      if (sealed.length < SEAL_NONCE_BYTES + TAG_BYTES) return null;
      const context = signalContext(this.room, from, this.me, seq);
      const cipher = xchacha20poly1305(this.#signalKey, sealed.subarray(0, SEAL_NONCE_BYTES), context);
      const text = cipher.decrypt(sealed.subarray(SEAL_NONCE_BYTES));
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text);
    } catch {
      // Not base64url, not made with this key for this context, or no text.
      return null;
    }
  }

  #signed({ seq, body, sig }: IncomingSignal, from: Party, hostKey: string): boolean {
    const signature = decode(sig ?? "", 64);
    const key = decode(hostKey, 32);
    if (!signature || !key || roomOfKey(hostKey) !== this.room) return false;
    try {
      return ed25519.verify(signature, signedBytes(this.room, from, this.me, seq, body), key, { zip215: false });
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
