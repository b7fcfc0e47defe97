import assert from "node:assert/strict";
import { test } from "node:test";
import { bestOf, scoreText } from "../../demo/tracking/board/board.js";
import { middleAt, moved } from "../../demo/playgrounds/board/tracks.js";
import { stretches } from "../../demo/tracking/player/lanes.js";
import {
  beside, boxAt, edgesAt, has, linksOf, nearest, paintMasks, partner, rangeOf, tileOf, trailOf, windowOf,
} from "../../demo/tracking/player/places.js";

const FRAMES = Int32Array.from([0, 0, 1, 3, 3, 3]); // frame 2 is empty
const PLACES = Float32Array.from([0.2, 0.8, 0.5, 0.1, 0.45, 0.9]);
const LABELS = Int32Array.from([0, 1, 0, -1, 0, 1]);
const BOXES = Float32Array.from([0, 0, 10, 10, 4, 4, 2, 2, 0, 0, 10, 20, 50, 0, 4, 4, 20, 0, 4, 30, 0, 0, 9, 9]);

test("the window holds the middle, stays inside, and fills the room", () => {
  for (const [total, middle] of [[48, 0], [48, 20], [48, 47], [3, 1]]) {
    const { first, count, step } = windowOf(total, 600, 60, middle);
    assert.ok(first >= 0 && first + count <= total);
    assert.ok(middle >= first && middle < first + count);
    assert.equal(count * step, 600);
    assert.ok(step >= 60);
  }
  assert.equal(windowOf(48, 10, 60, 5).count, 1); // no room at all
});

test("frames are found by halving", () => {
  assert.deepEqual([0, 1, 2, 3, 4].map((t) => rangeOf(FRAMES, t)), [[0, 2], [2, 3], [3, 3], [3, 6], [6, 6]]);
});

test("a partner is of the same track, else the nearest, and none in an empty frame", () => {
  assert.equal(partner(FRAMES, LABELS, PLACES, 0, 3), 4);
  assert.equal(partner(FRAMES, LABELS, PLACES, 3, 0), 0); // of no track: by place
  assert.equal(partner(FRAMES, null, PLACES, 2, 3), 4);
  assert.equal(partner(FRAMES, LABELS, PLACES, 0, 2), null);
});

test("up and down lead to the next box of a frame, and stop at its ends", () => {
  assert.equal(beside(FRAMES, PLACES, 3, 1), 4);
  assert.equal(beside(FRAMES, PLACES, 5, -1), 4);
  assert.equal(beside(FRAMES, PLACES, 5, 1), 5);
});

test("of boxes on each other the smallest is meant", () => {
  assert.equal(boxAt(FRAMES, BOXES, 0, 5, 5), 1);
  assert.equal(boxAt(FRAMES, BOXES, 0, 1, 1), 0);
  assert.equal(boxAt(FRAMES, BOXES, 0, 11, 1), null);
});

test("the nearest node within reach", () => {
  const nodes = [[0, 0, 7], [10, 0, 8]];
  assert.equal(nearest(nodes, 6, 0, 14), 8);
  assert.equal(nearest(nodes, 60, 0, 14), null);
});

test("masks take the colors of their detections within a tile, the rim opaque", () => {
  const bytes = new Uint8Array(12 * 6); // two tiles of 6 × 6 beside each other
  for (let y = 1; y < 5; y++) for (let x = 7; x < 11; x++) bytes[12 * y + x] = 2;
  bytes[2] = 9; // in the other tile
  const data = new Uint8ClampedArray(4 * 36);
  paintMasks(data, { bytes, width: 12 }, [6, 0, 6, 6], [[1, 2, 3], [40, 50, 60]]);
  const at = (x, y) => [...data.subarray(4 * (6 * y + x), 4 * (6 * y + x) + 4)];
  assert.deepEqual(at(0, 0), [0, 0, 0, 0]);
  assert.deepEqual(at(1, 1), [40, 50, 60, 255]);
  assert.deepEqual(at(2, 2).slice(0, 3), [40, 50, 60]);
  assert.ok(at(2, 2)[3] < 255);
  assert.equal(data.filter((value, k) => k % 4 === 3 && value).length, 16);
});

test("trails and links follow a track over the frames it misses", () => {
  assert.deepEqual(trailOf(FRAMES, LABELS, BOXES, 0, 3, 9), [[5, 10], [5, 20], [22, 30]]);
  assert.deepEqual(trailOf(FRAMES, LABELS, BOXES, 0, 3, 1), [[22, 30]]);
  assert.deepEqual(linksOf(LABELS), [[0, 2], [2, 4], [1, 5]]);
});

test("edges of a node, the likeliest first, with their other ends", () => {
  assert.deepEqual(edgesAt([0, 2, 1, 2, 2, 4], [0.2, 0.9, 0.5], 2), [[1, 1], [2, 4], [0, 0]]);
  assert.ok(has([3, 5], 5) && !has([3], 5) && !has(null, 0));
});

test("a frame lies on its sheet", () => {
  const film = { grid: [4, 4], tile: [100, 50] };
  assert.deepEqual(tileOf(film, 21), { sheet: 1, box: [100, 50, 100, 50] });
});

test("stretches of lanes cover all frames once", () => {
  assert.deepEqual(stretches([-2, 3, 3, -1, 4]), [[0, 0, -2], [1, 2, 3], [3, 3, -1], [4, 4, 4]]);
});

test("the best of a column, where there is one", () => {
  const rows = [{ scores: { mota: 0.5, switches: 3 } }, { scores: { mota: 0.7, switches: 9 } }, { problem: "no" }];
  assert.equal(bestOf(rows, "mota", ["switches"]), 0.7);
  assert.equal(bestOf(rows, "switches", ["switches"]), 3);
  assert.equal(bestOf(rows.slice(1), "mota", []), null);
  assert.equal(scoreText(-0.25), "−0.250");
  assert.equal(scoreText(12), "12");
});

test("a box that is dragged stays on the board, at whole steps", () => {
  assert.equal(middleAt(7.3, 20, 4), 7.5);
  assert.equal(middleAt(-3, 20, 4), 2);
  assert.equal(middleAt(99, 20, 4), 18);
  assert.deepEqual(moved([[1, 2], [3, 4]], 1, 0, 9), [[1, 2], [9, 4]]);
});
