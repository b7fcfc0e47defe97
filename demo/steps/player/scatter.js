// Rows as points in the plane, with centers, their ways, ellipses, and what has moved.

import { fit, pixelRatio, strokeTwice } from "../../shared/js/canvas.js";
import { line } from "../../shared/js/cells.js";
import { CURSOR, INK, rgbOf } from "../../shared/js/colors.js";
import { make } from "../../shared/js/dom.js";
import { addressText } from "../../shared/js/wire.js";
import { drawBadge, drawTarget } from "../../shared/components/player/marks.js";

const EDGE_OF_PLANE = 14; // px around the points

function oval(cx, cy, rx, ry, angle) {
  const path = new Path2D();
  path.ellipse(cx, cy, Math.max(rx, 0.5), Math.max(ry, 0.5), angle, 0, 2 * Math.PI);
  return path;
}

function drawCircle(context, card, i, radius, place, ratio) {
  const [x, y] = place([card.xy[2 * i], card.xy[2 * i + 1]]);
  const path = oval(x, y, radius * place.scale, radius * place.scale, 0);
  context.setLineDash([6 * ratio, 5 * ratio]);
  strokeTwice(context, path, 2 * ratio, CURSOR);
  context.setLineDash([]);
}

function ring(context, [x, y], color, radius, width) {
  const path = new Path2D();
  path.arc(x, y, radius, 0, 2 * Math.PI);
  strokeTwice(context, path, width, color);
}

function eventPlace(card, event) {
  const box = card.frame.getBoundingClientRect();
  const { width, height } = card.marks;
  return [((event.clientX - box.left) * width) / box.width, ((event.clientY - box.top) * height) / box.height];
}

// Corners around a point, as angles in eighths of a turn and reaches: labels are told apart without their colors.
const regular = (n, first, reach) => Array.from({ length: n }, (_, i) => [first + (8 * i) / n, reach]);
const SHAPES = [
  null, // a disc
  regular(4, 1, 1.25), // a square
  regular(3, 6, 1.45), // a triangle
  regular(4, 0, 1.35), // a diamond
  regular(3, 2, 1.45), // a triangle upside down
  regular(8, 0, 1).map(([angle], i) => [angle, i % 2 ? 0.45 : 1.6]), // a star
  [0, 1, 3, 4, 5, 7].map((angle) => [angle, 1.2]), // a wide one
  [1, 2, 3, 5, 6, 7].map((angle) => [angle, 1.2]), // a high one
];

// The outline of a point of a label.
export function shapeOf(label, [x, y], radius) {
  const path = new Path2D();
  const corners = SHAPES[label % SHAPES.length];
  if (!corners) path.arc(x, y, radius, 0, 2 * Math.PI);
  for (const [angle, reach] of corners ?? []) {
    const turn = (angle * Math.PI) / 4;
    path.lineTo(x + reach * radius * Math.cos(turn), y + reach * radius * Math.sin(turn));
  }
  path.closePath();
  return path;
}

