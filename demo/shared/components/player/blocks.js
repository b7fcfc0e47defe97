// Where rows of a step lie: patches of a grid {h, w, aspect}, blocks of patches, or points without a grid.

import { cellAt, inside } from "../../js/cells.js";

// What a row is called.
export function rowName({ w, word }, i) {
  return w ? `${word} in row ${Math.floor(i / w) + 1}, column ${(i % w) + 1}` : `${word} ${i + 1}`;
}

// The block that a patch lies in, where h × w blocks cover the grid.
export function blockOf(grid, i, [h, w]) {
  const y = Math.floor(i / grid.w);
  const x = i % grid.w;
  return Math.min(Math.floor((y * h) / grid.h), h - 1) * w + Math.min(Math.floor((x * w) / grid.w), w - 1);
}

// A patch in the middle of a block.
export function cellOfBlock(grid, block, [h, w]) {
  const y = Math.min(Math.floor(((Math.floor(block / w) + 0.5) * grid.h) / h), grid.h - 1);
  const x = Math.min(Math.floor((((block % w) + 0.5) * grid.w) / w), grid.w - 1);
  return y * grid.w + x;
}

export function centerOf({ w }, i, [width, height]) {
  return [((i % w) + 0.5) * width, (Math.floor(i / w) + 0.5) * height];
}

// The patch at shares of the picture's width and height; beside it the nearest one.
export function rowAt(grid, x, y) {
  const { row, column } = inside(cellAt(grid, x, y), { rows: grid.h, columns: grid.w });
  return row * grid.w + column;
}
