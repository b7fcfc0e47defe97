// The picture is an <img>; over it lies a canvas with one pixel per device pixel, painted through a table with one entry
// per (segment, distance to the border). Hover, opacity and isolation change the table, never the map.

import { over, packed, rgbOf } from "../../js/colors.js";
import { filled, make, makeButton, partsOf, zoomOf } from "../../js/dom.js";
import { loadImage, loadLabels, urlOf } from "../../js/images.js";
import { areasOf, borderDistance, enlarged, labelAt, matchColors } from "../../js/labels.js";
import { percent } from "../../js/numbers.js";

const DIM = [14, 17, 24, 0.72]; // what hides the segments that are not looked at
const LIGHT = [255, 255, 255, 0.95]; // contour
const RIM = [14, 17, 24, 0.55]; // its dark edge, so that it shows on white, too
const KINDS = 3; // of pixels in a segment: inside, rim of the contour, contour
const MAX_PIXELS = 6e6; // of the canvas
const PAINTED = "segments painted"; // mark in the browser's timeline: new segments are on the canvas

// Nearest label of every canvas pixel, with its kind from the distance to the next border.
function codePixels(map, width, height, ratio) {
  const labels = enlarged(map, width, height);
  const distance = borderDistance(labels, width, height);
  const light = Math.max(1, Math.round(0.8 * ratio));
  const rim = light + Math.max(1, Math.round(0.8 * ratio));
  for (let i = 0; i < labels.length; i++) {
    const kind = distance[i] < light ? 2 : distance[i] < rim ? 1 : 0;
    labels[i] = labels[i] * KINDS + kind;
  }
  return labels;
}

const PIN =
  '<svg class="sg-pin" viewBox="0 0 16 16" aria-hidden="true"><path fill="currentColor" d="M5 1h6v1.5l-1 1V7l2.5 2v1.5H8.8V15L8 16l-.8-1v-4.5H3.5V9L6 7V3.5l-1-1z"/></svg>';

function setRange(input, share) {
  const number = Math.round(100 * share);
  input.value = String(number);
  input.style.setProperty("--lab-fill", `${number}%`);
  input.setAttribute("aria-valuetext", `${number} percent`);
  input.parentElement.querySelector("output").textContent = `${number} %`;
}

