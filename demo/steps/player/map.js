// The picture with what a step says of its patches or pixels.

import { drawTile, fit, pixelRatio, strokeOver, strokeTwice } from "../../shared/js/canvas.js";
import { cellSize, line } from "../../shared/js/cells.js";
import { CURSOR, colorAt, INK, rgbOf } from "../../shared/js/colors.js";
import { make } from "../../shared/js/dom.js";
import { urlOf } from "../../shared/js/images.js";
import { blockOf, centerOf, rowAt } from "../../shared/components/player/blocks.js";
import { drawBadge, drawTarget, tileFrom } from "../../shared/components/player/marks.js";

export function mapView({ run, ramps, hover, choose, pointed, usesPair, paletteColor, painter, rampLegend, answerMarks }) {
  const view = {
    make(card) {
      card.frame = make("div", "st-map");
      card.image = make("img", "lab-layer st-picture");
      card.canvas = make("canvas", "lab-layer st-layer");
      card.marks = make("canvas", "lab-layer st-layer st-marks");
      card.canvas.setAttribute("aria-hidden", "true");
      card.marks.setAttribute("aria-hidden", "true");
      card.frame.append(card.image, card.canvas, card.marks);
      card.legend = make("div");
      card.body.append(card.frame, card.legend);
      card.frame.addEventListener("pointermove", (event) => hover(cellUnder(card, event)));
      card.frame.addEventListener("pointerleave", () => hover(null));
      card.frame.addEventListener("click", (event) => choose(cellUnder(card, event)));
    },

    paint(card, spec) {
      const { value } = run;
      card.spec = spec;
      card.image.src = urlOf(value.picture);
      card.image.alt = value.alt;
      card.frame.style.setProperty("--ratio", value.ratio);
      card.image.classList.toggle("st-gray", Boolean(spec.values || spec.matrix));
      const [h, w] = spec.size ?? [value.h, value.w];
      const tile = stepTile(spec, h, w);
      card.canvas.style.opacity = spec.borders ? 1 : spec.labels ? 0.62 : 0.88;
      card.canvas.hidden = !tile;
      if (tile) drawTile(card.canvas, tile, value.aspect);
      card.legend.replaceChildren(...(spec.values ? [rampLegend(spec)] : []));
      this.mark(card, spec);
    },

    mark(card, spec) {
      if (spec.rowOf) this.paintRow(card, spec);
      if (!fit(card.marks)) return;
      const context = card.marks.getContext("2d");
      const ratio = pixelRatio();
      const cell = cellSize(run.value, card.marks);
      if (spec.lit) outlineCells(context, run.arrays[spec.lit], cell, "#ffffff");
      if (spec.out) crossCells(context, run.arrays[spec.out], cell);
      for (const { i, text } of spec.marks ?? []) drawBadge(context, centerOf(run.value, i, cell), text, ratio);
      for (const i of answerMarks()) drawTarget(context, centerOf(run.value, i.cell, cell), i.color, ratio);
      const at = pointed();
      if (at !== null) boxCell(context, at, cell, CURSOR, 3 * ratio);
      if (run.j !== null && usesPair()) boxCell(context, run.j, cell, INK, 2 * ratio);
    },

    // The row of a block matrix that belongs to the patch that is pointed at.
    paintRow(card, spec) {
      const matrix = run.arrays[spec.rowOf];
      const [h, w] = spec.size;
      const block = blockOf(run.value, pointed(), spec.size);
      const values = matrix.subarray(block * h * w, (block + 1) * h * w);
      const most = Math.max(...values) || 1;
      const tile = tileFrom(h, w, (i) => colorAt(ramps.sequential, values[i] / most));
      card.canvas.hidden = false;
      card.canvas.style.opacity = 0.88;
      drawTile(card.canvas, tile, run.value.aspect);
      card.image.classList.add("st-gray");
    },
  };

  function stepTile(spec, h, w) {
    if (!spec.labels && !spec.values) return null;
    return spec.borders ? piecesTile(run.arrays[spec.labels], h, w) : tileFrom(h, w, painter(spec));
  }

  // Pieces of a picture, too many for colors of their own: a light line between them, over a hint of color.
  function piecesTile(labels, h, w) {
    const tile = tileFrom(h, w, (i) => {
      const border = ((i + 1) % w && labels[i] !== labels[i + 1]) || (i + w < h * w && labels[i] !== labels[i + w]);
      return border ? [255, 255, 160] : rgbOf(paletteColor(labels[i]));
    });
    const context = tile.getContext("2d");
    const pixels = context.getImageData(0, 0, w, h);
    for (let i = 0; i < h * w; i++) if (pixels.data[4 * i + 2] !== 160 || pixels.data[4 * i] !== 255) pixels.data[4 * i + 3] = 60;
    context.putImageData(pixels, 0, 0);
    return tile;
  }

  // The border of a set of cells, and a rim that shows on light and dark.
  function outlineCells(context, mask, [width, height], color) {
    const { h, w } = run.value;
    const path = new Path2D();
    for (let i = 0; i < h * w; i++) {
      if (!mask[i]) continue;
      const y = Math.floor(i / w);
      const x = i % w;
      if (y === 0 || !mask[i - w]) line(path, x * width, y * height, (x + 1) * width, y * height);
      if (y === h - 1 || !mask[i + w]) line(path, x * width, (y + 1) * height, (x + 1) * width, (y + 1) * height);
      if (x === 0 || !mask[i - 1]) line(path, x * width, y * height, x * width, (y + 1) * height);
      if (x === w - 1 || !mask[i + 1]) line(path, (x + 1) * width, y * height, (x + 1) * width, (y + 1) * height);
    }
    strokeOver(context, path, [4 * pixelRatio(), INK], [2 * pixelRatio(), color]);
  }

  function crossCells(context, mask, [width, height]) {
    const { h, w } = run.value;
    const path = new Path2D();
    for (let i = 0; i < h * w; i++) {
      if (!mask[i]) continue;
      const x = (i % w) * width;
      const y = Math.floor(i / w) * height;
      context.fillStyle = "rgb(17 20 28 / 0.55)";
      context.fillRect(x, y, width + 1, height + 1);
      line(path, x, y + height, x + width, y);
    }
    context.strokeStyle = "rgb(255 255 255 / 0.5)";
    context.lineWidth = 1;
    context.stroke(path);
  }

  function boxCell(context, i, cell, color, width) {
    const [x, y] = centerOf(run.value, i, cell);
    const [w, h] = [Math.max(cell[0], 4 * width), Math.max(cell[1], 4 * width)];
    const path = new Path2D();
    path.rect(x - w / 2, y - h / 2, w, h);
    strokeTwice(context, path, width, color);
  }

  function cellUnder(card, event) {
    const box = card.frame.getBoundingClientRect();
    return rowAt(run.value, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }

  return view;
}
