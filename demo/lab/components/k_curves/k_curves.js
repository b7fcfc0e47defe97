import { ticks } from "../../../shared/js/chart.js";
import { make, makeSvg, partsOf, widthOf } from "../../../shared/js/dom.js";
import { withMinus } from "../../../shared/js/numbers.js";

const HEIGHT = 190;
const LEFT = 62; // room for the numbers of the vertical axis
const RIGHT = 14;
const TOP = 30; // room for the words at the chosen point
const BOTTOM = 26;
const PATIENCE = 150; // ms before curves that are still being computed replace those on view

function card(curve) {
  const figure = make("figure", `kc-card${curve.in_use ? " kc-used" : ""}`);
  figure.dataset.card = curve.key;
  const head = make("div", "kc-head");
  head.append(make("h3", "lab-title", curve.title), make("span", "kc-k", curve.k ? `K = ${curve.k}` : "…"));
  figure.append(head, make("p", "kc-question", curve.question));
  if (curve.candidates.length) figure.append(makeSvg("svg", { role: "group", "aria-label": `${curve.title}: ${curve.formula}` }));
  else figure.append(make("p", "kc-pending", curve.note));
  const foot = make("p", "kc-foot");
  foot.append(make("span", "kc-formula", curve.formula));
  if (curve.candidates.length && curve.note) foot.append(` · ${curve.note}`);
  figure.append(foot);
  return figure;
}

export function number(value, digits = 3) {
  const size = Math.abs(value);
  let text;
  if (size >= 1e4) text = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: digits - 1 }).format(value);
  else if (size !== 0 && size < 1e-3) text = value.toExponential(1);
  else text = String(Number(value.toPrecision(digits)));
  return withMinus(text);
}

function diamond(x, y, r) {
  return `M${x} ${y - r}L${x + r} ${y}L${x} ${y + r}L${x - r} ${y}Z`;
}

const MOVES = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -Infinity, End: Infinity };

