// Strokes are lines in shares of the picture's width and height, and belong to the browser: Python is told of them by `input`
// and sends back a result, never strokes, but for those of a link or a file (`strokes` in its value).

import { pixelRatio } from "../../shared/js/canvas.js";
import { MOVES } from "../../shared/js/cells.js";
import { rgbOf } from "../../shared/js/colors.js";
import { filled, make, makeButton, partsOf } from "../../shared/js/dom.js";
import { loadLabels, setPicture } from "../../shared/js/images.js";
import { clamped } from "../../shared/js/numbers.js";

const CURSOR = "#d6006c";
const STEP = 0.01; // of the crosshair, in shares of the longer side
const LEAST = 0.003; // distance of two points of a line, likewise

function rounded({ label, width, points }) {
  return { label, width, points: points.map(([x, y]) => [Number(x.toFixed(4)), Number(y.toFixed(4))]) };
}

function fill(canvas, map, paint) {
  if (!map) {
    [canvas.width, canvas.height] = [1, 1];
    canvas.getContext("2d").clearRect(0, 0, 1, 1);
    return;
  }
  [canvas.width, canvas.height] = [map.width, map.height];
  const context = canvas.getContext("2d");
  const image = context.createImageData(map.width, map.height);
  for (let i = 0; i < map.labels.length; i++) paint(map.labels, i, image.data);
  context.putImageData(image, 0, 0);
}

function ring(context, x, y, radius, color, width) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.strokeStyle = color;
  context.lineWidth = width;
  context.stroke();
}

// Douglas and Peucker: leave out points that lie on the line between their neighbors, to a thousandth of the picture.
export function simplified(points) {
  if (points.length < 3) return points;
  const [a, b] = [points[0], points.at(-1)];
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = Math.hypot(dx, dy);
  let [worst, at] = [0, 0];
  for (let i = 1; i < points.length - 1; i++) {
    const [px, py] = [points[i][0] - a[0], points[i][1] - a[1]];
    const off = length ? Math.abs(dx * py - dy * px) / length : Math.hypot(px, py);
    if (off > worst) [worst, at] = [off, i];
  }
  if (worst <= 0.001) return [a, b];
  return [...simplified(points.slice(0, at + 1)).slice(0, -1), ...simplified(points.slice(at))];
}

