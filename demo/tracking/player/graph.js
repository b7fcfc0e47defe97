// The graph under the strip of frames: a column per frame, a node per detection, an edge where two may be the same.

import { fit, pixelRatio, strokeOver } from "../../shared/js/canvas.js";
import { CURSOR, colorAt, INK } from "../../shared/js/colors.js";
import { make } from "../../shared/js/dom.js";
import { colorOf, drawFrame } from "./film.js";
import { beside, has, linksOf, nearest, partner, rangeOf, windowOf } from "./places.js";

const LEAST = 60; // px of a column
const [TOP, BOTTOM] = [14, 14]; // px above and below the nodes
const FAINT = 0.03; // an edge of less weight is drawn only at the node that is pointed at

export function graphView({ run, ramps, hover, choose, pointed, paletteColor, tracking, rampBar }) {
  const view = {
    make(card) {
      card.frame = make("div", "tk-graph");
      card.canvas = make("canvas", "lab-layer st-layer");
      card.canvas.setAttribute("role", "img");
      card.frame.append(card.canvas);
      card.legend = make("div");
      card.body.append(card.frame, card.legend);
      card.frame.addEventListener("pointermove", (event) => hover(nodeUnder(card, event)));
      card.frame.addEventListener("pointerleave", () => hover(null));
      card.frame.addEventListener("click", (event) => {
        const i = nodeUnder(card, event);
        if (i !== null) return choose(i);
        return tracking.go(frameUnder(card, event));
      });
    },

    paint(card, spec) {
      card.links = spec.labels ? linksOf(run.arrays[spec.labels]) : [];
      card.legend.replaceChildren(...(spec.weight ? [rampBar(spec.said)] : []));
      card.canvas.setAttribute("aria-label", spec.title);
      this.mark(card, spec);
    },

    mark(card, spec) {
      if (!fit(card.canvas)) return;
      const { film, arrays } = tracking.data();
      const ratio = pixelRatio();
      const { width, height } = card.canvas;
      // While one points at a node the columns stay where they are.
      card.span ??= tracking.frame();
      if (run.hover === null) card.span = tracking.frame();
      const seen = windowOf(film.n, width / ratio, LEAST, card.span);
      const strip = Math.min((seen.step * film.size[1]) / film.size[0], height / ratio / 3);
      const context = card.canvas.getContext("2d");
      drawStrip(context, film, seen, strip, ratio);
      const place = (i) => [
        (arrays.frame[i] - seen.first + 0.5) * seen.step * ratio,
        (strip + TOP + arrays.place[i] * (height / ratio - strip - TOP - BOTTOM)) * ratio,
      ];
      const labels = spec.labels ? run.arrays[spec.labels] : null;
      const inside = (i) => arrays.frame[i] >= seen.first - 1 && arrays.frame[i] <= seen.first + seen.count;
      if (spec.weight) drawEdges(context, spec, { place, inside, ratio, labels });
      for (const [i, j] of card.links) if (inside(i) || inside(j)) stroke(context, place(i), place(j), [4.5 * ratio, "rgb(255 255 255 / 0.5)"], [3 * ratio, paletteColor(labels[i])]);
      if (spec.weight) drawPointed(context, spec, place, ratio);
      card.nodes = [];
      const [low] = rangeOf(arrays.frame, seen.first);
      const [, high] = rangeOf(arrays.frame, seen.first + seen.count - 1);
      const lit = spec.lit ? run.arrays[spec.lit] : null;
      for (let i = low; i < high; i++) drawNode(context, place(i), i, { labels, lit: has(lit, i), ratio, card });
    },

    // Alt with arrows: to the next frame, or to the next node of the same one.
    move(i, down, right) {
      const { film, arrays } = tracking.data();
      if (down) return beside(arrays.frame, arrays.place, i, down);
      const labels = tracking.labels();
      for (let t = arrays.frame[i] + right; t >= 0 && t < film.n; t += right) {
        const j = partner(arrays.frame, labels, arrays.place, i, t);
        if (j !== null) return j;
      }
      return i;
    },
  };

  function drawStrip(context, film, seen, strip, ratio) {
    for (let t = seen.first; t < seen.first + seen.count; t++) {
      tracking.want(t);
      const box = [(t - seen.first) * seen.step * ratio, 0, seen.step * ratio, strip * ratio];
      drawFrame(context, film, tracking.sheets, t, box);
      const here = t === tracking.frame();
      context.strokeStyle = here ? CURSOR : "rgb(127 127 127 / 0.45)";
      context.lineWidth = (here ? 3 : 1) * ratio;
      const inset = context.lineWidth / 2;
      context.strokeRect(box[0] + inset, inset, box[2] - 2 * inset, (here ? context.canvas.height : box[3]) - 2 * inset);
      context.font = `600 ${11 * ratio}px system-ui, sans-serif`;
      context.textAlign = "left";
      context.textBaseline = "top";
      const text = String(t + 1);
      context.fillStyle = "rgb(255 255 255 / 0.85)";
      context.fillRect(box[0] + inset, inset, context.measureText(text).width + 6 * ratio, 13 * ratio);
      context.fillStyle = INK;
      context.fillText(text, box[0] + inset + 3 * ratio, inset + 1.5 * ratio);
    }
  }

  function stroke(context, a, b, ...lines) {
    const path = new Path2D();
    path.moveTo(...a);
    path.lineTo(...b);
    strokeOver(context, path, ...lines);
  }

  // Edges from the least to the likeliest, so that the likeliest lie on top.
  function drawEdges(context, spec, { place, inside, ratio }) {
    const [pairs, weight, kept] = [run.arrays[spec.edges], run.arrays[spec.weight], run.arrays[spec.kept]];
    const order = Array.from(weight.keys()).filter((e) => (weight[e] >= FAINT || kept[e]) && inside(pairs[2 * e]) && inside(pairs[2 * e + 1]));
    order.sort((a, b) => kept[a] - kept[b] || weight[a] - weight[b]);
    for (const e of order) {
      const color = colorAt(ramps.sequential, weight[e]);
      const alpha = kept[e] ? 1 : 0.2 + 0.7 * weight[e];
      stroke(context, place(pairs[2 * e]), place(pairs[2 * e + 1]), [(kept[e] ? 3.5 : 1 + weight[e]) * ratio, `rgb(${color} / ${alpha})`.replaceAll(",", " ")]);
    }
  }

  // The edges of the node that is pointed at, over all others.
  function drawPointed(context, spec, place, ratio) {
    const [pairs, weight] = [run.arrays[spec.edges], run.arrays[spec.weight]];
    const at = pointed();
    for (let e = 0; e < weight.length; e++) {
      if (pairs[2 * e] !== at && pairs[2 * e + 1] !== at) continue;
      const [a, b] = [place(pairs[2 * e]), place(pairs[2 * e + 1])];
      if (weight[e] < FAINT) stroke(context, a, b, [ratio, "rgb(214 0 122 / 0.45)"]);
      else stroke(context, a, b, [5.5 * ratio, CURSOR], [3 * ratio, `rgb(${colorAt(ramps.sequential, weight[e])})`]);
    }
  }

  function drawNode(context, [x, y], i, { labels, lit, ratio, card }) {
    const radius = (i === pointed() ? 8.5 : 6) * ratio;
    card.nodes.push([x / ratio, y / ratio, i]);
    if (lit) {
      context.beginPath();
      context.arc(x, y, radius + 4 * ratio, 0, 2 * Math.PI);
      context.fillStyle = "#ff5a1f";
      context.fill();
    }
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = colorOf(labels, i, paletteColor);
    context.fill();
    context.lineWidth = (i === pointed() ? 3 : 1.5) * ratio;
    context.strokeStyle = i === pointed() ? CURSOR : "#ffffff";
    context.stroke();
  }

  // Where a pointer is, in the px of the page.
  function placeOf(card, event) {
    const box = card.frame.getBoundingClientRect();
    const scale = card.canvas.width / box.width / pixelRatio();
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale, box.width * scale];
  }

  function nodeUnder(card, event) {
    const [x, y] = placeOf(card, event);
    return nearest(card.nodes ?? [], x, y, 14);
  }

  function frameUnder(card, event) {
    const [x, , width] = placeOf(card, event);
    const seen = windowOf(tracking.data().film.n, width, LEAST, card.span);
    return Math.min(seen.first + Math.floor(x / seen.step), seen.first + seen.count - 1);
  }

  return view;
}
