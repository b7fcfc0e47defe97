// Pictures in which a place is clicked, and labels that are painted.

import { MOVES } from "../../shared/js/cells.js";
import { filled, make, makeButton, makeSvg, written } from "../../shared/js/dom.js";

function placeOf(event, stage, rows, columns) {
  const box = stage.getBoundingClientRect();
  const inside = (share, n) => Math.min(Math.max(Math.floor(share * n), 0), n - 1);
  return [inside((event.clientY - box.top) / box.height, rows), inside((event.clientX - box.left) / box.width, columns)];
}

function legendOf(labels) {
  const list = make("ul", "pg-labels");
  for (const { title, color } of labels) {
    const item = make("li", "");
    const chip = make("span", "pg-chip");
    chip.style.background = color;
    item.append(chip, ` ${title}`);
    list.append(item);
  }
  return list;
}

export function pictures({ words, state, parts, ask, edit }) {
  function pictureBlock(spec) {
    const { id, title, src, grid: [rows, columns], at, boxes, dots, note, smooth } = spec;
    const figure = make("figure", "pg-picture");
    figure.dataset.table = id;
    const caption = written(make("figcaption"), title);
    const stage = make("div", "pg-picture-stage");
    const image = make("img", smooth ? "" : "pg-pixels");
    image.src = src;
    image.alt = title;
    stage.style.aspectRatio = `${spec.shape[1]} / ${spec.shape[0]}`;
    const over = makeSvg("svg", { class: "pg-over", viewBox: `0 0 ${columns} ${rows}`, preserveAspectRatio: "none" });
    for (const [y, x, color] of dots) over.append(makeSvg("rect", { x, y, width: 1, height: 1, fill: color }));
    for (const [y, x, height, width, color] of boxes) {
      for (const [stroke, thick] of [["#fff", 4.5], [color, 2.5]]) {
        over.append(makeSvg("rect", { x, y, width, height, fill: "none", stroke, "stroke-width": thick, "vector-effect": "non-scaling-stroke" }));
      }
    }
    stage.append(image, over);
    figure.append(caption, stage);
    if (note) figure.append(make("p", "pg-note", note));
    if (at) clickable(stage, at, rows, columns, id);
    return figure;
  }

  function setPlace(at, row, column) {
    state.given = { ...(state.given ?? state.answer.state), [at[0]]: row, [at[1]]: column };
    ask();
  }

  function clickable(stage, at, rows, columns, id) {
    stage.tabIndex = 0;
    stage.dataset.key = `${id}-picture`;
    stage.classList.add("pg-clickable");
    stage.setAttribute("role", "application");
    stage.setAttribute("aria-label", words.click);
    stage.addEventListener("pointerdown", (event) => setPlace(at, ...placeOf(event, stage, rows, columns)));
    stage.addEventListener("pointermove", (event) => event.buttons && setPlace(at, ...placeOf(event, stage, rows, columns)));
    stage.addEventListener("keydown", (event) => {
      const move = MOVES[event.key];
      if (!move) return;
      event.preventDefault();
      const now = state.given ?? state.answer.state;
      const by = event.shiftKey ? 10 : 1;
      const next = (old, step, n) => Math.min(Math.max(Math.min(old, n - 1) + by * step, 0), n - 1);
      setPlace(at, next(now[at[0]], move[0], rows), next(now[at[1]], move[1], columns));
    });
  }

  // ---- Labels that are painted ----
  let brush = 0;
  let painting = false;

  function paintBlock({ id, title, values, edit: name, labels, note, wrong, quiz }) {
    const figure = make("figure", "pg-paint");
    figure.append(written(make("figcaption"), title));
    if (brush >= labels.length) brush = 0;
    const [rows, columns] = [values.length, values[0].length];
    const board = make("div", "pg-cells");
    board.style.setProperty("--pg-columns", columns);
    board.dataset.key = `${id}-board`;
    board.setAttribute("role", name ? "application" : "img");
    board.setAttribute("aria-label", name ? filled(words.paint, { title }) : title);
    if (name) board.tabIndex = 0;
    values.flat().forEach((label, index) => {
      const cell = make("span", "pg-cell");
      cell.style.backgroundColor = labels[label].color;
      cell.title = labels[label].title;
      cell.dataset.index = index;
      board.append(cell);
    });
    for (const index of state.covered ? [] : (wrong ?? [])) board.children[index].classList.add("pg-miss");
    figure.append(board);
    if (quiz) figure.append(question(quiz));
    else if (!name) figure.append(legendOf(labels));
    if (name) {
      figure.append(brushes(labels));
      paintable(board, name, rows, columns, labels);
    }
    if (note) figure.append(make("p", "pg-note", note));
    return figure;
  }

  // A question whose answer is read from what is shown.
  function question({ options, answer: right }) {
    const box = make("p", "pg-question");
    const select = make("select", "");
    const verdict = make("span", "pg-verdict");
    verdict.setAttribute("role", "status");
    ["…", ...options].forEach((text, index) => {
      const option = make("option", "", text);
      option.value = String(index - 1);
      select.append(option);
    });
    select.setAttribute("aria-label", words.which);
    select.addEventListener("change", () => {
      const said = Number(select.value);
      verdict.textContent = said < 0 ? "" : said === right ? ` ✓ ${words.yes}` : ` ✗ ${words.no}: ${options[right]}`;
      verdict.className = `pg-verdict ${said === right ? "pg-yes" : "pg-nope"}`;
    });
    box.append(select, verdict);
    return box;
  }

  function brushes(labels) {
    const box = make("div", "pg-brushes");
    box.setAttribute("role", "radiogroup");
    box.setAttribute("aria-label", words.brush);
    labels.forEach(({ title, color }, index) => {
      const button = makeButton("pg-brush");
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", String(index === brush));
      const chip = make("span", "pg-chip");
      chip.style.background = color;
      button.append(chip, `${index + 1} ${title}`);
      button.addEventListener("click", () => chooseBrush(index));
      box.append(button);
    });
    return box;
  }

  function chooseBrush(index) {
    brush = index;
    parts.stage.querySelectorAll(".pg-brush").forEach((button, i) => button.setAttribute("aria-checked", String(i === brush)));
  }

  let cursor = 0; // cell that the keyboard paints

  function paintable(board, name, rows, columns, labels) {
    const put = (index) => {
      const now = (state.given ?? state.answer.state)[name];
      const [r, c] = [Math.floor(index / columns), index % columns];
      board.children[index].style.backgroundColor = labels[brush].color;
      if (now[r][c] !== brush) edit(name, r, c, brush);
    };
    const show = () => {
      board.querySelector(".pg-cursor")?.classList.remove("pg-cursor");
      board.children[cursor]?.classList.add("pg-cursor");
    };
    const under = (event) => {
      const [r, c] = placeOf(event, board, rows, columns);
      return r * columns + c;
    };
    board.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      board.focus({ preventScroll: true });
      painting = true;
      cursor = under(event);
      put(cursor);
      show();
    });
    board.addEventListener("pointermove", (event) => painting && event.buttons && put(under(event)));
    board.addEventListener("focus", show);
    board.addEventListener("blur", () => board.querySelector(".pg-cursor")?.classList.remove("pg-cursor"));
    board.addEventListener("keydown", (event) => {
      const move = MOVES[event.key];
      const digit = Number(event.key);
      if (move) {
        const [r, c] = [Math.floor(cursor / columns) + move[0], (cursor % columns) + move[1]];
        if (r >= 0 && r < rows && c >= 0 && c < columns) cursor = r * columns + c;
        if (event.shiftKey) put(cursor);
        show();
      } else if (event.key === " ") put(cursor);
      else if (digit >= 1 && digit <= labels.length) chooseBrush(digit - 1);
      else return;
      event.preventDefault();
    });
  }

  return { paintBlock, pictureBlock };
}
