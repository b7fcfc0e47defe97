// What several views draw.

import { strokeTwice, tileOf } from "../../js/canvas.js";
import { INK } from "../../js/colors.js";

// A canvas with one pixel for each of h × w places, from their numbers to colors; null leaves one clear.
export function tileFrom(h, w, color) {
  const pixels = new ImageData(w, h);
  for (let i = 0; i < h * w; i++) {
    const rgb = color(i);
    if (!rgb) continue;
    pixels.data.set(rgb, 4 * i);
    pixels.data[4 * i + 3] = 255;
  }
  return tileOf(pixels);
}

// A few letters on a disc.
export function drawBadge(context, [x, y], text, ratio) {
  context.font = `600 ${13 * ratio}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const wide = Math.max(10 * ratio, context.measureText(text).width / 2 + 5 * ratio);
  context.beginPath();
  context.roundRect(x - wide, y - 10 * ratio, 2 * wide, 20 * ratio, 10 * ratio);
  context.fillStyle = "#ffffff";
  context.fill();
  context.lineWidth = 2 * ratio;
  context.strokeStyle = INK;
  context.stroke();
  context.fillStyle = INK;
  context.fillText(text, x, y + ratio);
}

// Where somebody pointed, and where the answer is.
export function drawTarget(context, [x, y], color, ratio) {
  const path = new Path2D();
  path.arc(x, y, 13 * ratio, 0, 2 * Math.PI);
  path.moveTo(x - 19 * ratio, y);
  path.lineTo(x - 8 * ratio, y);
  path.moveTo(x + 8 * ratio, y);
  path.lineTo(x + 19 * ratio, y);
  strokeTwice(context, path, 3 * ratio, color);
}
