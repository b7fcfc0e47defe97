// W as a picture of n × n numbers, in an order that one chooses.

import { fit, pixelRatio, strokeTwice } from "../../shared/js/canvas.js";
import { line } from "../../shared/js/cells.js";
import { CURSOR, colorAt } from "../../shared/js/colors.js";
import { make, makeButton } from "../../shared/js/dom.js";
import { rangeOf } from "../../shared/js/numbers.js";
import { blockOf, cellOfBlock } from "../../shared/components/player/blocks.js";
import { tileFrom } from "../../shared/components/player/marks.js";

export function matrixView({ run, ramps, hover, choose, pointed, rampLegend }) {
  const view = {
    make(card) {
      card.order = 0;
      card.orders = make("div", "st-orders");
      card.orders.setAttribute("role", "group");
      card.frame = make("div", "st-matrix");
      card.canvas = make("canvas", "lab-layer st-layer");
      card.marks = make("canvas", "lab-layer st-layer st-marks");
      card.frame.append(card.canvas, card.marks);
      card.legend = make("div");
      card.body.append(card.orders, card.frame, card.legend);
      card.frame.addEventListener("pointermove", (event) => pointMatrix(card, event, hover));
      card.frame.addEventListener("pointerleave", () => hover(null));
      card.frame.addEventListener("click", (event) => pointMatrix(card, event, choose));
    },

    paint(card, spec) {
      card.spec = spec;
      card.order = Math.min(card.order, spec.orders.length - 1);
      card.orders.replaceChildren(...spec.orders.map(({ name }, at) => orderButton(card, name, at)));
      card.tile = matrixTile(spec, run.arrays[spec.orders[card.order].rows]);
      if (fit(card.canvas)) {
        const context = card.canvas.getContext("2d");
        context.imageSmoothingEnabled = spec.m > card.canvas.width;
        context.drawImage(card.tile, 0, 0, card.canvas.width, card.canvas.height);
      }
      card.legend.replaceChildren(rampLegend({ ...spec, values: spec.matrix }), make("p", "st-note", spec.note ?? ""));
      this.mark(card, spec);
    },

    mark(card, spec) {
      if (!fit(card.marks)) return;
      const context = card.marks.getContext("2d");
      const at = placeInMatrix(card, pointed());
      const to = run.j === null ? at : placeInMatrix(card, run.j);
      const step = card.marks.width / spec.m;
      const path = new Path2D();
      line(path, 0, (at + 0.5) * step, card.marks.width, (at + 0.5) * step);
      context.globalAlpha = 0.8;
      context.strokeStyle = CURSOR;
      context.lineWidth = 1.5 * pixelRatio();
      context.stroke(path);
      context.globalAlpha = 1;
      const size = Math.max(step, 8 * pixelRatio());
      const box = new Path2D();
      box.rect((to + 0.5) * step - size / 2, (at + 0.5) * step - size / 2, size, size);
      strokeTwice(context, box, 2 * pixelRatio(), CURSOR);
    },
  };

  function orderButton(card, name, at) {
    const button = makeButton("", name);
    button.setAttribute("aria-pressed", String(at === card.order));
    button.addEventListener("click", () => {
      card.order = at;
      view.paint(card, card.spec);
    });
    return button;
  }

  function matrixTile(spec, rows) {
    const matrix = run.arrays[spec.matrix];
    const { m } = spec;
    const [lo, hi] = rangeOf(matrix, spec.ramp);
    const colors = ramps[spec.ramp ?? "sequential"];
    // A few heavy edges would leave all others black, so brightness goes with the root.
    const share = (value) => (spec.ramp === "diverging" ? (value - lo) / (hi - lo || 1) : Math.sqrt((value - lo) / (hi - lo || 1)));
    return tileFrom(m, m, (at) => colorAt(colors, share(matrix[rows[Math.floor(at / m)] * m + rows[at % m]])));
  }

  // Where the block of a row stands in the order on view.
  function placeInMatrix(card, i) {
    const { spec } = card;
    const rows = run.arrays[spec.orders[card.order].rows];
    return rows.indexOf(spec.size ? blockOf(run.value, i, spec.size) : i);
  }

  function pointMatrix(card, event, act) {
    const { spec } = card;
    const box = card.frame.getBoundingClientRect();
    const rows = run.arrays[spec.orders[card.order].rows];
    const at = (share) => rows[Math.min(Math.max(Math.floor(share * spec.m), 0), spec.m - 1)];
    const i = at((event.clientY - box.top) / box.height);
    const j = at((event.clientX - box.left) / box.width);
    run.j = spec.size ? cellOfBlock(run.value, j, spec.size) : j;
    act(spec.size ? cellOfBlock(run.value, i, spec.size) : i);
  }

  return view;
}
