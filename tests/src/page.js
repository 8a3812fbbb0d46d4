// Runs inside a page, before each script of the harness.
const ahoy = (() => {
  // State that lives as long as the page.
  const kept = (window.__ahoyTests ??= { meters: new Map(), canvas: null, quietSince: null });

  const part = (name) => document.querySelector(`[data-testid="${name}"]`);

  const shown = (name) => {
    const element = part(name);
    if (!element) return false;
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && getComputedStyle(element).visibility !== "hidden";
  };

  const text = (name) => {
    const element = part(name);
    // An item of a list has a value too: its number.
    const value = typeof element?.value === "string" ? element.value : element?.innerText;
    return (value ?? "").trim();
  };

  // The capture time in the picture of a video or canvas: 32 blocks, below them their inverse.
  const stamp = (element) => {
    const width = element?.videoWidth ?? element?.width ?? 0;
    const height = element?.videoHeight ?? element?.height ?? 0;
    const block = width / 32;
    if (block < 4 || height < 2 * block) return null;
    const canvas = (kept.canvas ??= document.createElement("canvas"));
    const rows = Math.ceil(2 * block);
    if (canvas.width !== width || canvas.height !== rows) {
      canvas.width = width;
      canvas.height = rows;
    }
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(element, 0, 0, width, rows, 0, 0, width, rows);
    const { data } = context.getImageData(0, 0, width, rows);
    const bit = (row, column) => {
      const from = (index) => Math.floor((index + 0.25) * block);
      const to = (index) => Math.floor((index + 0.75) * block);
      let sum = 0;
      let count = 0;
      for (let y = from(row); y <= to(row); y++) {
        for (let x = from(column); x <= to(column); x++) {
          sum += data[(y * width + x) * 4 + 1];
          count++;
        }
      }
      return sum / count > 127;
    };
    let value = 0;
    for (let column = 0; column < 32; column++) {
      const one = bit(0, column);
      if (one === bit(1, column)) return null;
      value = value * 2 + (one ? 1 : 0);
    }
    return value;
  };

  // How loud the sound of others is now, in dB below full scale: the loudest of what the page plays.
  const soundLevel = () => {
    const streams = new Set();
    for (const element of document.querySelectorAll("video, audio")) {
      const stream = element.srcObject;
      const own = element.closest('[data-testid="self-video"]');
      if (!own && !element.muted && stream instanceof MediaStream && stream.getAudioTracks().length > 0) {
        streams.add(stream);
      }
    }
    let loudest = -100;
    for (const stream of streams) {
      const track = stream.getAudioTracks()[0];
      let meter = kept.meters.get(track);
      if (!meter) {
        kept.context ??= new AudioContext();
        const analyser = kept.context.createAnalyser();
        analyser.fftSize = 8192;
        kept.context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
        meter = { analyser, samples: new Float32Array(analyser.fftSize) };
        kept.meters.set(track, meter);
      }
      if (kept.context.state === "suspended") kept.context.resume();
      meter.analyser.getFloatTimeDomainData(meter.samples);
      let power = 0;
      for (const sample of meter.samples) power += sample * sample;
      const rms = Math.sqrt(power / meter.samples.length);
      loudest = Math.max(loudest, 20 * Math.log10(Math.max(rms, 1e-5)));
    }
    return loudest;
  };

  // For how many milliseconds the sound has been below a level, as far as it was asked.
  const quietFor = (db) => {
    if (soundLevel() > db) kept.quietSince = null;
    else kept.quietSince ??= performance.now();
    return kept.quietSince === null ? 0 : performance.now() - kept.quietSince;
  };

  return { part, shown, text, stamp, soundLevel, quietFor };
})();
