// The body of a function that Gradio calls with element, props, trigger and watch.
// A cell keeps its nodes while its method stays, so that pictures do not blink when their neighbors come.

const { words } = fixed;
const find = (name) => element.querySelector(`.cp-${name}`);
const empty = find("empty");
const status = find("status");
const grid = find("grid");
const cells = new Map(); // nodes by method

function make(name, tag, parent) {
  const node = document.createElement(tag);
  node.className = `cp-${name}`;
  parent.append(node);
  return node;
}

function makeCell(method) {
  const item = document.createElement("li");
  item.className = "cp-cell";
  item.dataset.method = method;
  const title = make("title", "h3", item);
  const stage = make("stage", "div", item);
  const picture = make("picture", "img", stage);
  const line = make("line", "p", stage);
  const areas = make("areas", "div", item);
  areas.setAttribute("aria-hidden", "true");
  const facts = make("facts", "ul", item);
  const notes = make("notes", "ul", item);
  const button = make("choose", "button", item);
  button.type = "button";
  // The picture does what the button does; the button is there for the keyboard and says what it is.
  for (const node of [picture, button]) {
    node.addEventListener("click", () => props.main === method || trigger("choose", { method }));
  }
  return { item, title, stage, picture, line, areas, facts, notes, button };
}

function fill(list, lines) {
  list.replaceChildren(
    ...(lines ?? []).map((text) => {
      const entry = document.createElement("li");
      entry.textContent = text;
      return entry;
    }),
  );
  list.hidden = !lines?.length;
}

function showCell(nodes, cell, value) {
  const done = cell.state === "done";
  const failed = cell.state === "failed";
  nodes.item.dataset.state = value.running || done || failed ? cell.state : "stopped";
  nodes.title.textContent = cell.title;
  nodes.stage.style.aspectRatio = failed ? "auto" : `${value.width} / ${value.height}`;
  const url = (typeof cell.picture === "string" ? cell.picture : cell.picture?.url) ?? "";
  if (done && nodes.picture.getAttribute("src") !== url) nodes.picture.src = url;
  nodes.picture.alt = cell.alt ?? "";
  nodes.picture.hidden = !done;
  nodes.line.textContent = failed ? cell.line : value.running ? (cell.line ?? words[cell.state]) : words.stopped;
  nodes.line.hidden = done;
  nodes.areas.hidden = !done;
  nodes.areas.style.background = done ? stripes(cell.areas) : "";
  fill(nodes.facts, cell.facts);
  fill(nodes.notes, cell.notes);
  nodes.button.hidden = !done;
}

// The areas side by side, as one background.
function stripes(areas) {
  let at = 0;
  const stops = areas.map(([color, share]) => {
    const from = at;
    at += 100 * share;
    return `${color} ${from}% ${at}%`;
  });
  return `linear-gradient(to right, ${stops.join(", ")})`;
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
