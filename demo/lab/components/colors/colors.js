// Pictures in the colors of their features. A patch that is chosen in one is marked with its match in the other.

import { asked, keepInAddress } from "../../../shared/js/address.js";
import { drawTile, fit, pixelRatio, rampTile, strokeTwice } from "../../../shared/js/canvas.js";
import { cellAt, cellSize, covered, inside, MOVES } from "../../../shared/js/cells.js";
import { CURSOR, rgbOf, signed } from "../../../shared/js/colors.js";
import { filled, make, makeButton, makeSvg, partsOf } from "../../../shared/js/dom.js";
import { setPicture } from "../../../shared/js/images.js";
import { number } from "../../../shared/js/numbers.js";
import { floatsOf } from "../../../shared/js/wire.js";

const OVER_OPACITY = 0.6;
const AT = "colors_at";
const SWITCHES = { over: "colors_over", similar: "colors_similar" };

// The patch of an address, "side.row.column" counted from 1; null where there is none.
export function placeOf(text) {
  const parts = /^([12])\.(\d{1,4})\.(\d{1,4})$/.exec(text ?? "");
  if (!parts) return null;
  const [side, row, column] = parts.slice(1).map((part) => Number(part) - 1);
  return row < 0 || column < 0 ? null : { side, row, column };
}

export function textOf({ side, row, column }) {
  return [side, row, column].map((value) => value + 1).join(".");
}

// The match of a patch in the other picture, how similar it is, and whether each is the other's; null without a second picture.
export function matchOf(matches, pictures, { side, row, column }) {
  if (!matches) return null;
  const [there, cosine, back] = side ? [matches.back, matches.backCosine, matches.nearest] : [matches.nearest, matches.cosine, matches.back];
  const i = row * pictures[side].w + column;
  const j = there[i];
  const { w } = pictures[1 - side];
  return { side: 1 - side, row: Math.floor(j / w), column: j % w, cosine: cosine[i], mutual: back[j] === i };
}

// The numbered patches of a picture: [number, row, column].
export function numbersOf(pairs, side, w) {
  return pairs.map((pair, k) => [k + 1, Math.floor(pair[side] / w), pair[side] % w]);
}

