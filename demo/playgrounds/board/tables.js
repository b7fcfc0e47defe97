// Tables whose cells can be changed.

import { filled, make, written } from "../../shared/js/dom.js";
import { parsed } from "../../shared/js/numbers.js";
import { amount, outputOf, tint } from "./amounts.js";
import { isResult } from "./blocks.js";

export function tables(board) {
  const { state, words, parts, change, redraw, setCovered, settle, pointable, guess, marked } = board;

  // ---- Drawing ----

  function drawView(next, first) {
    state.view = next;
    state.tables = new Map(Object.entries(state.view.hidden ?? {}).map(([id, { values, columns }]) => [id, { values, columns }]));
    if (first) {
      setCovered(state.opensCovered, false);
      state.opensCovered = false; // as the link says, and another playground begins open
    }
    const rows = state.view.rows.map((blocks, i) => {
      const row = make("div", "pg-row");
      row.append(...blocks.map((spec, j) => board.block(spec, blocks.length === 1, `${i}-${j}`)));
      if (blocks.some(({ block: kind }) => kind === "sign")) row.classList.add("pg-equation");
      return row;
    });
    redraw(parts.stage, rows);
    parts.cover.hidden = !state.view.links && !state.view.rows.flat().some((spec) => spec.block === "facts" || isResult(spec));
    for (const { block, node } of state.tables.values()) if (block?.heat) board.paintHeat(block, node);
    settle();
  }

  function tableBlock(block) {
    const figure = make("figure", "pg-table");
    figure.dataset.table = block.id;
    const values = block.row_of ? Array(block.shape[0] * block.shape[1]).fill(0) : block.values.flat();
    const columns = block.row_of ? block.shape[1] : block.values[0].length;
    const count = values.length / columns;
    const entry = { block, values, columns, node: figure, cells: [] };
    state.tables.set(block.id, entry);
    figure.classList.toggle("pg-dense", columns > 6);
    const caption = written(make("figcaption"), block.title);
    if (!block.heat) caption.append(" ", make("span", "pg-size", `${count - 2 * (block.pad ?? 0)} × ${columns - 2 * (block.pad ?? 0)}`));
    figure.append(caption);
    const scroll = make("div", "pg-scroll");
    if (block.heat) scroll.append(board.heat(block, count, columns));
    else scroll.append(grid(entry, count, columns));
    figure.append(scroll);
    if (block.note) figure.append(make("p", "pg-note", block.note));
    return figure;
  }

  function grid(entry, count, columns) {
    const { block, values } = entry;
    const table = make("table", "");
    const most = Math.max(...values.map(Math.abs), 1e-12);
    if (block.columns?.length) {
      const head = make("tr", "");
      if (block.rows?.length) head.append(make("td", "pg-corner"));
      head.append(...block.columns.map((name) => make("th", "", name)));
      table.append(head);
    }
    for (let i = 0; i < count; i++) {
      const row = make("tr", "");
      if (block.rows?.length) row.append(make("th", "", block.rows[i]));
      for (let j = 0; j < columns; j++) row.append(cell(entry, i, j, count, columns, most));
      table.append(row);
    }
    return table;
  }

  function cell(entry, i, j, count, columns, most) {
    const { block, values } = entry;
    const index = i * columns + j;
    const pad = block.pad ?? 0;
    const inner = i >= pad && j >= pad && i < count - pad && j < columns - pad;
    const box = make("td", inner ? "" : "pg-pad");
    const key = `${block.id}-${index}`;
    entry.cells[index] = box;
    if (block.edit && inner) box.append(editor(block, values[index], i - pad, j - pad, key));
    else if (state.covered && block.points && !state.guesses.has(outputOf(block, i, j, columns))) {
      box.append(guess(entry, outputOf(block, i, j, columns), key));
    } else {
      const button = make("span", "pg-value", amount(values[index]));
      if (state.covered && block.points) marked(box, button, state.guesses.get(outputOf(block, i, j, columns)), values[index]);
      if (block.points) pointable(box, button, block, i, j, columns, key);
      box.append(button);
    }
    const isGuessed = !state.covered || !block.points || state.guesses.has(outputOf(block, i, j, columns));
    if (!block.plain && isGuessed) tint(box, values[index], most); // a color tells size and sign
    return box;
  }

  function editor(block, value, i, j, key) {
    const input = make("input", "pg-edit");
    Object.assign(input, { type: "text", inputMode: "decimal", value: String(value), autocomplete: "off", spellcheck: false });
    input.dataset.key = key;
    input.setAttribute("aria-label", filled(words.cell, { title: block.title, row: i + 1, column: j + 1 }));
    input.style.setProperty("--pg-width", `${Math.max(String(value).length, 2) + 0.6}ch`);
    input.addEventListener("focus", () => input.select());
    input.addEventListener("input", () => {
      const number = parsed(input.value);
      input.classList.toggle("pg-bad", Number.isNaN(number));
      if (!Number.isNaN(number)) edit(block.edit, i, j, number);
    });
    input.addEventListener("blur", () => {
      if (!Number.isNaN(parsed(input.value))) return;
      input.value = String(value);
      input.classList.remove("pg-bad");
    });
    input.addEventListener("keydown", (event) => moveInput(event, block, i, j));
    return input;
  }

  function edit(name, i, j, number) {
    const rows = (state.given ?? state.answer.state)[name] ?? state.answer.state[name];
    change(name, rows.map((row, r) => (r === i ? row.map((old, c) => (c === j ? number : old)) : row)));
  }

  function moveInput(event, block, i, j) {
    const { selectionStart: start, selectionEnd: end, value } = event.target;
    const whole = start === 0 && end === value.length;
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], Enter: [1, 0] };
    if (whole || start === 0) moves.ArrowLeft = [0, -1];
    if (whole || end === value.length) moves.ArrowRight = [0, 1];
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const pad = block.pad ?? 0;
    const columns = block.values[0].length;
    const next = parts.stage.querySelector(`[data-key="${CSS.escape(`${block.id}-${(i + pad + move[0]) * columns + j + pad + move[1]}`)}"]`);
    next?.focus();
  }

  return { drawView, edit, editor, tableBlock };
}
