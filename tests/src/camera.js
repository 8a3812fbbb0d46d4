// Runs in a page before its own scripts, and gives it a stamped camera and a tone for a microphone.
(({ width, height, fps }) => {
  const draw = (context, now) => {
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
})
