import assert from "node:assert/strict";
import { test } from "node:test";
import { inkOf } from "../../demo/shared/js/drawn.js";
import { colorOf, creditOf, grays, labelText, linesOf, luminance } from "../../demo/shared/js/figures.js";

test("colors are read as styles write them", () => {
  assert.deepEqual(colorOf("rgb(0, 114, 178)"), [0, 114, 178]);
  assert.deepEqual(colorOf("#0072b2"), [0, 114, 178]);
  assert.equal(colorOf("none"), null);
  assert.equal(colorOf("rgba(0, 0, 0, 0)"), null);
});

test("luminance is that of WCAG", () => {
  assert.equal(luminance([255, 255, 255]), 1);
  assert.equal(luminance([0, 0, 0]), 0);
  assert.ok(Math.abs(luminance([255, 0, 0]) - 0.2126) < 1e-9);
});

test("colors for print are distinct in gray, seen on paper, and in the order that they had", () => {
  const lines = ["rgb(0, 114, 178)", "rgb(213, 94, 0)", "rgb(0, 158, 115)", "rgb(204, 121, 167)"];
  const map = grays([...lines, "rgb(20, 24, 31)", "none"]);
  assert.equal(map.size, 4); // what is gray stays
  const before = [...map.keys()].map((color) => luminance(colorOf(color)));
  const after = [...map.values()].map((color) => luminance(colorOf(color)));
  for (let i = 1; i < 4; i++) {
    assert.ok(before[i] >= before[i - 1]);
    assert.ok((after[i] + 0.05) / (after[i - 1] + 0.05) > 1.5, "grays that cannot be told apart");
  }
  assert.ok(1.05 / (after.at(-1) + 0.05) > 1.8, "a gray that is lost on paper");
});

test("a picture has its credit where it is what is shown", () => {
  const of = (pathname, search) => creditOf({ camera: "Man: Lav" }, { pathname, search });
  assert.equal(of("/", "?example=camera"), "Man: Lav");
  assert.equal(of("/lab/steps", "?example=camera&data=picture"), "Man: Lav");
  assert.equal(of("/steps", "?example=camera&data=moons"), "");
  assert.equal(of("/tracking", "?example=camera"), "");
  assert.equal(of("/", "?picture=0123"), "");
});

test("a title goes into lines of its width, a word that is too long alone", () => {
  const measure = (text) => text.length;
  assert.deepEqual(linesOf("E after each half round", 12, measure), ["E after each", "half round"]);
  assert.deepEqual(linesOf("of superpixels", 5, measure), ["of", "superpixels"]);
});

test("what is said of a picture names it in its first words", () => {
  assert.equal(labelText("Eigenvector 1 on 60 rows. Arrow keys move."), "Eigenvector 1 on 60 rows");
  assert.equal(labelText("Boundary F, up to step 400: alone 11 %"), "Boundary F, up to step 400");
  assert.equal(labelText("mIoU at 0.5"), "mIoU at 0.5");
  assert.equal(labelText("Silhouette: mean of (b − a)"), "Silhouette: mean of (b − a)");
});

test("the part that is drawn is all that differs from the corner, as shown and no more", () => {
  const [width, height] = [5, 4];
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  assert.deepEqual(inkOf({ data, width, height }), [0, 0, 5, 4]);
  for (const [x, y] of [[1, 2], [3, 1]]) data.fill(0, 4 * (y * width + x), 4 * (y * width + x) + 3);
  data[0 + 4] = 250; // what a codec changes
  assert.deepEqual(inkOf({ data, width, height }), [1, 1, 3, 2]);
});
