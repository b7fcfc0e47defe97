// The cells of the patch grid. A grid is {h, w, aspect}: rows, columns, and the shares of its width and height that the picture
// covers; a cell is {row, column}; the size of a cell is [width, height] in pixels of a canvas.

import { clamped } from "./numbers.js";

export const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

// Rows and columns that the picture covers at least in part.
export function covered({ h, w, aspect: [wide, high] }) {
  return { rows: Math.min(h, Math.ceil(h * high - 1e-6)), columns: Math.min(w, Math.ceil(w * wide - 1e-6)) };
}

// The cell at shares of the picture's width and height, which may lie outside.
export function cellAt({ h, w, aspect: [wide, high] }, x, y) {
  return { row: Math.floor(y * h * high), column: Math.floor(x * w * wide) };
}

// The nearest cell that is inside.
export function inside({ row, column }, { rows, columns }) {
  return { row: clamped(row, 0, rows - 1), column: clamped(column, 0, columns - 1) };
}

export function isInside({ row, column }, { rows, columns }) {
  return row >= 0 && column >= 0 && row < rows && column < columns;
}

export function isSame(a, b) {
  return a?.row === b?.row && a?.column === b?.column;
}

// The size of a cell on a canvas that shows what the picture covers.
export function cellSize({ h, w, aspect: [wide, high] }, { width, height }) {
  return [width / (w * wide), height / (h * high)];
}

// Call back with left, top, right and bottom of each cell, in whole pixels, and its index.
export function eachCell({ h, w }, [cellWidth, cellHeight], act) {
  for (let row = 0; row < h; row++) {
    const [top, bottom] = [Math.round(row * cellHeight), Math.round((row + 1) * cellHeight)];
    for (let column = 0; column < w; column++) {
      act(Math.round(column * cellWidth), top, Math.round((column + 1) * cellWidth), bottom, row * w + column);
    }
  }
}

// Add the cells for which `belongs(index)` holds to a path.
export function traceCells(path, grid, size, belongs) {
  eachCell(grid, size, (left, top, right, bottom, i) => belongs(i) && path.rect(left, top, right - left, bottom - top));
  return path;
}

// Add the line between the cells for which it holds and those for which it does not.
export function traceBorder(path, grid, size, belongs) {
  const { h, w } = grid;
  eachCell(grid, size, (left, top, right, bottom, i) => {
    const here = belongs(i);
    if ((i + 1) % w && here !== belongs(i + 1)) line(path, right, top, right, bottom);
    if (i + w < h * w && here !== belongs(i + w)) line(path, left, bottom, right, bottom);
  });
  return path;
}

export function line(path, x0, y0, x1, y1) {
  path.moveTo(x0, y0);
  path.lineTo(x1, y1);
}
