/** Where things go. Pure. */

export interface Size {
  width: number;
  height: number;
}

/** A picture that loses no more than this part of itself may fill its place. */
const MOST_CUT = 0.3;

/** Whether `picture` may be cut to fill `place`, or should be shown whole. */
export function fillsWell(picture: Size, place: Size): boolean {
  if (!picture.width || !picture.height || !place.width || !place.height) return true;
  const shapes = [picture.width / picture.height, place.width / place.height];
  return 1 - Math.min(...shapes) / Math.max(...shapes) <= MOST_CUT;
}

/** The size of `picture`, or of one in its shape, as it is shown in `place`: filling it, or whole within it. */
export function shownSize(picture: Size, place: Size): Size {
  if (!picture.width || !picture.height) return place;
  const scales = [place.width / picture.width, place.height / picture.height];
  const scale = fillsWell(picture, place) ? Math.max(...scales) : Math.min(...scales);
  return { width: picture.width * scale, height: picture.height * scale };
}

/** The number of columns that makes `count` tiles of 16:9 largest in `place`. */
export function columnsFor(count: number, place: Size, gap = 8): number {
  let best = 1;
  let bestWidth = 0;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const width = (place.width - gap * (columns - 1)) / columns;
    const height = (place.height - gap * (rows - 1)) / rows;
    const fitting = Math.min(width, (height * 16) / 9);
    if (fitting > bestWidth) [best, bestWidth] = [columns, fitting];
  }
  return best;
}

export type Corner = "top-left" | "top-right" | "bottom-left" | "bottom-right";

/** The corner of `place` that is nearest to a point in it. */
export function nearestCorner(point: { x: number; y: number }, place: Size): Corner {
  const vertical = point.y < place.height / 2 ? "top" : "bottom";
  const horizontal = point.x < place.width / 2 ? "left" : "right";
  return `${vertical}-${horizontal}`;
}

/** The corner that an arrow key leads to. */
export function cornerTowards(corner: Corner, key: string): Corner {
  const [vertical, horizontal] = corner.split("-") as ["top" | "bottom", "left" | "right"];
  if (key === "ArrowUp") return `top-${horizontal}`;
  if (key === "ArrowDown") return `bottom-${horizontal}`;
  if (key === "ArrowLeft") return `${vertical}-left`;
  if (key === "ArrowRight") return `${vertical}-right`;
  return corner;
}

/** The letters that stand for a name where there is no picture: of the first and the last word. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = [...(words[0] ?? "")];
  const last = words.length > 1 ? [...(words.at(-1) ?? "")] : [];
  return (words.length > 1 ? [first[0], last[0]] : first.slice(0, 2)).join("").toLocaleUpperCase();
}
