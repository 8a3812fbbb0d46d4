/** Draws pictures: through `VideoFrame` where the web view has it, else converted here. */
import { type Frame, toRgba } from "./frame";

export interface FrameDrawer {
  /** Puts the picture on the canvas, which takes its size. */
  draw(frame: Frame): void;
}

/** The way that this web view can go, found out by the first frame. */
export function openDrawer(canvas: HTMLCanvasElement): FrameDrawer {
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) throw new Error("the canvas gives no 2D context");
  let way: FrameDrawer = "VideoFrame" in globalThis ? new VideoFrameDrawer(context) : new RgbaDrawer(context);
  return {
    draw(frame) {
      if (canvas.width !== frame.width || canvas.height !== frame.height) {
        canvas.width = frame.width;
        canvas.height = frame.height;
        // The same event as a `video` has when its picture changes its size.
        canvas.dispatchEvent(new Event("resize"));
      }
      try {
        way.draw(frame);
      } catch (error) {
        if (way instanceof RgbaDrawer) throw error;
        console.warn("VideoFrame does not draw here; converting instead.", error);
        way = new RgbaDrawer(context);
        way.draw(frame);
      }
    },
  };
}

/** Leaves conversion and scaling to the web view. */
class VideoFrameDrawer implements FrameDrawer {
  constructor(private readonly context: CanvasRenderingContext2D) {}

  draw(frame: Frame): void {
    const picture = new VideoFrame(frame.planes, {
      format: "I420",
      codedWidth: frame.width,
      codedHeight: frame.height,
      timestamp: Math.round(frame.capturedAt * 1000),
      colorSpace: {
        matrix: frame.matrix === "bt709" ? "bt709" : "smpte170m",
        primaries: "bt709",
        transfer: "bt709",
        fullRange: frame.fullRange,
      },
    });
    try {
      this.context.drawImage(picture, 0, 0);
    } finally {
      picture.close();
    }
  }
}

/** Converts in JavaScript: about 10 ms for 720p, but it works everywhere. */
class RgbaDrawer implements FrameDrawer {
  #image: ImageData | null = null;

  constructor(private readonly context: CanvasRenderingContext2D) {}

  draw(frame: Frame): void {
    if (this.#image?.width !== frame.width || this.#image.height !== frame.height) {
      this.#image = new ImageData(frame.width, frame.height);
    }
    toRgba(frame, this.#image.data);
    this.context.putImageData(this.#image, 0, 0);
  }
}
