import assert from "node:assert/strict";
import { test } from "node:test";

import { chosenInstead, toldDifferences } from "../../demo/learn/board/differ.js";
import { moved, widthOfMap } from "../../demo/learn/board/network.js";
import { curveOf, formOf, scoreOf, spreadOf } from "../../demo/learn/board/row.js";

const SCORES = [
  { step: 0, miou: 0.1, iou: [0.2, 0], checkerboard: 0.5 },
  { step: 40, miou: 0.6, iou: [0.8, 0.4], checkerboard: 0 },
];
const RUN = { losses: [[1, 2], [40, 0.5]], scores: SCORES }; // prettier-ignore

test("a score is one of the whole or of a class, and nothing where there is none", () => {
  assert.equal(scoreOf(SCORES[1], "miou"), 0.6);
  assert.equal(scoreOf(SCORES[1], "iou:1"), 0.4);
  assert.equal(scoreOf(SCORES[1], "iou:7"), null);
  assert.equal(scoreOf(SCORES[1], "unknown"), null);
});

test("a range is that of the last values of all seeds, and there is none of one seed", () => {
  const end = (miou) => ({ losses: [], scores: [SCORES[0], { ...SCORES[1], miou }] });
  assert.deepEqual(spreadOf({ ...RUN, others: [end(0.7), end(0.5)] }, "miou"), [0.5, 0.7]);
  assert.equal(spreadOf({ ...RUN, others: [] }, "miou"), null);
});

test("a curve goes from before the first step to the end", () => {
  assert.deepEqual(curveOf(RUN, "miou"), [[0, 0.1], [40, 0.6]]); // prettier-ignore
  assert.deepEqual(curveOf(RUN, "loss"), RUN.losses);
  assert.deepEqual(curveOf(RUN, "iou:7"), []);
});

test("what the axis of the checkerboard says is what was measured, and nothing is below its floor", () => {
  const [[, first], [, last]] = curveOf(RUN, "checkerboard");
  assert.equal(formOf("checkerboard")(first), "50 %");
  assert.equal(last, -5);
  assert.equal(formOf("miou")(0.5), "50 %");
});

test("the cross stays on the picture, and only arrows move it", () => {
  assert.deepEqual(moved([0.5, 0.5], "a"), [0.5, 0.5]);
  assert.ok(moved([0.5, 0.5], "ArrowLeft")[0] < 0.5);
  assert.equal(moved([0, 0], "ArrowUp")[1], 0);
  assert.ok(moved([0.999, 0.5], "ArrowRight")[0] < 1);
});

test("maps shrink as their cells do, and are never too small to be seen", () => {
  assert.equal(widthOfMap(64, 128), widthOfMap(128, 128) / 2);
  assert.ok(widthOfMap(1, 128) >= 12);
});

test("two runs are told apart by what both chose, and one choice is named with both its values", () => {
  const words = { differ_none: "none", differ_one: "{name}: {first}, {second}", differ_many: "{n}: {names}" };
  const run = { System: "U-Net", Seed: "0", "Skip connections": "none" };
  assert.equal(toldDifferences(run, { ...run }, words), "none");
  assert.equal(toldDifferences(run, { ...run, "Skip connections": "sum" }, words), "Skip connections: none, sum");
  assert.equal(toldDifferences(run, { System: "SegNet", Seed: "1" }, words), "2: System, Seed");
});

test("another run is called by what it chose instead, also where that is the default", () => {
  const [plain, dropped] = ["off", "on"].map((drop) => ({ Seed: "0", Rounds: "2", DropLoss: drop }));
  assert.equal(chosenInstead(plain, dropped), "DropLoss: on");
  assert.equal(chosenInstead(dropped, plain), "DropLoss: off");
  assert.equal(chosenInstead(plain, { ...plain, Seed: "1", Steps: "9" }), "Seed: 1");
  assert.equal(chosenInstead(plain, plain), "");
});
