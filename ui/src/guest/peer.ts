/** One other member: its connection, its negotiation, its picture and sound. */
import type { ByeReason } from "../contract/ByeReason";
import type { DataMessage } from "../contract/DataMessage";
import type { Description } from "../contract/Description";
import type { PeerState } from "../contract/PeerState";
import type { Quality } from "../contract/Quality";
import type { Removed } from "../contract/Removed";
import type { SignalBody } from "../contract/SignalBody";
import { PeerChannel, type PeerMessage } from "./channel";
import { type Counters, boundSender, countersOf, preferCodecs, qualityBetween } from "./media";
import { Throttle } from "./throttle";
import { type Ends, fingerprints } from "./words";

const DATA_CHANNEL = "ahoy";

/** How long the first connection may take before the user is told that there is no way. */
export const CONNECT_TIMEOUT_MS = 30_000;
/** How long a connection may be interrupted before another way is looked for: most come back by then. */
export const RESTART_AFTER_MS = 3_000;
/** How long a lost connection is looked for. */
export const RECONNECT_TIMEOUT_MS = 25_000;
/** How often the quality is measured. */
const QUALITY_EVERY_MS = 2_000;
/** What a member says of its camera, microphone and screen is shown so often at most. */
const SHOW_EVERY_MS = 100;
/** How long a last word on the data channel gets to leave. */
const BYE_FLUSH_MS = 200;
/** Candidates that came before their description; more than this no sane end gathers. */
const MAX_EARLY_CANDIDATES = 64;
/** The own candidates that are told once more. */
const MAX_RETOLD_CANDIDATES = 64;

export type Kind = "audio" | "video";

/** What is sent and received: the camera's pictures, sound, and the pictures of a screen beside them. */
export type Line = Kind | "screen";

/** In the order of their sections. A screen has one from the first description on, so that showing one negotiates nothing. */
const LINES: readonly Line[] = ["audio", "video", "screen"];

/** What is sent: the tracks of the user, and what the user wants others to know. */
export interface Outgoing {
  /** One stream for camera and sound, so that the other end plays them in step. */
  readonly stream: MediaStream;
  track(line: Line): MediaStreamTrack | null;
  /** Whether there is such a device at all: without one nothing is ever offered. */
  has(line: Line): boolean;
  state(): { muted: boolean; camera_off: boolean };
}

export interface PeerHooks {
  send(body: SignalBody): void;
  /** Something that the view shows changed. */
  changed(): void;
  /** It left, by its own word on the data channel. */
  bye(reason: ByeReason): void;
  /** It says that this one was sent away. */
  removed(whom: Removed): void;
  /** A line of chat came; whether it is kept, and so to be confirmed. */
  chat(text: string): boolean;
  /** A line of chat of this end has arrived there. */
  chatReceived(id: number): void;
  /** It is not who it was, or somebody is in between. */
  forged(): void;
}

export interface PeerOptions {
  /** This end offers first. */
  offers: boolean;
  /** This end never offers anything, not even later: it watches. */
  onlyAnswers: boolean;
  /** This end gives way when two offers meet. */
  polite: boolean;
  /** This end binds itself first when the words are drawn. */
  commits: boolean;
  iceServers: RTCIceServer[];
  outgoing: Outgoing;
  hooks: PeerHooks;
  connect?: (configuration: RTCConfiguration) => RTCPeerConnection;
}

export class Peer {
  state: PeerState = "connecting";
  muted = false;
  cameraOff = false;
  quality: Quality | null = null;
  /** It shows a screen. */
  showsScreen = false;
  /** Its picture and sound. */
  readonly incoming = new MediaStream();
  /** The screen that it shows. */
  readonly screen = new MediaStream();

