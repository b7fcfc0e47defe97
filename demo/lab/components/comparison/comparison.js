// A cell keeps its nodes while its method stays, so that pictures do not blink when their neighbors come.

import { make, makeButton, makeSvg } from "../../../shared/js/dom.js";
import { urlOf } from "../../../shared/js/images.js";

function fill(list, lines) {
  list.replaceChildren(
    ...(lines ?? []).map((text) => make("li", "", text)),
  );
  list.hidden = !lines?.length;
}

function stripeOf([color, share]) {
  const stripe = make("span");
  [stripe.style.background, stripe.style.width] = [color, `${100 * share}%`];
  return stripe;
}

const LETTERS = 0.055; // of the longer side

function numbersOn({ width, height }, numbers) {
  const size = LETTERS * Math.max(width, height);
  const drawing = makeSvg("svg", { viewBox: `0 0 ${width} ${height}`, width: "100%", height: "100%" });
  for (const [number, x, y] of numbers ?? []) {
    const disc = makeSvg("circle", { cx: x, cy: y, r: 0.8 * size, fill: "#ffffff", stroke: "#000000", "stroke-width": size / 12 });
    const text = { x, y: y + 0.35 * size, fill: "#000000", "font-size": `${size}px`, "text-anchor": "middle" };
    drawing.append(disc, makeSvg("text", text, String(number)));
  }
  return drawing;
}

export function mount({ element, props, trigger, watch, fixed }) {
  const { words } = fixed;
  const find = (name) => element.querySelector(`.cp-${name}`);
  const empty = find("empty");
  const status = find("status");
  const grid = find("grid");
  const cells = new Map(); // nodes by method

  function makeCell(method) {
    const item = make("li", "cp-cell");
    item.dataset.method = method;
    const title = make("h3", "cp-title");
    const stage = make("div", "cp-stage");
    const picture = make("img", "cp-picture");
    const numbers = make("div", "cp-numbers");
    numbers.setAttribute("aria-hidden", "true");
    const line = make("p", "cp-line");
    const areas = make("div", "cp-areas");
    areas.setAttribute("aria-hidden", "true");
    const facts = make("ul", "cp-facts");
    const notes = make("ul", "cp-notes");
    const button = makeButton("cp-choose");
    stage.append(picture, numbers, line);
    item.append(title, stage, areas, facts, notes, button);
    // The picture does what the button does; the button is there for the keyboard and says what it is.
    for (const node of [picture, button]) {
      node.addEventListener("click", () => props.main === method || trigger("choose", { method }));
    }
    return { item, title, stage, picture, numbers, line, areas, facts, notes, button };
  }

  function showCell(nodes, cell, value) {
    const done = cell.state === "done";
    const failed = cell.state === "failed";
    nodes.item.dataset.state = value.running || done || failed ? cell.state : "stopped";
    nodes.title.textContent = cell.title;
    nodes.stage.style.aspectRatio = failed ? "auto" : `${value.width} / ${value.height}`;
    const url = urlOf(cell.picture);
    if (done && nodes.picture.getAttribute("src") !== url) nodes.picture.src = url;
    nodes.picture.alt = cell.alt ?? "";
    nodes.picture.hidden = !done;
    nodes.numbers.replaceChildren(...(done ? [numbersOn(value, cell.numbers)] : []));
    nodes.line.textContent = failed ? cell.line : value.running ? (cell.line ?? words[cell.state]) : words.stopped;
    nodes.line.hidden = done;
    nodes.areas.hidden = !done;
    nodes.areas.replaceChildren(...(done ? cell.areas.map(stripeOf) : []));
    fill(nodes.facts, cell.facts);
    fill(nodes.notes, cell.notes);
    nodes.button.hidden = !done;
  }

  function show(value) {
    empty.hidden = Boolean(value);
    status.hidden = grid.hidden = !value;
    if (!value) return;
    if (value.running && value.run === props.stopped) value = { ...value, running: false, status: words.stop };
    status.textContent = value.status;
    grid.setAttribute("aria-busy", String(value.running));
    const items = value.cells.map((cell) => {
      if (!cells.has(cell.method)) cells.set(cell.method, makeCell(cell.method));
      const nodes = cells.get(cell.method);
      showCell(nodes, cell, value);
      return nodes.item;
    });
    if (items.length !== grid.children.length || items.some((item, i) => grid.children[i] !== item)) grid.replaceChildren(...items);
    mark();
  }

  // Which cell shows the main result.
  function mark() {
    for (const [method, { item, title, button }] of cells) {
      const isMain = method === props.main;
      item.classList.toggle("cp-main", isMain);
      button.textContent = isMain ? words.main : words.choose;
      button.setAttribute("aria-label", `${title.textContent}: ${button.textContent}`);
      button.setAttribute("aria-pressed", String(isMain));
    }
  }

  empty.textContent = words.empty;
  grid.setAttribute("aria-label", words.label);
  watch("value", () => show(props.value));
  watch("stopped", () => show(props.value));
  watch("main", mark);
  show(props.value);
}
