import assert from "node:assert/strict";
import { test } from "node:test";
import { colorAt, over, packed, putColor, rgbOf, signed } from "../../demo/shared/js/colors.js";

const RAMP = ["#000000", "#ffffff", "#ff0000"].map(rgbOf);

test("colors are three bytes, whatever stands behind them", () => {
  assert.deepEqual(rgbOf("#0072b2"), [0, 114, 178]);
  assert.deepEqual(rgbOf("#0072b280"), [0, 114, 178]);
  assert.deepEqual(rgbOf("none"), [0, 0, 0]);
});

test("a ramp passes through its stops, is linear between them, and ends where it ends", () => {
  assert.deepEqual([0, 0.5, 1].map((share) => colorAt(RAMP, share)), RAMP);
  assert.deepEqual(colorAt(RAMP, 0.25), [128, 128, 128]);
  assert.deepEqual(colorAt(RAMP, 0.75), [255, 128, 128]);
  assert.deepEqual([-3, 5, NaN].map((share) => colorAt(RAMP, share)), [RAMP[0], RAMP[2], RAMP[0]]);
});

test("a color is written where it belongs, and nowhere else", () => {
  const bytes = new Uint8ClampedArray(12).fill(7);
  putColor(bytes, 4, RAMP, 1);
  assert.deepEqual([...bytes], [7, 7, 7, 7, 255, 0, 0, 7, 7, 7, 7, 7]);
});

test("0 lies in the middle of a diverging ramp, and so does what is no number", () => {
  assert.deepEqual([-1, 0, 1, NaN].map(signed), [0, 0.5, 1, 0.5]);
});

test("over: an opaque color hides, a clear one does not, and opacities add up as they must", () => {
  const [red, blue] = [[255, 0, 0], [0, 0, 255]];
  assert.deepEqual(over([...red, 1], [...blue, 1]), [255, 0, 0, 1]);
  assert.deepEqual(over([...red, 0], [...blue, 0.5]), [0, 0, 255, 0.5]);
  assert.deepEqual(over([...red, 0], [...blue, 0]), [0, 0, 0, 0]);
  const [r, , b, alpha] = over([...red, 0.5], [...blue, 0.5]);
  assert.equal(alpha, 0.75);
  assert.ok(Math.abs(r - 170) < 1e-9 && Math.abs(b - 85) < 1e-9);
});

test("a packed color is red, green, blue and opacity in the order of a canvas", () => {
  const bytes = new Uint8Array(Uint32Array.of(packed([10, 20, 30, 0.5])).buffer);
  assert.deepEqual([...bytes], [10, 20, 30, 128]);
});
