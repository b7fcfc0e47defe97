import assert from "node:assert/strict";
import { test } from "node:test";
import { besideOf, groupsAt, levelOf } from "../../demo/collections/board/graph.js";

const GRAPH = {
  thresholds: [0, 0.08, 0.2],
  chosen: 1,
  groups: [[0, 0, 0], [0, 0, 1], [0, 1, 2]],
  edges: [[1, 0, 0.15], [2, 0, 0.02], [2, 1, 0.3]],
};

test("an address names a threshold, or nothing that there is", () => {
  assert.equal(levelOf(GRAPH, "0.2"), 2);
  assert.equal(levelOf(GRAPH, "0"), 0);
  for (const named of [null, "0.5", "many", ""]) assert.equal(levelOf(GRAPH, named), 1);
});

test("a higher threshold leaves more groups and fewer neighbors", () => {
  assert.deepEqual([0, 1, 2].map((level) => groupsAt(GRAPH, level)), [1, 2, 3]);
  assert.equal(besideOf(GRAPH, 0, 0, "nobody"), "1 (0.15), 2 (0.02)");
  assert.equal(besideOf(GRAPH, 0, 0.08, "nobody"), "1 (0.15)");
  assert.equal(besideOf(GRAPH, 0, 0.2, "nobody"), "nobody");
  assert.equal(besideOf(GRAPH, 2, 0.2, "nobody"), "1 (0.30)");
});
