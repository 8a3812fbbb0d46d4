import { describe, expect, it } from "vitest";
import { MAX_MESSAGE, parseDataMessage, parseRelayMessage, parseSignalBody } from "./parse";

const PEER = "abcdefghij234567";
/** 16 and 32 bytes. */
const nonce = "AAECAwQFBgcICQoLDA0ODw";
const commitment = "Frz_8yrg22RtV_ii4N9AplTqP6CCvWGFtVjm7enKosE";

describe("a message of the relay", () => {
  it("is read, and loses what does not belong to it", () => {
    const member = { peer: PEER, name: "Ada", nonce, mac: commitment, order: 1 };
    const text = JSON.stringify({ type: "room", kind: "call", host: null, peers: [{ ...member, x: 1 }], count: 1, capacity: 8, locked: false });
    expect(parseRelayMessage(text)).toMatchObject({ type: "room", peers: [member] });
    expect(parseRelayMessage(text)).not.toHaveProperty("peers.0.x");
  });

  it.each([
    ["a nonce", { nonce: "A" }],
    ["a nonce", { nonce: commitment }],
    ["a proof", { mac: nonce }],
    ["a key", { key: nonce }],
    ["a key", { key: "A" }],
  ])("is refused where %s has another length: %j", (_, change) => {
    const host = { key: commitment, peer: PEER, name: "Ada", nonce, mac: commitment, order: 1 };
    const text = (each: object) => JSON.stringify({ type: "room", kind: "call", host: each, peers: [], count: 1, capacity: 8, locked: false });
    expect(parseRelayMessage(text(host))).not.toBeNull();
    expect(parseRelayMessage(text({ ...host, ...change }))).toBeNull();
  });

  it("carries a signature of 64 bytes, or none", () => {
    const text = (sig?: string) => JSON.stringify({ type: "signal", from: PEER, n: 1, seq: 1, body: "", sig });
    expect(parseRelayMessage(text())).not.toBeNull();
    expect(parseRelayMessage(text("A".repeat(86)))).not.toBeNull();
    expect(parseRelayMessage(text("A".repeat(85)))).toBeNull();
  });

  it("keeps the code of an error that this version does not know", () => {
    const text = JSON.stringify({ type: "error", code: "brand_new", message: "" });
    expect(parseRelayMessage(text)).toMatchObject({ code: "brand_new" });
  });

  it.each([
    "",
    "{",
    "null",
    "[]",
    "7",
    '{"type":"nonsense"}',
    '{"type":"left"}',
    '{"type":"left","peer":"../../etc"}',
    '{"type":"signal","from":"abcdefghij234567","n":1,"seq":-1,"body":""}',
    '{"type":"signal","from":"abcdefghij234567","n":1,"seq":1e300,"body":""}',
    '{"type":"signal","from":"abcdefghij234567","n":1,"seq":1,"body":{}}',
    '{"type":"welcome","peer":"abcdefghij234567","challenge":"AAECAwQFBgcICQoLDA0ODw","ice_servers":{},"resume":""}',
    '{"type":"welcome","peer":"abcdefghij234567","challenge":"AAECAwQFBgcICQoLDA0ODw","ice_servers":[],"resume":"","resumed":"yes"}',
    `{"type":"welcome","peer":"abcdefghij234567","challenge":"AAECAwQFBgcICQoLDA0ODw","ice_servers":[],"resume":"${"A".repeat(1025)}"}`,
    '{"type":"knock","peer":"abcdefghij234567"}',
    '{"type":"knock","peer":"abc","name":"","nonce":"AA","mac":"AA"}',
    '{"type":"knock","peer":"abcdefghij234567","name":""}',
    " ".repeat(MAX_MESSAGE + 1),
  ])("is refused where it is rubbish: %.60s", (text) => {
    expect(parseRelayMessage(text)).toBeNull();
  });

  it("is text", () => {
    expect(parseRelayMessage(new ArrayBuffer(4))).toBeNull();
    expect(parseRelayMessage(undefined)).toBeNull();
  });
});

describe("the body of a signal", () => {
  it("is a description, a candidate or a good-bye", () => {
    expect(parseSignalBody('{"description":{"type":"offer","sdp":"v=0"}}')).toEqual({ description: { type: "offer", sdp: "v=0" } });
    expect(parseSignalBody('{"candidate":null}')).toEqual({ candidate: null });
    expect(parseSignalBody('{"candidate":{"candidate":"c","sdpMid":null}}')).toEqual({ candidate: { candidate: "c", sdpMid: null } });
    expect(parseSignalBody('{"bye":"hang_up"}')).toEqual({ bye: "hang_up" });
    expect(parseSignalBody('{"bye":"a new reason"}')).toEqual({ bye: "unknown" });
    expect(parseSignalBody('{"bye":"removed"}')).toEqual({ bye: "removed" });
    const removed = { peer: PEER, nonce: "AAECAwQFBgcICQoLDA0ODw" };
    expect(parseSignalBody(JSON.stringify({ removed }))).toEqual({ removed });
  });

  it.each(["{}", '{"removed":{"peer":"abcdefghij234567"}}', '{"removed":{"peer":"../../etc","nonce":"AAECAwQFBgcICQoLDA0ODw"}}', '{"description":{"type":"pranswer","sdp":""}}', '{"description":null}', '{"candidate":7}'])("is not %s", (text) => {
    expect(parseSignalBody(text)).toBeNull();
  });
});

describe("a message of the data channel", () => {
  it("says what is off", () => {
    expect(parseDataMessage('{"type":"state","muted":true,"camera_off":false}')).toEqual({ type: "state", muted: true, camera_off: false });
    expect(parseDataMessage('{"type":"state","muted":"yes"}')).toBeNull();
  });

  it("is a line, its receipt, or a step towards the words", () => {
    for (const message of [
      { type: "chat", id: 1, text: "李".repeat(5461) },
      { type: "chat", id: 0xffff_ffff, text: "" },
      { type: "chat_received", id: 9 },
      { type: "words_commit", commitment },
      { type: "words_nonce", nonce },
      { type: "words_reveal", nonce },
      { type: "removed", peer: PEER, nonce },
      { type: "bye", reason: "removed" },
    ]) {
      expect(parseDataMessage(JSON.stringify(message))).toEqual(message);
    }
  });

  it.each([
    { type: "chat", id: 1, text: "李".repeat(5462) },
    { type: "chat", id: 0, text: "a" },
    { type: "chat", id: 2 ** 32, text: "a" },
    { type: "chat", id: 1.5, text: "a" },
    { type: "chat", id: 1, text: ["a"] },
    { type: "chat", id: 1 },
    { type: "chat_received", id: "1" },
    { type: "words_commit", commitment: nonce },
    { type: "words_commit", commitment: 7 },
    { type: "words_nonce", nonce: commitment },
    { type: "words_nonce", nonce: "AAECAwQFBgcICQoLDA0OD=" },
    { type: "words_nonce", nonce: "AAECAwQFBgcICQoLDA0ODx" },
    { type: "words_reveal" },
    { type: "removed", peer: PEER, nonce: commitment },
    { type: "removed", peer: PEER.slice(1), nonce },
    { type: "words_reveal", nonce: null },
  ])("is refused where it is rubbish: %j", (message) => {
    expect(parseDataMessage(JSON.stringify(message))).toBeNull();
  });
});
