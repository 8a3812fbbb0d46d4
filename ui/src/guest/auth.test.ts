import { base64urlnopad, hex } from "@scure/base";
import { describe, expect, it } from "vitest";
import vectors from "../../../src-tauri/crates/contract/vectors/signals.json";
import { type IncomingSignal, type Party, Signer, freshNonce, joinBytes, joinKey, roomOfKey, signalContext, signalKey } from "./auth";

const secret = base64urlnopad.decode(vectors.secret);
const { room, host_key: hostKey } = vectors;

/** A vector as it arrives at its addressee. */
function arriving(name: string) {
  const vector = vectors.signals.find((signal) => signal.name === name);
  if (!vector) throw new Error(name);
  const { from, to, seq, body, sig } = vector;
  const signal: IncomingSignal = { type: "signal", from: from.peer, n: 1, seq, body, ...(sig ? { sig } : {}) };
  return { signal, from, receiver: new Signer(room, secret, to) };
}

describe("the vectors that all ends share", () => {
  it("name the room after its key and derive the two keys", () => {
    expect(roomOfKey(hostKey)).toBe(room);
    expect(base64urlnopad.encode(signalKey(secret, room))).toBe(vectors.signal_key);
    expect(base64urlnopad.encode(joinKey(secret, room))).toBe(vectors.join_key);
  });

  it.each(vectors.joins)("prove the join of $name", ({ peer, nonce, name, bytes, mac }) => {
    expect(hex.encode(joinBytes(room, { peer, nonce }, name))).toBe(bytes);
    expect(new Signer(room, secret, { peer, nonce }).proveJoin(name)).toBe(mac);
  });

  it.each(vectors.signals)("$name: the same bytes", ({ from, to, seq, bytes }) => {
    expect(hex.encode(signalContext(room, from, to, seq))).toBe(bytes);
  });

  it.each(vectors.signals)("$name: opens", ({ name }) => {
    const { signal, from, receiver } = arriving(name);
    const key = signal.sig === undefined ? undefined : hostKey;
    expect(receiver.open(signal, from, key).authentic).toBe(true);
  });

  it("seal to the same body", () => {
    const vector = vectors.signals.find(({ name }) => name === "a guest's offer");
    const sealed = new Signer(room, secret, vector!.from).seal(vector!.to, JSON.parse(vector!.text), Uint8Array.from(base64urlnopad.decode(vector!.seal_nonce)));
    expect(sealed).toEqual({ type: "signal", to: vector!.to.peer, seq: 1, body: vector!.body });
  });
});

describe("a signal is refused", () => {
  const flip = (text: string) => (text.startsWith("A") ? "B" : "A") + text.slice(1);
  const offer = () => arriving("a guest's offer");
  const answer = () => arriving("the host's answer");

  it.each<[string, (signal: IncomingSignal) => Partial<IncomingSignal>]>([
    ["whose nonce was changed", ({ body }) => ({ body: flip(body) })],
    ["whose text was changed", ({ body }) => ({ body: body.slice(0, 40) + flip(body.slice(40)) })],
    ["whose number was changed", () => ({ seq: 2 })],
    ["whose body is cut", ({ body }) => ({ body: body.slice(0, -4) })],
    ["whose body is shorter than a nonce", () => ({ body: "AAAA" })],
    ["whose body is empty", () => ({ body: "" })],
    ["whose body is rubbish", () => ({ body: "!" })],
    ["whose body is not encrypted", () => ({ body: '{"bye":"hang_up"}' })],
  ])("%s", (_, change) => {
    const { signal, from, receiver } = offer();
    expect(receiver.open({ ...signal, ...change(signal) }, from)).toEqual({ authentic: false });
  });

  it("that comes in somebody else's name, or from another join", () => {
    const { signal, from, receiver } = offer();
    for (const other of [{ ...from, peer: "aaaaaaaaaaaaaaaa" }, { ...from, nonce: freshNonce() }, { ...from, nonce: "" }]) {
      expect(receiver.open(signal, other).authentic).toBe(false);
    }
  });

  it("that was made with another link's secret", () => {
    const { signal, from } = offer();
    const to = vectors.signals[0]!.to;
    expect(new Signer(room, new Uint8Array(16), to).open(signal, from).authentic).toBe(false);
  });

  it("that is played again, or comes late", () => {
    const { signal, from, receiver } = answer();
    const { signal: later } = arriving("a candidate");
    expect(receiver.open(later, from, hostKey).authentic).toBe(true);
    expect(receiver.open(later, from, hostKey).authentic).toBe(false);
    expect(receiver.open(signal, from, hostKey).authentic).toBe(false);
  });

  it("of a host without the host's signature", () => {
    const { signal, from } = answer();
    const open = (change: Partial<IncomingSignal>, key = hostKey) =>
      answer().receiver.open({ ...signal, ...change }, from, key).authentic;
    expect(open({})).toBe(true);
    const { sig: _, ...unsigned } = signal;
    expect(answer().receiver.open(unsigned, from, hostKey).authentic).toBe(false);
    expect(open({ sig: flip(signal.sig!) })).toBe(false);
    expect(open({ sig: "AAAA" })).toBe(false);
  });

  it("of a host whose key is not the room's", () => {
    const { signal, from, receiver } = answer();
    expect(receiver.open(signal, from, base64urlnopad.encode(new Uint8Array(32))).authentic).toBe(false);
    expect(receiver.open(signal, from, "short").authentic).toBe(false);
  });
});

describe("a join", () => {
  const [ada] = vectors.joins;
  const verifies = (change: object) => new Signer(room, secret, ada!).verifyJoin({ ...ada!, ...change });

  it("is proven for one member, name and nonce", () => {
    expect(verifies({})).toBe(true);
    for (const change of [{ name: "Eve" }, { nonce: freshNonce() }, { peer: "aaaaaaaaaaaaaaaa" }, { mac: "" }, { mac: "!" }, { nonce: "" }]) {
      expect(verifies(change)).toBe(false);
    }
    expect(new Signer(room, new Uint8Array(16), ada!).verifyJoin(ada!)).toBe(false);
  });
});

describe("a signer", () => {
  const me: Party = { peer: "aaaaaaaaaaaaaaaa", nonce: freshNonce() };
  const you: Party = { peer: "bbbbbbbbbbbbbbbb", nonce: freshNonce() };
  const them: Party = { peer: "cccccccccccccccc", nonce: freshNonce() };

  it("counts for each addressee from one", () => {
    const signer = new Signer(room, secret, me);
    expect([you, you, them].map((to) => signer.seal(to, { bye: "hang_up" }).seq)).toEqual([1, 2, 1]);
  });

  it("takes what it does not know for authentic, and for nothing", () => {
    const { receiver, signal, from } = arriving("an empty body");
    expect(receiver.open(signal, from, hostKey)).toEqual({ authentic: true, body: null });
  });

  it("makes a new nonce for each join", () => {
    expect(freshNonce()).not.toBe(freshNonce());
    expect(base64urlnopad.decode(freshNonce())).toHaveLength(16);
  });
});
