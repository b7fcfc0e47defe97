import assert from "node:assert/strict";
import { test } from "node:test";
import { lookOf, sharedOf, sharesOf } from "../../demo/learn/board/slots.js";

const read = (query) => (name) => new URLSearchParams(query).get(name);

test("an address says what is on view of slots, and nonsense is what nobody asked for", () => {
  const of = (query) => sharedOf(read(query), () => {}).state;
  assert.deepEqual(of(""), { of: 1, among: 0, noise: 0, look: "masks" });
  assert.deepEqual(of("of=3&among=2&noise=7&look=error"), { of: 3, among: 2, noise: 7, look: "error" });
  assert.deepEqual(of("of=0&among=-1&noise=1e9&look="), of(""));
});

test("only what is changed and not the default goes into the address", () => {
  const kept = [];
  const shared = sharedOf(read("among=2"), (values) => kept.push(values));
  shared.set({ noise: 3 });
  shared.set({ among: 0 });
  assert.deepEqual(kept, [{ noise: "3" }, { among: null }]);
  assert.deepEqual(shared.state, { of: 1, among: 0, noise: 3, look: "masks" });
});

test("a look that there is not is the masks", () => {
  const stages = ["1", "2", "end", "masks"].map((name) => ({ name }));
  assert.deepEqual(["2", "end", "error", "3", "x"].map((look) => lookOf(stages, look)), ["2", "end", "error", "masks", "masks"]);
});

test("shares of slots sum to one, and a slot may have none", () => {
  assert.deepEqual(sharesOf([0, 2, 2, 2], 4), [0.25, 0, 0.75, 0]);
});
