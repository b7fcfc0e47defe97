// Arrays of a sequence, colors and numbers. What the views share.

const UNASSIGNED = -1;

// ---- Arrays: see demo/steps/sequence.py for the kinds ----

async function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpacked(entry) {
  const bytes = await inflated(entry.d);
  if (entry.t === "u8") return bytes;
  if (entry.t === "s8") return Int16Array.from(bytes, (byte) => byte - 1);
  if (entry.t === "u16") return new Uint16Array(bytes.buffer);
  if (entry.t === "s16") return Int32Array.from(new Uint16Array(bytes.buffer), (word) => word - 1);
  if (entry.t === "q8") {
    const step = (entry.hi - entry.lo) / 255;
    return Float32Array.from(bytes, (byte) => entry.lo + step * byte);
  }
  const n = bytes.length / 3;
  const words = new Uint32Array(n);
  for (let i = 0; i < n; i++) words[i] = (bytes[i] * 0x1000000 + (bytes[n + i] << 16) + (bytes[2 * n + i] << 8)) >>> 0;
  return new Float32Array(words.buffer);
}

async function unpackedAll(entries) {
  const keys = Object.keys(entries);
  const arrays = await Promise.all(keys.map((key) => unpacked(entries[key])));
  return Object.fromEntries(keys.map((key, at) => [key, arrays[at]]));
}

// ---- Numbers: four digits, as Python's .4g writes them ----

function digits(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const [mantissa, power] = value.toExponential(3).split("e");
  const exponent = Number(power);
  const trimmed = (text) => (text.includes(".") ? text.replace(/0+$/, "").replace(/[.]$/, "") : text);
  if (exponent < -4 || exponent >= 4)
    return `${trimmed(mantissa)}·10<sup>${exponent}</sup>`.replaceAll("-", "−");
  return trimmed(value.toFixed(Math.max(0, 3 - exponent))).replaceAll("-", "−");
}

function written(value, form) {
  if (form === "integer") return String(Math.round(value)).replaceAll("-", "−");
  if (form === "label") return value < 0 ? "none yet" : `<span class="st-chip" style="--c:${paletteColor(value)}"></span>${value + 1}`;
  if (form === "row") return nameOfRow(value);
  if (form === "percent") return `${digits(100 * value)} %`;
  return digits(value);
}

// ---- Colors ----

const RAMPS = Object.fromEntries(Object.entries(fixed.ramps).map(([name, colors]) => [name, colors.map(rgbOf)]));

function paletteColor(label) {
  return run.value.palette[label % run.value.palette.length];
}

// The color of a share in [0, 1] along a ramp.
function rampColor(colors, share) {
  const place = Math.min(Math.max(share || 0, 0), 1) * (colors.length - 1);
  const below = Math.min(Math.floor(place), colors.length - 2);
  const part = place - below;
  return [0, 1, 2].map((i) => Math.round(colors[below][i] * (1 - part) + colors[below + 1][i] * part));
}

// From values to colors [r, g, b]: labels by the palette, values along a ramp over their own range or around 0.
function painter(spec) {
  if (spec.labels) {
    const labels = run.arrays[spec.labels];
    return (i) => (labels[i] === UNASSIGNED ? null : rgbOf(paletteColor(labels[i])));
  }
  if (!spec.values) return () => null;
  const values = run.arrays[spec.values];
  const [lo, hi] = spec.range ?? rangeOf(values, spec.ramp);
  const colors = RAMPS[spec.ramp ?? "sequential"];
  return (i) => (Number.isFinite(values[i]) ? rampColor(colors, hi > lo ? (values[i] - lo) / (hi - lo) : 0) : null);
}

function rangeOf(values, ramp) {
  let lo = Infinity;
  let hi = -Infinity;
  for (const value of values) {
    if (value < lo) lo = value;
    if (value > hi) hi = value;
  }
  if (ramp !== "diverging") return [lo, hi];
  const most = Math.max(Math.abs(lo), Math.abs(hi));
  return [-most, most];
}

// ---- Elements ----

function make(tag, name = "", text = "") {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text) node.textContent = text;
  return node;
}

function makeSvg(tag, attributes = {}, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  return node;
}

// A bar of the ramp with the numbers at its ends.
function rampLegend(spec) {
  const legend = make("div", "st-ramp");
  const [lo, hi] = spec.range ?? rangeOf(run.arrays[spec.values], spec.ramp);
  const stops = RAMPS[spec.ramp ?? "sequential"].map((color) => `rgb(${color})`).join(", ");
  legend.innerHTML = `<span>${digits(lo)}</span><i style="background:linear-gradient(to right, ${stops})"></i><span>${digits(hi)}</span>`;
  return legend;
}

const VIEWS = {}; // by kind: { make(card), paint(card, spec), mark(card, spec) }
