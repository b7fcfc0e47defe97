import assert from "node:assert/strict";
import { test } from "node:test";
import { fileNameOf, keptOf, moved, plainOf, shotsOf } from "../../demo/lectures/board/basket.js";
import { isDone, isPlain } from "../../demo/lectures/board/handout.js";
import { clockOf, framed, withK } from "../../demo/lectures/board/stage.js";
import { isHere, lengthsOf } from "../../demo/lectures/board/vote.js";

test("lines move by one place, and not over the ends", () => {
  assert.deepEqual(moved(["a", "b", "c"], 1, -1), ["b", "a", "c"]);
  assert.deepEqual(moved(["a", "b", "c"], 1, 1), ["a", "c", "b"]);
  assert.deepEqual(moved(["a", "b", "c"], 0, -1), ["a", "b", "c"]);
  assert.deepEqual(moved(["a", "b", "c"], 2, 1), ["a", "b", "c"]);
});

test("a title makes a name that every system takes", () => {
  assert.equal(fileNameOf("  Cuts & Größen: ../1 "), "Cuts-Größen-1.lecture.zip");
  assert.equal(fileNameOf("..."), "lecture.lecture.zip");
  assert.equal(fileNameOf("x".repeat(99)).length, 60 + ".lecture.zip".length);
});

test("what is kept goes to the server and comes back", () => {
  const link = { page: "", query: { picture: "a".repeat(32) } };
  const kept = { id: "own-1", title: "T", about: "", lines: [{ topic: "x", link, shot: "data:image/png;base64,x" }, { topic: "y" }] };
  assert.deepEqual(plainOf(kept).lines, [{ topic: "x", link }, { topic: "y" }]);
  assert.deepEqual(shotsOf(kept), { 0: "data:image/png;base64,x" });
  const pictures = { n: { ending: "png", content: "AA==" } };
  const sheet = { ...plainOf(kept), lines: [{ topic: "x", link, still: "stills/001.png" }, { topic: "y" }] };
  const back = keptOf({ sheet, stills: shotsOf(kept), pictures }, (content) => content);
  assert.deepEqual(back, { title: "T", about: "", lines: kept.lines, pictures });
});

test("a frame shows the state alone, and K goes up and down within its range", () => {
  const href = framed("?n_segments=3&example=cat", "http://h/lab/", "dark");
  assert.equal(href, "http://h/lab/?n_segments=3&example=cat&embed=1&__theme=dark");
  assert.equal(new URL(withK(href, "", 1)).searchParams.get("n_segments"), "4");
  assert.equal(new URL(withK("http://h/", "", -1)).searchParams.get("n_segments"), "4"); // of 5, the default
  assert.equal(withK("http://h/?n_segments=2", "", -1), null);
  assert.equal(withK("http://h/?n_segments=20", "steps", 1), null);
  assert.equal(withK(href, "learn", 1), null);
});

test("the clock counts minutes and seconds", () => {
  assert.equal(clockOf(0, 61_999), "1:01");
  assert.equal(clockOf(5000, 0), "0:00");
});

test("bars are as long as their votes, and none are none", () => {
  assert.deepEqual(lengthsOf([1, 4, 0]), [0.25, 1, 0]);
  assert.deepEqual(lengthsOf([0, 0]), [0, 0]);
});

test("an address that only this computer can open is known", () => {
  for (const address of ["http://localhost:7860/vote/a", "http://127.0.0.1:7860/vote/a", "http://[::1]/vote/a"]) assert.ok(isHere(address));
  for (const address of ["http://hall.example/vote/a", "http://10.0.0.7:7860/vote/a", "https://127.example/"]) assert.ok(!isHere(address));
});

test("a still is taken when nothing is under way and two looks are alike, or when its time is over", () => {
  const look = (still, asked = 2, open = 0) => ({ still, asked, open });
  const done = (before, now, more = {}) => isDone({ before, now, work: undefined, waited: 1000, ...more });
  assert.ok(done(look("a"), look("a")));
  assert.ok(!done(look("a"), look("b")));
  assert.ok(!done(look("a"), look("a", 3))); // something was asked for between the looks
  assert.ok(!done(look("a", 2, 1), look("a", 2, 1)));
  assert.ok(!done(look(null), look(null)));
  assert.ok(!done(look("a", 0), look("a", 0))); // the page has not begun
  assert.ok(!done(look("a"), look("a"), { work: "running" }));
  assert.ok(done(look("a"), look("a"), { work: "done" }));
  assert.ok(done(look(null), look(null), { waited: 20_000 }));
  assert.ok(!done(look("a"), look("b"), { work: "running", waited: 20_000 }));
  assert.ok(done(look("a"), look("b"), { work: "running", waited: 90_000 }));
});

test("the segments of a picture are drawn by the server, other views by the browser", () => {
  assert.ok(isPlain({ page: "", address: "?example=cat&n_segments=3" }));
  assert.ok(!isPlain({ page: "", address: "?example=cat&tab=patch" }));
  assert.ok(!isPlain({ page: "", address: "?compare=kmeans" }));
  assert.ok(!isPlain({ page: "steps", address: "steps?algorithm=kmeans" }));
});
