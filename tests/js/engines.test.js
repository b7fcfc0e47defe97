// A zoomed page is measured as it is seen, whether the engine does so by itself or not.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const SOURCE = readFileSync(new URL("../../assets/engines.js", import.meta.url), "utf8");
const WRITTEN = { x: 10, y: 20, width: 100, height: 50 };

class Box {
  constructor(x, y, width, height) {
    Object.assign(this, { x, y, width, height });
  }
}

// A node of an engine that measures as written, or of one that knows `currentCSSZoom`, on a page of this zoom.
function nodeOf(zoom, knows) {
  class Element {
    getBoundingClientRect() {
      const times = knows ? zoom : 1;
      return new Box(...Object.values(WRITTEN).map((length) => length * times));
    }
  }
  if (knows) Object.defineProperty(Element.prototype, "currentCSSZoom", { get: () => zoom });
  const document = { documentElement: new Element() };
  new Function("document", "Element", "DOMRect", "getComputedStyle", SOURCE)(document, Element, Box, () => ({ zoom: String(zoom) }));
  return new Element();
}

test("a box has the pixels of the screen, and the zoom is said, in both kinds of engines", () => {
  for (const zoom of [0.5, 1, 1.5, 2]) {
    for (const knows of [true, false]) {
      const node = nodeOf(zoom, knows);
      assert.equal(node.currentCSSZoom, zoom);
      assert.deepEqual({ ...node.getBoundingClientRect() }, { x: 10 * zoom, y: 20 * zoom, width: 100 * zoom, height: 50 * zoom });
    }
  }
});

test("an engine without zoom leaves a box as it is", () => {
  class Element {
    getBoundingClientRect() {
      return new Box(...Object.values(WRITTEN));
    }
  }
  const document = { documentElement: new Element() };
  new Function("document", "Element", "DOMRect", "getComputedStyle", SOURCE)(document, Element, Box, () => ({}));
  assert.deepEqual({ ...new Element().getBoundingClientRect() }, WRITTEN);
  assert.equal(new Element().currentCSSZoom, 1);
});
