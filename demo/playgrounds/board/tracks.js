// Tracks whose boxes are dragged: a column per frame, the truth dashed, what was found filled.

import { filled, make, makeSvg } from "../../shared/js/dom.js";
import { clamped } from "../../shared/js/numbers.js";

const STEP = 0.5; // of a box that moves
const [LEFT, TOP, UNIT] = [64, 22, 13]; // px: names, numbers of frames, one unit of height

// The rows of a layer with the middle of one box changed; 0 is no box.
export function moved(rows, row, frame, middle) {
  return rows.map((values, r) => (r === row ? values.map((old, t) => (t === frame ? middle : old)) : values));
}

// A height on the screen as the middle of a box: a multiple of the step, so that the box stays on the board.
export function middleAt(y, highest, tall) {
  return clamped(Math.round(y / STEP) * STEP, tall / 2, highest - tall / 2);
}

export function tracks({ state, words, change }) {
  let dragged = null; // {edit, row, frame, offset}

  const rowsOf = (edit) => (state.given ?? state.answer.state)[edit];

  function put(edit, row, frame, middle) {
    const rows = rowsOf(edit);
    if (rows[row][frame] !== middle) change(edit, moved(rows, row, frame, middle));
  }

  function tracksBlock(spec) {
    const figure = make("figure", "pg-tracks");
    figure.dataset.table = spec.id;
    figure.append(make("figcaption", "", spec.title));
    const column = 62;
    const [wide, high] = [LEFT + spec.frames * column, TOP + spec.highest * UNIT + 6];
    const svg = makeSvg("svg", { viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, role: "group", "aria-label": spec.title });
    const y = (middle) => TOP + middle * UNIT;
    const place = (event) => {
      const box = svg.getBoundingClientRect();
      const scale = wide / box.width;
      return [Math.floor(((event.clientX - box.left) * scale - LEFT) / column), ((event.clientY - box.top) * scale - TOP) / UNIT];
    };
    for (let t = 0; t < spec.frames; t++) {
      svg.append(makeSvg("rect", { class: "pg-frame", x: LEFT + t * column, y: TOP, width: column, height: spec.highest * UNIT }));
      svg.append(makeSvg("text", { x: LEFT + (t + 0.5) * column, y: 14, "text-anchor": "middle" }, String(t + 1)));
    }
    for (const layer of spec.layers) layer.rows.forEach((values, row) => drawTrack(svg, spec, layer, values, row, { column, y }));
    drawPairs(svg, spec, { column, y });
    svg.addEventListener("pointermove", (event) => {
      if (!dragged || !event.buttons) return;
      put(dragged.edit, dragged.row, dragged.frame, middleAt(place(event)[1] - dragged.offset, spec.highest, spec.tall));
    });
    svg.addEventListener("pointerdown", (event) => {
      const hit = event.target.closest("[data-box]");
      const [t, at] = place(event);
      if (hit) {
        const [edit, row, frame] = hit.dataset.box.split(" ");
        dragged = { edit, row: Number(row), frame: Number(frame), offset: at - rowsOf(edit)[row][frame] };
        return;
      }
      if (t >= 0 && t < spec.frames) setEmpty(spec, t, middleAt(at, spec.highest, spec.tall));
    });
    svg.addEventListener("dblclick", (event) => {
      const hit = event.target.closest("[data-box]");
      if (!hit) return;
      const [edit, row, frame] = hit.dataset.box.split(" ");
      put(edit, Number(row), Number(frame), 0);
    });
    const scroll = make("div", "pg-scroll");
    scroll.append(svg);
    figure.append(scroll, make("p", "pg-note", spec.note));
    return figure;
  }

  // A click on an empty place sets the first box that is missing there: of what was found, and then of the truth.
  function setEmpty(spec, t, middle) {
    for (const layer of [...spec.layers].reverse()) {
      const row = layer.rows.findIndex((values) => values[t] === 0);
      if (row >= 0) return put(layer.edit, row, t, middle);
    }
    return null;
  }

  function drawTrack(svg, spec, layer, values, row, { column, y }) {
    const name = layer.names[row];
    const color = layer.colors?.[row];
    const inset = layer.colors ? 13 + 5 * row : 5;
    const x = (t) => LEFT + t * column + inset;
    const way = [];
    values.forEach((middle, t) => {
      if (middle) way.push(`${way.length && values[t - 1] ? "L" : "M"}${LEFT + (t + 0.5) * column} ${y(middle)}`);
    });
    const line = makeSvg("path", { class: "pg-way", d: way.join("") || "M0 0" });
    if (color) line.style.stroke = color;
    svg.append(line);
    const first = values.find((middle) => middle);
    const label = makeSvg("text", { x: LEFT - 6, y: y(first ?? spec.highest / 2) + (layer.colors ? 16 * (row + 1) - 10 : -8), "text-anchor": "end" }, name);
    if (color) label.style.setProperty("--c", color);
    label.classList.add("pg-track-name");
    svg.append(label);
    values.forEach((middle, t) => {
      const box = makeSvg("rect", { class: color ? "pg-found" : "pg-true", x: x(t), width: column - 2 * inset, tabindex: 0, rx: 3 });
      box.setAttribute("y", middle ? y(middle - spec.tall / 2) : TOP + spec.highest * UNIT - 8);
      box.setAttribute("height", middle ? spec.tall * UNIT : 7);
      if (color) box.style.setProperty("--c", color);
      box.dataset.key = `${spec.id}-${layer.edit}-${row}-${t}`;
      box.setAttribute("role", "slider");
      box.setAttribute("aria-valuenow", String(middle));
      box.setAttribute("aria-label", filled(middle ? words.trackBox : words.trackNone, { name, frame: t + 1, place: middle }));
      if (middle) box.dataset.box = `${layer.edit} ${row} ${t}`;
      else box.classList.add("pg-no-box");
      box.addEventListener("keydown", (event) => onKey(event, spec, layer, row, t, middle, svg));
      svg.append(box);
    });
  }

  function onKey(event, spec, layer, row, t, middle, svg) {
    const { key } = event;
    const beside = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (beside) svg.querySelector(`[data-key="${CSS.escape(`${spec.id}-${layer.edit}-${row}-${t + beside}`)}"]`)?.focus();
    else if (key === "Enter" && !middle) put(layer.edit, row, t, spec.highest / 2);
    else if ((key === "Delete" || key === "Backspace") && middle) put(layer.edit, row, t, 0);
    else if ((key === "ArrowUp" || key === "ArrowDown") && middle) put(layer.edit, row, t, middleAt(middle + (key === "ArrowUp" ? -STEP : STEP), spec.highest, spec.tall));
    else return;
    event.preventDefault();
  }

  // What is matched, and where another track takes over.
  function drawPairs(svg, spec, { column, y }) {
    if (state.covered) return;
    const [truth, found] = spec.layers;
    for (const [t, i, j, iou] of spec.pairs) {
      const x = LEFT + (t + 0.5) * column;
      const [a, b] = [y(truth.rows[i][t]), y(found.rows[j][t])];
      const line = makeSvg("path", { class: "pg-pair", d: `M${x} ${a}V${b}M${x - 5} ${a}h10M${x - 5} ${b}h10` });
      line.append(makeSvg("title", {}, filled(words.pair, { iou })));
      svg.append(line);
    }
    for (const [t, i] of spec.switches) {
      const x = LEFT + t * column;
      svg.append(makeSvg("path", { class: "pg-switch", d: `M${x - 7} ${y(truth.rows[i - 1][t] - spec.tall / 2) - 14}h14l-7 11z` }));
    }
  }

  return { tracksBlock };
}
