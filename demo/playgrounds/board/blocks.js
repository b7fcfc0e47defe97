// What a view is made of beside tables of numbers: maps, pictures, facts, bars, curves.

import { drawTile, pixelRatio, rampTile, strokeTwice } from "../../shared/js/canvas.js";
import { MOVES } from "../../shared/js/cells.js";
import { pointsOf, scale } from "../../shared/js/chart.js";
import { CURSOR, signed } from "../../shared/js/colors.js";
import { filled, make, makeButton, makeSvg, written } from "../../shared/js/dom.js";
import { amount, outputOf } from "./amounts.js";

function signBlock({ text }) {
  return make("span", "pg-sign", text);
}

function wordsBlock({ text }) {
  return make("p", "pg-words", text);
}

function checksBlock({ rows }) {
  const list = make("ul", "pg-checks");
  for (const [ok, text] of rows) {
    const item = make("li", ok ? "pg-ok" : "pg-no");
    item.append(make("span", "pg-mark", ok ? "✓" : "✗"), ` ${text}`);
    item.setAttribute("aria-label", `${ok ? "true" : "false"}: ${text}`);
    list.append(item);
  }
  return list;
}

// Whether a block gives an answer away; facts, bars and outputs are covered one by one.
export const isResult = ({ block, result }) => Boolean(result) || block === "curve" || block === "checks";

function tool(text, label, enabled, act) {
  const button = makeButton("pg-tool", text);
  button.disabled = !enabled;
  button.setAttribute("aria-label", label);
  button.dataset.key = `tool-${label}`;
  button.addEventListener("click", act);
  return button;
}

