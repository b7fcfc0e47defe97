import assert from "node:assert/strict";
import { test } from "node:test";
import { matchOf, numbersOf, placeOf, textOf } from "../../demo/lab/components/colors/colors.js";

const PICTURES = [{ w: 2 }, { w: 3 }];
const MATCHES = { nearest: [4, 0, 2, 4], cosine: [0.9, 0.1, 0.2, 0.8], back: [1, 0, 2, 3, 0, 0], backCosine: [0.1, 0, 0.2, 0, 0.9, 0.3] };

test("a patch in an address comes back", () => {
  const cell = { side: 1, row: 0, column: 41 };
  assert.equal(textOf(cell), "2.1.42");
  assert.deepEqual(placeOf(textOf(cell)), cell);
});

test("what is no patch in an address is none", () => {
  for (const text of [null, "", "3.1.1", "0.1.1", "1.0.1", "1.1.0", "1.1", "1.1.1.1", "1.a.1", "1.99999.1"]) {
    assert.equal(placeOf(text), null);
  }
});

test("the match of a patch of the first picture", () => {
  const first = { side: 1, row: 1, column: 1, cosine: 0.9, mutual: true };
  assert.deepEqual(matchOf(MATCHES, PICTURES, { side: 0, row: 0, column: 0 }), first);
  assert.equal(matchOf(MATCHES, PICTURES, { side: 0, row: 1, column: 1 }).mutual, false); // 4 is nearer to 0
});

test("the match of a patch of the second picture, and none without one", () => {
  const back = { side: 0, row: 0, column: 0, cosine: 0.9, mutual: true };
  assert.deepEqual(matchOf(MATCHES, PICTURES, { side: 1, row: 1, column: 1 }), back);
  assert.equal(matchOf(null, PICTURES, { side: 0, row: 0, column: 0 }), null);
});

test("pairs are numbered from 1 in both pictures", () => {
  assert.deepEqual(numbersOf([[5, 7], [0, 1]], 0, 4), [[1, 1, 1], [2, 0, 0]]);
  assert.deepEqual(numbersOf([[5, 7], [0, 1]], 1, 5), [[1, 1, 2], [2, 0, 1]]);
});
