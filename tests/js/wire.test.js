import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { filled } from "../../demo/shared/js/dom.js";
import { urlOf } from "../../demo/shared/js/images.js";
import { firstJobs } from "../../demo/shared/js/jobs.js";
import { withValues } from "../../demo/shared/js/address.js";
import { addressText, bytesOf, floatsOf, heard } from "../../demo/shared/js/wire.js";
import { heldKeys, numbersOf, unpackedAll } from "../../demo/shared/components/player/arrays.js";

const base64 = (bytes) => Buffer.from(bytes).toString("base64");

test("packed floats are the same floats", () => {
  const floats = Float32Array.of(0, -1.5, 3.4e38, 1e-40, Number.NaN);
  assert.deepEqual(floatsOf(base64(floats.buffer)), floats);
  assert.equal(floatsOf("").length, 0);
});

test("bytes that stand in an address need no escape, and come back", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  const text = addressText(bytes);
  assert.match(text, /^[\w-]+$/);
  assert.deepEqual(new Uint8Array(Buffer.from(text, "base64url")), bytes);
  assert.deepEqual(bytesOf(base64(bytes)), bytes);
});

test("the arrays of a sequence, by their kinds", () => {
  const words = (...values) => new Uint8Array(Uint16Array.from(values).buffer);
  assert.deepEqual(numbersOf({ t: "u8" }, Uint8Array.of(0, 255)), Uint8Array.of(0, 255));
  assert.deepEqual(numbersOf({ t: "s8" }, Uint8Array.of(0, 1, 255)), Int16Array.of(-1, 0, 254));
  assert.deepEqual(numbersOf({ t: "u16" }, words(0, 65535)), Uint16Array.of(0, 65535));
  assert.deepEqual(numbersOf({ t: "s16" }, words(0, 65535)), Int32Array.of(-1, 65534));
  assert.deepEqual(numbersOf({ t: "f64" }, new Uint8Array(Float64Array.of(0.1, -3).buffer)), Float64Array.of(0.1, -3));
  assert.deepEqual(numbersOf({ t: "q8", lo: -1, hi: 1 }, Uint8Array.of(0, 255)), Float32Array.of(-1, 1));
});

test("floats without their lowest byte keep the first 16 bits of their fraction", () => {
  const floats = Float32Array.of(1.5, -0.1, 123456, 0);
  const bits = new Uint32Array(floats.buffer);
  const planes = [24, 16, 8].flatMap((shift) => [...bits].map((word) => (word >>> shift) & 255));
  const found = numbersOf({ t: "f24" }, Uint8Array.from(planes));
  found.forEach((value, i) => assert.ok(Math.abs(value - floats[i]) <= Math.abs(floats[i]) * 2 ** -15));
});

test("a sequence arrives deflated", async () => {
  const arrays = await unpackedAll({ a: { t: "u8", d: deflateSync(Uint8Array.of(1, 2, 3)).toString("base64") } });
  assert.deepEqual(arrays, { a: Uint8Array.of(1, 2, 3) });
});

test("an address keeps what it is not told of", () => {
  assert.equal(withValues("?a=1&b=2", { b: "3", c: "x y" }), "a=1&b=3&c=x+y");
  assert.equal(withValues("?a=1&b=2", { a: null, d: null }), "b=2");
  assert.equal(withValues("", {}), "");
});

test("a page shows the jobs of its address, and asks for the visitor's own only where there are none", async () => {
  const asked = [];
  const server = { own: async (question) => asked.push(question) && ["old", "new"] };
  assert.deepEqual(await firstJobs(server, "a,b"), ["a", "b"]);
  assert.equal(asked.length, 0);
  globalThis.localStorage = { getItem: () => "secret", setItem() {} };
  assert.deepEqual(await firstJobs(server, null), ["old", "new"]);
  assert.deepEqual(await firstJobs(server, null, true), []);
  assert.deepEqual(asked, [{ visitor: "secret" }]);
  assert.deepEqual(await firstJobs({ own: () => Promise.reject(new Error("gone")) }, null), []);
});

test("a picture is an address, a file of Gradio's, or nothing", () => {
  assert.deepEqual(["data:x", { url: "/file=a" }, null, undefined, {}].map(urlOf), ["data:x", "/file=a", "", "", ""]);
});

test("names in a sentence are filled, each wherever it stands", () => {
  assert.equal(filled("{n} of {n}, {name}", { n: 3, name: "K" }), "3 of 3, K");
  assert.equal(filled("nothing", {}), "nothing");
});

test("an array that is held is not sent again, and is held while later values come", async () => {
  const entry = (byte) => ({ t: "u8", d: base64(deflateSync(Uint8Array.of(byte))) });
  const first = await unpackedAll({ shared: entry(7), mine: entry(1) });
  assert.ok(heldKeys().includes("shared"));
  for (const byte of [2, 3, 4]) {
    const next = await unpackedAll({ [byte]: entry(byte) }, ["shared", String(byte)]);
    assert.equal(next.shared, first.shared);
    assert.deepEqual(next[byte], Uint8Array.of(byte));
    assert.equal(next.mine, undefined);
  }
});

test("a server that cannot be reached is an error, and none of its jobs are known; nothing that it says is", async () => {
  for (const told of [null, 0, "", {}]) assert.equal(heard(told), told);
  assert.throws(() => heard(undefined));
  globalThis.localStorage ??= { getItem: () => "me", setItem() {} };
  assert.deepEqual(await firstJobs({ own: async () => undefined }, ""), []);
  assert.deepEqual(await firstJobs({ own: async () => ["a"] }, ""), ["a"]);
});
