// What starts a page from the bundle begins again without it where a module fails, but not where the page is left meanwhile.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const SOURCE = readFileSync(new URL("../../assets/bundle.js", import.meta.url), "utf8");

// Start where no module can be read, as node knows none of this name; `happens` comes while it is tried.
async function started(happens) {
  const done = { reloads: 0, kept: {} };
  const listeners = new Map();
  await new Promise((settled) => {
    const window = {
      addEventListener: (kind, act) => (listeners.set(kind, act), happens(kind, act)),
      removeEventListener: (kind) => (listeners.delete(kind), settled()),
    };
    const given = {
      told: { address: "bundle/x.txt", entry: "nothing.js", modules: ["nothing.js"], ends: [1], styles: [] },
      window,
      document: { baseURI: "http://host/", head: { append() {} }, createElement: () => ({}) },
      HTMLScriptElement: { supports: () => true },
      sessionStorage: { getItem: () => null, setItem: (name, value) => (done.kept[name] = value) },
      location: { reload: () => done.reloads++ },
      fetch: async () => ({ ok: true, arrayBuffer: async () => new ArrayBuffer(1) }),
      console: { warn() {} },
    };
    new Function(...Object.keys(given), SOURCE)(...Object.values(given));
  });
  assert.equal(listeners.size, 0);
  return done;
}

test("a module that cannot be read: once more, without the bundle", async () => {
  assert.deepEqual(await started(() => {}), { reloads: 1, kept: { "gradio-bundle-failed": "1" } });
});

test("a page that is left stays left, and the next one tries the bundle", async () => {
  assert.deepEqual(await started((_kind, act) => act()), { reloads: 0, kept: {} });
});