export function mount({ element, props, trigger, watch, fixed }) {
  const parts = partsOf(element, "kc", ["message", "body", "verdict", "aside", "charts"]);
  let view = null;
  let waiting = 0;
  let lost = null; // key and K of the point that had the focus and is not drawn at the moment
  const focusAt = new Map(); // by key of a curve, the K that the Tab key reaches

  // ---- Values ----

  function receive(value) {
    clearTimeout(waiting);
    const pending = value?.curves?.some((curve) => !curve.candidates.length);
    if (view && pending) waiting = setTimeout(show, PATIENCE, value);
    else show(value);
  }

  function show(value) {
    view = value?.curves ? value : null;
    parts.message.textContent = value?.message ?? fixed.empty;
    parts.message.hidden = Boolean(view);
    parts.body.hidden = !view;
    if (!view) return;
    parts.verdict.textContent = view.verdict;
    parts.aside.textContent = view.aside ?? "";
    parts.aside.hidden = !view.aside;
    paint();
  }

  function paint() {
    if (!view) return;
    const active = document.activeElement;
    const focused = element.contains(active) ? active.closest(".kc-point") : null;
    if (focused) lost = [focused.dataset.key, focused.dataset.k];
    else if (active !== document.body) lost = null;
    parts.charts.replaceChildren(...view.curves.map(card));
    for (const curve of view.curves) {
      const box = parts.charts.querySelector(`[data-card="${curve.key}"] svg`);
      if (box && curve.candidates.length) draw(box, curve);
    }
    const again = lost && parts.charts.querySelector(`.kc-point[data-key="${lost[0]}"][data-k="${lost[1]}"]`);
    if (again) {
      again.focus();
      lost = null;
    }
  }

  // ---- Drawing ----

  function draw(box, curve) {
    const width = widthOf(box);
    if (!width) return; // not visible
    const ks = curve.candidates;
    const low = Math.min(...curve.scores);
    const high = Math.max(...curve.scores);
    const span = high - low || 1;
    const gap = (width - LEFT - RIGHT) / ks.length;
    const x = (k) => LEFT + (k - ks[0] + 0.5) * gap;
    const y = (score) => HEIGHT - BOTTOM - 8 - ((score - low) / span) * (HEIGHT - TOP - BOTTOM - 8);
    box.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const nodes = ticks(low, high).flatMap((at) => [
      makeSvg("line", { class: "kc-grid", x1: LEFT, x2: width - RIGHT, y1: y(at), y2: y(at) }),
      makeSvg("text", { class: "kc-tick", x: LEFT - 8, y: y(at) + 4, "text-anchor": "end" }, number(at)),
    ]);
    if (ks.includes(view.k)) {
      nodes.push(makeSvg("rect", { class: "kc-now", x: x(view.k) - gap / 2, y: TOP - 12, width: gap, height: HEIGHT - TOP - BOTTOM + 12 }));
    }
    const every = gap < 24 ? 2 : 1;
    nodes.push(
      ...ks.filter((_, i) => i % every === 0).map((k) => makeSvg("text", { class: "kc-tick", x: x(k), y: HEIGHT - 8, "text-anchor": "middle" }, k)),
      makeSvg("text", { class: "kc-tick", x: LEFT - 8, y: HEIGHT - 8, "text-anchor": "end" }, "K"),
      makeSvg("polyline", { class: "kc-line", points: ks.map((k, i) => `${x(k)},${y(curve.scores[i])}`).join(" ") }),
      ...ks.map((k, i) => point(curve, k, curve.scores[i], x(k), y(curve.scores[i]), gap)),
    );
    box.replaceChildren(...nodes);
  }

  function point(curve, k, score, x, y, gap) {
    const best = k === curve.k;
    const node = makeSvg("g", {
      class: `kc-point${best ? " kc-best" : ""}`,
      role: "button",
      tabindex: (focusAt.get(curve.key) ?? curve.k) === k ? 0 : -1,
      "aria-pressed": String(k === view.k),
      "aria-label": `K = ${k}: ${number(score, 5)}${best ? ", chosen" : ""}`,
      "data-key": curve.key,
      "data-k": k,
    });
    node.append(makeSvg("title", {}, `K = ${k}: ${number(score, 5)}`));
    // The whole column answers, so that a finger hits it.
    node.append(makeSvg("rect", { class: "kc-column", x: x - gap / 2, y: 0, width: gap, height: HEIGHT - 2 }));
    node.append(makeSvg("circle", { class: "kc-ring", cx: x, cy: y, r: 11 }));
    node.append(best ? makeSvg("path", { class: "kc-dot", d: diamond(x, y, 8) }) : makeSvg("circle", { class: "kc-dot", cx: x, cy: y, r: 4.5 }));
    if (best) node.append(makeSvg("text", { class: "kc-chosen", x, y: y - 14, "text-anchor": "middle" }, `K = ${k}`));
    return node;
  }

  // ---- What a user does ----

  function choose(k) {
    view = { ...view, k };
    paint();
    trigger("choose", { k });
  }

  parts.charts.addEventListener("click", (event) => {
    const node = event.target.closest?.(".kc-point");
    if (node) choose(Number(node.dataset.k));
  });

  parts.charts.addEventListener("keydown", (event) => {
    const node = event.target.closest?.(".kc-point");
    if (!node) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(Number(node.dataset.k));
    } else if (event.key in MOVES) {
      event.preventDefault();
      const points = [...node.parentNode.querySelectorAll(".kc-point")];
      const to = Math.min(Math.max(points.indexOf(node) + MOVES[event.key], 0), points.length - 1);
      focusAt.set(node.dataset.key, Number(points[to].dataset.k));
      node.setAttribute("tabindex", "-1");
      points[to].setAttribute("tabindex", "0");
      points[to].focus();
    }
  });

  let width = 0;

  new ResizeObserver(() => {
    const now = parts.charts.getBoundingClientRect().width;
    if (now && now !== width) paint();
    width = now;
  }).observe(parts.charts);

  watch("value", () => receive(props.value));
  show(props.value);
}
