import assert from "node:assert/strict";
import { test } from "node:test";
import { lowest, pointsOf, scale, ticks, valueAt } from "../../demo/shared/js/chart.js";
import { logScale } from "../../demo/shared/components/log_slider/log_slider.js";
import { rangeOf } from "../../demo/learn/board/charts.js";
import { simplified } from "../../demo/scribble/pad/pad.js";
import { numberIn, roomOf } from "../../demo/steps/player/tree.js";

test("ticks are round, lie inside, are evenly spaced, and are about as many as asked for", () => {
  for (const [low, high] of [[0, 1], [-3.7, 12.2], [0.0012, 0.0051], [1e6, 3.3e6], [-1, -0.2], [0, 1e-9]]) {
    const marks = ticks(low, high);
    assert.ok(marks.length >= 2 && marks.length <= 6, `${marks}`);
    const slack = 1e-6 * (high - low);
    assert.ok(marks[0] >= low - slack && marks.at(-1) <= high + slack, `${marks}`);
    const steps = marks.slice(1).map((mark, i) => mark - marks[i]);
    assert.ok(steps.every((step) => Math.abs(step - steps[0]) < slack), `${marks}`);
    const mantissa = Number(steps[0].toExponential(3).split("e")[0]);
    assert.ok([1, 2, 2.5, 5].includes(mantissa), `${steps[0]}`);
  }
  assert.deepEqual(ticks(0, 1), [0, 0.25, 0.5, 0.75, 1]);
  assert.deepEqual(ticks(0, 10, 5), [0, 2, 4, 6, 8, 10]);
});

test("a range of one value has no ticks but this value", () => {
  for (const value of [5, 0, -1e-3, 1e12]) assert.ok(ticks(value, value).every((tick) => tick === value));
  assert.deepEqual(ticks(0, 0), [0]);
});

test("a scale is the line through its two ends", () => {
  const x = scale([2, 4], [100, 0]);
  assert.deepEqual([2, 3, 4, 5].map(x), [100, 50, 0, -50]);
  assert.equal(scale([3, 3], [10, 20])(3), 10);
});

test("points of a line", () => {
  assert.equal(pointsOf([[0, 1.26], [10.04, 3]]), "0.0,1.3 10.0,3.0");
});

test("a curve at a place is its value there, the line between, and nothing outside", () => {
  const ncut = [[-1, 4], [0, 2], [0.5, 3], [0.5, 5], [2, 1]];
  assert.equal(valueAt(ncut, -1), 4);
  assert.equal(valueAt(ncut, -0.5), 3);
  assert.equal(valueAt(ncut, 0.25), 2.5);
  assert.equal(valueAt(ncut, 2), 1);
  assert.equal(valueAt(ncut, -1.01), null);
  assert.equal(valueAt(ncut, 2.01), null);
  assert.equal(valueAt([], 0), null);
  for (const [place, value] of [ncut[0], ncut[1], ncut[4]]) assert.equal(valueAt(ncut, place), value);
});

test("the lowest point is the first of the lowest ones", () => {
  assert.deepEqual(lowest([[0, 3], [1, 1], [2, 1], [3, 2]]), [1, 1]);
});

test("axes hold all values, and are [0, 1] where there are none", () => {
  assert.deepEqual(rangeOf([null, Number.NaN]), [0, 1]);
  const [low, high] = rangeOf([3, 1, 2]);
  assert.equal(low, 1);
  assert.ok(high > 3 && high < 3.2);
  assert.equal(rangeOf([3, 1], 0)[0], 0);
});

test("the slider of weights: 0 at its left end, then decades of ten steps each", () => {
  const { steps, last, valueAt: at, positionOf } = logScale(0.1, 100);
  assert.equal(steps, 30);
  assert.equal(at(0), 0);
  assert.equal(at(last), 100);
  assert.deepEqual([0, 1, 2, 10, 20].map((step) => at(last - steps + step)), [0.1, 0.13, 0.16, 1, 10]);
  for (let position = 2; position <= last; position++) assert.ok(Math.abs(positionOf(at(position)) - position) < 0.3);
  assert.deepEqual([positionOf(0), positionOf(-1), positionOf(1e9)], [0, 0, last]);
});

test("steps of the slider lead up from 0 to the end and back, and never stand still", () => {
  const { stepped } = logScale(0.1, 100);
  let [value, count] = [0, 0];
  for (let next = stepped(value, 1); next !== value; next = stepped(value, 1)) {
    assert.ok(next > value);
    [value, count] = [next, count + 1];
  }
  assert.deepEqual([value, count], [100, 31]);
  for (; value > 0; value = stepped(value, -1)) count -= 1;
  assert.equal(count, 0);
  assert.equal(stepped(0, 10), 0.1);
  assert.equal(stepped(0.1, -1), 0);
});

test("a stroke loses points on a line, keeps its ends and its corners", () => {
  const line = Array.from({ length: 50 }, (_, i) => [i / 49, 0.5]);
  assert.deepEqual(simplified(line), [[0, 0.5], [1, 0.5]]);
  const corner = [...line, ...Array.from({ length: 50 }, (_, i) => [1, 0.5 + i / 100])];
  assert.deepEqual(simplified(corner), [[0, 0.5], [1, 0.5], [1, 0.99]]);
  assert.deepEqual(simplified([[0.1, 0.1]]), [[0.1, 0.1]]);
});

test("what is left of a stroke is nowhere farther than a thousandth from what was drawn", () => {
  const drawn = Array.from({ length: 200 }, (_, i) => [i / 199, 0.5 + 0.3 * Math.sin(i / 9)]);
  const left = simplified(drawn);
  assert.ok(left.length < drawn.length / 2);
  const off = ([x, y], [[a, b], [c, d]]) => {
    const t = Math.min(Math.max(((x - a) * (c - a) + (y - b) * (d - b)) / ((c - a) ** 2 + (d - b) ** 2), 0), 1);
    return Math.hypot(x - a - t * (c - a), y - b - t * (d - b));
  };
  for (const point of drawn) {
    assert.ok(Math.min(...left.slice(1).map((end, i) => off(point, [left[i], end]))) <= 0.001 + 1e-12);
  }
});

test("the room of a label is the least distance within a row of the tree", () => {
  assert.equal(roomOf([200], [0], 400), 400);
  assert.equal(roomOf([200, 100, 300], [0, 1, 1], 400), 200);
  assert.equal(roomOf([200, 100, 300, 250, 350], [0, 1, 1, 2, 2], 400), 100);
});

test("what stands below a part is its number where words do not fit", () => {
  assert.deepEqual(["2,520 patches", "1 point", "Ncut 0.0598", "Ncut 1.2e-05"].map(numberIn), ["2,520", "1", "0.0598", "1.2e-05"]);
});
