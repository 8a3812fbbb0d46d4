/** Shows one fixture; what it is asked for it only notes. */
import { type Readable, type Writable, get, readonly, writable } from "svelte/store";
import type { Backend, ShownVideo, VideoMarks, VideoTrack } from "../backend";
import type { AppView } from "../contract/AppView";
import type { Command } from "../contract/Command";
import type { Notice } from "../contract/Notice";
import type { Fixture } from "./fixtures";

export class FixtureBackend implements Backend {
  readonly kind: "app" | "guest";
  readonly view: Readable<AppView>;
  readonly canShare = true;
  readonly commands: Command[] = [];
  readonly #view: Writable<AppView>;
  readonly #listeners = new Set<(notice: Notice) => void>();
  readonly #level: number | undefined;

  constructor(fixture: Fixture) {
    this.kind = fixture.kind;
    this.#view = writable(fixture.view);
    this.view = readonly(this.#view);
    this.#level = fixture.level;
  }

  show(view: AppView): void {
    this.#view.set(view);
  }

  notify(notice: Notice): void {
    for (const listener of this.#listeners) listener(notice);
  }

  async dispatch(command: Command): Promise<void> {
    this.commands.push(command);
  }

  onNotice(listener: (notice: Notice) => void): () => void {
    this.#listeners.add(listener);
    if (this.#level !== undefined) listener({ type: "microphone_level", db: this.#level });
    return () => this.#listeners.delete(listener);
  }

  attachVideo(track: VideoTrack, host: HTMLElement, marks: VideoMarks): ShownVideo {
    const canvas = document.createElement("canvas");
    canvas.width = 640;
    canvas.height = 360;
    canvas.dataset["testid"] = marks.testid;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", marks.label);
    host.append(canvas);
    const context = canvas.getContext("2d");
    const hue = track === "self" ? 290 : (track.charCodeAt(track.length - 1) * 47) % 360;
    const { screen } = get(this.view);
    const isScreen = /^(source|screen):/.test(track) || (screen.type === "call" && screen.kind === "broadcast");
    if (context) (isScreen ? drawScreen : drawPerson)(context, hue);
    return { wantAll: () => {}, close: () => canvas.remove() };
  }
}

/** Somebody in front of a wall, in another colour for each. */
function drawPerson(context: CanvasRenderingContext2D, hue: number): void {
  const { width, height } = context.canvas;
  const wall = context.createLinearGradient(0, 0, width, height);
  wall.addColorStop(0, `hsl(${hue} 30% 55%)`);
  wall.addColorStop(1, `hsl(${hue + 40} 28% 24%)`);
  context.fillStyle = wall;
  context.fillRect(0, 0, width, height);
  const circle = (x: number, y: number, r: number, colour: string) => {
    context.fillStyle = colour;
    context.beginPath();
    context.arc(x, y, r, 0, 7);
    context.fill();
  };
  circle(width / 2, height * 1.08, height * 0.5, `hsl(${hue + 180} 25% 32%)`);
  circle(width / 2, height * 0.42, height * 0.2, "hsl(24 45% 68%)");
}

/** A window with lines of something to read. */
function drawScreen(context: CanvasRenderingContext2D, hue: number): void {
  const { width, height } = context.canvas;
  const bar = (x: number, y: number, w: number, h: number, colour: string) => {
    context.fillStyle = colour;
    context.fillRect(x, y, w, h);
  };
  bar(0, 0, width, height, `hsl(${hue} 22% 16%)`);
  bar(0, 0, width, 26, `hsl(${hue} 18% 24%)`);
  for (let line = 0; line < 14; line++) {
    const indent = 36 + 26 * (line % 3);
    bar(indent, 52 + 21 * line, 90 + ((line * 97 + hue) % 330), 9, `hsl(${(hue + 40 * (line % 4)) % 360} 45% 66%)`);
  }
}
