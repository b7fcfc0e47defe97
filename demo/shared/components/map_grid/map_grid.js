// A tile shows values as colors, a mask as its outline with the rest darkened, cells that were left out as stripes, or several.

import { fit, pixelRatio, strokeOver, tileOf } from "../../js/canvas.js";
import { cellAt, cellSize, covered, inside, isInside, isSame, MOVES, traceBorder, traceCells } from "../../js/cells.js";
import { CURSOR, colorAt, INK, rgbOf } from "../../js/colors.js";
import { make, partsOf } from "../../js/dom.js";
import { rangeOf, withMinus } from "../../js/numbers.js";
import { floatsOf } from "../../js/wire.js";

const OVER_OPACITY = 0.62;
function number(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e-3 && size < 1e4 ? String(Number(value.toPrecision(3))) : value.toExponential(1);
  return withMinus(text);
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
  strokeOver(context, path, [width * 2.2, "rgb(255 255 255 / 0.95)"], [width, color]);
}

export function mount({ element, props, trigger, watch, fixed }) {
  const parts = partsOf(element, "mg", ["panel", "message", "body", "lead", "over", "rows"]);
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

  function rowNode(row) {
    const section = make("section", "mg-row");
    if (row.title) section.append(make("h3", "lab-title", row.title));
    if (row.text) section.append(make("p", "mg-text", row.text));
    const list = make("div", "mg-tiles");
    list.append(...row.tiles.map(tileNode));
    section.append(list);
    return section;
  }

  function tileNode(tile) {
    const choosable = tile.choose !== null && tile.choose !== undefined;
    const node = make(choosable ? "button" : "div", `mg-tile${choosable ? " mg-choose" : ""}`);
    if (choosable) {
      node.type = "button";
      node.setAttribute("aria-pressed", String(tile.pressed));
    } else {
      node.tabIndex = 0;
      node.setAttribute("role", "img");
    }
    const canvas = make("canvas", "mg-canvas");
    const name = make("span", "mg-name", tile.title);
    const here = make("span", "mg-here");
    const caption = make("span", "mg-caption");
    caption.append(name, here);
    node.append(canvas, caption);
    const values = tile.values ? floatsOf(tile.values) : null;
    const range = values ? rangeOf(values, tile.kind) : null;
    if (range) node.append(scale(tile.kind, range));
    if (tile.caption) node.append(make("span", "mg-note", tile.caption));
    const told = range ? `, from ${number(range[0])} to ${number(range[1])}` : "";
    node.setAttribute("aria-label", `${tile.title}${told}${tile.caption ? `. ${tile.caption}` : ""}`);
    const entry = {
      tile, node, canvas, here, values, range,
      mask: tile.mask ? floatsOf(tile.mask) : null, out: tile.out ? floatsOf(tile.out) : null,
      image: values ? paintImage(values, range, tile.kind) : null,
    };
    view.tiles.push(entry);
    listen(entry, choosable);
    return node;
  }

  function scale(kind, [low, high]) {
    const row = make("span", "mg-scale");
    const bar = make("span", "mg-ramp");
    bar.style.background = `linear-gradient(to right, ${fixed.ramps[kind].join(", ")})`;
    row.append(make("span", "mg-end", number(low)), bar, make("span", "mg-end", number(high)));
    return row;
  }

  // ---- Colors and numbers ----

  function paintImage(values, [low, high], kind) {
    const { w, h } = view.value;
    const pixels = new ImageData(w, h);
    const span = high - low;
    values.forEach((value, i) => pixels.data.set([...colorAt(ramps[kind], span ? (value - low) / span : 0.5), 255], 4 * i));
    return tileOf(pixels);
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
    if (!fit(entry.canvas)) return; // not visible
    const { width, height } = entry.canvas;
    const ratio = pixelRatio();
    const context = entry.canvas.getContext("2d");
    const { w } = view.value;
    const size = cellSize(view.value, entry.canvas);
    const traced = (values, wanted) => traceCells(new Path2D(), view.value, size, (i) => wanted(values[i]));
    paintGround(context, entry, width, height);
    if (entry.out) stripe(context, traced(entry.out, (value) => value > 0), width, height, ratio);
    if (entry.mask) {
      if (!entry.image) {
        context.fillStyle = "rgb(14 17 24 / 0.66)";
        context.fill(traced(entry.mask, (value) => !(value > 0)));
      }
      strokeTwice(context, traceBorder(new Path2D(), view.value, size, (i) => entry.mask[i] > 0), ratio);
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

  // ---- What a user does ----

  function moveTo(cell) {
    if (isSame(cell, state.cell)) return;
    state.cell = cell;
    paint();
  }

  function cellUnder(event, canvas) {
    const box = canvas.getBoundingClientRect();
    const cell = cellAt(view.value, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    return isInside(cell, covered(view.value)) ? cell : null;
  }

  function listen(entry, choosable) {
    const { node, canvas, tile } = entry;
    canvas.addEventListener("pointermove", (event) => view && moveTo(cellUnder(event, canvas)));
    canvas.addEventListener("pointerleave", () => moveTo(null));
    node.addEventListener("blur", () => moveTo(null));
    node.addEventListener("keydown", (event) => {
      if (!(event.key in MOVES)) return;
      event.preventDefault();
      const { rows, columns } = covered(view.value);
      const at = state.cell ?? { row: rows >> 1, column: columns >> 1 };
      const [down, right] = MOVES[event.key];
      moveTo(inside({ row: at.row + down, column: at.column + right }, { rows, columns }));
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
}
