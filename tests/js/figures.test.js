import assert from "node:assert/strict";
import { test } from "node:test";
import { colorOf, creditOf, grays, luminance } from "../../demo/shared/js/figures.js";

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
