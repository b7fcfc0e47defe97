import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRate, problemOf, sizeOf } from "../../demo/lab/components/live/frames.js";

test("a frame is scaled to its longer side", () => {
  assert.deepEqual(sizeOf(1920, 1080, 256), [256, 144]);
  assert.deepEqual(sizeOf(1080, 1920, 256), [144, 256]);
});

test("a frame is never enlarged, and never without a pixel", () => {
  assert.deepEqual(sizeOf(100, 40, 256), [100, 40]);
  assert.deepEqual(sizeOf(5000, 1, 256), [256, 1]);
});

test("rate and age are those of the last frames", () => {
  const rate = makeRate();
  assert.equal(rate.told(), null);
  for (let i = 0; i < 50; i++) rate.note(i * 1000, i * 1000 + 900); // slow at first
  for (let i = 0; i < 12; i++) rate.note(60_000 + i * 100, 60_080 + i * 100);
  assert.ok(Math.abs(rate.told().rate - 10) < 1e-9);
  assert.ok(Math.abs(rate.told().age - 80) < 1e-9);
});

test("another view has a rate of its own", () => {
  const rate = makeRate();
  rate.note(0, 50);
  rate.note(100, 150);
  assert.deepEqual(rate.told(), { rate: 10, age: 50 });
  rate.clear();
  assert.equal(rate.told(), null);
});

test("what keeps a camera from being opened has a sentence", () => {
  assert.equal(problemOf({ name: "NotAllowedError" }), "denied");
  assert.equal(problemOf({ name: "NotFoundError" }), "none");
  assert.equal(problemOf({ name: "NotReadableError" }), "busy");
  assert.equal(problemOf(null), "busy");
});
