// The tree of parts: each cut has a node and two children.

import { make, makeSvg } from "../../shared/js/dom.js";

const LETTER = 7; // px of a letter, with some room

// Leaves side by side, parents between their children.
function treePlaces(nodes, width, leaves) {
  const children = nodes.map((_, i) => nodes.flatMap(({ parent }, j) => (parent === i ? [j] : [])));
  const places = [];
  let next = 0;
  const visit = (i) => {
    children[i].forEach(visit);
    const below = children[i].map((j) => places[j]);
    places[i] = below.length ? (below[0] + below[below.length - 1]) / 2 : ((next++ + 0.5) * width) / leaves;
  };
  visit(0);
  return places;
}

// The least distance of two nodes in one row; the whole width where each row has one.
export function roomOf(x, depth, width) {
  const pairs = x.flatMap((a, i) => x.slice(i + 1).map((b, j) => (depth[i] === depth[i + 1 + j] ? Math.abs(a - b) : width)));
  return Math.min(width, ...pairs);
}

// The number in a line such as "2,520 patches" or "Ncut 1.2e-05".
export const numberIn = (line) => line.match(/[\d.,]+(e[+-]?\d+)?/)[0];

function keepInside(text, width) {
  const { x, width: wide } = text.getBBox?.() ?? { x: 0, width: 0 };
  const moved = x < 0 ? -x : Math.min(width - x - wide, 0);
  if (moved) text.setAttribute("x", Number(text.getAttribute("x")) + moved);
}

export function treeView({ run, pointed, paletteColor }) {
  const view = {
    make(card) {
      card.svg = makeSvg("svg", { class: "st-tree", role: "img" });
      card.body.append(card.svg);
      card.note = make("p", "st-note");
      card.body.append(card.note);
    },

    paint(card, spec) {
      card.spec = spec;
      const width = Math.max(card.body.clientWidth, 260);
      const { nodes } = spec;
      const depth = nodes.map(() => 0);
      nodes.forEach(({ parent }, i) => (depth[i] = parent < 0 ? 0 : depth[parent] + 1));
      const leaves = nodes.filter((_, i) => !nodes.some(({ parent }) => parent === i)).length;
      const row = 76;
      const height = (Math.max(...depth) + 1) * row + 16;
      card.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      card.svg.setAttribute("aria-label", spec.title);
      const x = treePlaces(nodes, width, leaves);
      const y = (i) => 26 + depth[i] * row;
      card.svg.replaceChildren();
      nodes.forEach(({ parent }, i) => {
        if (parent >= 0) card.svg.append(makeSvg("line", { class: "st-branch", x1: x[parent], y1: y(parent), x2: x[i], y2: y(i) }));
      });
      const room = roomOf(x, depth, width);
      const fits = nodes.every(({ lines }) => lines.every((line) => line.length * LETTER <= room));
      nodes.forEach((node, i) => card.svg.append(treeNode(node, i, x[i], y(i), fits)));
      for (const text of card.svg.querySelectorAll("text")) keepInside(text, width);
      card.note.textContent = spec.note ?? "";
      this.mark(card, spec);
    },

    mark(card, spec) {
      const of = run.arrays[spec.of];
      const here = of ? of[pointed()] : -1;
      for (const node of card.svg.querySelectorAll("[data-node]")) node.classList.toggle("st-node-here", Number(node.dataset.node) === here);
    },
  };

  // Where words do not fit below a node, there are its numbers alone.
  function treeNode(node, i, x, y, fits) {
    const group = makeSvg("g", { "data-node": i, class: `st-node st-node-${node.state}` });
    const color = node.label < 0 ? "none" : paletteColor(node.label);
    group.append(makeSvg("circle", { cx: x, cy: y, r: 13, fill: color }));
    node.lines.forEach((line, at) => {
      const text = fits ? line : numberIn(line);
      group.append(makeSvg("text", { x, y: y + 29 + 14 * at, "text-anchor": "middle" }, text));
    });
    group.append(makeSvg("title", {}, node.lines.join(", ")));
    return group;
  }

  return view;
}