export function mount({ element, props, watch, fixed }) {
  const parts = partsOf(element, "sg", [
      "viewer", "empty", "body", "stage", "masks", "grid", "grip", "tip", "tip-name", "tip-area", "opacity", "position",
      "contours", "patches", "count", "all", "legend", "live",
    ]);

  const state = {
    opacity: fixed.opacity,
    position: fixed.divider,
    contours: true,
    patches: false,
    pinned: new Set(),
    listed: null, // segment of the legend entry under the pointer or the keyboard focus
    pointed: null, // segment of the picture under the pointer
  };

  let view = null; // what is on screen: {value, map, colors, background, rgb, names, areas}
  let codes = null; // segment and kind of every canvas pixel, as segment * KINDS + kind
  let pixels = null; // ImageData of the canvas
  let pictureUrl = null;
  let measured = null; // what the observer last said: the size of the stage in CSS and in device pixels
  let ticket = 0; // number of the newest value
  let frame = 0;

  // ---- Values ----

  async function show(value) {
    const mine = ++ticket;
    if (!value?.labels) {
      showNothing(fixed.empty);
      return;
    }
    let picture, map;
    try {
      [picture, map] = await Promise.all([loadImage(value.picture), loadLabels(value.labels, value.names?.length)]);
    } catch {
      if (mine === ticket) showNothing(fixed.words.broken);
      return;
    }
    if (mine !== ticket) return; // a newer value came while this one was loading
    adopt(value, map, picture);
  }

  function showNothing(text) {
    view = null;
    pictureUrl = null;
    parts.empty.textContent = text;
    parts.empty.hidden = false;
    parts.body.hidden = true;
  }

  function adopt(value, map, picture) {
    const last = view && view.value.picture_key === value.picture_key ? view : null;
    const own = Array.from({ length: map.n }, (_, k) => value.palette[k] ?? fixed.neutral);
    const background = value.background ?? null;
    const colors = last ? matchColors(last, { map, colors: own, background }) : own;
    const pins = last ? movePins(last, colors) : new Set();
    view = {
      value,
      map,
      colors,
      background,
      rgb: colors.map(rgbOf),
      names: Array.from({ length: map.n }, (_, k) => value.names?.[k] ?? filled(fixed.words.segment, { number: k + 1 })),
      areas: value.areas?.length >= map.n ? value.areas : areasOf(map),
    };
    state.pinned = pins;
    state.listed = null;
    state.pointed = null;
    placePicture(picture, urlOf(value.picture), value);
    parts.empty.hidden = true;
    parts.body.hidden = false;
    fillLegend();
    hideTip();
    layOut();
    performance.clearMarks(PAINTED);
    performance.mark(PAINTED);
  }

  // ---- Colors that stay ----

  function movePins(last, colors) {
    const worn = new Set([...state.pinned].map((k) => last.colors[k]));
    return new Set(colors.flatMap((color, k) => (worn.has(color) ? [k] : [])));
  }

  // ---- Layout: one canvas pixel per device pixel ----

  function placePicture(picture, url, value) {
    parts.stage.style.setProperty("--sg-aspect", String(value.width / value.height));
    const old = element.querySelector(".sg-picture");
    if (url === pictureUrl) {
      old.alt = value.alt ?? "";
      return;
    }
    // A decoded image takes the place of the old one at once; changing src would blink.
    picture.className = old.className;
    picture.alt = value.alt ?? "";
    picture.draggable = false;
    old.replaceWith(picture);
    pictureUrl = url;
  }

  function noteSize(entry) {
    const exact = entry.devicePixelContentBoxSize?.[0]; // Safari does not have it
    measured = exact ? { box: entry.contentRect, width: exact.inlineSize, height: exact.blockSize } : null;
    layOut();
  }

  // Width and height of the canvas, and its pixels per CSS pixel.
  function canvasSize() {
    const box = parts.stage.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    const width = snapped("width", box, ratio);
    const height = snapped("height", box, ratio);
    const excess = Math.max(1, Math.sqrt((width * height) / MAX_PIXELS));
    return [Math.floor(width / excess), Math.floor(height / excess), box.width ? width / excess / box.width : 1];
  }

  // Only the observer knows which way the browser rounded. It is believed if it speaks of this size and differs by rounding
  // only: an emulated screen, as in a browser's device mode, has pixels that it does not know.
  function snapped(side, box, ratio) {
    const length = box[side] * ratio;
    const fresh = measured && Math.abs(measured.box[side] - box[side]) < 0.01 && Math.abs(measured[side] - length) < 1;
    return fresh ? measured[side] : Math.round(length);
  }

  function layOut() {
    if (!view) return;
    const [width, height, ratio] = canvasSize();
    if (width < 1 || height < 1) return; // not visible; the observer calls again when it is
    for (const canvas of [parts.masks, parts.grid]) {
      if (canvas.width !== width) canvas.width = width;
      if (canvas.height !== height) canvas.height = height;
    }
    codes = codePixels(view.map, width, height, ratio);
    pixels = new ImageData(width, height);
    paintNow(); // not in the next frame: a canvas that was resized is blank until then
    drawGrid();
  }

  function drawGrid() {
    parts.grid.hidden = !state.patches;
    if (!state.patches || !view?.value.grid) return;
    const context = parts.grid.getContext("2d");
    const { width, height } = parts.grid;
    context.clearRect(0, 0, width, height);
    const [rows, columns] = view.value.grid;
    const [wide, high] = view.value.aspect ?? [1, 1]; // of the grid that the picture covers
    const line = Math.max(1, Math.round(canvasSize()[2]));
    const bars = (count, length, draw) => {
      for (let k = 1; k < count; k++) draw(Math.round((k * length) / count - line / 2));
    };
    // Light beside dark shows on every picture.
    for (const [color, shift] of [["rgb(0 0 0 / 0.45)", line], ["rgb(255 255 255 / 0.75)", 0]]) {
      context.fillStyle = color;
      bars(columns, width / wide, (x) => context.fillRect(x + shift, 0, line, height));
      bars(rows, height / high, (y) => context.fillRect(0, y + shift, width, line));
    }
  }

  // ---- Painting ----

  function paint() {
    if (!frame) frame = requestAnimationFrame(paintNow);
  }

  function paintNow() {
    cancelAnimationFrame(frame);
    frame = 0;
    if (!view || !codes) return;
    const table = paintTable();
    const target = new Uint32Array(pixels.data.buffer);
    for (let i = 0; i < target.length; i++) target[i] = table[codes[i]];
    parts.masks.getContext("2d").putImageData(pixels, 0, 0);
  }

  // The color of every (segment, kind), packed as the canvas stores it.
  function paintTable() {
    const alone = isolated();
    const table = new Uint32Array(view.map.n * KINDS);
    for (let k = 0; k < view.map.n; k++) {
      const kinds = alone && !alone.has(k) ? [DIM, DIM, DIM] : segmentKinds(k, alone !== null);
      kinds.forEach((color, kind) => (table[k * KINDS + kind] = packed(color)));
    }
    return table;
  }

  function segmentKinds(k, alone) {
    const pointed = state.pointed === k;
    // Beside the segment under the pointer the others step back a little.
    const share = alone || state.pointed === null ? 1 : pointed ? 1.25 : 0.7;
    const fill = [...view.rgb[k], Math.min(1, state.opacity * share)];
    if (pointed) return [fill, LIGHT, LIGHT];
    if (!state.contours) return [fill, fill, fill];
    if (alone) return [fill, LIGHT, LIGHT]; // nothing is drawn on the other side of its border
    return [fill, over(RIM, fill), LIGHT];
  }

  // The segments that are looked at, or null for all.
  function isolated() {
    const labels = new Set(state.pinned);
    if (state.listed !== null) labels.add(state.listed);
    return labels.size ? labels : null;
  }

  // ---- The legend ----

  function fillLegend() {
    const focused = [...parts.legend.querySelectorAll("button")].indexOf(document.activeElement);
    parts.count.textContent = view.map.n === 1 ? fixed.words.one : filled(fixed.words.several, { n: view.map.n });
    parts.legend.replaceChildren(...view.names.map(legendEntry));
    if (focused >= 0) entryOf(Math.min(focused, view.map.n - 1)).focus();
    markEntries();
  }

  function legendEntry(name, k) {
    const button = makeButton("sg-entry");
    button.dataset.label = k;
    button.style.setProperty("--sg-color", view.colors[k]);
    button.style.setProperty("--sg-share", `${100 * view.areas[k]}%`);
    button.setAttribute("aria-label", filled(fixed.words.entry, { name, area: percent(view.areas[k]) }));
    button.append(make("span", "sg-chip"), make("span", "sg-name", name), make("span", "sg-area", percent(view.areas[k])));
    button.insertAdjacentHTML("beforeend", PIN);
    button.title = name;
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  function entryOf(k) {
    return parts.legend.children[k]?.firstElementChild;
  }

  function markEntries() {
    for (const item of parts.legend.children) {
      const button = item.firstElementChild;
      const k = Number(button.dataset.label);
      button.setAttribute("aria-pressed", String(state.pinned.has(k)));
      button.classList.toggle("sg-under", state.pointed === k);
    }
    parts.all.hidden = state.pinned.size === 0;
  }

  // ---- What a user does ----

  function pointAt(k) {
    if (state.pointed === k) return;
    state.pointed = k;
    markEntries();
    if (k !== null) say(`${view.names[k]}, ${percent(view.areas[k])}`);
    paint();
  }

  function list(k) {
    if (state.listed === k) return;
    state.listed = k;
    paint();
  }

  function togglePin(k) {
    if (!state.pinned.delete(k)) state.pinned.add(k);
    say(filled(state.pinned.has(k) ? fixed.words.pinned : fixed.words.released, { name: view.names[k] }));
    markEntries();
    paint();
  }

  function clearPins() {
    state.pinned.clear();
    state.listed = null;
    say(fixed.words.all);
    markEntries();
    paint();
  }

  function say(text) {
    parts.live.textContent = text;
  }

  function spotOf(event) {
    const box = parts.stage.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height, box };
  }

  function onPicture(event) {
    if (!view || event.target.closest(".sg-grip")) return leavePicture();
    const { x, y, box } = spotOf(event);
    if (x < 0 || x >= 1 || y < 0 || y >= 1) return leavePicture();
    const k = labelAt(view.map, x, y);
    pointAt(k);
    showTip(k, x, y, box);
  }

  function leavePicture() {
    pointAt(null);
    hideTip();
  }

  function showTip(k, x, y, box) {
    parts.tip.hidden = false;
    parts.tip.style.setProperty("--sg-color", view.colors[k]);
    parts["tip-name"].textContent = view.names[k];
    parts["tip-area"].textContent = percent(view.areas[k]);
    const { offsetWidth: wide, offsetHeight: high } = parts.tip;
    const [width, height] = [box.width, box.height].map((length) => length / zoomOf(parts.stage));
    const left = Math.max(4, Math.min(x * width + 16, width - wide - 4));
    const top = y * height + 18 + high < height ? y * height + 18 : Math.max(4, y * height - high - 10);
    parts.tip.style.transform = `translate(${left}px, ${top}px)`;
  }

  function hideTip() {
    parts.tip.hidden = true;
  }

  function setPosition(share) {
    state.position = Math.min(Math.max(share, 0), 1);
    parts.stage.style.setProperty("--sg-position", `${(100 * state.position).toFixed(3)}%`);
    setRange(parts.position, state.position);
  }

  function setOpacity(share) {
    state.opacity = share;
    setRange(parts.opacity, share);
    paint();
  }

  // ---- Wiring ----

  function listenToPicture() {
    parts.stage.addEventListener("pointermove", onPicture);
    parts.stage.addEventListener("pointerleave", leavePicture);
    parts.stage.addEventListener("click", (event) => {
      if (!view || event.target.closest(".sg-grip")) return;
      const { x, y } = spotOf(event);
      togglePin(labelAt(view.map, x, y));
    });
    parts.grip.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      parts.grip.setPointerCapture(event.pointerId);
    });
    parts.grip.addEventListener("pointermove", (event) => {
      if (parts.grip.hasPointerCapture(event.pointerId)) setPosition(spotOf(event).x);
    });
  }

  function listenToLegend() {
    const labelOf = (event) => {
      const button = event.target.closest(".sg-entry");
      return button ? Number(button.dataset.label) : null;
    };
    parts.legend.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch") list(labelOf(event));
    });
    parts.legend.addEventListener("pointerleave", () => list(null));
    // A click leaves the focus behind; only a focus that is shown isolates, or releasing a pin by mouse would show nothing.
    parts.legend.addEventListener("focusin", (event) => {
      if (event.target.matches(":focus-visible")) list(labelOf(event));
    });
    parts.legend.addEventListener("focusout", () => list(null));
    parts.legend.addEventListener("click", (event) => {
      const k = labelOf(event);
      if (k !== null) togglePin(k);
    });
    parts.all.addEventListener("click", clearPins);
    parts.viewer.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && state.pinned.size) clearPins();
    });
  }

  function listenToTools() {
    parts.opacity.addEventListener("input", () => setOpacity(parts.opacity.valueAsNumber / 100));
    parts.position.addEventListener("input", () => setPosition(parts.position.valueAsNumber / 100));
    parts.contours.addEventListener("change", () => {
      state.contours = parts.contours.checked;
      paint();
    });
    parts.patches.addEventListener("change", () => {
      state.patches = parts.patches.checked;
      drawGrid();
    });
  }

  function observeSize() {
    const observer = new ResizeObserver((entries) => noteSize(entries[entries.length - 1]));
    try {
      observer.observe(parts.stage, { box: "device-pixel-content-box" });
    } catch {
      observer.observe(parts.stage);
    }
  }

  parts.contours.checked = state.contours;
  parts.patches.checked = state.patches;
  setPosition(state.position);
  setOpacity(state.opacity);
  listenToPicture();
  listenToLegend();
  listenToTools();
  observeSize();
  watch("value", () => show(props.value));
  show(props.value);
}
