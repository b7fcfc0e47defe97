// Entries are compared with each other through their share of the largest |entry|, from −1 to 1: colors, the horizontal axis
// of the plot and the threshold slider all use it.

import { drawTile, fit, pixelRatio, rampTile, strokeTwice } from "../../../shared/js/canvas.js";
import { cellAt, cellSize, covered, inside, isInside, isSame, MOVES, traceBorder, traceCells } from "../../../shared/js/cells.js";
import { lowest, valueAt } from "../../../shared/js/chart.js";
import { CURSOR, colorAt, rgbOf, signed } from "../../../shared/js/colors.js";
import { filled, make, makeButton, makeSvg, partsOf, widthOf, zoomOf } from "../../../shared/js/dom.js";
import { setPicture } from "../../../shared/js/images.js";
import { nameOf, number, withMinus } from "../../../shared/js/numbers.js";
import { floatsOf } from "../../../shared/js/wire.js";

const BINS = 48; // even, so that 0 is an edge
const BARS_HEIGHT = 132;
const AXIS_HEIGHT = 22;
const CURVE_HEIGHT = 104;
const TOP = 14; // room for the knob of the threshold line
const SIDE = 8; // half the thumb of the range input, which so lines up with the plot
const OVER_OPACITY = 0.58;
const NARROW = 380; // px; below, a heading and its figures share a line only if the heading is short

function decode(vector, value, ramp) {
  const entries = floatsOf(vector.values);
  const limit = entries.reduce((top, entry) => Math.max(top, Math.abs(entry) || 0), 0);
  return { ...vector, entries, limit, tile: rampTile(Array.from(entries, (entry) => signed(limit ? entry / limit : 0)), value.w, value.h, ramp) };
}

