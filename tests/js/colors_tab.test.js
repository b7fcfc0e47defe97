import assert from "node:assert/strict";
import { test } from "node:test";
import { matchOf, numbersOf, placeOf, textOf } from "../../demo/lab/components/colors/colors.js";

test("a patch in an address comes back, and nonsense is none", () => {
  const cell = { side: 1, row: 0, column: 41 };
  assert.equal(textOf(cell), "2.1.42");
  assert.deepEqual(placeOf(textOf(cell)), cell);
  for (const text of [null, "", "3.1.1", "0.1.1", "1.0.1", "1.1.0", "1.1", "1.1.1.1", "1.a.1", "1.99999.1"]) {
    assert.equal(placeOf(text), null);
  }
});

test("the match of a patch, from either picture", () => {
  const pictures = [{ w: 2 }, { w: 3 }];
  const matches = { nearest: [4, 0, 2, 4], cosine: [0.9, 0.1, 0.2, 0.8], back: [1, 0, 2, 3, 0, 0], backCosine: [0.1, 0, 0.2, 0, 0.9, 0.3] };
  const first = { side: 1, row: 1, column: 1, cosine: 0.9, mutual: true };
  assert.deepEqual(matchOf(matches, pictures, { side: 0, row: 0, column: 0 }), first);
  assert.equal(matchOf(matches, pictures, { side: 0, row: 1, column: 1 }).mutual, false); // 4 is nearer to 0
  assert.deepEqual(matchOf(matches, pictures, { side: 1, row: 1, column: 1 }), { side: 0, row: 0, column: 0, cosine: 0.9, mutual: true });
  assert.equal(matchOf(null, pictures, { side: 0, row: 0, column: 0 }), null);
});

test("pairs are numbered from 1 in both pictures", () => {
  assert.deepEqual(numbersOf([[5, 7], [0, 1]], 0, 4), [[1, 1, 1], [2, 0, 0]]);
  assert.deepEqual(numbersOf([[5, 7], [0, 1]], 1, 5), [[1, 1, 2], [2, 0, 1]]);
});
