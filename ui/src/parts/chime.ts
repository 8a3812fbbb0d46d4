/** A short, soft sound for somebody at the door. */

/** The two notes: their pitch in Hz, and when each begins, in seconds. */
const NOTES = [
  [587.3, 0],
  [880, 0.14],
] as const;
const LOUDNESS = 0.07;
const NOTE_S = 0.5;
/** Many at the door ring once. */
const REST_MS = 2000;

let rungAt = -Infinity;

/** Rings, unless it just did. Where sound is not allowed it stays silent. */
export function chime(now = performance.now()): void {
  if (now - rungAt < REST_MS || !globalThis.AudioContext) return;
  rungAt = now;
  const context = new AudioContext();
  const ends = NOTES.map(([hz, after]) => {
    const start = context.currentTime + after;
    const note = new OscillatorNode(context, { frequency: hz });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(LOUDNESS, start + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, start + NOTE_S);
    note.connect(gain).connect(context.destination);
    note.start(start);
    note.stop(start + NOTE_S);
    return note;
  });
  const last = ends.at(-1);
  if (last) last.onended = () => void context.close();
  // A page that nobody has touched may not sound: then this waits, and is let go.
  setTimeout(() => context.state === "suspended" && void context.close(), REST_MS);
}
