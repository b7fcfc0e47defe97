// The charts of /learn: curves, the joint table, bars. Each draws into a node that it is given, from numbers alone.

import { fit, rampTile } from "../../shared/js/canvas.js";
import { pointsOf, scale, ticks } from "../../shared/js/chart.js";
import { make, makeButton, makeSvg, widthOf } from "../../shared/js/dom.js";
import { percent, short } from "../../shared/js/numbers.js";

const TWO_NAMES = 480; // px of width that two names of lines take beside each other; in less, the legend alone has the second
const CHART = { height: 150, left: 60, right: 10, top: 10, bottom: 24 };
// The lowest and highest of all values of all runs, so that two runs are seen on the same axes; [0, 1] where there are none.
export function rangeOf(values, floor = null) {
  const known = values.filter((value) => value !== null && Number.isFinite(value));
  if (!known.length) return [0, 1];
  const low = floor ?? Math.min(...known);
  const high = Math.max(...known, low + 1e-6);
  return [low, high + 0.04 * (high - low)];
}

// Curves over the steps.
//   figure: with an <svg> and a .ln-legend.
//   lines: [{name, points: [[step, value]], ink, dashed, thin, faint, named}]; a named one says so on the chart; a dashed one is what the others are compared with; a faint one is told by its color alone.
//   axes: {x: last step, y: [low, high], form: value → text, height: px}.
export function drawCurves(figure, title, lines, { x: last, y: [low, high], form = short, height = CHART.height }) {
  const box = figure.querySelector("svg");
  const width = widthOf(box);
  if (!width) return;
  const { left, right, top, bottom } = CHART;
  const x = scale([0, Math.max(last, 1)], [left, width - right]);
  const y = scale([low, high], [height - bottom, top]);
  const nodes = ticks(low, high).flatMap((at) => [
    makeSvg("line", { class: "ln-grid", x1: left, x2: width - right, y1: y(at), y2: y(at) }),
    makeSvg("text", { class: "ln-tick", x: left - 6, y: y(at) + 4, "text-anchor": "end" }, form(at)),
  ]);
  for (const at of ticks(0, Math.max(last, 1), width > 400 ? 5 : 3)) {
    const anchor = x(at) > width - 40 ? "end" : "middle";
    nodes.push(makeSvg("text", { class: "ln-tick", x: x(at), y: height - 6, "text-anchor": anchor }, at ? short(at, 4) : "0"));
  }
  const written = [];
  for (const { name, points, ink, dashed, thin, faint, named } of lines) {
    const path = pointsOf(points.map(([step, value]) => [x(step), y(value)]));
    nodes.push(makeSvg("polyline", { class: `ln-line${dashed ? " ln-dashed" : ""}${thin ? " ln-thin" : ""}${faint ? " ln-other" : ""}`, points: path, stroke: ink }));
    const end = points.at(-1);
    if (!named || !end) continue;
    const at = y(end[1]) - 5;
    const free = written.every((other) => Math.abs(other - at) > 12); // else at the other end of the line
    if (free || width > TWO_NAMES) {
      written.push(at);
      nodes.push(makeSvg("text", { class: "ln-tick", x: free ? width - right : left + 4, y: at, "text-anchor": free ? "end" : "start" }, name));
    }
    if (end && !dashed) nodes.push(makeSvg("circle", { cx: x(end[0]), cy: y(end[1]), r: 3.5, fill: ink }));
  }
  box.setAttribute("viewBox", `0 0 ${width} ${height}`);
  box.replaceChildren(...nodes);
  const named = lines.filter(({ faint }) => !faint);
  const told = named.filter(({ points }) => points.length).map(({ name, points, dashed }) => {
    const [first, end] = [points[0][1], points.at(-1)[1]];
    if (dashed) return `${name} ${form(end)}`;
    return `${name || title} ${form(end)}, at first ${form(first)}`;
  });
  box.setAttribute("aria-label", `${title}, up to step ${last}: ${told.join("; ")}`);
  figure.querySelector(".ln-legend").replaceChildren(
    ...named.map(({ name, points, ink }) => {
      const item = make("span", "ln-key");
      const chip = make("span", "ln-chip");
      chip.style.background = ink;
      item.append(chip, `${name} `, make("strong", "", points.length ? form(points.at(-1)[1]) : "–"));
      return item;
    }),
  );
}

// The joint table. A cell of the color of 1 holds 1 / K or more, which is what each cell of the diagonal has where K clusters
// of equal size agree.
export function drawTable(canvas, P, k, ramp, lit) {
  if (!fit(canvas)) return;
  const tile = rampTile(Array.from(P, (share) => share * k), k, k, ramp);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(tile, 0, 0, canvas.width, canvas.height);
  if (lit === null) return;
  const side = canvas.width / k;
  context.strokeStyle = "#ffffff";
  context.lineWidth = Math.max(2, canvas.width / 160);
  context.strokeRect(0, lit * side, canvas.width, side);
  context.strokeRect(lit * side, 0, side, canvas.height);
}

// One bar for each cluster, a button that isolates it; the line is the share that each has where all are equal.
export function drawBars(list, { use, palette, nameOf, lit }) {
  const most = Math.max(...use, 2 / use.length);
  while (list.children.length > use.length) list.lastChild.remove();
  while (list.children.length < use.length) {
    const bar = makeButton("ln-bar");
    bar.dataset.cluster = String(list.children.length);
    const track = make("span", "ln-bar-track");
    track.append(make("span", "ln-bar-fill"), make("span", "ln-bar-fair"));
    bar.append(make("span", "ln-bar-name"), track, make("span", "ln-bar-share"));
    list.append(bar);
  }
  use.forEach((share, i) => {
    const bar = list.children[i];
    const [name, track, number] = bar.children;
    name.textContent = nameOf(i);
    track.firstChild.style.width = `${(100 * share) / most}%`;
    track.firstChild.style.background = palette[i];
    track.lastChild.style.left = `${100 / use.length / most}%`;
    number.textContent = percent(share);
    bar.setAttribute("aria-pressed", String(lit === i));
    bar.classList.toggle("ln-faint", lit !== null && lit !== i);
  });
}
