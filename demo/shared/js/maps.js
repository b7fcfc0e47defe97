// What the components with maps of the patch grid share. `fixed.stops` are the colors from −max over 0 to +max.

const INK = "#11141c";
const CURSOR = "#d6007a"; // neither arm of the color map has it
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

const ramp = fixed.stops.map(rgbOf);

// ---- Numbers and colors ----

// The numbers of export.pack_floats.
function floatsOf(packed) {
  return new Float32Array(Uint8Array.from(atob(packed), (character) => character.charCodeAt(0)).buffer);
}

function rgbOf(color) {
  const number = parseInt(color.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

// Write the color of a share, −1 to 1, at a place of an array. The same interpolation as in Python: linear between evenly
// spaced stops.
function putColor(bytes, at, share) {
  const place = ((Math.min(Math.max(share || 0, -1), 1) + 1) / 2) * (ramp.length - 1);
  const below = Math.min(Math.floor(place), ramp.length - 2);
  const part = place - below;
  for (let i = 0; i < 3; i++) bytes[at + i] = Math.floor(ramp[below][i] * (1 - part) + ramp[below + 1][i] * part + 0.5);
}

function colorAt(share) {
  const color = [0, 0, 0];
  putColor(color, 0, share);
  return color;
}

function number(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e-4 && size < 1e4 ? value.toPrecision(3) : value.toExponential(1);
  return text.replaceAll("-", "−");
}

function nameOf(index) {
  return `v${[...String(index)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("")}`;
}

// ---- Maps: one canvas pixel per device pixel, cells without blur ----

function paintTile(entries, limit, width, height) {
  const tile = document.createElement("canvas");
  tile.width = width;
  tile.height = height;
  const pixels = new ImageData(width, height);
  pixels.data.fill(255);
  for (let i = 0; i < entries.length; i++) putColor(pixels.data, 4 * i, limit ? entries[i] / limit : 0);
  tile.getContext("2d").putImageData(pixels, 0, 0);
  return tile;
}

// Give a canvas as many pixels as the device shows of it. False while it is not visible.
function fit(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  return canvas.width > 0 && canvas.height > 0;
}

// Only the part of the grid that the picture covers, given as shares of width and height.
function drawTile(canvas, tile, [wide, high]) {
  if (!fit(canvas)) return;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(tile, 0, 0, tile.width * wide, tile.height * high, 0, 0, canvas.width, canvas.height);
}

function line(path, x0, y0, x1, y1) {
  path.moveTo(x0, y0);
  path.lineTo(x1, y1);
}

// A line with a light edge shows on every color.
function strokeTwice(context, path, width, color = INK) {
  context.lineCap = "square";
  context.strokeStyle = "rgb(255 255 255 / 0.9)";
  context.lineWidth = width + 2;
  context.stroke(path);
  context.strokeStyle = color;
  context.lineWidth = width;
  context.stroke(path);
}