export function mount({ element, props, trigger, watch, server, fixed }) {
  const { words } = fixed;
  const parts = partsOf(element, "fc", [
      "message", "body", "lead", "note", "over", "similar", "pictures", "said", "matches", "problem", "histogram", "strip-said", "strip",
    ]);
  const ramp = fixed.stops.map(rgbOf);
  const state = { over: asked(SWITCHES.over) === "true", similar: asked(SWITCHES.similar) === "true", cell: placeOf(asked(AT)) };
  let view = null; // {value, pictures, matches, stages}
  let answer = null;
  let asking = false;
  let frame = 0;

  // ---- Values ----

  function show(value) {
    const empty = !value?.pictures;
    parts.message.textContent = value?.message ?? fixed.empty;
    parts.message.hidden = !empty;
    parts.body.hidden = empty;
    if (empty) {
      view = answer = null;
      return;
    }
    const old = view;
    if (old?.value.token !== value.token) answer = null;
    const matches = value.matches && { ...value.matches, cosine: floatsOf(value.matches.cosine), backCosine: floatsOf(value.matches.back_cosine) };
    const same = old && old.pictures.length === value.pictures.length;
    view = { value, pictures: value.pictures, matches, stages: same ? old.stages : value.pictures.map((_picture, side) => makeStage(side)) };
    if (!same) parts.pictures.replaceChildren(...view.stages.map(({ node }) => node));
    parts.pictures.dataset.count = String(value.pictures.length);
    view.stages.forEach(fillStage);
    keepCell(old);
    parts.lead.textContent = value.lead;
    sayIn(parts.note, value.note);
    sayIn(parts.matches, matches?.said ?? "");
    sayIn(parts["strip-said"], value.strip_said);
    sayIn(parts.problem, "");
    showHistogram(value.histogram);
    showStrip(value.strip);
    paint();
    ask();
  }

  function sayIn(node, text) {
    node.textContent = text;
    node.hidden = !text;
  }

  // The chosen patch, where it still is one; without a choice the middle of the first picture.
  function keepCell(old) {
    const cell = state.cell;
    const gone = !cell || cell.side >= view.pictures.length || (old && old.pictures[cell.side]?.key !== view.pictures[cell.side].key);
    const { rows, columns } = covered(view.pictures[0]);
    state.cell = gone ? { side: 0, row: rows >> 1, column: columns >> 1 } : { side: cell.side, ...inside(cell, covered(view.pictures[cell.side])) };
  }

  function makeStage(side) {
    const node = make("figure", "fc-figure");
    const caption = make("figcaption");
    const stage = make("div", "lab-stage fc-stage");
    stage.tabIndex = 0;
    stage.setAttribute("role", "application");
    stage.setAttribute("aria-roledescription", words.map);
    const [picture, colors] = ["fc-picture", "fc-colors"].map((name) => {
      const image = make("img", `lab-layer ${name}`);
      image.alt = "";
      return image;
    });
    const [map, marks] = ["fc-map", "fc-marks"].map((name) => make("canvas", `lab-layer ${name}`));
    stage.append(picture, colors, map, marks);
    node.append(caption, stage);
    stage.addEventListener("click", (event) => view && choose(cellUnder(event, side)));
    stage.addEventListener("keydown", (event) => onKey(event, side));
    return { node, caption, stage, picture, colors, map, marks };
  }

  function fillStage({ caption, stage, picture, colors }, side) {
    const value = view.pictures[side];
    caption.textContent = view.pictures.length > 1 ? `${side + 1}. ${value.title}` : value.title;
    stage.style.setProperty("--fc-aspect", String(value.width / value.height));
    setPicture(picture, value.picture);
    setPicture(colors, value.colors);
  }

  // ---- Histogram and strip ----

  function showHistogram(histogram) {
    parts.histogram.hidden = !histogram;
    if (!histogram) return;
    const { counts, threshold } = histogram;
    const svg = parts.histogram.querySelector("svg");
    const most = Math.max(...counts);
    const wide = 400 / counts.length;
    const bars = counts.map((n, i) => {
      const high = (92 * n) / most;
      const above = (i + 0.5) / counts.length > threshold;
      return makeSvg("rect", { class: `fc-bar${above ? " fc-above" : ""}`, x: i * wide, y: 96 - high, width: wide * 0.9, height: high });
    });
    const at = 400 * threshold;
    svg.replaceChildren(...bars, makeSvg("line", { class: "fc-line", x1: at, x2: at, y1: 0, y2: 96 }));
    const said = filled(words.histogram, { threshold: number(threshold) });
    svg.setAttribute("aria-label", said);
    parts.histogram.querySelector("figcaption").textContent = said;
  }

  function showStrip(strip) {
    const focused = [...parts.strip.children].indexOf(document.activeElement);
    parts.strip.replaceChildren(
      ...strip.map(({ title, image, caption, block, pressed }) => {
        const button = makeButton("fc-block");
        const picture = make("img");
        picture.src = image;
        picture.alt = "";
        button.append(picture, make("span", "", `${title} · ${caption}`));
        button.setAttribute("aria-pressed", String(pressed));
        button.addEventListener("click", () => trigger("block", { block }));
        return button;
      }),
    );
    if (focused >= 0) parts.strip.children[focused]?.focus();
  }

  // ---- Questions ----

  // One question at a time, and only while the map is on view; a place chosen meanwhile is asked about next.
  async function ask() {
    if (asking) return;
    asking = true;
    try {
      while (view && state.similar && visible() && !isAnswered()) {
        const question = { token: view.value.token, ...state.cell };
        const reply = (await server.ask(question)) ?? { problem: words.silent };
        if (view?.value.token !== question.token) continue;
        if (reply.problem) {
          sayIn(parts.problem, reply.problem);
          break;
        }
        answer = { ...reply, tiles: reply.maps.map(tileOfMap) };
        paint();
      }
    } finally {
      asking = false;
    }
  }

  function tileOfMap(packed, side) {
    const { w, h } = view.pictures[side];
    return rampTile(Array.from(floatsOf(packed), signed), w, h, ramp);
  }

  function isAnswered() {
    return answer !== null && ["side", "row", "column"].every((name) => answer[name] === state.cell[name]);
  }

  function visible() {
    return parts.pictures.getBoundingClientRect().width > 0;
  }

  // ---- Painting ----

  function paint() {
    if (!frame) frame = requestAnimationFrame(paintNow);
  }

  function paintNow() {
    frame = 0;
    if (!view) return;
    const match = matchOf(view.matches, view.pictures, state.cell);
    view.stages.forEach((stage, side) => paintStage(stage, side, match));
    say(match);
  }

  function paintStage({ stage, map, marks, colors }, side, match) {
    const picture = view.pictures[side];
    const tile = state.similar ? answer?.tiles[side] : null;
    for (const node of [map, colors]) node.style.opacity = state.over ? OVER_OPACITY : 1;
    map.hidden = !tile;
    colors.hidden = Boolean(tile);
    if (tile) drawTile(map, tile, picture.aspect);
    if (!fit(marks)) return;
    const context = marks.getContext("2d");
    const size = cellSize(picture, marks);
    if (view.matches) numbersOf(view.matches.pairs, side, picture.w).forEach((one) => drawNumber(context, size, one));
    const marked = state.cell.side === side ? state.cell : match;
    if (marked) drawFrame(context, size, marked);
    stage.setAttribute("aria-label", filled(words.stage, { title: picture.title, ...covered(picture) }));
  }

  function drawFrame(context, [wide, high], { row, column }) {
    const least = 11 * pixelRatio();
    const [w, h] = [Math.max(wide, least), Math.max(high, least)];
    const path = new Path2D();
    path.rect((column + 0.5) * wide - w / 2, (row + 0.5) * high - h / 2, w, h);
    strokeTwice(context, path, 3 * pixelRatio(), CURSOR);
  }

  function drawNumber(context, [wide, high], [k, row, column]) {
    const radius = 9 * pixelRatio();
    const [x, y] = [(column + 0.5) * wide, (row + 0.5) * high];
    const path = new Path2D();
    path.arc(x, y, radius, 0, 2 * Math.PI);
    const color = fixed.palette[(k - 1) % fixed.palette.length];
    context.fillStyle = color;
    context.fill(path);
    strokeTwice(context, path, pixelRatio());
    const [red, green, blue] = rgbOf(color);
    context.fillStyle = 0.3 * red + 0.59 * green + 0.11 * blue > 140 ? "#000" : "#fff";
    context.font = `600 ${11 * pixelRatio()}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(String(k), x, y);
  }

  function say(match) {
    const { side, row, column } = state.cell;
    const here = filled(words.place, { row: row + 1, column: column + 1, title: view.pictures[side].title });
    const there = match
      ? filled(match.mutual ? words.mutual : words.match, {
          row: match.row + 1, column: match.column + 1, title: view.pictures[match.side].title, cosine: number(match.cosine),
        })
      : words.alone;
    const text = `${here} ${there}`;
    if (parts.said.textContent !== text) parts.said.textContent = text;
  }

  // ---- What a user does ----

  function choose(cell) {
    state.cell = cell;
    keepInAddress({ [AT]: textOf(cell) });
    sayIn(parts.problem, "");
    paint();
    ask();
  }

  function cellUnder(event, side) {
    const box = view.stages[side].stage.getBoundingClientRect();
    const grid = view.pictures[side];
    const cell = cellAt(grid, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    return { side, ...inside(cell, covered(grid)) };
  }

  function onKey(event, side) {
    if (!(event.key in MOVES) || !view || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const match = matchOf(view.matches, view.pictures, state.cell);
    const at = state.cell.side === side ? state.cell : match; // from the other picture it goes on where the match is
    const [down, right] = MOVES[event.key];
    choose({ side, ...inside({ row: at.row + down, column: at.column + right }, covered(view.pictures[side])) });
  }

  for (const [name, inAddress] of Object.entries(SWITCHES)) {
    parts[name].checked = state[name];
    parts[name].addEventListener("change", () => {
      state[name] = parts[name].checked;
      keepInAddress({ [inAddress]: state[name] ? "true" : null });
      paint();
      ask();
    });
  }
  parts.histogram.querySelector("svg").addEventListener("click", (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    trigger("threshold", { at: (event.clientX - box.left) / box.width });
  });

  new ResizeObserver(() => (paint(), ask())).observe(parts.pictures);
  watch("value", () => show(props.value));
  show(props.value);
}
