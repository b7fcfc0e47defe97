// The body of a function that Gradio calls with element, props, trigger and watch; `fixed` comes from the Python class.
// A tile shows values as colors, a mask as its outline with the rest darkened, cells that were left out as stripes, or several.

const OVER_OPACITY = 0.62;
const INK = "#11141c";
const CURSOR = "#d6007a"; // on no ramp

const find = (name) => element.querySelector(`.mg-${name}`);
const parts = Object.fromEntries(["panel", "message", "body", "lead", "over", "rows"].map((name) => [name, find(name)]));
const ramps = Object.fromEntries(Object.entries(fixed.ramps).map(([kind, stops]) => [kind, stops.map(rgbOf)]));

const state = { over: true, cell: null };
const picture = new Image();
let view = null; // {value, tiles}: all tiles in order, with what they draw on

// ---- Values ----

function show(value) {
  const empty = !value?.rows?.length;
  parts.message.textContent = value?.message ?? fixed.empty;
  parts.message.hidden = !empty || (!value?.message && !fixed.empty);
  parts.body.hidden = empty;
  view = null;
  if (empty) {
    parts.rows.replaceChildren();
    return;
  }
  parts.lead.textContent = value.lead ?? "";
  parts.panel.style.setProperty("--mg-aspect", String((value.w * value.aspect[0]) / (value.h * value.aspect[1])));
  const focused = [...parts.rows.querySelectorAll(".mg-tile")].indexOf(document.activeElement);
  const cell = focused >= 0 ? state.cell : null; // from the keyboard it stays where it was
  view = { value, tiles: [] };
  parts.rows.replaceChildren(...value.rows.map(rowNode));
  if (focused >= 0) view.tiles[Math.min(focused, view.tiles.length - 1)].node.focus();
  state.cell = cell && cell.row < value.h && cell.column < value.w ? cell : null;
  picture.src = value.picture;
  paint();
}

function unpack(text) {
  if (!text) return null;
  return new Float32Array(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);
}

function rowNode(row) {
  const section = html("section", "mg-row");
  if (row.title) section.append(html("h3", "mg-title", row.title));
  if (row.text) section.append(html("p", "mg-text", row.text));
  const list = html("div", "mg-tiles");
  list.append(...row.tiles.map(tileNode));
  section.append(list);
  return section;
}

function tileNode(tile) {
  const choosable = tile.choose !== null && tile.choose !== undefined;
  const node = html(choosable ? "button" : "div", `mg-tile${choosable ? " mg-choose" : ""}`);
  if (choosable) {
    node.type = "button";
    node.setAttribute("aria-pressed", String(tile.pressed));
  } else {
    node.tabIndex = 0;
    node.setAttribute("role", "img");
  }
  const canvas = html("canvas", "mg-canvas");
  const name = html("span", "mg-name", tile.title);
  const here = html("span", "mg-here");
  const caption = html("span", "mg-caption");
  caption.append(name, here);
  node.append(canvas, caption);
  const values = unpack(tile.values);
  const range = values ? rangeOf(values, tile.kind) : null;
  if (range) node.append(scale(tile.kind, range));
  if (tile.caption) node.append(html("span", "mg-note", tile.caption));
  const told = range ? `, from ${number(range[0])} to ${number(range[1])}` : "";
  node.setAttribute("aria-label", `${tile.title}${told}${tile.caption ? `. ${tile.caption}` : ""}`);
  const entry = {
    tile, node, canvas, here, values, range,
    mask: unpack(tile.mask), out: unpack(tile.out),
    image: values ? paintImage(values, range, tile.kind) : null,
  };
  view.tiles.push(entry);
  listen(entry, choosable);
  return node;
}

// Diverging values are centred on 0, so that the middle color means 0.
function rangeOf(values, kind) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (kind !== "diverging") return [low, high];
  const limit = Math.max(Math.abs(low), Math.abs(high));
  return [-limit, limit];
}

