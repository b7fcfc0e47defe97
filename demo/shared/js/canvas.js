// Drawing on a canvas that has one pixel per device pixel.

import { INK, putColor } from "./colors.js";
import { zoomOf } from "./dom.js";

// Pixels of a canvas in a length of 1 px as the page writes it, which a page shown large enlarges.
export function pixelRatio() {
  return (window.devicePixelRatio || 1) * zoomOf(document.documentElement);
}

// Give a canvas as many pixels as the device shows of it, or of another node. False while it is not visible.
export function fit(canvas, node = canvas) {
  const { width, height } = node.getBoundingClientRect();
  canvas.width = Math.round(width * (window.devicePixelRatio || 1));
  canvas.height = Math.round(height * (window.devicePixelRatio || 1));
  return canvas.width > 0 && canvas.height > 0;
}

// A canvas with one pixel for each of n = width · height shares, in the colors of a ramp; NaN has that of 0.
export function rampTile(shares, width, height, stops) {
  const pixels = new ImageData(width, height);
  pixels.data.fill(255);
  for (let i = 0; i < shares.length; i++) putColor(pixels.data, 4 * i, stops, shares[i]);
  return tileOf(pixels);
}

export function tileOf(pixels) {
  const tile = document.createElement("canvas");
  [tile.width, tile.height] = [pixels.width, pixels.height];
  tile.getContext("2d").putImageData(pixels, 0, 0);
  return tile;
}

// Cells without blur; only the part of the grid that the picture covers, given as shares of width and height.
export function drawTile(canvas, tile, [wide, high]) {
  if (!fit(canvas)) return;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(tile, 0, 0, tile.width * wide, tile.height * high, 0, 0, canvas.width, canvas.height);
}

// A line with a light edge shows on every color.
export function strokeTwice(context, path, width, color = INK) {
  strokeOver(context, path, [width + 2, "rgb(255 255 255 / 0.9)"], [width, color]);
}

// Lines over each other, each of a width and a color, the lowest first.
export function strokeOver(context, path, ...lines) {
  context.lineCap = "square";
  for (const [width, color] of lines) {
    context.lineWidth = width;
    context.strokeStyle = color;
    context.stroke(path);
  }
}
