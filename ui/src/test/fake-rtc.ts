/** A peer connection without a network: it keeps the signalling state of the W3C and what it was told. */
import { vi } from "vitest";

let serial = 0;

export class FakeTransceiver {
  sender = {
    track: null as MediaStreamTrack | null,
    replaceTrack: vi.fn(async (track: MediaStreamTrack | null) => {
      this.sender.track = track;
    }),
    setStreams: vi.fn(),
    getParameters: () => ({ encodings: [{}] }) as RTCRtpSendParameters,
    setParameters: vi.fn(async (_: RTCRtpSendParameters) => undefined),
  };
  receiver: { track: { kind: string } };
  constructor(
    kind: string,
    public direction: string,
  ) {
    this.receiver = { track: { kind } };
  }
}

export class FakeChannel {
  readyState = "connecting";
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  sent: unknown[] = [];
  constructor(readonly label: string) {}
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  open(): void {
    this.readyState = "open";
    this.onopen?.();
  }
  receive(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

export class FakePeerConnection {
  signalingState = "stable";
  connectionState = "new";
  localDescription: { type: "offer" | "answer"; sdp: string } | null = null;
  remoteDescription: { type: string; sdp: string } | null = null;
  transceivers: FakeTransceiver[] = [];
  candidates: unknown[] = [];
  channel: FakeChannel | null = null;
  closed = false;
  restarts = 0;
  onnegotiationneeded: (() => void) | null = null;
  onicecandidate: ((event: { candidate: unknown }) => void) | null = null;
  ontrack: ((event: unknown) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  ondatachannel: ((event: { channel: FakeChannel }) => void) | null = null;

  createDataChannel(label: string): FakeChannel {
    this.channel = new FakeChannel(label);
    return this.channel;
  }
  addTransceiver(kind: string, init: { direction: string }): FakeTransceiver {
    const transceiver = new FakeTransceiver(kind, init.direction);
    this.transceivers.push(transceiver);
    queueMicrotask(() => this.onnegotiationneeded?.());
    return transceiver;
  }
  getTransceivers(): FakeTransceiver[] {
    return this.transceivers;
  }
  async setLocalDescription(): Promise<void> {
    const type = this.signalingState === "have-remote-offer" ? "answer" : "offer";
    this.localDescription = { type, sdp: `sdp ${++serial}` };
    this.signalingState = type === "offer" ? "have-local-offer" : "stable";
  }
  async setRemoteDescription(description: { type: string; sdp: string }): Promise<void> {
    if (description.sdp === "rubbish") throw new Error("no SDP");
    // A browser rolls its own offer back where another one comes.
    this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
    this.remoteDescription = description;
    if (description.type === "offer" && this.transceivers.length === 0) {
      this.transceivers = ["audio", "video"].map((kind) => new FakeTransceiver(kind, "recvonly"));
    }
  }
  async addIceCandidate(candidate: { candidate: string }): Promise<void> {
    if (candidate.candidate === "rubbish") throw new Error("no candidate");
    this.candidates.push(candidate);
  }
  async getStats(): Promise<Map<string, unknown>> {
    return new Map();
  }
  restartIce(): void {
    this.restarts++;
  }
  close(): void {
    this.closed = true;
  }
  become(state: string): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
  as(): RTCPeerConnection {
    return this as unknown as RTCPeerConnection;
  }
}

export function fakeTrack(kind: "audio" | "video"): MediaStreamTrack {
  return Object.assign(new EventTarget(), { kind, enabled: true, stop: vi.fn() }) as unknown as MediaStreamTrack;
}

/** Lets everything that was already promised happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