function scale(kind, [low, high]) {
  const row = html("span", "mg-scale");
  const bar = html("span", "mg-ramp");
  bar.style.background = `linear-gradient(to right, ${fixed.ramps[kind].join(", ")})`;
  row.append(html("span", "mg-end", number(low)), bar, html("span", "mg-end", number(high)));
  return row;
}

// ---- Colors and numbers ----

function rgbOf(color) {
  const code = parseInt(color.slice(1), 16);
  return [code >> 16, (code >> 8) & 255, code & 255];
}

function colorAt(ramp, share) {
  const place = Math.min(Math.max(share || 0, 0), 1) * (ramp.length - 1);
  const below = Math.min(Math.floor(place), ramp.length - 2);
  const part = place - below;
  return ramp[below].map((channel, i) => Math.floor(channel * (1 - part) + ramp[below + 1][i] * part + 0.5));
}

function number(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e-3 && size < 1e4 ? String(Number(value.toPrecision(3))) : value.toExponential(1);
  return text.replaceAll("-", "−");
}

function html(tag, name, text) {
  const node = document.createElement(tag);
  node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

function paintImage(values, [low, high], kind) {
  const { w, h } = view.value;
  const tile = document.createElement("canvas");
  tile.width = w;
  tile.height = h;
  const pixels = new ImageData(w, h);
  const span = high - low;
  values.forEach((value, i) => pixels.data.set([...colorAt(ramps[kind], span ? (value - low) / span : 0.5), 255], 4 * i));
  tile.getContext("2d").putImageData(pixels, 0, 0);
  return tile;
}

// ---- Painting: one canvas pixel per device pixel, cells without blur ----

let frame = 0;

function paint() {
  if (!frame) frame = requestAnimationFrame(paintNow);
}

function paintNow() {
  frame = 0;
  if (!view) return;
  view.tiles.forEach(paintTile);
}

function paintTile(entry) {
  const box = entry.canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
  if (!width || !height) return; // not visible
  Object.assign(entry.canvas, { width, height });
  const context = entry.canvas.getContext("2d");
  const { w, h, aspect } = view.value;
  const size = [width / (w * aspect[0]), height / (h * aspect[1])]; // of a cell
  paintGround(context, entry, width, height);
  if (entry.out) stripe(context, cells(entry.out, size, (value) => value > 0), width, height, ratio);
  if (entry.mask) {
    if (!entry.image) {
      context.fillStyle = "rgb(14 17 24 / 0.66)";
      context.fill(cells(entry.mask, size, (value) => !(value > 0)));
    }
    strokeTwice(context, outline(entry.mask, size), ratio);
  }
  if (state.cell) {
    const path = new Path2D();
    path.rect(state.cell.column * size[0], state.cell.row * size[1], size[0], size[1]);
    strokeTwice(context, path, 2 * ratio, CURSOR);
  }
  entry.here.textContent = state.cell && entry.values ? number(entry.values[state.cell.row * w + state.cell.column]) : "";
}

// Under a map the picture is gray, so that all color is the map's.
function paintGround(context, entry, width, height) {
  const { w, h, aspect } = view.value;
  if (picture.complete && picture.naturalWidth && (state.over || !entry.image)) {
    context.filter = entry.image ? "grayscale(1)" : "none";
    context.drawImage(picture, 0, 0, width, height);
    context.filter = "none";
  }
  if (!entry.image) return;
  context.globalAlpha = state.over ? OVER_OPACITY : 1;
  context.imageSmoothingEnabled = false;
  context.drawImage(entry.image, 0, 0, w * aspect[0], h * aspect[1], 0, 0, width, height);
  context.globalAlpha = 1;
}

function cells(mask, [cellWidth, cellHeight], wanted) {
  const { w, h } = view.value;
  const path = new Path2D();
  for (let row = 0; row < h; row++) {
    const [top, bottom] = [Math.round(row * cellHeight), Math.round((row + 1) * cellHeight)];
    for (let column = 0; column < w; column++) {
      if (!wanted(mask[row * w + column])) continue;
      const left = Math.round(column * cellWidth);
      path.rect(left, top, Math.round((column + 1) * cellWidth) - left, bottom - top);
    }
  }
  return path;
}

function outline(mask, [cellWidth, cellHeight]) {
  const { w, h } = view.value;
  const path = new Path2D();
  const line = (x0, y0, x1, y1) => {
    path.moveTo(x0, y0);
    path.lineTo(x1, y1);
  };
  for (let row = 0; row < h; row++) {
    const [top, bottom] = [Math.round(row * cellHeight), Math.round((row + 1) * cellHeight)];
    for (let column = 0; column < w; column++) {
      const i = row * w + column;
      const inside = mask[i] > 0;
      const [left, right] = [Math.round(column * cellWidth), Math.round((column + 1) * cellWidth)];
      if (column + 1 < w && inside !== mask[i + 1] > 0) line(right, top, right, bottom);
      if (row + 1 < h && inside !== mask[i + w] > 0) line(left, bottom, right, bottom);
    }
  }
  return path;
}

function stripe(context, path, width, height, ratio) {
  context.save();
  context.clip(path);
  const lines = new Path2D();
  for (let x = -height; x < width; x += 9 * ratio) {
    lines.moveTo(x, height);
    lines.lineTo(x + height, 0);
  }
  strokeTwice(context, lines, 1.6 * ratio);
  context.restore();
}

// A line with a light edge shows on every color.
function strokeTwice(context, path, width, color = INK) {
  context.lineCap = "square";
  context.strokeStyle = "rgb(255 255 255 / 0.95)";
  context.lineWidth = width * 2.2;
  context.stroke(path);
  context.strokeStyle = color;
  context.lineWidth = width;
  context.stroke(path);
}

// ---- What a user does ----

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function shownCells() {
  const { w, h, aspect } = view.value;
  return { rows: Math.min(h, Math.ceil(h * aspect[1] - 1e-6)), columns: Math.min(w, Math.ceil(w * aspect[0] - 1e-6)) };
}

function moveTo(cell) {
  if (cell?.row === state.cell?.row && cell?.column === state.cell?.column) return;
  state.cell = cell;
  paint();
}

function cellUnder(event, canvas) {
  const box = canvas.getBoundingClientRect();
  const { w, h, aspect } = view.value;
  const column = Math.floor(((event.clientX - box.left) / box.width) * w * aspect[0]);
  const row = Math.floor(((event.clientY - box.top) / box.height) * h * aspect[1]);
  const { rows, columns } = shownCells();
  return row < 0 || column < 0 || row >= rows || column >= columns ? null : { row, column };
}

function listen(entry, choosable) {
  const { node, canvas, tile } = entry;
  canvas.addEventListener("pointermove", (event) => view && moveTo(cellUnder(event, canvas)));
  canvas.addEventListener("pointerleave", () => moveTo(null));
  node.addEventListener("blur", () => moveTo(null));
  node.addEventListener("keydown", (event) => {
    if (!(event.key in MOVES)) return;
    event.preventDefault();
    const { rows, columns } = shownCells();
    const at = state.cell ?? { row: rows >> 1, column: columns >> 1 };
    const inside = (value, size) => Math.min(Math.max(value, 0), size - 1);
    moveTo({ row: inside(at.row + MOVES[event.key][0], rows), column: inside(at.column + MOVES[event.key][1], columns) });
  });
  if (choosable) node.addEventListener("click", () => trigger("choose", { index: tile.choose }));
}

parts.over.checked = state.over;
parts.over.addEventListener("change", () => {
  state.over = parts.over.checked;
  paint();
});
picture.addEventListener("load", paint);
new ResizeObserver(paint).observe(parts.rows);
watch("value", () => show(props.value));
show(props.value);