export function scatterView({ element, run, trigger, hover, choose, pointed, usesPair, paletteColor, painter, rampLegend, answerMarks }) {
  const view = {
    make(card) {
      card.frame = make("div", "st-scatter");
      card.canvas = make("canvas", "lab-layer st-layer");
      card.marks = make("canvas", "lab-layer st-layer st-marks");
      card.frame.append(card.canvas, card.marks);
      card.legend = make("div");
      card.body.append(card.frame, card.legend);
      card.frame.addEventListener("pointermove", (event) => hover(nearestPoint(card, event, 18)));
      card.frame.addEventListener("pointerleave", () => hover(null));
      card.frame.addEventListener("click", (event) => clickPlane(card, event));
    },

    paint(card, spec) {
      card.spec = spec;
      card.xy = run.arrays[spec.moved ?? spec.xy ?? run.value.xy];
      const editable = run.value.editable;
      card.frame.classList.toggle("st-editable", Boolean(editable));
      if (fit(card.canvas)) {
        const context = card.canvas.getContext("2d");
        const place = placer(card);
        const ratio = pixelRatio();
        drawAxes(context, card, place, ratio);
        if (spec.moved) drawMoves(context, card, place, ratio);
        drawEdges(context, spec, place, ratio);
        drawPoints(context, card, spec, place, ratio);
        for (const ellipse of spec.ellipses ?? []) drawEllipse(context, ellipse, place, ratio);
        for (const [k, trail] of (spec.trails ?? []).entries()) drawTrail(context, trail, place, k, ratio);
        for (const [k, center] of (spec.centers ?? []).entries()) drawCenter(context, place(center), k, ratio);
      }
      card.legend.replaceChildren(...(spec.values && !spec.labels ? [rampLegend(spec)] : []));
      this.mark(card, spec);
    },

    mark(card, spec) {
      if (!fit(card.marks)) return;
      const context = card.marks.getContext("2d");
      const place = placer(card);
      const ratio = pixelRatio();
      const where = (i) => place([card.xy[2 * i], card.xy[2 * i + 1]]);
      for (const { i, text } of spec.marks ?? []) drawBadge(context, where(i), text, ratio);
      for (const target of answerMarks()) drawTarget(context, where(target.cell), target.color, ratio);
      const at = pointed();
      if (at === null) return;
      if (spec.circle) drawCircle(context, card, at, spec.circle, place, ratio);
      if (run.j !== null && usesPair()) ring(context, where(run.j), INK, 7 * ratio, 2 * ratio);
      ring(context, where(at), CURSOR, 8 * ratio, 3 * ratio);
    },
  };

  // From coordinates to pixels of a canvas; both axes have one scale.
  function placer(card) {
    const [x0, x1, y0, y1] = card.spec.bounds ?? run.value.bounds;
    const { width, height } = card.canvas;
    const margin = EDGE_OF_PLANE * pixelRatio();
    const scale = Math.min((width - 2 * margin) / (x1 - x0 || 1), (height - 2 * margin) / (y1 - y0 || 1));
    const left = (width - scale * (x1 - x0)) / 2;
    const top = (height - scale * (y1 - y0)) / 2;
    const place = ([x, y]) => [left + (x - x0) * scale, height - top - (y - y0) * scale];
    place.scale = scale;
    place.back = ([px, py]) => [(px - left) / scale + x0, (height - top - py) / scale + y0];
    return place;
  }

  function ink() {
    return getComputedStyle(element).getPropertyValue("--body-text-color") || "#222";
  }

  function drawAxes(context, card, place, ratio) {
    const [x0, x1, y0, y1] = card.spec.bounds ?? run.value.bounds;
    const path = new Path2D();
    const horizontal = [place([x0, 0]), place([x1, 0])];
    const vertical = [place([0, y0]), place([0, y1])];
    if (y0 < 0 && y1 > 0) line(path, ...horizontal[0], ...horizontal[1]);
    if (x0 < 0 && x1 > 0) line(path, ...vertical[0], ...vertical[1]);
    context.globalAlpha = 0.2;
    context.strokeStyle = ink();
    context.lineWidth = ratio;
    context.stroke(path);
    context.globalAlpha = 1;
  }

  function drawPoints(context, card, spec, place, ratio) {
    const { xy } = card;
    const n = xy.length / 2;
    const color = painter(spec);
    const lit = spec.lit ? run.arrays[spec.lit] : null;
    const out = spec.out ? run.arrays[spec.out] : null;
    const labels = spec.labels ? run.arrays[spec.labels] : null;
    const stroke = ink();
    const radius = (n > 600 ? 2.4 : n > 250 ? 4 : 5.5) * ratio;
    for (let i = 0; i < n; i++) {
      const path = shapeOf(Math.max(labels?.[i] ?? 0, 0), place([xy[2 * i], xy[2 * i + 1]]), radius);
      const rgb = color(i);
      context.globalAlpha = out?.[i] ? 0.15 : n > 600 ? 0.75 : 1;
      context.fillStyle = rgb ? `rgb(${rgb})` : "rgb(140 140 140)";
      context.fill(path);
      if (n > 600 && !lit?.[i]) continue;
      context.lineWidth = (lit?.[i] ? (n > 600 ? 1.2 : 2.5) : 0.8) * ratio;
      context.globalAlpha *= lit?.[i] ? 1 : 0.6;
      context.strokeStyle = stroke;
      context.stroke(path);
    }
    context.globalAlpha = 1;
  }

  // Edges of a graph of few points: pairs of rows and the weight of each.
  function drawEdges(context, spec, place, ratio) {
    if (!spec.edges) return;
    const pairs = run.arrays[spec.edges.pairs];
    const weights = run.arrays[spec.edges.weights];
    const xy = run.arrays[run.value.xy];
    context.strokeStyle = ink();
    for (let e = 0; e < weights.length; e++) {
      const [i, j] = [pairs[2 * e], pairs[2 * e + 1]];
      context.globalAlpha = 0.06 + 0.4 * weights[e];
      context.lineWidth = (0.4 + 1.6 * weights[e]) * ratio;
      context.beginPath();
      context.moveTo(...place([xy[2 * i], xy[2 * i + 1]]));
      context.lineTo(...place([xy[2 * j], xy[2 * j + 1]]));
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  function drawMoves(context, card, place, ratio) {
    const from = run.arrays[card.spec.xy ?? run.value.xy];
    const { xy } = card;
    const every = Math.max(1, Math.ceil(xy.length / 2 / 400));
    const path = new Path2D();
    for (let i = 0; i < xy.length / 2; i += every)
      line(path, ...place([from[2 * i], from[2 * i + 1]]), ...place([xy[2 * i], xy[2 * i + 1]]));
    context.globalAlpha = 0.22;
    context.strokeStyle = ink();
    context.lineWidth = ratio;
    context.stroke(path);
    context.globalAlpha = 1;
  }

  function drawTrail(context, trail, place, k, ratio) {
    const path = new Path2D();
    trail.forEach((point, at) => (at ? path.lineTo(...place(point)) : path.moveTo(...place(point))));
    context.lineCap = "round";
    strokeTwice(context, path, 2 * ratio, paletteColor(k));
  }

  function drawCenter(context, [x, y], k, ratio) {
    const size = 11 * ratio;
    const path = new Path2D();
    path.moveTo(x, y - size);
    path.lineTo(x + size, y);
    path.lineTo(x, y + size);
    path.lineTo(x - size, y);
    path.closePath();
    context.fillStyle = paletteColor(k);
    context.fill(path);
    strokeTwice(context, path, 2 * ratio);
    const [r, g, b] = rgbOf(paletteColor(k));
    context.fillStyle = 0.3 * r + 0.59 * g + 0.11 * b > 140 ? INK : "#ffffff";
    context.font = `700 ${12 * ratio}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(String(k + 1), x, y + ratio);
  }

  // An ellipse by its center and the ends of its two half axes, once and twice as far out.
  function drawEllipse(context, { center, axes, label, share }, place, ratio) {
    const [cx, cy] = place(center);
    const [first, second] = axes.map(([x, y]) => [x * place.scale, -y * place.scale]);
    const angle = Math.atan2(first[1], first[0]);
    const path = new Path2D();
    for (const reach of [1, 2])
      path.addPath(oval(cx, cy, reach * Math.hypot(...first), reach * Math.hypot(...second), angle));
    context.globalAlpha = 0.35 + 0.65 * (share ?? 1);
    strokeTwice(context, path, 2.5 * ratio, paletteColor(label));
    context.globalAlpha = 1;
  }

  // The point under the pointer, within a few pixels; null where there is none.
  function nearestPoint(card, event, reach) {
    const place = placer(card);
    const [px, py] = eventPlace(card, event);
    let best = null;
    let least = (reach * pixelRatio()) ** 2;
    for (let i = 0; i < card.xy.length / 2; i++) {
      const [x, y] = place([card.xy[2 * i], card.xy[2 * i + 1]]);
      const distance = (x - px) ** 2 + (y - py) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  function clickPlane(card, event) {
    if (run.value.editable && !run.asked) {
      editPoints(nearestPoint(card, event, 8), placer(card).back(eventPlace(card, event)));
      return;
    }
    const i = nearestPoint(card, event, 30);
    if (i !== null) choose(i);
  }

  // Own points: a click adds one, or removes the one under the pointer.
  function editPoints(hit, [x, y]) {
    const xy = Array.from(run.arrays[run.value.xy]);
    if (hit !== null) xy.splice(2 * hit, 2);
    else xy.push(x, y);
    const bytes = xy.map((c) => Math.min(Math.max(Math.round((c + 1) * 127.5), 0), 255));
    trigger("points", { points: addressText(bytes) });
  }

  return view;
}
