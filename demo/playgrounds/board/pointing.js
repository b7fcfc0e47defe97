// Pointing: an output lights what it reads, and its sum is spelled out. And results that are covered until they are guessed.

const MOST_TERMS = 30; // of a sum that are written out

let pinned = null; // number of the output that was clicked
let pointed = null; // of the one under the pointer or the cursor
let covered = false;
const guesses = new Map(); // output to what was typed over it

function outputOf(block, i, j, columns) {
  return block.points === "row" ? i : i * columns + j;
}

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
      const next = tables.get(block.id).cells[(i + down) * columns + j + right];
      if (j + right < 0 || j + right >= columns) return;
      next?.querySelector(".pg-value")?.focus();
    } else return;
    event.preventDefault();
  });
}

function point(output) {
  pointed = output;
  light();
}

function pin(output) {
  pinned = output;
  pointed = output;
  light();
  if (answer) address(answer.link);
}

// What is lit while nothing is pointed at: what was pinned, or what teaches most.
function settle() {
  const outputs = outputCount();
  if (pinned !== null && pinned >= outputs) pinned = null;
  if (pointed !== null && pointed >= outputs) pointed = null;
  light();
}

function outputCount() {
  const out = view.links && tables.get(view.links.out);
  return out ? (out.block?.points === "row" ? out.values.length / out.columns : out.values.length) : 0;
}

function light() {
  for (const node of parts.stage.querySelectorAll(".pg-lit, .pg-at")) node.classList.remove("pg-lit", "pg-at");
  const links = view?.links;
  if (!links || !outputCount()) {
    parts.sum.hidden = true;
    return;
  }
  const output = pointed ?? pinned ?? Math.min(links.start, outputCount() - 1);
  for (const entry of tables.values()) {
    if (entry.block?.row_of) fillRow(entry, output);
    if (entry.block?.points) lightOutputs(entry, output);
  }
  for (const factor of links.factors) {
    const cells = factor.cells?.[output] ?? tables.get(factor.table).values.keys();
    for (const index of cells) {
      tables.get(factor.table).cells?.[index]?.classList.add("pg-lit");
      if (factor.table === view.focus) for (const id of view.also ?? []) tables.get(id)?.cells?.[index]?.classList.add("pg-lit");
    }
  }
  parts.sum.hidden = false;
  parts.sum.textContent = isHidden(output) ? `${outputName(output)} = ?` : (links.said[output] ?? sum(output));
}

function lightOutputs({ block, cells, columns, node }, output) {
  if (block.heat) {
    markHeat(block, node, columns, output);
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
  const source = tables.get(entry.block.row_of);
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
  const { block, columns, values } = tables.get(view.links.out);
  const wide = block.points === "row" || columns === 1 || values.length === columns;
  return wide ? `${view.links.name}[${output}]` : `${view.links.name}[${Math.floor(output / columns)}, ${output % columns}]`;
}

function sum(output) {
  const { factors, out } = view.links;
  const rows = factors.map(({ table, cells }) => {
    const { values } = tables.get(table);
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
  const { values, columns, block } = tables.get(out);
  const value = values[block.points === "row" ? output * columns : output];
  return `${outputName(output)} = ${shown.join(" + ") || "0"}${rest} = ${amount(value)}`;
}

function bracketed(value, place) {
  const text = amount(value, 3);
  return value < 0 && place !== undefined ? `(${text})` : text;
}

// ---- Predict, then reveal: covered results ----

function setCovered(on, redrawn = true) {
  covered = on;
  guesses.clear();
  parts.cover.setAttribute("aria-pressed", String(on));
  element.classList.toggle("pg-covered", on);
  parts.stage.classList.toggle("pg-covered", on);
  if (redrawn && view) drawView(view, false);
}

// A covered result: what is typed over it is compared with it as far as it is shown.
function guess({ block }, output, value, key) {
  const input = make("input", "pg-edit pg-guess");
  Object.assign(input, { type: "text", inputMode: "decimal", placeholder: "?", autocomplete: "off" });
  input.dataset.key = key;
  input.setAttribute("aria-label", `${block.title}: what do you expect?`);
  input.addEventListener("focus", () => point(output));
  input.addEventListener("pointerenter", () => point(output));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    guesses.set(output, parsed(input.value));
    drawView(view, false);
  });
  return input;
}

function marked(box, button, guessed, value) {
  const right = Math.abs(guessed - value) <= 0.005 * Math.max(Math.abs(value), 0.1);
  const none = Number.isNaN(guessed);
  if (!none) box.classList.add(right ? "pg-right" : "pg-wrong");
  button.title = none ? "" : right ? "as expected" : `expected ${amount(guessed)}`;
  if (!none) button.prepend(make("span", "pg-mark", right ? "✓ " : "✗ "));
}

function isHidden(output) {
  return covered && !guesses.has(output);
}
