import { drawTile, fit, pixelRatio, rampTile, strokeTwice } from "../../../shared/js/canvas.js";
import { cellAt, cellSize, covered, inside, line, MOVES } from "../../../shared/js/cells.js";
import { CURSOR, colorAt, rgbOf, signed } from "../../../shared/js/colors.js";
import { filled, make, makeButton, partsOf, written } from "../../../shared/js/dom.js";
import { setPicture } from "../../../shared/js/images.js";
import { nameOf, number, rangeOf, withMinus } from "../../../shared/js/numbers.js";
import { floatsOf } from "../../../shared/js/wire.js";

const PSI = ["cos H", "sin H", "S", "V", "x", "y"];
const OVER_OPACITY = 0.72;
const MARK = { least: 11, width: 3 }; // px of the chosen cell: one of a pixel grid would not be seen
const SMALL_MARK = { least: 8, width: 1.5 }; // the same on the small maps, where it must not hide the cells around

// A map without negative values takes the upper half of the ramp: 0 has the same color on all.
function mapOf(packed, w, h, ramp) {
  const entries = floatsOf(packed);
  const [least, most] = rangeOf(entries);
  const limit = Math.max(Math.abs(least), Math.abs(most));
  const shares = Array.from(entries, (entry) => signed(limit ? entry / limit : 0));
  return { entries, least, most, limit, w, tile: rampTile(shares, w, h, ramp) };
}

function entryAt(map, { row, column }) {
  return map.entries[row * map.w + column];
}

const ENLARGE =
  '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M9.5 1.5h5v5M14 2 9 7M6.5 14.5h-5v-5M2 14l5-5" fill="none" stroke="currentColor" stroke-width="1.6"/></svg>';

function blank(canvas) {
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
}

function link(context, start, end, color, width) {
  const path = new Path2D();
  line(path, ...start, ...end);
  strokeTwice(context, path, width, color);
}

function knob(context, [x, y], color, radius, square) {
  const path = new Path2D();
  if (square) path.rect(x - radius, y - radius, 2 * radius, 2 * radius);
  else path.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = color;
  context.fill(path);
  context.strokeStyle = "#fff";
  context.lineWidth = Math.max(1, radius / 3);
  context.stroke(path);
}

function vectorItem([index, eigenvalue, entry, largest], ramp, words) {
  const share = largest ? entry / largest : 0;
  const item = make("li");
  const head = make("div", "pp-entry");
  head.append(make("span", "", nameOf(index)), number(entry));
  const track = make("div", "pp-track");
  track.style.setProperty("--pp-from", `${50 + 50 * Math.min(share, 0)}%`);
  track.style.setProperty("--pp-length", `${50 * Math.abs(share)}%`);
  track.style.setProperty("--pp-color", `rgb(${colorAt(ramp, signed(share < 0 ? -0.55 : 0.55))})`);
  item.title = filled(words.entry, { value: number(eigenvalue), percent: Math.round(100 * Math.abs(share)) });
  item.append(head, track);
  return item;
}

