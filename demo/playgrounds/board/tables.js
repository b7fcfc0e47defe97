// Tables whose cells can be changed.

const SVG = "http://www.w3.org/2000/svg";

let view = null; // of the latest answer
let tables = new Map(); // id to {block, values (flat), columns, node, cells}

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
