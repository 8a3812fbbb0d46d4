/** How loud the microphone is, ten times a second. */

/** What counts as silence, dB below full scale. */
const SILENCE_DB = -100;
const EVERY_MS = 100;

/** Root mean square of samples in -1..1, as dB below full scale. */
export function levelOf(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += (samples[i] ?? 0) ** 2;
  const rms = Math.sqrt(sum / Math.max(1, samples.length));
  return rms > 0 ? Math.max(SILENCE_DB, 20 * Math.log10(rms)) : SILENCE_DB;
}

export class LevelMeter {
  readonly #report: (db: number) => void;
  #context: AudioContext | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(report: (db: number) => void) {
    this.#report = report;
  }

  start(track: MediaStreamTrack): void {
    this.stop();
    if (!globalThis.AudioContext) return;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 2048;
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#context = context;
    this.#timer = setInterval(() => {
      // Some browsers hold it back until the user has touched the page.
      if (context.state === "suspended") void context.resume().catch(() => undefined);
      analyser.getFloatTimeDomainData(samples);
      this.#report(levelOf(samples));
    }, EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    void this.#context?.close().catch(() => undefined);
    if (this.#context) this.#report(SILENCE_DB);
    this.#context = null;
  }
}