function galleryItem(vector, words) {
  const button = makeButton("fp-item");
  button.dataset.index = vector.index;
  button.setAttribute("aria-label", filled(words.item, { index: vector.index, value: number(vector.eigenvalue) }));
  const caption = make("span", "fp-caption");
  caption.append(make("b", "", nameOf(vector.index)), ` μ = ${number(vector.eigenvalue)}`);
  button.append(document.createElement("canvas"), caption);
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function axisNodes(vector, x, width) {
  const base = TOP + BARS_HEIGHT;
  const ticks = [
    [-1, number(-vector.limit), "start", 0],
    [0, "0", "middle", x(0)],
    [1, `+${number(vector.limit)}`, "end", width],
  ];
  return [
    makeSvg("line", { class: "fp-axis", x1: SIDE, x2: width - SIDE, y1: base + 0.5, y2: base + 0.5 }),
    ...ticks.map(([share]) => makeSvg("line", { class: "fp-axis", x1: x(share), x2: x(share), y1: base, y2: base + 4 })),
    ...ticks.map(([, text, anchor, at]) => makeSvg("text", { x: at, y: base + 17, "text-anchor": anchor }, text)),
  ];
}

export function mount({ element, props, trigger, watch, fixed }) {
  const { words } = fixed;
  const parts = partsOf(element, "fp", [
      "panel", "message", "body", "gallery", "title", "over", "stage", "picture", "map", "marks", "ramp", "at-threshold",
      "at-cell", "low", "high", "cell", "plot", "threshold", "share", "cut", "lowest", "zero",
    ]);

  const state = {
    index: null, // of the vector in the detail
    over: false,
    cell: null, // {row, column} under the pointer or the arrow keys
    thresholds: new Map(), // by index, what the user or the cut chose
  };

  const ramp = fixed.stops.map(rgbOf);
  let view = null; // {value, vectors, grid, rows, columns}: rows and columns that the picture covers at least in part
  let frame = 0;

  // ---- Values ----

  function show(value) {
    if (!value?.vectors?.length) {
      view = null;
      parts.message.textContent = value?.message ?? fixed.empty;
      parts.message.hidden = false;
      parts.body.hidden = true;
      return;
    }
    const vectors = value.vectors.map((vector) => decode(vector, value, ramp));
    keepThresholds(value, vectors);
    const grid = { h: value.h, w: value.w, aspect: value.aspect ?? [1, 1] };
    view = { value, vectors, grid, ...covered(grid) };
    if (!vectors.some((vector) => vector.index === state.index)) state.index = vectors[0].index;
    state.cell = null;
    parts.panel.style.setProperty("--fp-aspect", String(value.width / value.height));
    placePicture(value);
    parts.message.hidden = true;
    parts.body.hidden = false;
    fillGallery();
    paintGallery();
    paintNow();
  }

  // A threshold stays while its vector and the cut in use do.
  function keepThresholds(value, vectors) {
    const used = value.fiedler?.threshold ?? 0;
    const sameCut = view && (view.value.fiedler?.threshold ?? 0) === used;
    const old = new Map((view?.vectors ?? []).map((vector) => [vector.index, vector.values]));
    for (const vector of vectors) {
      const stays = old.get(vector.index) === vector.values && (vector.index !== 1 || sameCut);
      if (!stays) state.thresholds.set(vector.index, vector.index === 1 ? used : 0);
    }
  }

  function placePicture(value) {
    parts.picture.hidden = !(setPicture(parts.picture, value.picture) && state.over);
  }

  function chosen() {
    return view.vectors.find((vector) => vector.index === state.index);
  }

  function threshold() {
    return state.thresholds.get(state.index) ?? 0;
  }

  function cutInUse() {
    return state.index === 1 ? view.value.fiedler : null;
  }

  function ncutCurve() {
    return (cutInUse()?.ncut ?? []).filter(([at, cut]) => Number.isFinite(at) && Number.isFinite(cut));
  }

  function shareOf(value) {
    const { limit } = chosen();
    return limit ? value / limit : 0;
  }

  // ---- Map ----

  function drawMarks() {
    if (!fit(parts.marks)) return;
    const context = parts.marks.getContext("2d");
    const size = cellSize(view.grid, parts.marks);
    const ratio = pixelRatio();
    const { entries } = chosen();
    const cut = threshold();
    if (state.over) {
      context.fillStyle = "rgb(14 17 24 / 0.48)";
      context.fill(traceCells(new Path2D(), view.grid, size, (i) => !(entries[i] > cut)));
    }
    strokeTwice(context, traceBorder(new Path2D(), view.grid, size, (i) => entries[i] > cut), 2 * ratio);
    if (state.cell) {
      const frameOfCell = new Path2D();
      frameOfCell.rect(state.cell.column * size[0], state.cell.row * size[1], ...size);
      strokeTwice(context, frameOfCell, 3 * ratio, CURSOR);
    }
  }

  // ---- Gallery ----

  function fillGallery() {
    const focused = [...parts.gallery.querySelectorAll("button")].indexOf(document.activeElement);
    parts.gallery.replaceChildren(...view.vectors.map((vector) => galleryItem(vector, words)));
    if (focused >= 0) itemAt(Math.min(focused, view.vectors.length - 1)).focus();
  }

  function itemAt(place) {
    return parts.gallery.children[place].firstElementChild;
  }

  function paintGallery() {
    if (!view) return;
    view.vectors.forEach((vector, place) => drawTile(itemAt(place).firstElementChild, vector.tile, view.grid.aspect));
  }

  // ---- Detail ----

  function paint() {
    if (!frame) frame = requestAnimationFrame(paintNow);
  }

  function paintNow() {
    cancelAnimationFrame(frame);
    frame = 0;
    if (!view) return;
    const vector = chosen();
    for (const item of parts.gallery.children) {
      const button = item.firstElementChild;
      button.setAttribute("aria-pressed", String(Number(button.dataset.index) === state.index));
    }
    paintTitle(vector);
    parts.stage.style.setProperty("--fp-opacity", state.over ? OVER_OPACITY : 1);
    drawTile(parts.map, vector.tile, view.grid.aspect);
    drawMarks();
    paintBar(vector);
    paintCell(vector);
    paintPlot(vector);
    paintThreshold(vector);
  }

  function paintTitle(vector) {
    const residual = make("small", "", filled(words.residual, { value: number(vector.residual) }));
    parts.title.replaceChildren(`${nameOf(vector.index)}\u2003μ = ${number(vector.eigenvalue)}`, residual);
    parts.stage.setAttribute(
      "aria-label",
      filled(words.stage, { index: vector.index, rows: view.rows, columns: view.columns }),
    );
  }

  function paintBar(vector) {
    parts.low.textContent = number(-vector.limit);
    parts.high.textContent = `+${number(vector.limit)}`;
    parts["at-threshold"].style.setProperty("--fp-at", `${50 * (shareOf(threshold()) + 1)}%`);
    parts["at-cell"].hidden = !state.cell;
    if (state.cell) parts["at-cell"].style.setProperty("--fp-at", `${50 * (shareOf(entryAt(vector, state.cell)) + 1)}%`);
  }

  function entryAt(vector, { row, column }) {
    return vector.entries[row * view.value.w + column];
  }

  function paintCell(vector) {
    if (!state.cell) {
      parts.cell.textContent = words.point;
      return;
    }
    const entry = entryAt(vector, state.cell);
    const side = entry > threshold() ? words.above : words.notAbove;
    parts.cell.textContent = filled(words.cell, { row: state.cell.row + 1, column: state.cell.column + 1, value: number(entry), side });
  }

  function paintThreshold(vector) {
    const { entries } = vector;
    const cut = threshold();
    const count = entries.reduce((sum, entry) => sum + (entry > cut), 0);
    const share = shareOf(cut);
    parts.threshold.value = String(share);
    parts.threshold.setAttribute("aria-valuetext", filled(words.now, { cut: number(cut), above: count, n: entries.length }));
    const side = cutInUse();
    const object = side ? filled(words.object, { side: side.side_is_positive ? words.objectAbove : words.objectBelow }) : "";
    parts.share.textContent =
      filled(words.share, {
        cut: number(cut), share: withMinus(share.toFixed(2)), above: count, n: entries.length,
        percent: Math.round((100 * count) / entries.length),
      }) + object;
    const cuttable = view.value.cuttable;
    parts.cut.hidden = Boolean(cuttable && !cuttable.includes(vector.index));
    parts.lowest.hidden = ncutCurve().length === 0;
  }

  // ---- Plot ----

  function paintPlot(vector) {
    const width = widthOf(parts.plot);
    if (!width) return; // not visible
    const curve = ncutCurve();
    const height = TOP + BARS_HEIGHT + AXIS_HEIGHT + (curve.length ? CURVE_HEIGHT : 0);
    const x = (share) => SIDE + ((Math.min(Math.max(share, -1), 1) + 1) / 2) * (width - 2 * SIDE);
    parts.plot.style.setProperty("--fp-plot-height", `${height}px`);
    parts.plot.setAttribute("viewBox", `0 0 ${width} ${height}`);
    parts.plot.setAttribute("aria-label", plotInWords(curve));
    parts.plot.replaceChildren(
      ...barNodes(vector, x),
      ...thresholdNodes(x, height),
      ...axisNodes(vector, x, width),
      ...(curve.length ? curveNodes(curve, x, height) : []),
    );
  }

  function plotInWords(curve) {
    if (!curve.length) return words.histogram;
    const [at, cut] = lowest(curve);
    return filled(words.curve, { cut: number(cut), at: number(at) });
  }

  function barNodes(vector, x) {
    const counts = new Array(BINS).fill(0);
    for (const entry of vector.entries) {
      const share = vector.limit ? entry / vector.limit : 0;
      counts[Math.min(BINS - 1, Math.max(0, Math.floor(((share + 1) / 2) * BINS)))]++;
    }
    const top = Math.max(...counts);
    const cut = shareOf(threshold());
    return counts.flatMap((count, bin) => {
      if (!count) return [];
      const [from, to] = [bin, bin + 1].map((edge) => (2 * edge) / BINS - 1);
      const high = Math.max(1, (count / top) * BARS_HEIGHT);
      const bar = makeSvg("rect", {
        class: (from + to) / 2 > cut ? "fp-bin" : "fp-bin fp-below",
        x: x(from) + 0.5,
        y: TOP + BARS_HEIGHT - high,
        width: Math.max(1, x(to) - x(from) - 1),
        height: high,
        fill: `rgb(${colorAt(ramp, signed((from + to) / 2))})`,
      });
      bar.append(makeSvg("title", {}, filled(words.bin, { n: count, low: number(from * vector.limit), high: number(to * vector.limit) })));
      return [bar];
    });
  }

  function curveNodes(curve, x, height) {
    const top = TOP + BARS_HEIGHT + AXIS_HEIGHT + 26;
    const base = height - 8;
    const largest = Math.max(...curve.map(([, cut]) => cut)) || 1;
    const y = (cut) => base - (cut / largest) * (base - top);
    const spot = ([at, cut]) => [x(shareOf(at)), y(cut)];
    const best = lowest(curve);
    const [bestX, bestY] = spot(best);
    const here = valueAt(curve, threshold());
    const nodes = [
      makeSvg("text", { class: "fp-strong", x: 0, y: top - 10 }, x(1) < NARROW ? words.ncut : words.ncutSides),
      makeSvg("line", { class: "fp-axis", x1: x(-1), x2: x(1), y1: base + 0.5, y2: base + 0.5 }),
      makeSvg("polyline", { class: "fp-curve", points: curve.map((point) => spot(point).join(",")).join(" ") }),
      makeSvg("circle", { class: "fp-best", cx: bestX, cy: bestY, r: 6 }),
    ];
    if (here !== null) nodes.push(makeSvg("circle", { class: "fp-here", cx: x(shareOf(threshold())), cy: y(here), r: 5 }));
    const text = filled(words.lowest, { cut: number(best[1]) }) + (here === null ? "" : filled(words.here, { cut: number(here) }));
    nodes.push(makeSvg("text", { x: x(1), y: top - 10, "text-anchor": "end" }, text));
    return nodes;
  }

  function thresholdNodes(x, height) {
    const at = x(shareOf(threshold()));
    const used = cutInUse();
    const nodes = [];
    if (used) {
      const usedAt = x(shareOf(used.threshold));
      const mark = makeSvg("line", { class: "fp-used", x1: usedAt, x2: usedAt, y1: 6, y2: height });
      mark.append(makeSvg("title", {}, filled(words.used, { cut: number(used.threshold) })));
      nodes.push(mark);
    }
    nodes.push(makeSvg("line", { class: "fp-line", x1: at, x2: at, y1: 6, y2: height }));
    nodes.push(makeSvg("circle", { class: "fp-knob", cx: at, cy: 7, r: 7 }));
    return nodes;
  }

  // ---- What a user does ----

  function choose(index) {
    state.index = index;
    paint();
  }

  function setThreshold(value) {
    state.thresholds.set(state.index, value);
    paint();
  }

  function moveCell(cell) {
    if (isSame(cell, state.cell)) return;
    state.cell = cell;
    paint();
  }

  function cellUnder(event) {
    const box = parts.stage.getBoundingClientRect();
    const cell = cellAt(view.grid, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    return isInside(cell, view) ? cell : null;
  }

  function onMapKey(event) {
    if (!(event.key in MOVES) || !view) return;
    event.preventDefault();
    const [down, right] = MOVES[event.key];
    const { row, column } = state.cell ?? centralCell();
    moveCell(inside({ row: row + down, column: column + right }, view));
  }

  function centralCell() {
    return { row: Math.floor(view.rows / 2), column: Math.floor(view.columns / 2) };
  }

  function dragThreshold(event) {
    const box = parts.plot.getBoundingClientRect();
    const side = SIDE * zoomOf(parts.plot);
    const share = (2 * (event.clientX - box.left - side)) / (box.width - 2 * side) - 1;
    setThreshold(Math.min(Math.max(share, -1), 1) * chosen().limit);
  }

  function cutHere() {
    const cut = threshold();
    trigger("cut", { index: state.index, threshold: cut, fraction: shareOf(cut) });
  }

  // ---- Wiring ----

  function listenToGallery() {
    parts.gallery.addEventListener("click", (event) => {
      const button = event.target.closest(".fp-item");
      if (button) choose(Number(button.dataset.index));
    });
  }

  function listenToMap() {
    parts.stage.addEventListener("pointermove", (event) => view && moveCell(cellUnder(event)));
    parts.stage.addEventListener("pointerdown", (event) => view && moveCell(cellUnder(event)));
    parts.stage.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch") moveCell(null);
    });
    parts.stage.addEventListener("keydown", onMapKey);
    parts.stage.addEventListener("focus", () => {
      if (view && !state.cell && parts.stage.matches(":focus-visible")) moveCell(centralCell());
    });
    parts.over.addEventListener("change", () => {
      state.over = parts.over.checked;
      placePicture(view.value);
      paint();
    });
  }

  function listenToThreshold() {
    parts.plot.addEventListener("pointerdown", (event) => {
      parts.plot.setPointerCapture(event.pointerId);
      dragThreshold(event);
    });
    parts.plot.addEventListener("pointermove", (event) => {
      if (parts.plot.hasPointerCapture(event.pointerId)) dragThreshold(event);
    });
    parts.threshold.addEventListener("input", () => setThreshold(parts.threshold.valueAsNumber * chosen().limit));
    parts.zero.addEventListener("click", () => setThreshold(0));
    parts.lowest.addEventListener("click", () => setThreshold(lowest(ncutCurve())[0]));
    parts.cut.addEventListener("click", cutHere);
  }

  function observeSize() {
    const observer = new ResizeObserver(() => {
      paintGallery();
      paint();
    });
    observer.observe(parts.gallery);
    observer.observe(parts.stage);
  }

  parts.over.checked = state.over;
  parts.ramp.style.setProperty("--fp-stops", fixed.stops.join(", "));
  listenToGallery();
  listenToMap();
  listenToThreshold();
  observeSize();
  watch("value", () => show(props.value));
  show(props.value);
}
