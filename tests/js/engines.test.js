// A zoomed page is measured as it is seen, whether the engine does so by itself or not.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const SOURCE = readFileSync(new URL("../../assets/engines.js", import.meta.url), "utf8");
const SCROLL = [3, 700]; // px of the screen
const WRITTEN = [10, 400, 100, 50]; // x and y from the corner of the page, width, height

class Box {
  constructor(x, y, width, height) {
    Object.assign(this, { x, y, width, height });
  }
}

// What engines measure of a box on a page of this zoom that is scrolled.
const ENGINES = {
  standard: ([x, y, ...size], zoom) => [x * zoom - SCROLL[0], y * zoom - SCROLL[1], ...size.map((length) => length * zoom)],
  webkit: ([x, y, ...size]) => [x - SCROLL[0], y - SCROLL[1], ...size],
  asWritten: ([x, y, ...size], zoom) => [x - SCROLL[0] / zoom, y - SCROLL[1] / zoom, ...size],
};

function measured(engine, zoom, known = String(zoom)) {
  class Element {
    constructor(box) {
      this.box = box;
    }
    getBoundingClientRect() {
      return new Box(...ENGINES[engine](this.box, zoom));
    }
  }
  if (engine === "standard") Object.defineProperty(Element.prototype, "currentCSSZoom", { get: () => zoom });
  const lengths = {};
  const style = { setProperty: (name, value) => (lengths[name] = value) };
  const document = { documentElement: Object.assign(new Element([0, 0, 960, 5000]), { style }) };
  const window = { scrollX: SCROLL[0], scrollY: SCROLL[1], innerHeight: 540, addEventListener() {} };
  const given = { document, window, Element, DOMRect: Box, getComputedStyle: () => ({ zoom: known }) };
  new Function(...Object.keys(given), SOURCE)(...Object.values(given));
  const node = new Element(WRITTEN);
  return { zoom: node.currentCSSZoom, box: Object.values(node.getBoundingClientRect()), lengths };
}

test("a box has the pixels of the screen, and the zoom is said, in all kinds of engines", () => {
  for (const zoom of [0.5, 1, 1.5, 2]) {
    for (const engine of Object.keys(ENGINES)) {
      const found = measured(engine, zoom);
      assert.equal(found.zoom, zoom);
      found.box.forEach((length, i) => assert.ok(Math.abs(length - ENGINES.standard(WRITTEN, zoom)[i]) < 1e-9, `${engine}, ${zoom}`));
    }
  }
});

test("an engine without zoom leaves a box as it is", () => {
  const found = measured("webkit", 1, "");
  assert.deepEqual(found, { zoom: 1, box: ENGINES.webkit(WRITTEN), lengths: { "--vh": "5.4px" } });
});
