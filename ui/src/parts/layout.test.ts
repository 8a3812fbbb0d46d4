import { describe, expect, it } from "vitest";
import { columnsFor, cornerTowards, fillsWell, initials, nearestCorner, shownSize } from "./layout";

describe("a picture", () => {
  it("fills a place of nearly its shape, and shows whole in another", () => {
    expect(fillsWell({ width: 1280, height: 720 }, { width: 1440, height: 900 })).toBe(true);
    expect(fillsWell({ width: 640, height: 480 }, { width: 1280, height: 720 })).toBe(true);
    expect(fillsWell({ width: 1280, height: 720 }, { width: 360, height: 740 })).toBe(false);
    expect(fillsWell({ width: 0, height: 0 }, { width: 360, height: 740 })).toBe(true);
  });

  it("is as large as it is shown, with what is cut off", () => {
    expect(shownSize({ width: 1280, height: 720 }, { width: 960, height: 640 })).toEqual({ width: 640 * (16 / 9), height: 640 });
    expect(shownSize({ width: 1280, height: 720 }, { width: 360, height: 740 })).toEqual({ width: 360, height: 202.5 });
    expect(shownSize({ width: 0, height: 0 }, { width: 360, height: 740 })).toEqual({ width: 360, height: 740 });
  });
});

it.each([
  [1, 1440, 900, 1],
  [2, 1440, 700, 2],
  [2, 360, 700, 1],
  [4, 1440, 800, 2],
  [8, 1440, 800, 3],
  [8, 360, 700, 2],
  [3, 0, 0, 1],
])("%i tiles in %ix%i stand in %i columns", (count, width, height, columns) => {
  expect(columnsFor(count, { width, height })).toBe(columns);
});

it("finds the corner that is meant", () => {
  const place = { width: 100, height: 100 };
  expect(nearestCorner({ x: 20, y: 90 }, place)).toBe("bottom-left");
  expect(nearestCorner({ x: 80, y: 10 }, place)).toBe("top-right");
  expect(cornerTowards("bottom-right", "ArrowUp")).toBe("top-right");
  expect(cornerTowards("bottom-right", "ArrowRight")).toBe("bottom-right");
  expect(cornerTowards("top-right", "ArrowLeft")).toBe("top-left");
  expect(cornerTowards("top-right", "x")).toBe("top-right");
});

it.each([
  ["Mika", "MI"],
  ["Mika Korhonen", "MK"],
  ["Ulrich von der Höhe", "UH"],
  ["李明", "李明"],
  ["👋🏽 x", "👋X"],
  ["  ", ""],
])("%j stands as %j", (name, letters) => {
  expect(initials(name)).toBe(letters);
});
