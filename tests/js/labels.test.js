import assert from "node:assert/strict";
import { test } from "node:test";
import { areasOf, borderDistance, enlarged, labelAt, matchColors, overlaps, readLabels } from "../../demo/shared/js/labels.js";

const RED = "#ff0000";
const GREEN = "#00ff00";
const BLUE = "#0000ff";

// A map from rows of digits.
function mapOf(...rows) {
  const labels = Uint16Array.from(rows.join(""), Number);
  return { labels, width: rows[0].length, height: rows.length, n: Math.max(...labels) + 1 };
}

// Numbers that look random and are the same every time.
function* numbers(seed) {
  for (let state = seed; ; yield state / 2 ** 32) state = (1664525 * state + 1013904223) % 2 ** 32;
}

function randomMap(width, height, n, seed) {
  const random = numbers(seed);
  const labels = Uint16Array.from({ length: width * height }, () => Math.floor(random.next().value * n));
  return { labels, width, height, n };
}

function pixels(...grays) {
  return Uint8ClampedArray.from(grays.flatMap(([red, green]) => [red, green, 0, 255]));
}

test("gray is the label, and a label without a pixel still has its name", () => {
  const { labels, n } = readLabels(pixels([0, 0], [3, 3], [255, 255], [7, 7]), 5);
  assert.deepEqual([...labels], [0, 3, 255, 7]);
  assert.equal(n, 256);
  assert.equal(readLabels(pixels([1, 1]), 5).n, 5);
});

test("of more labels than grays, red is the low byte and green the high one", () => {
  const { labels, n } = readLabels(pixels([44, 1], [255, 0], [0, 2]), 300);
  assert.deepEqual([...labels], [300, 255, 512]);
  assert.equal(n, 513);
});

test("areas are shares that sum to 1, of absent labels 0", () => {
  assert.deepEqual(areasOf({ ...mapOf("0012", "2222"), n: 4 }), [0.25, 0.125, 0.625, 0]);
  const areas = areasOf(randomMap(37, 23, 9, 1));
  assert.ok(Math.abs(areas.reduce((sum, area) => sum + area) - 1) < 1e-12);
});

test("the label at a place is that of the pixel there, and beside the map of the nearest one", () => {
  const map = mapOf("012", "345");
  assert.equal(labelAt(map, 0.5, 0.49), 1);
  assert.equal(labelAt(map, 0.67, 0.5), 5);
  assert.equal(labelAt(map, -1, 2), 3);
  assert.equal(labelAt(map, 1, 1), 5);
});

test("overlaps count every place once, and the largest comes first", () => {
  const fresh = mapOf("0011", "0011");
  const old = mapOf("0222", "0222");
  assert.deepEqual(overlaps(fresh, old), [[1, 2], [0, 0], [0, 2]]);
});

test("a renaming of the labels changes no color", () => {
  const before = randomMap(12, 8, 3, 5);
  const names = [2, 0, 1];
  const after = { ...before, labels: before.labels.map((label) => names[label]) };
  const colors = matchColors(
    { map: before, colors: [RED, GREEN, BLUE], background: null },
    { map: after, colors: ["#1", "#2", "#3"], background: null },
  );
  assert.deepEqual(colors, [GREEN, BLUE, RED]);
});

test("of a segment that is split the larger part keeps the color, the other takes one that nobody wears", () => {
  const old = { map: mapOf("0001111"), colors: [RED, GREEN], background: null };
  const fresh = { map: mapOf("0001112"), colors: [RED, GREEN, BLUE], background: null };
  assert.deepEqual(matchColors(old, fresh), [RED, GREEN, BLUE]);
  const other = { map: mapOf("0002111"), colors: [GREEN, BLUE, RED], background: null };
  assert.deepEqual(matchColors(old, other), [RED, GREEN, BLUE]);
});

test("no two segments wear one color while their palette has enough", () => {
  for (let seed = 1; seed < 30; seed++) {
    const old = { map: randomMap(9, 7, 4, seed), colors: ["#a", "#b", "#c", "#d"], background: null };
    const map = randomMap(11, 5, 6, seed + 100);
    const colors = matchColors(old, { map, colors: ["#c", "#a", "#e", "#d", "#b", "#f"], background: null });
    assert.equal(new Set(colors).size, 6);
    assert.deepEqual(new Set(colors), new Set(["#a", "#b", "#c", "#d", "#e", "#f"]));
  }
});

test("a background keeps its own color and hands none on", () => {
  const gray = "#8c8c8c";
  const old = { map: mapOf("0011"), colors: [gray, RED], background: 0 };
  const fresh = { map: mapOf("1100"), colors: [gray, RED], background: 0 };
  assert.deepEqual(matchColors(old, fresh), [gray, RED]);
  const none = matchColors(old, { map: mapOf("1100"), colors: [BLUE, GREEN], background: null });
  assert.deepEqual(none, [RED, BLUE]);
});

test("a map at its own size is itself, and enlarged each pixel has the label of the nearest one", () => {
  const map = randomMap(13, 7, 5, 3);
  assert.deepEqual(enlarged(map, 13, 7), map.labels);
  const double = enlarged(map, 26, 14);
  for (let y = 0; y < 14; y++) {
    for (let x = 0; x < 26; x++) assert.equal(double[26 * y + x], map.labels[13 * (y >> 1) + (x >> 1)]);
  }
});

test("the distance to the border is that of an exhaustive search", () => {
  const [width, height] = [17, 12];
  for (const [n, seed] of [[2, 1], [3, 2], [40, 3]]) {
    const map = randomMap(5, 4, n, seed);
    const labels = enlarged(map, width, height);
    const found = borderDistance(labels, width, height);
    const neighbors = (x, y) => [[x - 1, y], [x + 1, y], [x, y - 1], [x, y + 1]].filter(([a, b]) => a >= 0 && b >= 0 && a < width && b < height);
    const at = (x, y) => labels[width * y + x];
    const border = [];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) if (neighbors(x, y).some(([a, b]) => at(a, b) !== at(x, y))) border.push([x, y]);
    }
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const nearest = Math.min(...border.map(([a, b]) => Math.abs(a - x) + Math.abs(b - y)));
        assert.equal(found[width * y + x], nearest, `${x}, ${y}`);
      }
    }
  }
});

test("where there is no border, it is far away", () => {
  assert.ok(borderDistance(new Uint16Array(20), 5, 4).every((distance) => distance === 250));
});
