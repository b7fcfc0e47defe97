// Plots of one or more lines: how something falls, a spectrum, a sweep over thresholds.

import { pointsOf, scale } from "../../js/chart.js";
import { makeSvg, written } from "../../js/dom.js";
import { clamped, short } from "../../js/numbers.js";

function axesOf(lines, spec, width, height) {
  const [left, right, top, bottom] = [76, width - 12, 12, height - 30];
  const xs = lines.flatMap((series) => series.xs);
  const ys = lines.flatMap((series) => series.ys).concat(spec.zero ? [0] : [], spec.level ?? []);
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  let [y0, y1] = [Math.min(...ys), spec.top ?? Math.max(...ys)];
  if (y0 === 0 && y1 === 0) y1 = 1; // a sum that stays 0
  if (y1 <= y0) [y0, y1] = [y0 - 0.5 * (Math.abs(y0) || 1), y0 + 0.5 * (Math.abs(y0) || 1)];
  const pad = 0.04 * (y1 - y0);
  const place = scale([y0 - pad, y1 + pad], [bottom, top]);
  return {
    left, right, top, bottom, x0, x1, y0, y1,
    x: scale([x0, x1], [left, right]),
    y: (y) => place(clamped(y, y0, y1)),
  };
}

function drawFrame(svg, axes, spec) {
  svg.append(makeSvg("path", { class: "st-axis", d: `M${axes.left} ${axes.top}V${axes.bottom}H${axes.right}` }));
  const label = (x, y, text, anchor) => svg.append(written(makeSvg("text", { x, y, "text-anchor": anchor }), text));
  label(axes.left - 6, axes.y(axes.y1) + 4, short(axes.y1), "end");
  label(axes.left - 6, axes.y(axes.y0) + 4, short(axes.y0), "end");
  label(axes.left, axes.bottom + 16, short(axes.x0), "start");
  label(axes.right, axes.bottom + 16, short(axes.x1), "end");
  if (spec.xlabel) label((axes.left + axes.right) / 2, axes.bottom + 24, spec.xlabel, "middle");
}

const DASHES = ["", "7 4", "2 4", "10 3 2 3"];

function drawSeries(svg, series, axes, at, spec) {
  const { xs, ys } = series;
  const shown = series.faint ? "st-faint" : `st-line st-line-${at % 4}`;
  if (series.stems) {
    for (const [i, x] of xs.entries())
      svg.append(makeSvg("line", { class: "st-stem", x1: axes.x(x), x2: axes.x(x), y1: axes.y(ys[i]), y2: axes.bottom }));
  } else {
    const points = pointsOf(xs.map((x, i) => [axes.x(x), axes.y(ys[i])]));
    svg.append(makeSvg("polyline", { class: shown, points, "stroke-dasharray": series.dash ? DASHES[series.dash] : "" }));
  }
  if (series.dots || series.stems)
    for (const [i, x] of xs.entries()) {
      const here = i === spec.at || spec.lit?.includes(i);
      svg.append(makeSvg("circle", { class: here ? "st-here" : "st-dot", cx: axes.x(x), cy: axes.y(ys[i]), r: here ? 6 : 3 }));
    }
  if (series.name && spec.series.filter(({ name }) => name).length > 1) {
    const end = Math.floor(xs.length * (0.3 + 0.3 * at));
    const attributes = { class: `st-name st-name-${at % 4}`, x: axes.x(xs[end]), y: axes.y(ys[end]) - 8, "text-anchor": "middle" };
    svg.append(written(makeSvg("text", attributes), series.name));
  }
}

// A level that is drawn, and thresholds that are taken.
function drawLevels(svg, spec, axes) {
  if (spec.level !== undefined && spec.level !== null) {
    const y = axes.y(spec.level);
    svg.append(makeSvg("line", { class: "st-level", x1: axes.left, x2: axes.right, y1: y, y2: y }));
    svg.append(written(makeSvg("text", { x: axes.left + 6, y: y - 5 }), `${spec.level_name ?? ""} = ${short(spec.level)}`));
  }
  for (const [at, { x, name }] of (spec.lines ?? []).entries()) {
    const place = axes.x(x);
    svg.append(makeSvg("line", { class: `st-level st-level-${at}`, x1: place, x2: place, y1: axes.top, y2: axes.bottom }));
    const anchor = place > (axes.left + axes.right) / 2 ? "end" : "start";
    const attributes = { x: place + (anchor === "end" ? -5 : 5), y: axes.top + 12 + 15 * at, "text-anchor": anchor };
    svg.append(written(makeSvg("text", attributes), name));
  }
  if (spec.mark !== undefined) {
    const x = axes.x(spec.mark);
    svg.append(makeSvg("line", { class: "st-level st-level-1", x1: x, x2: x, y1: axes.top, y2: axes.bottom }));
  }
}

export function curveView({ run, pointed, predicting }) {
  const view = {
    make(card) {
      card.svg = makeSvg("svg", { class: "st-curve", role: "img" });
      card.body.append(card.svg);
    },

    paint(card, spec) {
      card.spec = spec;
      const width = Math.max(card.body.clientWidth, 240);
      const height = Math.min(Math.max(width * 0.55, 170), 260);
      card.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      card.svg.setAttribute("aria-label", spec.title);
      card.svg.replaceChildren();
      const lines = spec.series.map((series) => ({ ...series, ...pastOf(pairsOf(series), spec) })).filter(({ ys }) => ys.length);
      if (!lines.length) return;
      const axes = axesOf(lines, spec, width, height);
      drawFrame(card.svg, axes, spec);
      let at = 0;
      for (const series of lines) drawSeries(card.svg, series, axes, series.faint ? 0 : at++, spec);
      drawLevels(card.svg, spec, axes);
      card.axes = axes;
      this.mark(card, spec);
    },

    mark(card, spec) {
      card.svg.querySelector(".st-pointer")?.remove();
      if (!spec.pointed || !card.axes) return;
      const values = spec.pointed === true ? null : run.arrays[spec.pointed];
      const x = card.axes.x(values ? values[pointed()] : pointed());
      card.svg.append(makeSvg("line", { class: "st-pointer", x1: x, x2: x, y1: card.axes.top, y2: card.axes.bottom }));
    },
  };

  // While something is to be predicted, a course goes on to the step on view, and no farther.
  function pastOf({ xs, ys }, spec) {
    if (spec.at === undefined || !predicting()) return { xs, ys };
    const n = xs.filter((x) => x <= spec.at).length;
    return { xs: xs.slice(0, n), ys: ys.slice(0, n) };
  }

  function pairsOf(series) {
    const ys = Array.from(typeof series.y === "string" ? run.arrays[series.y] : series.y);
    const xs = series.x ? Array.from(typeof series.x === "string" ? run.arrays[series.x] : series.x) : ys.map((_, i) => i);
    return { xs, ys };
  }

  return view;
}
