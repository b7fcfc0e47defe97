// Pointing: an output lights what it reads, and its sum is spelled out. And results that are covered until they are guessed.

import { MOVES } from "../../shared/js/cells.js";
import { filled, make } from "../../shared/js/dom.js";
import { parsed } from "../../shared/js/numbers.js";
import { amount, outputOf, tint } from "./amounts.js";

const MOST_TERMS = 30; // of a sum that are written out

function bracketed(value, place) {
  const text = amount(value, 3);
  return value < 0 && place !== undefined ? `(${text})` : text;
}

function marked(box, button, guessed, value) {
  const right = Math.abs(guessed - value) <= 0.005 * Math.max(Math.abs(value), 0.1);
  const none = Number.isNaN(guessed);
  if (!none) box.classList.add(right ? "pg-right" : "pg-wrong");
  button.title = none ? "" : right ? "as expected" : `expected ${amount(guessed)}`;
  if (!none) button.prepend(make("span", "pg-mark", right ? "✓ " : "✗ "));
}

export function pointing(board) {
  const { state, words, parts, element, address } = board;

  function pointable(box, button, block, i, j, columns, key) {
    const output = outputOf(block, i, j, columns);
    box.classList.add("pg-output");
    button.dataset.key = key;
    button.dataset.output = output;
    button.tabIndex = -1;
    button.setAttribute("role", "button");
    button.addEventListener("pointerenter", () => point(output));
    button.addEventListener("pointerleave", () => point(null));
    button.addEventListener("focus", () => point(output));
    button.addEventListener("click", () => pin(output));
    button.addEventListener("keydown", (event) => {
      if (event.target !== button) return;
      if (event.key === "Enter" || event.key === " ") pin(output);
      else if (event.key === "Escape") pin(null);
      else if (MOVES[event.key]) {
        const [down, right] = MOVES[event.key];
        const next = state.tables.get(block.id).cells[(i + down) * columns + j + right];
        if (j + right < 0 || j + right >= columns) return;
        next?.querySelector(".pg-value")?.focus();
      } else return;
      event.preventDefault();
    });
  }

  function point(output) {
    state.pointed = output;
    light();
  }

  function pin(output) {
    state.pinned = output;
    state.pointed = output;
    light();
    if (state.answer) address(state.answer.link);
  }

  // What is lit while nothing is pointed at: what was pinned, or what teaches most.
  function settle() {
    const outputs = outputCount();
    if (state.pinned !== null && state.pinned >= outputs) state.pinned = null;
    if (state.pointed !== null && state.pointed >= outputs) state.pointed = null;
    light();
  }

  function outputCount() {
    const out = state.view.links && state.tables.get(state.view.links.out);
    return out ? (out.block?.points === "row" ? out.values.length / out.columns : out.values.length) : 0;
  }

  function light() {
    for (const node of parts.stage.querySelectorAll(".pg-lit, .pg-at")) node.classList.remove("pg-lit", "pg-at");
    const links = state.view?.links;
    if (!links || !outputCount()) {
      parts.sum.hidden = true;
      return;
    }
    const output = state.pointed ?? state.pinned ?? Math.min(links.start, outputCount() - 1);
    for (const entry of state.tables.values()) {
      if (entry.block?.row_of) fillRow(entry, output);
      if (entry.block?.points) lightOutputs(entry, output);
    }
    for (const factor of links.factors) {
      const cells = factor.cells?.[output] ?? state.tables.get(factor.table).values.keys();
      for (const index of cells) {
        state.tables.get(factor.table).cells?.[index]?.classList.add("pg-lit");
        if (factor.table === state.view.focus) for (const id of state.view.also ?? []) state.tables.get(id)?.cells?.[index]?.classList.add("pg-lit");
      }
    }
    parts.sum.hidden = false;
    parts.sum.textContent = isHidden(output) ? `${outputName(output)} = ?` : (links.said[output] ?? sum(output));
  }

  function lightOutputs({ block, cells, columns, node }, output) {
    if (block.heat) {
      board.markHeat(block, node, columns, output);
      return;
    }
    cells.forEach((box, index) => {
      const same = outputOf(block, Math.floor(index / columns), index % columns, columns) === output;
      if (same) box.classList.add("pg-at");
      const value = box.querySelector(".pg-value");
      if (value) value.tabIndex = same ? 0 : -1; // Tab reaches the output that is lit, arrow keys the others
    });
  }

  function fillRow(entry, output) {
    const source = state.tables.get(entry.block.row_of);
    const row = source.values.slice(output * source.columns, (output + 1) * source.columns);
    const most = Math.max(...row.map(Math.abs), 1e-12);
    entry.values = row;
    row.forEach((value, index) => {
      const box = entry.cells[index];
      box.querySelector(".pg-value").textContent = amount(value, 3);
      tint(box, value, most);
    });
  }

  function outputName(output) {
    const { block, columns, values } = state.tables.get(state.view.links.out);
    const wide = block.points === "row" || columns === 1 || values.length === columns;
    return wide ? `${state.view.links.name}[${output}]` : `${state.view.links.name}[${Math.floor(output / columns)}, ${output % columns}]`;
  }

  function sum(output) {
    const { factors, out } = state.view.links;
    const rows = factors.map(({ table, cells }) => {
      const { values } = state.tables.get(table);
      return cells ? cells[output].map((index) => values[index]) : values;
    });
    let terms = rows[0].map((_, t) => rows.map((row) => row[t]));
    const size = (term) => Math.abs(term.reduce((product, value) => product * value, 1));
    const least = 1e-5 * Math.max(...terms.map(size), 0);
    const all = terms;
    // Long sums leave out the terms that are 0, and all of them those that would not be seen.
    terms = terms.filter((term) => (size(term) === 0 ? all.length <= 12 : size(term) > least));
    const shown = terms.slice(0, MOST_TERMS).map((term) => term.map(bracketed).join("·"));
    const small = all.some((term) => size(term) > 0 && size(term) <= least);
    const rest = terms.length > MOST_TERMS || small ? " + …" : "";
    const { values, columns, block } = state.tables.get(out);
    const value = values[block.points === "row" ? output * columns : output];
    return `${outputName(output)} = ${shown.join(" + ") || "0"}${rest} = ${amount(value)}`;
  }

  // ---- Predict, then reveal: covered results ----

  function setCovered(on, redrawn = true) {
    state.covered = on;
    state.uncovered.clear();
    state.guesses.clear();
    parts.cover.setAttribute("aria-pressed", String(on));
    element.classList.toggle("pg-covered", on);
    parts.stage.classList.toggle("pg-covered", on);
    if (redrawn && state.view) board.drawView(state.view, false);
  }

  // A covered result: what is typed over it is compared with it as far as it is shown.
  function guess({ block }, output, key) {
    const input = make("input", "pg-edit pg-guess");
    Object.assign(input, { type: "text", inputMode: "decimal", placeholder: "?", autocomplete: "off" });
    input.dataset.key = key;
    input.setAttribute("aria-label", filled(words.expect, { title: block.title }));
    input.addEventListener("focus", () => point(output));
    input.addEventListener("pointerenter", () => point(output));
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      state.guesses.set(output, parsed(input.value));
      board.drawView(state.view, false);
    });
    return input;
  }

  function isHidden(output) {
    return state.covered && !state.guesses.has(output);
  }

  return { guess, marked, outputCount, pin, point, pointable, setCovered, settle };
}
