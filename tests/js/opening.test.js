// What a page opens with is put among its properties where the address asks for nothing else, and only there.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const SOURCE = readFileSync(new URL("../../assets/opening.js", import.meta.url), "utf8");
const FILE = { path: "/tmp/a.jpg", url: "/gradio_api/file=/tmp/a.jpg", meta: { _type: "gradio.FileData" } };
const FIRST = { link: "?example=camera&n_segments=3", props: { 1: { value: 3, visible: false }, 2: { value: { picture: FILE } } } };

function opened(search) {
  const components = [
    { id: 1, props: { value: 5, label: "K" } },
    { id: 2, props: { value: null } },
    { id: 3, props: { value: "as it was" } },
  ];
  const window = { gradio_config: { root: "https://host/lab", components } };
  new Function("first", "window", "location", "Image", SOURCE)(FIRST, window, { search }, class {});
  return { is: window.segcoreOpened === true, props: components.map((component) => component.props) };
}

test("an address that names nothing, or the same, opens with it", () => {
  for (const search of ["", "?__theme=dark&large=1", "?n_segments=3&example=camera", "?example=camera&n_segments=3&__theme=light"]) {
    const { is, props } = opened(search);
    assert.ok(is, search);
    assert.deepEqual(props[0], { value: 3, label: "K", visible: false });
    assert.equal(props[1].value.picture.url, "https://host/lab/gradio_api/file=/tmp/a.jpg");
    assert.deepEqual(props[2], { value: "as it was" });
  }
});

test("another address is restored by the event of the page", () => {
  for (const search of ["?example=camera", "?example=cat&n_segments=3", "?tab=spectrum", "?example=camera&n_segments=3&crf=True"]) {
    const { is, props } = opened(search);
    assert.ok(!is, search);
    assert.deepEqual(props[0], { value: 5, label: "K" });
  }
});

test("a page that asks for a name first has no components yet", () => {
  const window = { gradio_config: { auth_required: true } };
  new Function("first", "window", "location", "Image", SOURCE)(FIRST, window, { search: "" }, class {});
  assert.equal(window.segcoreOpened, undefined);
});
