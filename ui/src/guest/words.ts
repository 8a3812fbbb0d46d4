/**
 * Four words that two people compare, as `words.rs` of the contract says: drawn from the certificates of their
 * connection and one nonce of each end, of which one end is bound to its own before it sees the other's. Pure.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { base64urlnopad } from "@scure/base";
import list from "../../../src-tauri/crates/contract/words.json";
import type { Commitment } from "../contract/Commitment";
import type { DataMessage } from "../contract/DataMessage";
import type { Nonce } from "../contract/Nonce";
import { tuple } from "./auth";

const WORDS = 4;
const PREFIX = "a=fingerprint:";

const upper = (text: string) => text.replace(/[a-z]/g, (letter) => letter.toUpperCase());
const lower = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());

/** The fingerprints in a session description (RFC 8122 §5), each once, sorted, as both ends write them. */
export function fingerprints(sdp: string): string {
  const all = new Set<string>();
  for (const line of sdp.split(/\r?\n/)) {
    if (!line.startsWith(PREFIX)) continue;
    const value = line.slice(PREFIX.length).trim();
    const space = value.indexOf(" ");
    if (space > 0) all.add(`${lower(value.slice(0, space))} ${upper(value.slice(space).trim())}`);
  }
  return [...all].sort().join("\n");
}

/** What the committing end binds itself to. */
export function commitment(nonce: Nonce, committing: string, other: string): Commitment {
  const parts = [utf8ToBytes("ahoy-words-commit-v1"), base64urlnopad.decode(nonce), utf8ToBytes(committing), utf8ToBytes(other)];
  return base64urlnopad.encode(sha256(tuple(parts)));
}

/** One end: its fingerprints and its nonce. */
export interface End {
  fingerprints: string;
  nonce: Nonce;
}

/** The words of a connection. */
export function words(committing: End, other: End): string[] {
  const parts = [
    utf8ToBytes("ahoy-words-v1"),
    utf8ToBytes(committing.fingerprints),
    utf8ToBytes(other.fingerprints),
    base64urlnopad.decode(committing.nonce),
    base64urlnopad.decode(other.nonce),
  ];
  return [...sha256(tuple(parts)).subarray(0, WORDS)].map((byte) => list[byte] ?? "");
}

/** The fingerprints of both ends of a connection. */
export interface Ends {
  own: string;
  other: string;
}

export type WordsMessage = Extract<DataMessage, { type: `words_${string}` }>;

/** What a message leads to. */
export interface Heard {
  say?: WordsMessage;
  /** What was revealed is not what the other end was bound to. */
  forged?: true;
}

/**
 * One drawing of the words. Each message counts once, in its turn: whoever could try again could try until two
 * connections give the same words.
 */
export class WordsExchange {
  /** The words, once they are drawn. */
  words: string[] | null = null;
  #bound: Commitment | null = null;
  #step: "new" | "committed" | "answered" | "done" = "new";

  /** `commits`: this end is the one that binds itself. `nonce` is fresh, of this end. */
  constructor(
    private readonly commits: boolean,
    private readonly nonce: Nonce,
  ) {}

  /** The channel is open: what to say, if it is this end's turn. */
  open({ own, other }: Ends): WordsMessage | null {
    if (!this.commits || this.#step !== "new") return null;
    this.#step = "committed";
    return { type: "words_commit", commitment: commitment(this.nonce, own, other) };
  }

  hear(message: WordsMessage, { own, other }: Ends): Heard {
    if (message.type === "words_commit" && !this.commits && this.#step === "new") {
      this.#step = "answered";
      this.#bound = message.commitment;
      return { say: { type: "words_nonce", nonce: this.nonce } };
    }
    if (message.type === "words_nonce" && this.#step === "committed") {
      this.#step = "done";
      this.words = words({ fingerprints: own, nonce: this.nonce }, { fingerprints: other, nonce: message.nonce });
      return { say: { type: "words_reveal", nonce: this.nonce } };
    }
    if (message.type === "words_reveal" && this.#step === "answered") {
      this.#step = "done";
      if (commitment(message.nonce, other, own) !== this.#bound) return { forged: true };
      this.words = words({ fingerprints: other, nonce: message.nonce }, { fingerprints: own, nonce: this.nonce });
    }
    return {};
  }
}
