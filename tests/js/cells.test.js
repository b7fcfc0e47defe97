import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cellAt, cellSize, covered, eachCell, inside, isInside, isSame, MOVES, traceBorder, traceCells,
} from "../../demo/shared/js/cells.js";
import { blockOf, cellOfBlock, centerOf, rowAt, rowName } from "../../demo/shared/components/player/blocks.js";

const GRID = { h: 20, w: 28, aspect: [25 / 28, 18.75 / 20] }; // 300 × 400 pixels in patches of 16

// What a canvas would be told.
function path() {
  const lines = [];
  const rects = [];
  let from = null;
  return {
    lines, rects,
    moveTo: (x, y) => (from = [x, y]),
    lineTo: (x, y) => lines.push([...from, x, y]),
    rect: (...box) => rects.push(box),
  };
}

test("a cell that the picture covers in part counts", () => {
  assert.deepEqual(covered(GRID), { rows: 19, columns: 25 });
  assert.deepEqual(covered({ h: 3, w: 4, aspect: [1, 1] }), { rows: 3, columns: 4 });
});

test("places of the picture are those of its patches", () => {
  assert.deepEqual(cellAt(GRID, 0, 0), { row: 0, column: 0 });
  assert.deepEqual(cellAt(GRID, 16.5 / 400, 33 / 300), { row: 2, column: 1 });
  assert.deepEqual(cellAt(GRID, 0.999, 0.999), { row: 18, column: 24 });
  assert.equal(isInside(cellAt(GRID, -0.01, 0.5), covered(GRID)), false);
  assert.deepEqual(inside(cellAt(GRID, -0.01, 1.5), covered(GRID)), { row: 18, column: 0 });
});

test("the arrow keys lead to a neighbor, and back", () => {
  const sum = Object.values(MOVES).reduce(([a, b], [down, right]) => [a + down, b + right], [0, 0]);
  assert.deepEqual(sum, [0, 0]);
  assert.deepEqual(new Set(Object.values(MOVES).map(String)).size, 4);
});

test("no cell is the same as none", () => {
  assert.ok(isSame(null, null));
  assert.ok(isSame({ row: 1, column: 2 }, { row: 1, column: 2 }));
  assert.ok(!isSame({ row: 1, column: 2 }, null));
  assert.ok(!isSame({ row: 1, column: 2 }, { row: 2, column: 1 }));
});

test("the cells of a canvas leave no gap, at any size", () => {
  for (const [width, height] of [[400, 300], [399, 301], [113, 77]]) {
    const size = cellSize(GRID, { width, height });
    const columns = new Set();
    let [area, last] = [0, null];
    eachCell(GRID, size, (left, top, right, bottom, i) => {
      if (i % GRID.w) assert.equal(left, last);
      last = right;
      columns.add(left);
      area += (right - left) * (bottom - top);
    });
    assert.equal(columns.size, GRID.w);
    assert.equal(area, Math.round(GRID.w * size[0]) * Math.round(GRID.h * size[1]));
  }
});

test("a border has the length of all edges between cells inside and outside", () => {
  const grid = { h: 3, w: 3, aspect: [1, 1] };
  const mask = [0, 0, 0, 0, 1, 0, 0, 0, 0];
  const { lines } = traceBorder(path(), grid, [10, 10], (i) => mask[i] > 0);
  assert.equal(lines.length, 4);
  const square = [[10, 10, 20, 10], [10, 20, 20, 20], [10, 10, 10, 20], [20, 10, 20, 20]];
  assert.deepEqual(new Set(lines.map(String)), new Set(square.map(String)));
  assert.deepEqual(traceCells(path(), grid, [10, 10], (i) => mask[i] > 0).rects, [[10, 10, 10, 10]]);
});

test("the border of a set is that of its complement, and nothing has none", () => {
  const grid = { h: 5, w: 7, aspect: [1, 1] };
  const mask = Array.from({ length: 35 }, (_, i) => (i * 7919) % 5 < 2);
  const inner = traceBorder(path(), grid, [4, 4], (i) => mask[i]).lines;
  const outer = traceBorder(path(), grid, [4, 4], (i) => !mask[i]).lines;
  assert.ok(inner.length > 0);
  assert.deepEqual(inner, outer);
  assert.deepEqual(traceBorder(path(), grid, [4, 4], () => true).lines, []);
});

test("a row of a table is a patch that has a name", () => {
  const grid = { w: 5, h: 4, aspect: [1, 1], word: "patch" };
  assert.equal(rowName(grid, 7), "patch in row 2, column 3");
  assert.equal(rowName({ w: 0, word: "point" }, 7), "point 8");
  assert.equal(rowAt(grid, 0.5, 0.3), 7);
  assert.equal(rowAt(grid, 5, -5), 4);
  assert.deepEqual(centerOf(grid, 7, [10, 20]), [25, 30]);
});

test("the middle of a block lies in it, and every patch lies in one", () => {
  const grid = { h: 13, w: 17 };
  for (const size of [[3, 4], [13, 17], [1, 1], [5, 17]]) {
    for (let block = 0; block < size[0] * size[1]; block++) assert.equal(blockOf(grid, cellOfBlock(grid, block, size), size), block);
    const seen = new Set(Array.from({ length: 13 * 17 }, (_, i) => blockOf(grid, i, size)));
    assert.equal(seen.size, size[0] * size[1]);
  }
});
