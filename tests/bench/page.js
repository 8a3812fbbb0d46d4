// Runs in a page before its own scripts: gives it a camera that costs next to nothing, and measures what arrives.
((options) => {
  const state = (window.__bench = {
    connections: [],
    // Milliseconds since 1970.
    now: () => performance.timeOrigin + performance.now(),
    firstFrameMs: null,
    frames: 0,
    latencies: [],
    reading: false,
    video: null,
    shown: null,
  });

  // From the offer to the first picture on the screen, for the connection that brings pictures.
  const watch = (track, offer) => {
    const search = setInterval(() => {
      const video = [...document.querySelectorAll("video")].find((element) => element.srcObject?.getTracks?.().includes(track));
      if (!video) return;
      clearInterval(search);
      let previous = null;
      const frame = (_, shown) => {
        state.firstFrameMs ??= state.now() - offer.at;
        state.video = video;
        state.shown = shown;
        // The count of the frame, so that none is lost where the page is asked less often than they come.
        state.frames += previous === null ? 1 : Math.max(1, shown.presentedFrames - previous);
        previous = shown.presentedFrames;
        if (state.reading) {
          const now = state.now();
          const stamp = readStamp(video);
          if (stamp !== null) state.latencies.push((now % 2 ** 32) - stamp);
        }
        video.requestVideoFrameCallback(frame);
      };
      video.requestVideoFrameCallback(frame);
    }, 2);
  };

  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    #offer = { at: null };

    constructor(...rest) {
      super(...rest);
      state.connections.push(this);
      this.addEventListener("track", ({ track }) => track.kind === "video" && watch(track, this.#offer));
    }

    setRemoteDescription(description) {
      if (description?.type === "offer") this.#offer.at ??= state.now();
      return super.setRemoteDescription(description);
    }

    async setLocalDescription(description) {
      await super.setLocalDescription(description);
      if (this.localDescription?.type === "offer") this.#offer.at ??= state.now();
    }
  };

  const canvas = document.createElement("canvas");
  const readStamp = (video) => {
    const width = video.videoWidth;
    const block = width / 32;
    if (block < 4) return null;
    const rows = Math.ceil(2 * block);
    if (canvas.width !== width) {
      canvas.width = width;
      canvas.height = rows;
    }
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(video, 0, 0, width, rows, 0, 0, width, rows);
    const { data } = context.getImageData(0, 0, width, rows);
    const white = (row, column) => data[(Math.floor((row + 0.5) * block) * width + Math.floor((column + 0.5) * block)) * 4 + 1] > 127;
    let value = 0;
    for (let column = 0; column < 32; column++) {
      const one = white(0, column);
      if (one === white(1, column)) return null;
      value = value * 2 + (one ? 1 : 0);
    }
    return value;
  };

  // The brightness of the picture that is shown now, row by row, in base64.
  state.grab = async () => {
    const frame = new VideoFrame(state.video, { timestamp: 0 });
    const bytes = new Uint8Array(frame.allocationSize());
    const layout = await frame.copyTo(bytes);
    const { width, height } = frame.visibleRect;
    const { offset, stride } = layout[0];
    const format = frame.format;
    frame.close();
    const luma = new Uint8Array(width * height);
    for (let y = 0; y < height; y++) luma.set(bytes.subarray(offset + y * stride, offset + y * stride + width), y * width);
    let text = "";
    for (let at = 0; at < luma.length; at += 0x8000) text += String.fromCharCode(...luma.subarray(at, at + 0x8000));
    return { width, height, format, luma: btoa(text) };
  };

  // What all connections sent or received of pictures.
  state.stats = async () => {
    const sum = { framesEncoded: 0, bytesSent: 0, bytesReceived: 0, codec: null, width: null };
    for (const connection of state.connections) {
      const report = await connection.getStats();
      for (const entry of report.values()) {
        if (entry.kind !== "video") continue;
        if (entry.type === "outbound-rtp") {
          sum.framesEncoded += entry.framesEncoded ?? 0;
          sum.bytesSent += entry.bytesSent ?? 0;
        }
        if (entry.type === "inbound-rtp" && entry.bytesReceived) sum.bytesReceived += entry.bytesReceived;
        const used = (entry.framesEncoded || entry.framesDecoded) && report.get(entry.codecId);
        if (used) {
          sum.codec = used.mimeType.replace("video/", "");
          sum.width = entry.frameWidth;
        }
      }
    }
    return sum;
  };

  state.cap = async (bitrate) => {
    for (const connection of state.connections) {
      for (const sender of connection.getSenders()) {
        if (sender.track?.kind !== "video") continue;
        const parameters = sender.getParameters();
        for (const encoding of parameters.encodings) encoding.maxBitrate = bitrate;
        await sender.setParameters(parameters);
      }
    }
  };

  if (!options.camera || !navigator.mediaDevices) return;

  // The same pictures as the engine's test picture, already made; only the stamp is drawn.
  const { url, width, height, fps, count } = options.camera;
  const size = (width * height * 3) / 2;
  const pictures = fetch(url).then((answer) => answer.arrayBuffer());

  const stamp = (bytes, now) => {
    const value = Math.floor(now) % 2 ** 32;
    const block = width / 32;
    for (let column = 0; column < 32; column++) {
      const one = Math.floor(value / 2 ** (31 - column)) % 2 === 1;
      for (let y = 0; y < 2 * block; y++) {
        const left = y * width + column * block;
        bytes.fill(one === y < block ? 235 : 16, left, left + block);
      }
    }
  };

  const camera = async () => {
    const all = new Uint8Array(await pictures);
    const track = new MediaStreamTrackGenerator({ kind: "video" });
    const writer = track.writable.getWriter();
    const begin = performance.now();
    let number = 0;
    const step = () => {
      // There and back, so that it never jumps.
      const turn = number % (2 * count - 2);
      const index = turn < count ? turn : 2 * count - 2 - turn;
      const bytes = all.slice(index * size, (index + 1) * size);
      const now = state.now();
      stamp(bytes, now);
      const frame = new VideoFrame(bytes, { format: "I420", codedWidth: width, codedHeight: height, timestamp: Math.round(now * 1000) });
      writer.write(frame).catch(() => undefined);
      number += 1;
      setTimeout(step, begin + (number * 1000) / fps - performance.now());
    };
    step();
    return track;
  };

  const tone = () => {
    const context = new AudioContext();
    const oscillator = new OscillatorNode(context, { frequency: 440 });
    const gain = new GainNode(context, { gain: 0.1 });
    const out = context.createMediaStreamDestination();
    oscillator.connect(gain).connect(out);
    oscillator.start();
    return out.stream.getAudioTracks()[0];
  };

  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = new MediaStream();
    if (wanted?.video) stream.addTrack(await camera());
    if (wanted?.audio) stream.addTrack(tone());
    return stream;
  };
})
