// The frame on view: its picture, and the boxes in the colors of their tracks.

import { fit, pixelRatio, strokeOver, strokeTwice } from "../../shared/js/canvas.js";
import { CURSOR, INK, rgbOf } from "../../shared/js/colors.js";
import { make } from "../../shared/js/dom.js";
import { boxAt, has, paintMasks, rangeOf, tileOf, trailOf } from "./places.js";

const NO_TRACK = "#8c8c8c";
const LIT = "#ff5a1f";
const TRAIL = 14; // frames

// Draw a frame into a part [x, y, width, height] of a canvas; nothing where its sheet is not here yet.
export function drawFrame(context, film, sheets, t, [x, y, width, height]) {
  context.fillStyle = "#5d6470";
  context.fillRect(x, y, width, height);
  if (!film.sheets.length) return;
  const { sheet, box } = tileOf(film, t);
  const image = sheets.get(sheet);
  if (image) context.drawImage(image, ...box, x, y, width, height);
}

export function colorOf(labels, i, paletteColor) {
  return labels && labels[i] >= 0 ? paletteColor(labels[i]) : NO_TRACK;
}

export function filmView({ run, hover, choose, pointed, paletteColor, tracking, words }) {
  const view = {
    make(card) {
      card.frame = make("div", "tk-film");
      card.canvas = make("canvas", "lab-layer st-layer");
      card.canvas.setAttribute("role", "img");
      card.frame.append(card.canvas);
      card.note = make("p", "st-note");
      card.body.append(card.frame, card.note);
      const under = (event) => {
        const box = card.frame.getBoundingClientRect();
        const { film, arrays } = tracking.data();
        const place = [((event.clientX - box.left) / box.width) * film.size[0], ((event.clientY - box.top) / box.height) * film.size[1]];
        return boxAt(arrays.frame, arrays.box, tracking.frame(), ...place);
      };
      card.frame.addEventListener("pointermove", (event) => hover(under(event)));
      card.frame.addEventListener("pointerleave", () => hover(null));
      card.frame.addEventListener("click", (event) => choose(under(event)));
    },

    paint(card, spec) {
      const { film } = tracking.data();
      card.frame.style.setProperty("--ratio", film.size[0] / film.size[1]);
      tracking.want(tracking.frame());
      this.mark(card, spec);
    },

    mark(card, spec) {
      if (!fit(card.canvas)) return;
      const { film, arrays } = tracking.data();
      const t = tracking.frame();
      tracking.want(t);
      const context = card.canvas.getContext("2d");
      const labels = spec.labels ? run.arrays[spec.labels] : null;
      const lit = spec.lit ? run.arrays[spec.lit] : null;
      const [sx, sy] = [card.canvas.width / film.size[0], card.canvas.height / film.size[1]];
      drawFrame(context, film, tracking.sheets, t, [0, 0, card.canvas.width, card.canvas.height]);
      const [low, high] = rangeOf(arrays.frame, t);
      if (film.masks.length) drawMasks(context, film, t, Array.from({ length: high - low }, (_, k) => rgbOf(colorOf(labels, low + k, paletteColor))));
      if (labels) drawTrails(context, labels, t, sx, sy);
      for (const [x, y, w, h, label] of spec.expected?.frame === t ? spec.expected.boxes : []) drawExpected(context, [x * sx, y * sy, w * sx, h * sy], label);
      for (let i = low; i < high; i++) {
        const [x, y, w, h] = arrays.box.subarray(4 * i, 4 * i + 4);
        drawBox(context, [x * sx, y * sy, w * sx, h * sy], { i, labels, lit: has(lit, i) });
      }
      card.canvas.setAttribute("aria-label", tracking.told(words.frameOf, { t: t + 1, total: film.n, n: high - low }));
      card.note.textContent = tracking.told(words.frameOf, { t: t + 1, total: film.n, n: high - low });
    },
  };

  // Masks in the colors of their tracks; the box around one is thin then.
  const layer = document.createElement("canvas");
  function drawMasks(context, film, t, colors) {
    const { sheet, box } = tileOf(film, t);
    const masks = tracking.masks.get(sheet);
    if (!masks) return;
    const [, , width, height] = box;
    [layer.width, layer.height] = [width, height];
    const pixels = new ImageData(width, height);
    paintMasks(pixels.data, masks, box, colors);
    layer.getContext("2d").putImageData(pixels, 0, 0);
    context.drawImage(layer, 0, 0, context.canvas.width, context.canvas.height);
  }

  function drawTrails(context, labels, t, sx, sy) {
    const { arrays } = tracking.data();
    const [low, high] = rangeOf(arrays.frame, t);
    for (let i = low; i < high; i++) {
      if (labels[i] < 0) continue;
      const path = new Path2D();
      trailOf(arrays.frame, labels, arrays.box, labels[i], t, TRAIL).forEach(([x, y], at) => (at ? path.lineTo(x * sx, y * sy) : path.moveTo(x * sx, y * sy)));
      strokeOver(context, path, [4 * pixelRatio(), "rgb(255 255 255 / 0.6)"], [2.5 * pixelRatio(), paletteColor(labels[i])]);
    }
  }

  function drawExpected(context, box, label) {
    const path = new Path2D();
    path.rect(...box);
    context.setLineDash([4 * pixelRatio(), 4 * pixelRatio()]);
    strokeOver(context, path, [3 * pixelRatio(), "rgb(255 255 255 / 0.8)"], [1.5 * pixelRatio(), label < 0 ? NO_TRACK : paletteColor(label)]);
    context.setLineDash([]);
  }

  function drawBox(context, [x, y, w, h], { i, labels, lit }) {
    const ratio = pixelRatio();
    const path = new Path2D();
    path.rect(x, y, w, h);
    if (lit) strokeOver(context, path, [9 * ratio, LIT]);
    strokeTwice(context, path, (tracking.data().film.masks.length ? 1.2 : 3) * ratio, colorOf(labels, i, paletteColor));
    if (i === pointed()) {
      const mark = new Path2D();
      mark.rect(x - 5 * ratio, y - 5 * ratio, w + 10 * ratio, h + 10 * ratio);
      strokeTwice(context, mark, 2.5 * ratio, CURSOR);
    }
    if (!labels || labels[i] < 0) return;
    badge(context, String(labels[i] + 1), x, y, colorOf(labels, i, paletteColor), ratio);
  }

  // The number of a track, on its color, above its box.
  function badge(context, text, x, y, color, ratio) {
    context.font = `600 ${12 * ratio}px system-ui, sans-serif`;
    context.textAlign = "left";
    context.textBaseline = "middle";
    const wide = context.measureText(text).width + 8 * ratio;
    const top = Math.max(y - 16 * ratio, 0);
    context.fillStyle = "#ffffff";
    context.fillRect(x - 1.5 * ratio, top, wide, 16 * ratio);
    context.fillStyle = color;
    context.fillRect(x - 1.5 * ratio, top, 3.5 * ratio, 16 * ratio);
    context.fillStyle = INK;
    context.fillText(text, x + 4 * ratio, top + 8.5 * ratio);
  }

  return view;
}