export function mount({ element, props, watch, server, fixed }) {
  const { words } = fixed;
  const parts = partsOf(element, "pp", [
      "panel", "message", "body", "note", "stage", "picture", "map", "marks", "row", "column", "size", "over", "show-nearest",
      "k", "k-now", "show-edges", "edges-name", "said", "facts", "psi", "psi-table", "psi-weight",
      "problem", "maps", "spectral", "vectors", "second", "match",
      "second-card",
    ]);

  const state = {
    cell: null, // {row, column} that is asked about
    hover: null, // {row, column, second}: under the pointer, in the second picture or in the first
    large: null, // key of the map on the large picture
    over: true,
    nearest: true,
    edges: true,
    k: fixed.neighbors,
  };

  const ramp = fixed.stops.map(rgbOf);
  let view = null; // {value, rows, columns}: rows and columns that the picture covers at least in part
  let answer = null; // the latest of Python, with its maps decoded; of this value, or null
  let cards = []; // one for each map: its key, title and nodes, and the picture below it
  let asking = false;
  let frame = 0;

  // ---- Values ----

  function show(value) {
    if (!value) {
      view = answer = null;
      parts.message.textContent = fixed.empty;
      parts.message.hidden = false;
      parts.body.hidden = true;
      return;
    }
    const old = view;
    view = { value, ...covered(value) };
    state.cell = keptCell(old);
    state.hover = null;
    if (!value.maps.some(({ key }) => key === state.large)) state.large = null;
    if (old?.value.token !== value.token) answer = null;
    parts.panel.style.setProperty("--pp-aspect", String(value.width / value.height));
    parts.picture.hidden = !setPicture(parts.picture, value.picture);
    parts.note.textContent = value.note;
    parts.note.hidden = !value.note;
    parts.row.max = view.rows;
    parts.column.max = view.columns;
    parts.size.textContent = filled(words.of, { rows: view.rows, columns: view.columns, cells: value.cells });
    parts.message.hidden = true;
    parts.body.hidden = false;
    tell("");
    fillCards();
    paintNow();
    ask();
  }

  // The same place of the same picture, also where the grid is another one; else the middle.
  function keptCell(old) {
    const same = old && state.cell && old.value.picture_key === view.value.picture_key;
    const [down, right] = same
      ? [(state.cell.row + 0.5) / old.rows, (state.cell.column + 0.5) / old.columns]
      : [0.5, 0.5];
    return inside({ row: Math.floor(down * view.rows), column: Math.floor(right * view.columns) }, view);
  }

  // ---- Questions and answers ----

  // One question at a time; a place chosen meanwhile is asked about next, those in between never.
  async function ask() {
    if (asking) return;
    asking = true;
    try {
      while (view && visible() && !isAnswered()) {
        const asked = { token: view.value.token, ...state.cell };
        const reply = (await server.ask(asked)) ?? { problem: words.silent };
        if (view?.value.token !== asked.token) continue; // another result came meanwhile
        if (reply.problem) {
          tell(reply.problem);
          break;
        }
        answer = decode(reply);
        paint();
      }
    } finally {
      asking = false;
    }
  }

  function visible() {
    return parts.stage.getBoundingClientRect().width > 0;
  }

  function isAnswered() {
    return answer !== null && answer.row === state.cell.row && answer.column === state.cell.column;
  }

  function decode(reply) {
    const { h, w, second } = view.value;
    const maps = Object.fromEntries(Object.entries(reply.maps).map(([key, values]) => [key, mapOf(values, w, h, ramp)]));
    if (reply.second) maps.second = mapOf(reply.second.values, second.w, second.h, ramp);
    return { ...reply, maps };
  }

  // ---- Cards ----

  function fillCards() {
    const { value } = view;
    const names = value.maps.map(({ key, title }) => ({ key, title, picture: value, second: false }));
    const isSecond = Boolean(value.second?.picture);
    if (isSecond) names.push({ key: "second", title: words.second, picture: value.second, second: true });
    const focused = cards.findIndex(({ button }) => button && button === document.activeElement);
    cards = names.map(makeCard);
    parts.maps.replaceChildren(...cards.filter(({ second }) => !second).map(({ node }) => node));
    parts["second-card"].replaceChildren(...cards.filter(({ second }) => second).map(({ node }) => node));
    parts.second.hidden = !value.second;
    if (focused >= 0) cards[Math.min(focused, cards.length - 1)].button?.focus();
  }

  function makeCard({ key, title, picture, second }) {
    const node = make("figure", "pp-card");
    node.dataset.map = key;
    node.innerHTML =
      '<div class="lab-stage pp-mini" role="img"><img class="lab-layer pp-picture pp-under-map" alt=""><canvas class="lab-layer pp-map"></canvas>' +
      '<canvas class="lab-layer pp-marks"></canvas></div><div class="pp-ramp" aria-hidden="true"></div>' +
      '<div class="pp-ends" aria-hidden="true"></div><p class="pp-here"></p>';
    const part = (name) => node.querySelector(`.pp-${name}`);
    const card = { key, title, source: picture, second, node, button: null };
    for (const name of ["mini", "map", "marks", "ramp", "ends", "here"]) card[name] = part(name);
    if (!second) node.prepend((card.button = nameButton(key, title)));
    card.mini.style.setProperty("--pp-aspect", String(picture.width / picture.height));
    part("picture").hidden = !setPicture(part("picture"), picture.picture);
    listenToPicture(card.mini, second ? picture : null);
    return card;
  }

  function nameButton(key, title) {
    const button = makeButton("pp-name");
    button.title = words.enlarge;
    button.append(written(make("span"), title));
    button.insertAdjacentHTML("beforeend", ENLARGE);
    button.addEventListener("click", () => {
      state.large = state.large === key ? null : key;
      paint();
    });
    return button;
  }

  function paintCard(card) {
    const map = answer?.maps[card.key];
    if (card.button) card.button.setAttribute("aria-pressed", String(state.large === card.key));
    card.node.style.setProperty("--pp-opacity", state.over ? OVER_OPACITY : 1);
    if (!map) return blank(card.map);
    drawTile(card.map, map.tile, card.source.aspect);
    drawMarks(card.marks, card.source, card.second, card.second ? MARK : SMALL_MARK);
    const signed = map.least < 0;
    card.ramp.style.setProperty("--pp-stops", stopsOf(signed).join(", "));
    card.ends.replaceChildren(...(signed ? [-map.limit, 0, map.limit] : [0, map.limit]).map((value) => make("span", "", number(value))));
    const hover = state.hover && state.hover.second === card.second ? state.hover : null;
    card.here.textContent = hover
      ? filled(words.row, { row: hover.row + 1, column: hover.column + 1, value: number(entryAt(map, hover)) })
      : filled(words.range, { low: number(map.least), high: number(map.most) });
    card.mini.setAttribute("aria-label", filled(words.map, { title: card.title, low: number(map.least), high: number(map.most) }));
  }

  function stopsOf(signed) {
    return signed ? fixed.stops : fixed.stops.slice((fixed.stops.length - 1) / 2);
  }

  // ---- Painting ----

  function paint() {
    if (!frame) frame = requestAnimationFrame(paintNow);
  }

  function paintNow() {
    cancelAnimationFrame(frame);
    frame = 0;
    if (!view) return;
    paintStage();
    cards.forEach(paintCard);
    paintWords();
    paintVectors();
  }

  function paintStage() {
    const map = state.large ? answer?.maps[state.large] : null;
    parts.picture.classList.toggle("pp-under-map", Boolean(map));
    parts.stage.style.setProperty("--pp-opacity", state.over ? OVER_OPACITY : 1);
    parts.map.hidden = !map;
    if (map) drawTile(parts.map, map.tile, view.value.aspect);
    drawMarks(parts.marks, view.value, false, MARK);
  }

  // The cells that matter on one picture: the chosen one, or its best match in the second picture, and that under the pointer.
  function drawMarks(canvas, picture, second, mark) {
    if (!fit(canvas)) return;
    const context = canvas.getContext("2d");
    const ratio = pixelRatio();
    const [cellWidth, cellHeight] = cellSize(picture, canvas);
    const middle = ([row, column]) => [(column + 0.5) * cellWidth, (row + 0.5) * cellHeight];
    const frameOf = (row, column, least) => {
      const [x, y] = middle([row, column]);
      const [wide, high] = [Math.max(cellWidth, least * ratio), Math.max(cellHeight, least * ratio)];
      const path = new Path2D();
      path.rect(x - wide / 2, y - high / 2, wide, high);
      return path;
    };
    if (canvas === parts.marks && isAnswered()) drawLinks(context, middle, ratio);
    const marked = second ? answer?.second?.best : [state.cell.row, state.cell.column];
    if (marked) strokeTwice(context, frameOf(...marked, mark.least), mark.width * ratio, CURSOR);
    const { hover } = state;
    if (hover && hover.second === second) strokeTwice(context, frameOf(hover.row, hover.column, 5), 1.5 * ratio);
  }

  function drawLinks(context, middle, ratio) {
    const { w } = view.value;
    const style = getComputedStyle(parts.panel);
    const start = middle([answer.row, answer.column]);
    const spot = (cell) => middle([Math.floor(cell / w), cell % w]);
    if (state.edges) {
      const heaviest = Math.max(...answer.edges.map(([, weight]) => weight));
      const ends = answer.edges.map(([cell, weight]) => [spot(cell), heaviest ? weight / heaviest : 0]);
      context.setLineDash([6 * ratio, 4 * ratio]);
      for (const [end, share] of ends) link(context, start, end, style.getPropertyValue("--pp-orange"), (1 + 1.5 * share) * ratio);
      context.setLineDash([]);
      for (const [end] of ends) knob(context, end, style.getPropertyValue("--pp-orange"), 3 * ratio, true);
    }
    if (state.nearest) {
      const ends = answer.nearest.slice(0, state.k).map(spot);
      for (const end of ends) link(context, start, end, style.getPropertyValue("--pp-blue"), 2 * ratio);
      for (const end of ends) knob(context, end, style.getPropertyValue("--pp-blue"), 4 * ratio, false);
    }
  }

  // ---- Words ----

  function paintWords() {
    const { row, column } = state.cell;
    for (const [input, at] of [[parts.row, row], [parts.column, column]]) {
      if (document.activeElement !== input) input.value = String(at + 1);
    }
    parts["k-now"].textContent = String(state.k);
    const hasEdges = view.value.maps.some(({ key }) => key === "w_knn");
    parts["show-edges"].parentElement.hidden = !hasEdges;
    const place = filled(words.place, { row: row + 1, column: column + 1 });
    if (!isAnswered()) {
      parts.stage.setAttribute("aria-label", `${mapInWords()} ${place}.`);
      return;
    }
    const [name, color] = [view.value.names[answer.label], view.value.palette[answer.label]];
    const first = answer.vectors[0];
    const more = [first ? `${nameOf(first[0])} = ${number(first[2])}` : "", nearestInWords()].filter(Boolean).join(", ");
    const said = `${place}: ${name}${more ? `, ${more}` : ""}`;
    if (parts.said.dataset.said !== said) sayWithChip(said, place, name, color, more);
    parts.stage.setAttribute("aria-label", `${mapInWords()} ${said}.`);
    written(parts["edges-name"], filled(words.edges, { n: answer.edges.length }));
    const told = answer.degree && filled(words.degree, { degree: number(answer.degree[0]), percent: Math.round(100 * answer.degree[1]) });
    written(parts.facts, told || "");
    paintPsi();
    paintMatch();
  }

  // ψ of the patch and of one of its neighbors in the color graph, and the weight that follows: that under the pointer, or the
  // one whose edge weighs most.
  function paintPsi() {
    const { psi, edges } = answer;
    parts.psi.hidden = !psi;
    if (parts.psi.hidden) return;
    const { w } = view.value;
    const { hover } = state;
    const pointed = hover && !hover.second ? edges.findIndex(([cell]) => cell === hover.row * w + hover.column) : -1;
    const at = pointed >= 0 ? pointed : edges.reduce((best, [, weight], i) => (weight > edges[best][1] ? i : best), 0);
    const [cell] = edges[at];
    const other = psi.others[at];
    parts["psi-table"].replaceChildren(
      psiRow("th", "ψ", [psiName("u", answer.row, answer.column), psiName("v", Math.floor(cell / w), cell % w)]),
      ...PSI.map((name, i) => psiRow("td", name, [psi.own[i], other[i]].map((x) => withMinus(x.toFixed(3))))),
    );
    const distance = Math.hypot(...psi.own.map((x, i) => x - other[i]));
    written(parts["psi-weight"], filled(words.psiWeight, { distance: distance.toFixed(3), weight: (1 - distance).toFixed(3) }));
  }

  function psiName(of, row, column) {
    return filled(words.psi, { of, row: row + 1, column: column + 1 });
  }

  function psiRow(kind, name, cells) {
    const row = make("tr");
    row.append(make("th", "", name), ...cells.map((cell) => make(kind, "", cell)));
    return row;
  }

  function mapInWords() {
    const { rows, columns, value } = view;
    return filled(words.stage, { picture: value.alt, rows, columns, cells: value.cells });
  }

  function nearestInWords() {
    const [cell] = answer.nearest;
    if (cell === undefined) return "";
    const { w } = view.value;
    const cosine = answer.maps.cosine.entries[cell];
    return filled(words.nearest, { row: Math.floor(cell / w) + 1, column: (cell % w) + 1, cosine: number(cosine) });
  }

  function sayWithChip(said, place, name, color, more) {
    parts.said.dataset.said = said;
    const chip = make("span", "pp-chip");
    chip.style.setProperty("--pp-color", color);
    parts.said.replaceChildren(`${place}: `, chip, name + (more ? `, ${more}` : ""));
  }

  function paintMatch() {
    const { second } = view.value;
    if (!second) return;
    const found = answer.second;
    const text = found
      ? filled(words.match, { row: found.best[0] + 1, column: found.best[1] + 1, cosine: number(found.cosine), note: second.note })
      : (second.problem ?? "");
    if (parts.match.textContent !== text) parts.match.textContent = text;
  }

  function paintVectors() {
    const vectors = isAnswered() ? answer.vectors : [];
    if (!isAnswered() && answer) return; // until the answer is here the old one stays, without a flicker
    parts.spectral.hidden = vectors.length === 0;
    parts.vectors.replaceChildren(...vectors.map((vector) => vectorItem(vector, ramp, words)));
  }

  function tell(problem) {
    parts.problem.textContent = problem;
    parts.problem.hidden = !problem;
  }

  // ---- What a user does ----

  function choose(cell) {
    state.cell = inside(cell, view);
    tell("");
    paint();
    ask();
  }

  function hoverAt(hover) {
    const same = ["row", "column", "second"].every((name) => hover?.[name] === state.hover?.[name]);
    if (same) return;
    state.hover = hover;
    paint();
  }

  // The cell under the pointer; on the edge of the picture the nearest one.
  function cellUnder(event, node, picture) {
    const box = node.getBoundingClientRect();
    const grid = picture ?? view.value;
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    return inside(cellAt(grid, x, y), covered(grid));
  }

  // `picture` is the second one, or null for the first, in which a click chooses.
  function listenToPicture(node, picture) {
    const second = picture !== null;
    node.addEventListener("pointermove", (event) => view && hoverAt({ ...cellUnder(event, node, picture), second }));
    node.addEventListener("pointerleave", () => hoverAt(null));
    if (!second) node.addEventListener("click", (event) => view && choose(cellUnder(event, node, null)));
  }

  function onKey(event) {
    if (!(event.key in MOVES) || !view || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const [down, right] = MOVES[event.key];
    choose({ row: state.cell.row + down, column: state.cell.column + right });
  }

  // What is typed counts from 1, as the page does everywhere.
  function onTyped(input, name, size) {
    if (!view) return;
    const typed = Number(input.value);
    if (!input.value.trim() || !Number.isInteger(typed)) {
      input.value = String(state.cell[name] + 1);
      tell(filled(words.whole, { name, most: size() }));
      return;
    }
    choose({ ...state.cell, [name]: typed - 1 });
    const taken = state.cell[name] + 1;
    input.value = String(taken);
    if (taken !== typed) tell(filled(words.became, { most: size(), name, typed, taken }));
  }

  // ---- Wiring ----

  function listenToTools() {
    parts.row.addEventListener("change", () => onTyped(parts.row, "row", () => view.rows));
    parts.column.addEventListener("change", () => onTyped(parts.column, "column", () => view.columns));
    for (const [input, name] of [[parts.over, "over"], [parts["show-nearest"], "nearest"], [parts["show-edges"], "edges"]]) {
      input.checked = state[name];
      input.addEventListener("change", () => {
        state[name] = input.checked;
        paint();
      });
    }
    parts.k.max = String(fixed.most);
    parts.k.value = String(state.k);
    parts.k.addEventListener("input", () => {
      state.k = parts.k.valueAsNumber;
      paint();
    });
  }

  function observeSize() {
    const observer = new ResizeObserver(() => {
      paint();
      ask(); // a tab that was closed when its values came opens now
    });
    observer.observe(parts.stage);
    observer.observe(parts.maps);
  }

  listenToPicture(parts.stage, null);
  parts.stage.addEventListener("keydown", onKey);
  listenToTools();
  observeSize();
  watch("value", () => show(props.value));
  show(props.value);
}
