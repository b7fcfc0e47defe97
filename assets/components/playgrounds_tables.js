// Tables whose cells can be changed, and pointing: an output lights what it reads, and its sum is spelled out.

const SVG = "http://www.w3.org/2000/svg";
const MOST_TERMS = 30; // of a sum that are written out

let view = null; // of the latest answer
let tables = new Map(); // id to {block, values (flat), columns, node, cells}
let pinned = null; // number of the output that was clicked
let pointed = null; // of the one under the pointer or the cursor
let covered = false;
const guesses = new Map(); // output to what was typed over it

function make(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

function drawn(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function amount(value, digits = 4) {
  const tiny = value !== 0 && Math.abs(value) < 1e-4;
  const text = Number.isInteger(value) ? String(value) : tiny ? value.toExponential(0) : String(Number(value.toPrecision(digits)));
  return text.replaceAll("-", "−");
}

// Text in which _x and _{x} are set below the line.
function written(node, text) {
  node.replaceChildren(
    ...text.split(/(_\{[^}]*\}|_[a-z])/).map((part) => (part.startsWith("_") ? make("sub", "", part.replace(/[_{}]/g, "")) : part)),
  );
  return node;
}

// A number as a person writes it: −1.5, 1/4, or with a decimal comma. NaN where it is none.
function parsed(text) {
  const cleaned = text.trim().replace("−", "-").replace(",", ".");
  const fraction = /^(-?\d+(?:\.\d+)?)\s*\/\s*(\d+(?:\.\d+)?)$/.exec(cleaned);
  if (fraction) return Number(fraction[2]) ? Number(fraction[1]) / Number(fraction[2]) : NaN;
  return cleaned === "" ? NaN : Number(cleaned);
}

// ---- Drawing ----

function drawView(next, first) {
  view = next;
  tables = new Map(Object.entries(view.hidden ?? {}).map(([id, { values, columns }]) => [id, { values, columns }]));
  if (first) setCovered(false, false);
  const rows = view.rows.map((blocks) => {
    const row = make("div", "pg-row");
    row.append(...blocks.map((spec) => block(spec, blocks.length === 1)));
    if (blocks.some(({ block: kind }) => kind === "sign")) row.classList.add("pg-equation");
    return row;
  });
  redraw(parts.stage, rows);
  parts.cover.hidden = !view.links;
  for (const { block, node } of tables.values()) if (block?.heat) paintHeat(block, node);
  settle();
}

function tableBlock(block) {
  const figure = make("figure", "pg-table");
  figure.dataset.table = block.id;
  const values = block.row_of ? Array(block.shape[0] * block.shape[1]).fill(0) : block.values.flat();
  const columns = block.row_of ? block.shape[1] : block.values[0].length;
  const count = values.length / columns;
  const entry = { block, values, columns, node: figure, cells: [] };
  tables.set(block.id, entry);
  figure.classList.toggle("pg-dense", columns > 6);
  const caption = written(make("figcaption"), block.title);
  if (!block.heat) caption.append(" ", make("span", "pg-size", `${count - 2 * (block.pad ?? 0)} × ${columns - 2 * (block.pad ?? 0)}`));
  figure.append(caption);
  const scroll = make("div", "pg-scroll");
  if (block.heat) scroll.append(heat(block, count, columns));
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
  else if (covered && block.points && !guesses.has(outputOf(block, i, j, columns))) {
    box.append(guess(entry, outputOf(block, i, j, columns), values[index], key));
  } else {
    const button = make("span", "pg-value", amount(values[index]));
    if (covered && block.points) marked(box, button, guesses.get(outputOf(block, i, j, columns)), values[index]);
    if (block.points) pointable(box, button, block, i, j, columns, key);
    box.append(button);
  }
  if (!block.plain) tint(box, values[index], most);
  return box;
}

function tint(box, value, most) {
  const share = Math.min(Math.abs(value) / most, 1);
  box.style.setProperty("--pg-share", `${Math.round(share * 46)}%`);
  box.dataset.sign = value < 0 ? "minus" : value > 0 ? "plus" : "zero";
}

function editor(block, value, i, j, key) {
  const input = make("input", "pg-edit");
  Object.assign(input, { type: "text", inputMode: "decimal", value: String(value), autocomplete: "off", spellcheck: false });
  input.dataset.key = key;
  input.setAttribute("aria-label", `${block.title}, row ${i + 1}, column ${j + 1}`);
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
  const rows = (given ?? answer.state)[name] ?? answer.state[name];
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

// ---- Pointing ----

function outputOf(block, i, j, columns) {
  return block.points === "row" ? i : block.points === "column" ? j : i * columns + j;
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
  parts.sum.textContent = isHidden(output) ? `${nameOf_(output)} = ?` : (links.said[output] ?? sum(output));
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

function nameOf_(output) {
  const { block, columns, values } = tables.get(view.links.out);
  const wide = block.points === "row" || columns === 1 || values.length === columns;
  return wide ? `${view.links.name}[${output}]` : `${view.links.name}[${Math.floor(output / columns)}, ${output % columns}]`;
}

function sum(output) {
  const { factors, out, after } = view.links;
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
  return `${nameOf_(output)} = ${shown.join(" + ") || "0"}${rest}${after} = ${amount(value)}`;
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
