// The body of a function that Gradio calls with element, props, trigger and watch.
// The picture is an <img>; over it lies a canvas with one pixel per device pixel, painted through a table with one entry
// per (segment, distance to the border). Hover, opacity and isolation change the table, never the map.

const DIM = [14, 17, 24, 0.72]; // what hides the segments that are not looked at
const LIGHT = [255, 255, 255, 0.95]; // contour
const RIM = [14, 17, 24, 0.55]; // its dark edge, so that it shows on white, too
const KINDS = 3; // of pixels in a segment: inside, rim of the contour, contour
const MAX_PIXELS = 6e6; // of the canvas
const MATCH_SIDE = 160; // of the maps that are compared to keep colors
const PAINTED = "segments painted"; // mark in the browser's timeline: new segments are on the canvas

const find = (name) => element.querySelector(`.sg-${name}`);
const parts = Object.fromEntries(
  [
    "viewer", "empty", "body", "stage", "masks", "grid", "grip", "tip", "tip-name", "tip-area", "opacity", "position",
    "contours", "patches", "count", "all", "legend", "live",
  ].map((name) => [name, find(name)]),
);

const state = {
  opacity: fixed.opacity,
  position: fixed.divider,
  contours: true,
  patches: false,
  pinned: new Set(),
  listed: null, // segment of the legend entry under the pointer or the keyboard focus
  pointed: null, // segment of the picture under the pointer
};

let view = null; // what is on screen: {value, map, colors, rgb, names, areas}
let codes = null; // segment and kind of every canvas pixel, as segment * KINDS + kind
let pixels = null; // ImageData of the canvas
let pictureUrl = null;
let measured = null; // what the observer last said: the size of the stage in CSS and in device pixels
let ticket = 0; // number of the newest value
let frame = 0;

// ---- Values ----