  readonly #options: PeerOptions;
  readonly #pc: RTCPeerConnection;
  readonly #channel: PeerChannel;
  /** The certificates in the other end's first description: later ones must have the same. */
  #fingerprints: string | null = null;
  /** The last description that was sent, and the candidates since. */
  #told: SignalBody[] = [];
  #early: RTCIceCandidateInit[] = [];
  /** One description after the other: an answer must not overtake the offer before it. */
  #work: Promise<void> = Promise.resolve();
  #makingOffer = false;
  #ignoreOffer = false;
  /** An end that does not offer first stays silent until it has answered once. */
  #mayOffer: boolean;
  #closed = false;
  /** It knows what a screen is. */
  #takesScreen = false;
  #restarted = false;
  #giveUp: ReturnType<typeof setTimeout> | undefined;
  #restart: ReturnType<typeof setTimeout> | undefined;
  #measure: ReturnType<typeof setInterval> | undefined;
  #counters: Counters | null = null;
  readonly #shown: Throttle;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.#shown = new Throttle(SHOW_EVERY_MS, () => options.hooks.changed());
    this.#mayOffer = options.offers;
    const connect = options.connect ?? ((configuration) => new RTCPeerConnection(configuration));
    const base: RTCConfiguration = { bundlePolicy: "max-bundle" };
    try {
      this.#pc = connect({ ...base, iceServers: options.iceServers });
    } catch (error) {
      // One address that this browser does not know must not cost the call.
      console.warn("The relay's ICE servers were refused.", error);
      this.#pc = connect(base);
    }
    this.#channel = new PeerChannel({
      commits: options.commits,
      ends: () => this.#ends(),
      opened: () => {
        this.sayState();
        this.#sayScreen();
      },
      message: (message) => this.#hear(message),
      drawn: () => options.hooks.changed(),
      forged: () => options.hooks.forged(),
    });
    this.#listen();
    this.#giveUp = setTimeout(() => this.#fail(), CONNECT_TIMEOUT_MS);
    if (options.offers) this.#open();
  }

  /** The four words of the connection, once they are drawn. */
  get words(): string[] | null {
    return this.#channel.words;
  }

  /** Whether a line of chat would reach it. */
  get canHear(): boolean {
    return !this.#closed && this.#channel.isOpen;
  }

  /** Takes an authenticated signal. */
  handle(body: SignalBody): Promise<void> {
    this.#work = this.#work
      .then(async () => {
        if (this.#closed) return;
        if ("description" in body) await this.#describe(body.description);
        else if ("candidate" in body) await this.#candidate(body.candidate);
      })
      .catch((error: unknown) => console.warn("A signal could not be used.", error));
    return this.#work;
  }

  /** The user's device of this kind came, changed or went. */
  async sendTrack(line: Line): Promise<void> {
    const transceiver = this.#pc.getTransceivers().find((each) => this.#lineOf(each) === line);
    if (!transceiver || this.#closed) return;
    await this.#fill(transceiver, line);
    if (line === "screen") this.#sayScreen();
  }

  /** Tells what the user has off. */
  sayState(): void {
    this.say({ type: "state", ...this.#options.outgoing.state() });
  }

  /** Tells whether the user shows a screen, and by that that this end knows what one is. */
  #sayScreen(): void {
    this.say({ type: "screen", shown: this.#options.outgoing.track("screen") !== null });
  }

  /** Says it on the data channel, where that is open. */
  say(message: DataMessage): void {
    this.#channel.say(message);
  }

  /** Tells the last description and its candidates once more: what was sent while the relay was away is lost. */
  retell(): void {
    if (this.#closed || this.state === "connected") return;
    for (const body of [...this.#told]) this.#options.hooks.send(body);
  }

  /** Ends the connection; `reason` is told first where that is possible. */
  close(reason?: ByeReason): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#giveUp);
    clearTimeout(this.#restart);
    clearInterval(this.#measure);
    this.#shown.stop();
    this.#channel.close();
    if (reason && this.#channel.isOpen) {
      this.say({ type: "bye", reason });
      // `close` would throw away what is not sent yet. The tracks are the user's, who stops them now.
      setTimeout(() => this.#pc.close(), BYE_FLUSH_MS);
    } else {
      this.#pc.close();
    }
    for (const stream of [this.incoming, this.screen]) for (const track of stream.getTracks()) stream.removeTrack(track);
  }

  #listen(): void {
    const pc = this.#pc;
    pc.onnegotiationneeded = () => void this.#offer();
    pc.onicecandidate = ({ candidate }) => {
      const body: SignalBody = { candidate: candidate ? (candidate.toJSON() as { candidate: string }) : null };
      if (this.#told.length <= MAX_RETOLD_CANDIDATES) this.#told.push(body);
      this.#options.hooks.send(body);
    };
    pc.ontrack = ({ track, transceiver }) => {
      const line = this.#lineOf(transceiver);
      if (line) (line === "screen" ? this.screen : this.incoming).addTrack(track);
      this.#options.hooks.changed();
    };
    pc.onconnectionstatechange = () => this.#connection();
    pc.ondatachannel = ({ channel }) => {
      if (channel.label === DATA_CHANNEL) this.#channel.use(channel);
    };
  }

  #open(): void {
    this.#channel.use(this.#pc.createDataChannel(DATA_CHANNEL, { ordered: true }));
    for (const line of LINES) {
      const { has, streams } = this.#of(line);
      const transceiver = this.#pc.addTransceiver(line === "audio" ? "audio" : "video", {
        direction: has ? "sendrecv" : "recvonly",
        streams,
      });
      preferCodecs(transceiver);
      void this.#fill(transceiver, line);
    }
  }

  #of(line: Line) {
    const { outgoing } = this.#options;
    const sent = line !== "screen" || this.#takesScreen;
    // A screen waits for nothing, so it is in no stream with the rest.
    return { has: outgoing.has(line), track: sent ? outgoing.track(line) : null, streams: line === "screen" ? [] : [outgoing.stream] };
  }

  /** Of the sections of pictures the first is the camera's, the second the screen's. */
  #lineOf(transceiver: RTCRtpTransceiver): Line | null {
    if (transceiver.receiver.track.kind === "audio") return "audio";
    const sdp = (this.#pc.remoteDescription ?? this.#pc.localDescription)?.sdp ?? "";
    const place = ({ mid }: RTCRtpTransceiver) => {
      const at = mid == null ? -1 : sdp.indexOf(`\na=mid:${mid}\r`);
      return at < 0 ? sdp.length + 1 : at;
    };
    const pictures = this.#pc.getTransceivers().filter((each) => each.receiver.track.kind === "video" && each.direction !== "stopped");
    const at = pictures.sort((a, b) => place(a) - place(b)).indexOf(transceiver);
    return (["video", "screen"] as const)[at] ?? null;
  }

  async #fill(transceiver: RTCRtpTransceiver, line: Line): Promise<void> {
    const { has, track, streams } = this.#of(line);
    const direction = has ? "sendrecv" : "recvonly";
    if (transceiver.direction !== direction) transceiver.direction = direction;
    if (transceiver.sender.track === track) return;
    if (track && streams.length > 0) transceiver.sender.setStreams?.(...streams);
    await transceiver.sender.replaceTrack(track);
  }

  async #offer(): Promise<void> {
    if (!this.#mayOffer || this.#closed) return;
    try {
      this.#makingOffer = true;
      await this.#pc.setLocalDescription();
      this.#sendDescription();
    } catch (error) {
      console.warn("No offer could be made.", error);
    } finally {
      this.#makingOffer = false;
    }
    await this.#bound();
  }

  async #describe(description: Description): Promise<void> {
    const pc = this.#pc;
    const offer = description.type === "offer";
    const prints = fingerprints(description.sdp);
    this.#fingerprints ??= prints;
    if (prints !== this.#fingerprints) return this.#options.hooks.forged();
    const collision = offer && (this.#makingOffer || pc.signalingState !== "stable");
    this.#ignoreOffer = !this.#options.polite && collision;
    if (this.#ignoreOffer) return;
    if (!offer && pc.signalingState !== "have-local-offer") return;

    await pc.setRemoteDescription(description);
    for (const candidate of this.#early.splice(0)) await this.#add(candidate);
    if (!offer) return;
    for (const transceiver of pc.getTransceivers()) {
      preferCodecs(transceiver);
      const line = this.#lineOf(transceiver);
      if (line) await this.#fill(transceiver, line);
    }
    await pc.setLocalDescription();
    this.#sendDescription();
    this.#mayOffer = !this.#options.onlyAnswers;
    await this.#bound();
  }

  async #candidate(candidate: RTCIceCandidateInit | null): Promise<void> {
    // The end of candidates needs no word: a browser goes on looking anyway.
    if (!candidate || candidate.candidate === "") return;
    if (this.#pc.remoteDescription) await this.#add(candidate);
    else if (this.#early.length < MAX_EARLY_CANDIDATES) this.#early.push(candidate);
  }

  async #add(candidate: RTCIceCandidateInit): Promise<void> {
    try {
      await this.#pc.addIceCandidate(candidate);
    } catch (error) {
      if (!this.#ignoreOffer) console.warn("A candidate could not be used.", error);
    }
  }

  #sendDescription(): void {
    const description = this.#pc.localDescription;
    if (description && (description.type === "offer" || description.type === "answer")) {
      this.#told = [{ description: { type: description.type, sdp: description.sdp } }];
      for (const body of this.#told) this.#options.hooks.send(body);
    }
  }

  async #bound(): Promise<void> {
    for (const transceiver of this.#pc.getTransceivers()) {
      const line = this.#lineOf(transceiver);
      if (line) await boundSender(transceiver.sender, line);
    }
  }

  #ends(): Ends | null {
    const own = this.#pc.localDescription?.sdp;
    return own === undefined || this.#fingerprints === null ? null : { own: fingerprints(own), other: this.#fingerprints };
  }

  #hear(message: PeerMessage): void {
    const { hooks } = this.#options;
    switch (message.type) {
      case "state":
        if (this.muted === message.muted && this.cameraOff === message.camera_off) return;
        this.muted = message.muted;
        this.cameraOff = message.camera_off;
        return this.#shown.ask();
      case "screen": {
        const changed = this.showsScreen !== message.shown;
        this.showsScreen = message.shown;
        if (!this.#takesScreen) {
          this.#takesScreen = true;
          void this.sendTrack("screen");
        }
        if (changed) this.#shown.ask();
        return;
      }
      case "chat":
        if (hooks.chat(message.text)) this.say({ type: "chat_received", id: message.id });
        return;
      case "chat_received":
        return hooks.chatReceived(message.id);
      case "removed":
        return hooks.removed(message);
      case "bye":
        return hooks.bye(message.reason);
    }
  }

  #connection(): void {
    if (this.#closed) return;
    switch (this.#pc.connectionState) {
      case "connected":
        clearTimeout(this.#giveUp);
        clearTimeout(this.#restart);
        this.#giveUp = undefined;
        this.#restarted = false;
        this.#measure ??= setInterval(() => void this.#measureQuality(), QUALITY_EVERY_MS);
        this.#become("connected");
        break;
      case "disconnected":
        this.#lookForAWay(RESTART_AFTER_MS);
        break;
      case "failed":
        this.#lookForAWay(0);
        break;
    }
  }

  #lookForAWay(restartAfter: number): void {
    if (this.state === "failed") return;
    this.#giveUp ??= setTimeout(() => this.#fail(), RECONNECT_TIMEOUT_MS);
    if (this.state === "connected") this.#become("reconnecting");
    clearTimeout(this.#restart);
    if (!this.#options.offers || this.#restarted) return;
    this.#restart = setTimeout(() => {
      this.#restarted = true;
      this.#pc.restartIce();
    }, restartAfter);
  }

  #fail(): void {
    clearTimeout(this.#restart);
    this.#become("failed");
  }

  #become(state: PeerState): void {
    if (this.state === state) return;
    this.state = state;
    if (state !== "connected") this.quality = null;
    this.#options.hooks.changed();
  }

  async #measureQuality(): Promise<void> {
    const report = await this.#pc.getStats().catch(() => null);
    if (!report || this.#closed || this.state !== "connected") return;
    const counters = countersOf(report.values() as Iterable<Record<string, unknown>>);
    const quality = this.#counters && qualityBetween(this.#counters, counters, !(this.muted && this.cameraOff));
    this.#counters = counters;
    if (quality === this.quality) return;
    this.quality = quality;
    this.#options.hooks.changed();
  }
}