export function mount({ element, props, trigger, watch, fixed }) {
  const { words } = fixed;
  const parts = partsOf(element, "sp", [
      "pad", "empty", "body", "labels", "more", "eraser", "size", "size-now", "undo", "redo", "clear", "stage", "picture",
      "result", "uncertain", "strokes", "cursor", "opacity", "opacity-now", "show-strokes", "show-uncertain", "cutout", "keys",
      "said",
    ]);

  const pen = { label: 1, width: 0.02, erasing: false, at: null, down: false };
  let view = null; // {key, aspect, width, height, names}
  let strokes = [];
  let undone = []; // lists of strokes, the latest last
  let past = [];
  let drawing = null; // the stroke under the pointer
  let pointer = null; // its id
  let shownLabels = 2;
  let result = null; // {labels: Uint8Array, width, height}
  let unsure = null; // the same of the entropy, 0 … 255
  let hint = null; // [x, y] where it is most unsure
  let ticket = 0;

  // ---- Values ----

  function show(value) {
    if (!value || !("picture" in value)) return; // our own
    if (value.picture) openPicture(value);
    else if (value.picture === null) {
      view = null;
      parts.empty.textContent = fixed.empty;
      parts.empty.hidden = false;
      parts.body.hidden = true;
    }
    if (value.strokes) replaceStrokes(value.strokes);
    if (value.names) nameLabels(value.names);
    if ("result" in value) openResult(value.result);
    send(value.strokes ? "input" : null); // those of a link or a file ask for their result as drawn ones do
  }

  function openPicture(value) {
    if (view?.key !== value.picture_key) {
      [strokes, past, undone, result, unsure, hint] = [[], [], [], null, null, null];
      pen.at = null;
    }
    view = { key: value.picture_key, width: value.width, height: value.height, alt: value.alt, names: view?.names ?? {} };
    parts.pad.style.setProperty("--sp-aspect", String(value.width / value.height));
    setPicture(parts.picture, value.picture);
    parts.empty.hidden = true;
    parts.body.hidden = false;
    paintAll();
  }

  function replaceStrokes(list) {
    past.push(strokes);
    strokes = list.map(({ label, width, points }) => ({ label, width, points }));
    undone = [];
    shownLabels = Math.max(2, shownLabels, ...strokes.map(({ label }) => label));
    paintAll();
  }

  function nameLabels(names) {
    if (view) view.names = names;
    drawTools();
  }

  async function openResult(value) {
    const mine = ++ticket;
    const [labels, entropy] = value
      ? await Promise.all([loadLabels(value.labels), value.unsure ? loadLabels(value.unsure) : null])
      : [null, null];
    if (mine !== ticket) return;
    result = labels;
    unsure = entropy;
    hint = value?.hint ?? null;
    parts["show-uncertain"].disabled = Boolean(value) && !entropy;
    paintAll();
    parts.pad.dataset.results = String(Number(parts.pad.dataset.results ?? 0) + 1);
  }

  // What Python reads with the next event, whichever it is.
  function send(event = null) {
    props.value = { strokes: strokes.map(rounded), picture_key: view?.key ?? null };
    if (event) trigger(event);
  }

  // ---- Painting ----

  function fit(canvas) {
    const box = parts.stage.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
    if (width < 1 || height < 1) return null;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    return context;
  }

  function paintAll() {
    if (!view) return;
    drawTools();
    paintResult();
    paintStrokes();
    paintCursor();
  }

  function paintResult() {
    const opacity = Number(parts.opacity.value) / 100;
    const cutout = parts.cutout.checked ? pen.label : 0;
    fill(parts.result, result, (gray, i, out) => {
      const label = gray[i];
      if (!label) return;
      const [r, g, b] = cutout ? [14, 17, 24] : rgbOf(fixed.palette[label - 1]);
      const alpha = cutout ? (label === cutout ? 0 : 0.85) : opacity;
      out.set([r, g, b, 255 * alpha], 4 * i);
    });
    if (result && !cutout) outline();
    parts.uncertain.hidden = !parts["show-uncertain"].checked || !unsure;
    if (!parts.uncertain.hidden) fill(parts.uncertain, unsure, (gray, i, out) => out.set([214, 0, 108, gray[i] * 0.9], 4 * i));
  }

  // A light line between labels, so that color is not the only cue.
  function outline() {
    const { labels: gray, width, height } = result;
    const context = parts.result.getContext("2d");
    const image = context.getImageData(0, 0, width, height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const i = y * width + x;
        const edge = (x + 1 < width && gray[i] !== gray[i + 1]) || (y + 1 < height && gray[i] !== gray[i + width]);
        if (edge) image.data.set([255, 255, 255, 255], 4 * i);
      }
    }
    context.putImageData(image, 0, 0);
  }

  function paintStrokes() {
    const context = fit(parts.strokes);
    if (!context) return;
    parts.strokes.hidden = !parts["show-strokes"].checked;
    for (const stroke of drawing ? [...strokes, drawing] : strokes) paintStroke(context, stroke);
  }

  function paintStroke(context, { label, width, points }) {
    const { canvas } = context;
    const across = Math.max(1, width * Math.max(canvas.width, canvas.height));
    const path = new Path2D();
    points.forEach(([x, y], i) => path[i ? "lineTo" : "moveTo"](x * canvas.width, y * canvas.height));
    if (points.length === 1) path.lineTo(points[0][0] * canvas.width + 0.01, points[0][1] * canvas.height);
    context.lineCap = context.lineJoin = "round";
    if (label === 0) {
      context.globalCompositeOperation = "destination-out";
      context.lineWidth = across + 3;
      context.stroke(path);
      context.globalCompositeOperation = "source-over";
      return;
    }
    context.lineWidth = across + 2 * pixelRatio();
    context.strokeStyle = "rgb(255 255 255 / .9)";
    context.stroke(path);
    context.lineWidth = across;
    context.strokeStyle = fixed.palette[label - 1];
    context.stroke(path);
  }

  function paintCursor() {
    const context = fit(parts.cursor);
    if (!context) return;
    const { width, height } = context.canvas;
    const ratio = pixelRatio();
    if (hint && parts["show-uncertain"].checked) {
      ring(context, hint[0] * width, hint[1] * height, 14 * ratio, "#fff", 5 * ratio);
      ring(context, hint[0] * width, hint[1] * height, 14 * ratio, CURSOR, 2.5 * ratio);
    }
    if (!pen.at) return;
    const [x, y] = [pen.at[0] * width, pen.at[1] * height];
    const radius = Math.max(2 * ratio, (pen.width * Math.max(width, height)) / 2);
    ring(context, x, y, radius, "rgb(255 255 255 / .9)", 3.5 * ratio);
    ring(context, x, y, radius, pen.erasing ? "#1f2430" : fixed.palette[pen.label - 1], 2 * ratio);
    if (document.activeElement !== parts.stage || !parts.stage.matches(":focus-visible")) return;
    context.strokeStyle = CURSOR;
    context.lineWidth = 1.5 * ratio;
    for (const [dx, dy] of [[1, 0], [0, 1]]) {
      context.beginPath();
      context.moveTo(x - 16 * ratio * dx, y - 16 * ratio * dy);
      context.lineTo(x + 16 * ratio * dx, y + 16 * ratio * dy);
      context.stroke();
    }
  }

  // ---- Tools ----

  // Made once: a press that begins on a button must end on the same one, whatever arrives meanwhile.
  const buttons = fixed.palette.slice(0, fixed.most).map((color, i) => {
    const button = makeButton();
    button.dataset.label = String(i + 1);
    button.title = filled(words.key, { label: i + 1 });
    const chip = make("span", "sp-chip");
    chip.style.setProperty("--sp-color", color);
    button.append(chip, String(i + 1), make("span", "sp-name"));
    button.addEventListener("click", () => takeLabel(i + 1));
    return button;
  });

  parts.labels.replaceChildren(...buttons);

  function drawTools() {
    buttons.forEach((button, i) => {
      const name = view?.names[i + 1] ?? "";
      button.hidden = i >= shownLabels;
      button.setAttribute("aria-pressed", String(!pen.erasing && pen.label === i + 1));
      button.setAttribute("aria-label", `${filled(words.label, { label: i + 1 })}${name ? `, ${name}` : ""}`);
      button.lastChild.textContent = name;
      button.lastChild.hidden = !name;
    });
    parts.more.hidden = shownLabels >= fixed.most;
    parts.eraser.setAttribute("aria-pressed", String(pen.erasing));
    parts.undo.disabled = past.length === 0;
    parts.redo.disabled = undone.length === 0;
    parts.clear.disabled = strokes.length === 0;
    parts["size-now"].textContent = `${(100 * pen.width).toFixed(1)} %`;
    parts["opacity-now"].textContent = `${parts.opacity.value} %`;
    parts.opacity.style.setProperty("--lab-fill", `${parts.opacity.value}%`);
    parts.stage.setAttribute("aria-label", filled(words.stage, { picture: view?.alt ?? words.picture, n: strokes.length, keys: words.keys }));
  }

  function takeLabel(label) {
    shownLabels = Math.max(shownLabels, label);
    pen.label = label;
    pen.erasing = false;
    say(filled(words.label, { label }));
    drawTools();
    if (parts.cutout.checked) paintResult();
    paintCursor();
  }

  function takeEraser() {
    pen.erasing = !pen.erasing;
    say(pen.erasing ? words.eraser : filled(words.label, { label: pen.label }));
    drawTools();
    paintCursor();
  }

  function resize(step) {
    const value = clamped(Number(parts.size.value) + step, Number(parts.size.min), Number(parts.size.max));
    parts.size.value = String(value);
    pen.width = value / 200;
    drawTools();
    paintCursor();
  }

  function say(text) {
    parts.said.textContent = text;
  }

  // ---- Strokes ----

  function commit(list) {
    past.push(strokes);
    strokes = list;
    undone = [];
    paintAll();
    send("input");
  }

  function undo() {
    if (!past.length) return;
    undone.push(strokes);
    strokes = past.pop();
    say(filled(words.undone, { n: strokes.length }));
    paintAll();
    send("input");
  }

  function redo() {
    if (!undone.length) return;
    past.push(strokes);
    strokes = undone.pop();
    say(filled(words.redone, { n: strokes.length }));
    paintAll();
    send("input");
  }

  function penDown(at) {
    if (strokes.length >= fixed.most_strokes) {
      say(filled(words.most, { n: fixed.most_strokes }));
      return;
    }
    drawing = { label: pen.erasing ? 0 : pen.label, width: pen.width, points: [at] };
    paintStrokes();
  }

  function penMove(at) {
    if (!drawing) return;
    const [x, y] = drawing.points.at(-1);
    const longer = Math.max(view.width, view.height);
    const far = Math.hypot(((at[0] - x) * view.width) / longer, ((at[1] - y) * view.height) / longer);
    if (far < LEAST || drawing.points.length >= fixed.most_points) return;
    drawing.points.push(at);
    paintStrokes();
  }

  function penUp() {
    if (!drawing) return;
    const stroke = { ...drawing, points: simplified(drawing.points) };
    drawing = null;
    commit([...strokes, stroke]);
  }

  // ---- What a user does ----

  function placeOf(event) {
    const box = parts.stage.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  parts.stage.addEventListener("pointerdown", (event) => {
    if (!view || pointer !== null || event.button > 0) return;
    event.preventDefault();
    parts.stage.focus({ preventScroll: true });
    parts.stage.setPointerCapture(event.pointerId);
    pointer = event.pointerId;
    pen.down = false;
    pen.at = placeOf(event);
    penDown(pen.at);
    paintCursor();
  });

  parts.stage.addEventListener("pointermove", (event) => {
    if (!view || (pointer !== null && event.pointerId !== pointer)) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    if (pointer !== null) for (const move of moves.length ? moves : [event]) penMove(placeOf(move));
    pen.at = placeOf(event);
    paintCursor();
  });

  function onUp(event) {
    if (event.pointerId !== pointer) return;
    pointer = null;
    penUp();
  }

  parts.stage.addEventListener("pointerup", onUp);
  parts.stage.addEventListener("pointercancel", onUp);

  parts.stage.addEventListener("pointerleave", () => {
    if (pointer !== null || document.activeElement === parts.stage) return;
    pen.at = null;
    paintCursor();
  });

  parts.stage.addEventListener("focus", paintCursor);

  parts.stage.addEventListener("blur", () => {
    if (pen.down) penUp();
    pen.down = false;
    pen.at = null;
    paintCursor();
  });

  const PRESSED = {
    e: takeEraser, 0: takeEraser, z: undo, y: redo, "[": () => resize(-1), "]": () => resize(1), " ": togglePen, Escape: leavePen,
  };

  function togglePen() {
    if (pen.down) {
      pen.down = false;
      penUp();
      return;
    }
    pen.at ??= [0.5, 0.5];
    pen.down = true;
    penDown(pen.at);
    say(words.down);
  }

  function leavePen() {
    drawing = null;
    pen.down = false;
    paintStrokes();
  }

  parts.stage.addEventListener("keydown", (event) => {
    if (!view || event.altKey) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() !== "z" && event.key.toLowerCase() !== "y") return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key in MOVES) {
      const step = event.shiftKey ? 5 * STEP : STEP;
      const longer = Math.max(view.width, view.height);
      const [down, right] = MOVES[key];
      const [x, y] = pen.at ?? [0.5, 0.5];
            pen.at = [clamped(x + (right * step * longer) / view.width, 0, 1), clamped(y + (down * step * longer) / view.height, 0, 1)];
      if (pen.down) penMove(pen.at);
      paintCursor();
    } else if (key >= "1" && key <= String(fixed.most)) takeLabel(Number(key));
    else if (key === "z" && event.shiftKey) redo();
    else if (key in PRESSED) PRESSED[key]();
    else return;
    event.preventDefault();
    paintCursor();
  });

  parts.more.addEventListener("click", () => takeLabel(Math.min(shownLabels + 1, fixed.most)));
  parts.eraser.addEventListener("click", takeEraser);
  parts.undo.addEventListener("click", undo);
  parts.redo.addEventListener("click", redo);
  parts.clear.addEventListener("click", () => commit([]));
  parts.size.addEventListener("input", () => resize(0));

  parts.opacity.addEventListener("input", () => {
    drawTools();
    paintResult();
  });

  for (const name of ["show-strokes", "show-uncertain", "cutout"]) parts[name].addEventListener("change", paintAll);
  parts.keys.textContent = words.keys;
  parts["show-strokes"].checked = true; // Gradio keeps no attribute of the template without a value
  parts.size.value = String(200 * pen.width);
  parts.opacity.value = String(Math.round(100 * fixed.opacity));
  new ResizeObserver(() => view && (paintStrokes(), paintCursor())).observe(parts.stage);
  parts.empty.textContent = fixed.empty;
  parts.empty.hidden = false;
  watch("value", () => show(props.value));
  show(props.value);
}