export function blocks({ state, words, ramp, inks, outputCount, parts, change, point, pin, editor, edit, tableBlock, pictureBlock, paintBlock, tracksBlock, drawView }) {
  // A block, or what covers it; `at` is its place in the view, which stays its own when numbers change.
  function block(spec, alone, at) {
    if (isCovered(spec, at)) return coverOf(at);
    const makers = { table: tableBlock, sign: signBlock, facts: factsBlock, bars: barsBlock, curve: curveBlock, checks: checksBlock, words: wordsBlock, picture: pictureBlock, paint: paintBlock, stack: stackBlock, tracks: tracksBlock };
    return makers[spec.block](spec, alone);
  }

  function isCovered(spec, at) {
    return state.covered && isResult(spec) && !state.uncovered.has(at);
  }

  function coverOf(at) {
    const button = makeButton("pg-covered-block", "?");
    button.setAttribute("aria-label", words.uncover);
    button.title = words.uncover;
    button.dataset.key = `cover-${at}`;
    button.addEventListener("click", () => {
      state.uncovered.add(at);
      drawView(state.view, false);
    });
    return button;
  }

  function factsBlock({ title, rows }) {
    const box = make("div", "pg-facts");
    if (title) box.append(make("h3", "", title));
    const list = make("dl", "");
    for (const [symbol, value, from] of rows) {
      const shown = make("dd", "pg-fact", state.covered ? "?" : value);
      const why = written(make("dd", "pg-from"), state.covered ? "" : from);
      if (state.covered) {
        shown.tabIndex = 0;
        shown.setAttribute("role", "button");
        const uncover = () => {
          shown.textContent = value;
          written(why, from);
        };
        shown.addEventListener("click", uncover);
        shown.addEventListener("keydown", (event) => event.key === "Enter" && uncover());
      }
      list.append(written(make("dt"), symbol), shown, why);
    }
    box.append(list);
    return box;
  }

  // ---- Bars on one axis ----

  function barsBlock({ title, most, rows }) {
    const box = make("figure", "pg-bars");
    box.append(written(make("figcaption"), title));
    for (const [name, from, to, kind] of rows) {
      const row = make("div", "pg-bar-row");
      const track = make("span", "pg-track");
      const bar = make("span", `pg-bar pg-bar-${kind}`);
      bar.style.left = `${(100 * from) / most}%`;
      bar.style.width = `${(100 * Math.max(to - from, 0)) / most}%`;
      track.append(bar);
      row.append(make("span", "pg-bar-name", name), track, make("span", "pg-bar-value", state.covered ? "?" : amount(to - from)));
      if (state.covered) bar.hidden = true;
      box.append(row);
    }
    return box;
  }

  // ---- Curves ----

  function curveBlock({ title, x, series }, alone) {
    const room = parts.stage.clientWidth || 340;
    const [wide, high, left, bottom, top] = [Math.min(alone ? 640 : 330, room - 8), 220, 52, 28, 12];
    const figure = make("figure", "pg-curve");
    figure.append(written(make("figcaption"), title));
    const box = makeSvg("svg", { width: wide, height: high, viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": title });
    const low = Math.min(0, ...series.flatMap(({ y }) => y));
    const most = Math.max(...series.flatMap(({ y }) => y), low + 1e-9);
    const [first, last] = [x[0], x[x.length - 1]];
    const px = scale([first, last], [left, wide - 14]);
    const py = scale([low, most], [high - bottom, top]);
    for (const at of [low, (low + most) / 2, most]) {
      box.append(makeSvg("line", { class: "pg-gridline", x1: left, x2: wide - 14, y1: py(at), y2: py(at) }));
      box.append(makeSvg("text", { class: "pg-tick", x: left - 6, y: py(at) + 5, "text-anchor": "end" }, amount(at, 3)));
    }
    for (const at of [first, (first + last) / 2, last]) {
      box.append(makeSvg("text", { class: "pg-tick", x: px(at), y: high - 6, "text-anchor": "middle" }, amount(at, 3)));
    }
    const legend = make("ul", "pg-legend");
    series.forEach(({ name, y }, i) => {
      const points = pointsOf(y.map((value, j) => [px(x[j]), py(value)]));
      const dash = ["", "7 4", "2 4", "9 3 2 3"][i % 4];
      box.append(makeSvg("polyline", { class: "pg-line", points, stroke: inks[i % inks.length], "stroke-dasharray": dash }));
      if (y.length < 40) for (let j = 0; j < y.length; j++) box.append(makeSvg("circle", { cx: px(x[j]), cy: py(y[j]), r: 3.5, fill: inks[i % inks.length] }));
      const item = make("li", "");
      const sample = makeSvg("svg", { viewBox: "0 0 30 8", width: 30, height: 8, "aria-hidden": "true" });
      sample.append(makeSvg("line", { class: "pg-line", x1: 0, x2: 30, y1: 4, y2: 4, stroke: inks[i % inks.length], "stroke-dasharray": dash }));
      item.append(sample, ` ${name}: ${amount(y[0], 3)} → ${amount(y[y.length - 1], 3)}`);
      legend.append(item);
    });
    figure.append(box, legend);
    return figure;
  }

  // ---- Tables as colors ----

  function heat(block, count, columns) {
    const canvas = make("canvas", "pg-heat");
    canvas.dataset.key = `${block.id}-heat`;
    const cell = Math.max(Math.min(Math.floor(420 / columns), Math.floor(420 / count), 22), 2);
    canvas.style.width = `${cell * columns}px`;
    canvas.style.height = `${cell * count}px`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", filled(words.heat, { title: block.title, rows: count, columns }));
    if (!block.points) return canvas;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      const place = (share, n) => Math.min(Math.max(Math.floor(share * n), 0), n - 1);
      const i = place((event.clientY - box.top) / box.height, count);
      const j = place((event.clientX - box.left) / box.width, columns);
      return outputOf(block, i, j, columns);
    };
    canvas.tabIndex = 0;
    canvas.addEventListener("pointermove", (event) => point(at(event)));
    canvas.addEventListener("pointerleave", () => point(null));
    canvas.addEventListener("click", (event) => pin(at(event)));
    canvas.addEventListener("keydown", (event) => {
      const move = MOVES[event.key];
      if (!move) return;
      event.preventDefault();
      const now = state.pointed ?? state.pinned ?? state.view.links.start;
      const step = block.points === "cell" ? move[0] * columns + move[1] : move[0] + move[1];
      const next = now + step;
      if (next >= 0 && next < outputCount()) pin(next);
    });
    return canvas;
  }

  function paintHeat(block, node) {
    const canvas = node.querySelector("canvas");
    const { values, columns } = state.tables.get(block.id);
    const most = Math.max(...values.map(Math.abs), 1e-12);
    const tile = rampTile(values.map((value) => signed(value / most)), columns, values.length / columns, ramp);
    state.tables.get(block.id).tile = tile;
    drawTile(canvas, tile, [1, 1]);
  }

  function markHeat(block, node, columns, output) {
    const canvas = node.querySelector("canvas");
    const { tile, values } = state.tables.get(block.id);
    if (!tile) return;
    drawTile(canvas, tile, [1, 1]);
    const count = values.length / columns;
    const [wide, high] = [canvas.width / columns, canvas.height / count];
    const path = new Path2D();
    if (block.points === "row") path.rect(1, output * high, canvas.width - 2, high);
    else path.rect((output % columns) * wide, Math.floor(output / columns) * high, wide, high);
    strokeTwice(canvas.getContext("2d"), path, 2.5 * pixelRatio(), CURSOR);
  }

  // ---- A stack of layers: one row each, what is known after it beside it ----

  function stackBlock({ id, title, edit: name, heads, kinds, rows, known: seen, seenHeads, most }) {
    const figure = make("figure", "pg-stack");
    figure.append(written(make("figcaption"), title));
    const scroll = make("div", "pg-scroll");
    const table = make("table", "");
    const head = make("tr", "");
    head.append(make("th", "", "#"), ...[...heads, ...seenHeads].map((text) => make("th", "", text)), make("th", ""));
    table.append(head);
    const all = () => (state.given ?? state.answer.state)[name].map((row) => [...row]);
    rows.forEach((values, i) => {
      const row = make("tr", "");
      row.append(make("th", "", String(i + 1)));
      values.forEach((value, j) => {
        const box = make("td", "");
        box.append(j ? editor({ id, title: `${title}: ${heads[j]}`, edit: name, values: rows }, value, i, j, `${id}-${i * values.length + j}`) : kind(value, i));
        row.append(box);
      });
      row.append(...(seen[i] ?? []).map((text) => make("td", "pg-known", state.covered ? "?" : text)));
      const last = make("td", "");
      last.append(
        tool("+", filled(words.add, { number: i + 1 }), rows.length < most, () => change(name, all().flatMap((r, at) => (at === i ? [r, [...r]] : [r])))),
        tool("×", filled(words.remove, { number: i + 1 }), rows.length > 1, () => change(name, all().filter((_, at) => at !== i))),
      );
      row.append(last);
      table.append(row);
    });
    function kind(value, i) {
      const select = make("select", "");
      select.dataset.key = `${id}-kind-${i}`;
      select.setAttribute("aria-label", filled(words.kind, { number: i + 1 }));
      kinds.forEach((text, index) => {
        const option = make("option", "", text);
        option.value = String(index);
        select.append(option);
      });
      select.value = String(value);
      select.addEventListener("change", () => edit(name, i, 0, Number(select.value)));
      return select;
    }
    scroll.append(table);
    figure.append(scroll);
    return figure;
  }

  return { block, heat, markHeat, paintHeat };
}