async function show(value) {
  const mine = ++ticket;
  if (!value || !value.labels) {
    showNothing(fixed.empty);
    return;
  }
  let picture, map;
  try {
    [picture, map] = await Promise.all([loadImage(urlOf(value.picture)), loadMap(value)]);
  } catch {
    if (mine === ticket) showNothing("The picture could not be loaded.");
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
  const colors = last ? matchColors(last, value, map) : value.palette.slice(0, map.n);
  const pins = last ? movePins(last, colors) : new Set();
  view = {
    value,
    map,
    colors,
    rgb: colors.map(rgbOf),
    names: Array.from({ length: map.n }, (_, k) => value.names?.[k] ?? `Segment ${k + 1}`),
    areas: value.areas?.length >= map.n ? value.areas : measureAreas(map),
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

// A picture is a URL, or a file that Gradio serves.
function urlOf(source) {
  return typeof source === "string" ? source : source?.url ?? "";
}

async function loadImage(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}

async function loadMap(value) {
  const image = await loadImage(urlOf(value.labels));
  const width = image.naturalWidth;
  const height = image.naturalHeight;
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const bytes = context.getImageData(0, 0, width, height).data;
  return { width, height, ...readLabels(bytes, value.names?.length ?? 0) };
}

// Gray is the label; where there are more labels than grays, red is its low byte and green its high one.
function readLabels(bytes, n_names) {
  const labels = new Uint16Array(bytes.length / 4);
  const wide = n_names > 256;
  let top = 0;
  for (let i = 0, j = 0; i < labels.length; i++, j += 4) {
    const label = wide ? bytes[j] | (bytes[j + 1] << 8) : bytes[j];
    labels[i] = label;
    if (label > top) top = label;
  }
  return { labels, n: Math.max(top + 1, n_names) };
}

function measureAreas(map) {
  const counts = new Array(map.n).fill(0);
  for (const label of map.labels) counts[label]++;
  return counts.map((count) => count / map.labels.length);
}

// ---- Colors that stay ----

// Each new segment takes the color of the old one that it overlaps most, the largest overlap first. What is left over takes
// the colors of the new palette that nobody wears. The background neither takes nor gives.
function matchColors(last, value, map) {
  const own = Array.from({ length: map.n }, (_, k) => value.palette[k] ?? "#8c8c8c");
  const fixed = value.background ?? -1;
  const lastFixed = last.value.background ?? -1;
  const colors = new Array(map.n).fill(null);
  const taken = new Set();
  if (fixed >= 0) colors[fixed] = own[fixed];
  for (const [fresh, old] of overlaps(map, last.map)) {
    const color = last.colors[old];
    if (colors[fresh] || old === lastFixed || taken.has(color)) continue;
    colors[fresh] = color;
    taken.add(color);
  }
  const free = own.filter((color, k) => k !== fixed && !taken.has(color));
  return colors.map((color, k) => color ?? free.shift() ?? own[k]);
}

// Pairs of a new and an old segment that meet somewhere, by the number of places where they do.
function overlaps(fresh, old) {
  const counts = new Map();
  for (let row = 0; row < MATCH_SIDE; row++) {
    for (let column = 0; column < MATCH_SIDE; column++) {
      const x = (column + 0.5) / MATCH_SIDE;
      const y = (row + 0.5) / MATCH_SIDE;
      const key = labelAt(fresh, x, y) * 65536 + labelAt(old, x, y);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const pairs = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return pairs.map(([key]) => [Math.floor(key / 65536), key % 65536]);
}

function movePins(last, colors) {
  const worn = new Set([...state.pinned].map((k) => last.colors[k]));
  return new Set(colors.flatMap((color, k) => (worn.has(color) ? [k] : [])));
}

function labelAt(map, x, y) {
  const column = Math.min(Math.max(Math.floor(x * map.width), 0), map.width - 1);
  const row = Math.min(Math.max(Math.floor(y * map.height), 0), map.height - 1);
  return map.labels[row * map.width + column];
}

function rgbOf(color) {
  const number = parseInt(color.slice(1, 7), 16) || 0;
  return [number >> 16, (number >> 8) & 255, number & 255];
}

// ---- Layout: one canvas pixel per device pixel ----

function placePicture(picture, url, value) {
  parts.stage.style.setProperty("--sg-aspect", String(value.width / value.height));
  const old = find("picture");
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

// Nearest label of every canvas pixel, with its kind from the distance to the next border.
function codePixels(map, width, height, ratio) {
  const labels = enlarge(map, width, height);
  const distance = borderDistance(labels, width, height);
  const light = Math.max(1, Math.round(0.8 * ratio));
  const rim = light + Math.max(1, Math.round(0.8 * ratio));
  for (let i = 0; i < labels.length; i++) {
    const kind = distance[i] < light ? 2 : distance[i] < rim ? 1 : 0;
    labels[i] = labels[i] * KINDS + kind;
  }
  return labels;
}

function enlarge(map, width, height) {
  const columns = Uint32Array.from({ length: width }, (_, x) => Math.floor(((x + 0.5) * map.width) / width));
  const labels = new Uint16Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    const start = Math.floor(((y + 0.5) * map.height) / height) * map.width;
    for (let x = 0; x < width; x++, i++) labels[i] = map.labels[start + columns[x]];
  }
  return labels;
}

// Steps to the nearest pixel at a border, in two sweeps. 0: the pixel has a neighbor in another segment.
function borderDistance(labels, width, height) {
  const distance = new Uint8Array(labels.length).fill(250);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (x && labels[i] !== labels[i - 1]) distance[i] = distance[i - 1] = 0;
      if (y && labels[i] !== labels[i - width]) distance[i] = distance[i - width] = 0;
    }
  }
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (x && distance[i - 1] + 1 < distance[i]) distance[i] = distance[i - 1] + 1;
      if (y && distance[i - width] + 1 < distance[i]) distance[i] = distance[i - width] + 1;
    }
  }
  for (let y = height - 1, i = labels.length - 1; y >= 0; y--) {
    for (let x = width - 1; x >= 0; x--, i--) {
      if (x < width - 1 && distance[i + 1] + 1 < distance[i]) distance[i] = distance[i + 1] + 1;
      if (y < height - 1 && distance[i + width] + 1 < distance[i]) distance[i] = distance[i + width] + 1;
    }
  }
  return distance;
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
    kinds.forEach((color, kind) => (table[k * KINDS + kind] = pack(color)));
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

// One translucent color over another.
function over(top, below) {
  const alpha = top[3] + below[3] * (1 - top[3]);
  const mix = (i) => (top[i] * top[3] + below[i] * below[3] * (1 - top[3])) / alpha;
  return alpha ? [mix(0), mix(1), mix(2), alpha] : [0, 0, 0, 0];
}

function pack([red, green, blue, alpha]) {
  return ((Math.round(alpha * 255) << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red)) >>> 0;
}

// The segments that are looked at, or null for all.
function isolated() {
  const labels = new Set(state.pinned);
  if (state.listed !== null) labels.add(state.listed);
  return labels.size ? labels : null;
}

// ---- The legend ----

const PIN =
  '<svg class="sg-pin" viewBox="0 0 16 16" aria-hidden="true"><path fill="currentColor" d="M5 1h6v1.5l-1 1V7l2.5 2v1.5H8.8V15L8 16l-.8-1v-4.5H3.5V9L6 7V3.5l-1-1z"/></svg>';

function fillLegend() {
  const focused = [...parts.legend.querySelectorAll("button")].indexOf(document.activeElement);
  parts.count.textContent = view.map.n === 1 ? "1 segment" : `${view.map.n} segments`;
  parts.legend.replaceChildren(...view.names.map(legendEntry));
  if (focused >= 0) entryOf(Math.min(focused, view.map.n - 1)).focus();
  markEntries();
}

function legendEntry(name, k) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "sg-entry";
  button.dataset.label = k;
  button.style.setProperty("--sg-color", view.colors[k]);
  button.style.setProperty("--sg-share", `${100 * view.areas[k]}%`);
  button.setAttribute("aria-label", `${name}, ${percent(view.areas[k])} of the picture`);
  button.append(span("sg-chip"), span("sg-name", name), span("sg-area", percent(view.areas[k])));
  button.insertAdjacentHTML("beforeend", PIN);
  button.title = name;
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function span(name, text = "") {
  const node = document.createElement("span");
  node.className = name;
  node.textContent = text;
  return node;
}

function percent(share) {
  const digits = share > 0 && share < 0.1 ? 1 : 0;
  return share > 0 && share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(digits)} %`;
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
  say(`${view.names[k]} ${state.pinned.has(k) ? "stays alone on view" : "released"}`);
  markEntries();
  paint();
}

function clearPins() {
  state.pinned.clear();
  state.listed = null;
  say("All segments on view");
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
  showTip(k, x * box.width, y * box.height, box);
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
  const left = Math.max(4, Math.min(x + 16, box.width - wide - 4));
  const top = y + 18 + high < box.height ? y + 18 : Math.max(4, y - high - 10);
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

function setRange(input, share) {
  const number = Math.round(100 * share);
  input.value = String(number);
  input.style.setProperty("--lab-fill", `${number}%`);
  input.setAttribute("aria-valuetext", `${number} percent`);
  input.parentElement.querySelector("output").textContent = `${number} %`;
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
