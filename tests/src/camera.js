// Runs in a page before its own scripts, and gives it a stamped camera or screen and a tone for a microphone.
(({ width, height, fps, scene }) => {
  const drawStamped = (context, now) => {
    const block = width / 32;
    context.fillStyle = "#5a6b7c";
    context.fillRect(0, 0, width, height);
    context.fillStyle = "#c8a050";
    const bar = (now / 4) % width;
    context.fillRect(bar, 2 * block, width / 16, height - 2 * block);
    const stamp = Math.floor(now) % 2 ** 32;
    for (let column = 0; column < 32; column++) {
      const one = Math.floor(stamp / 2 ** (31 - column)) % 2 === 1;
      for (const [row, white] of [
        [0, one],
        [1, !one],
      ]) {
        context.fillStyle = white ? "#fff" : "#000";
        const left = Math.round(column * block);
        context.fillRect(left, Math.round(row * block), Math.round((column + 1) * block) - left, Math.ceil(block));
      }
    }
  };

  // A boat at sea towards evening, for pictures that people look at.
  const drawScene = (context, now) => {
    const seconds = now / 1000;
    const horizon = height * 0.55;
    const sky = context.createLinearGradient(0, 0, 0, horizon);
    sky.addColorStop(0, "#27456b");
    sky.addColorStop(0.7, "#d98e6a");
    sky.addColorStop(1, "#f6cf9b");
    context.fillStyle = sky;
    context.fillRect(0, 0, width, horizon);
    context.fillStyle = "#fff1d0";
    context.beginPath();
    context.arc(width * 0.72, horizon - height * 0.08, height * 0.06, 0, 2 * Math.PI);
    context.fill();
    const wave = (x, row) => Math.sin(x / (60 + 9 * row) + seconds * (0.6 + 0.12 * row) + row * 1.7) * (2 + row);
    for (let row = 0; row < 9; row++) {
      const shade = 1 - row / 11;
      context.fillStyle = `rgb(${30 + 60 * shade}, ${70 + 60 * shade}, ${95 + 45 * shade})`;
      context.beginPath();
      context.moveTo(0, height);
      const top = horizon + (row * row * height) / 190;
      for (let x = 0; x <= width; x += 8) context.lineTo(x, top + wave(x, row));
      context.lineTo(width, height);
      context.fill();
      if (row !== 4) continue;
      const x = width * 0.42;
      const size = height * 0.2;
      context.save();
      context.translate(x, top + wave(x, row));
      context.rotate(Math.sin(seconds * 0.9) * 0.05);
      context.fillStyle = "#f7f3ea";
      context.beginPath();
      context.moveTo(0, -size * 0.25);
      context.lineTo(0, -size * 1.9);
      context.quadraticCurveTo(size, -size, size * 0.9, -size * 0.25);
      context.fill();
      context.fillStyle = "#e2d3b4";
      context.beginPath();
      context.moveTo(-size * 0.08, -size * 0.25);
      context.lineTo(-size * 0.08, -size * 1.6);
      context.lineTo(-size * 0.7, -size * 0.25);
      context.fill();
      context.fillStyle = "#7c3327";
      context.beginPath();
      context.moveTo(-size, -size * 0.18);
      context.lineTo(size * 1.1, -size * 0.18);
      context.quadraticCurveTo(size * 0.8, size * 0.25, size * 0.4, size * 0.25);
      context.lineTo(-size * 0.6, size * 0.25);
      context.fill();
      context.restore();
    }
  };

  const draw = scene ? drawScene : drawStamped;

  const picture = () => {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d", { alpha: false });
    const step = () => draw(context, performance.timeOrigin + performance.now());
    step();
    setInterval(step, 1000 / fps);
    return canvas.captureStream(fps).getVideoTracks()[0];
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

  if (!navigator.mediaDevices) return;
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = new MediaStream();
    if (wanted?.video) stream.addTrack(picture());
    if (wanted?.audio) stream.addTrack(tone());
    return stream;
  };
  // Whatever screen is asked for shows the same.
  navigator.mediaDevices.getDisplayMedia = navigator.mediaDevices.getUserMedia;
})
