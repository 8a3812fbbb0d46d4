import { describe, expect, it } from "vitest";
import vectors from "../../../src-tauri/crates/contract/vectors/words.json";
import list from "../../../src-tauri/crates/contract/words.json";
import { freshNonce } from "./auth";
import { type Ends, WordsExchange, type WordsMessage, commitment, fingerprints, words } from "./words";

describe.each(vectors.cases)("the vector of $name", ({ committing, other, commitment: bound, words: drawn }) => {
  it("has these fingerprints, this commitment and these words", () => {
    expect([committing, other].map(({ sdp }) => fingerprints(sdp))).toEqual([committing.fingerprints, other.fingerprints]);
    expect(commitment(committing.nonce, committing.fingerprints, other.fingerprints)).toBe(bound);
    expect(words(committing, other)).toEqual(drawn);
  });
});

it("has a word for each byte, and none twice", () => {
  expect([list.length, new Set(list).size]).toEqual([256, 256]);
});

it("finds no fingerprint where there is none", () => {
  for (const sdp of ["", "v=0\r\n", "a=fingerprint:", "a=fingerprint:sha-256", " a=fingerprint:sha-256 AB"]) expect(fingerprints(sdp)).toBe("");
});

/** Two ends, and what each sends. */
function pair(change: (message: WordsMessage) => WordsMessage = (message) => message) {
  const [host, guest] = [new WordsExchange(true, freshNonce()), new WordsExchange(false, freshNonce())];
  const hosts: Ends = { own: "sha-256 AA", other: "sha-256 BB" };
  const guests: Ends = { own: "sha-256 BB", other: "sha-256 AA" };
  let message = host.open(hosts);
  let forged: true | undefined;
  for (let turn = 0; message && turn < 4; turn++) {
    const heard = turn % 2 === 0 ? guest.hear(change(message), guests) : host.hear(change(message), hosts);
    forged ??= heard.forged;
    message = heard.say ?? null;
  }
  return { host, guest, hosts, guests, forged };
}

describe("two ends", () => {
  it("draw the same four words", () => {
    const { host, guest, forged } = pair();
    expect(host.words).toHaveLength(4);
    expect(guest.words).toEqual(host.words);
    expect(forged).toBeUndefined();
  });

  it("notice a nonce that is not the one that was promised", () => {
    const { guest, forged } = pair((message) => (message.type === "words_reveal" ? { ...message, nonce: freshNonce() } : message));
    expect(forged).toBe(true);
    expect(guest.words).toBeNull();
  });

  it("see other words where the certificates differ", () => {
    const [host, guest] = [new WordsExchange(true, freshNonce()), new WordsExchange(false, freshNonce())];
    const commit = host.open({ own: "A", other: "M" });
    const answer = guest.hear(commit!, { own: "B", other: "M" }).say!;
    const reveal = host.hear(answer, { own: "A", other: "M" }).say!;
    // Each has the one in between for the other: its commitment is for a connection that the guest does not have.
    expect(guest.hear(reveal, { own: "B", other: "M" }).forged).toBe(true);
  });

  it("take each message once, in its turn", () => {
    const { host, guest, hosts, guests } = pair();
    const before = [host.words, guest.words];
    const again: WordsMessage[] = [
      { type: "words_commit", commitment: "x" },
      { type: "words_nonce", nonce: freshNonce() },
      { type: "words_reveal", nonce: freshNonce() },
    ];
    for (const message of again) {
      expect(host.hear(message, hosts)).toEqual({});
      expect(guest.hear(message, guests)).toEqual({});
    }
    expect([host.words, guest.words]).toEqual(before);
    expect(host.open(hosts)).toBeNull();
    const early = new WordsExchange(false, freshNonce());
    expect(early.hear(again[2]!, guests)).toEqual({});
    expect(early.open(guests)).toBeNull();
    early.hear(again[0]!, guests);
    expect(early.hear(again[0]!, guests)).toEqual({});
  });
});
