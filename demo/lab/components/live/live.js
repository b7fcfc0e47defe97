// One frame is under way at a time, and the next one is the newest: what the server cannot follow is never sent.

import { fit, rampTile, tileOf } from "../../../shared/js/canvas.js";
import { rgbOf, signed } from "../../../shared/js/colors.js";
import { filled, make, partsOf } from "../../../shared/js/dom.js";
import { visitor } from "../../../shared/js/visitor.js";
import { bytesOf, floatsOf, heard } from "../../../shared/js/wire.js";
import { makeRate, problemOf, sizeOf } from "./frames.js";

const PARTS = [
  "start", "film", "file", "stop", "take", "view", "side", "opacity", "mirror", "message", "stage", "video", "map", "rate", "notes",
  "view-name", "side-name", "opacity-name", "mirror-name",
];
const TELL_EVERY = 500; // ms between two figures
const TAKEN_SIDE = 1024; // pixels of a picture that is taken
const PAUSE = { unseen: 300, problem: 1000, gone: 2000 }; // ms until it is tried again

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export function mount({ element, props, trigger, server, fixed }) {
  const parts = partsOf(element, "lv", PARTS);
  const { words } = fixed;
  const ramps = Object.fromEntries(Object.entries(fixed.ramps).map(([kind, stops]) => [kind, stops.map(rgbOf)]));
  const palette = fixed.palette.map(rgbOf);
  const sent = document.createElement("canvas");
  const rate = makeRate();
  const me = `${visitor()}-${Math.random()}`; // each panel is followed by itself
  let run = 0; // number of the stream under way; 0 while there is none
  let runs = 0;
  let tile = null; // the last answer as an image, and how it is drawn
  let toldAt = 0;

  // ---- Where frames come from ----

  async function startCamera() {
    if (!navigator.mediaDevices?.getUserMedia) return end(words.insecure);
    end();
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 480 } } });
    } catch (error) {
      return end(words[problemOf(error)]);
    }
    stream.getVideoTracks()[0].addEventListener("ended", () => end(words.unplugged));
    parts.video.srcObject = stream;
    parts.mirror.checked = true;
    return begin();
  }

  function startFilm() {
    const [file] = parts.file.files;
    if (!file) return;
    end();
    parts.video.srcObject = null;
    parts.video.src = URL.createObjectURL(file);
    parts.video.loop = true;
    parts.mirror.checked = false;
    begin();
  }

  async function begin() {
    const mine = ++runs;
    run = mine;
    try {
      await parts.video.play();
    } catch {
      if (run === mine) end(words.unreadable);
      return;
    }
    if (run !== mine) return;
    show();
    rate.clear();
    while (run === mine && element.isConnected) await step(() => run === mine);
    if (run === mine) end();
  }

  function end(sentence = words.hint) {
    run = 0;
    for (const track of parts.video.srcObject?.getTracks() ?? []) track.stop();
    if (parts.video.src) URL.revokeObjectURL(parts.video.src);
    parts.video.srcObject = null;
    parts.video.removeAttribute("src");
    parts.message.textContent = sentence;
    parts.notes.textContent = "";
    tile = null;
    show();
  }

  function show() {
    const on = run > 0;
    for (const name of ["stage", "stop", "take", "rate"]) parts[name].hidden = !on;
    for (const name of ["start", "film"]) parts[name].hidden = on;
    parts.message.hidden = on;
    mirror();
  }

  // ---- A frame ----

  async function step(isWanted) {
    const { videoWidth: width, videoHeight: height } = parts.video;
    if (document.hidden || parts.stage.offsetParent === null || !width) return pause(PAUSE.unseen);
    parts.stage.style.setProperty("--lv-aspect", String(width / height));
    const taken = performance.now();
    const question = { picture: still(Number(parts.side.value), 0.9), view: parts.view.value, side: Number(parts.side.value) };
    let answer;
    try {
      answer = heard(await server.frame({ ...question, query: location.search, visitor: me }));
    } catch {
      if (isWanted()) parts.notes.textContent = words.gone;
      return pause(PAUSE.gone);
    }
    if (!isWanted()) return null;
    const notes = answer.problem ?? answer.notes.join(" ");
    if (parts.notes.textContent !== notes) parts.notes.textContent = notes;
    if (answer.problem) {
      tile = null;
      paint();
      return pause(PAUSE.problem);
    }
    tile = { ...answer, image: imageOf(answer) };
    paint();
    rate.note(taken, performance.now());
    tell();
    return new Promise((done) => requestAnimationFrame(done));
  }

  // What the camera sees now, as a data: URI.
  function still(side, quality) {
    [sent.width, sent.height] = sizeOf(parts.video.videoWidth, parts.video.videoHeight, side);
    sent.getContext("2d").drawImage(parts.video, 0, 0, sent.width, sent.height);
    return sent.toDataURL("image/jpeg", quality);
  }

  function imageOf({ kind, values, h, w }) {
    if (kind === "signed" || kind === "positive") {
      const numbers = floatsOf(values);
      return rampTile(kind === "signed" ? numbers.map(signed) : numbers, w, h, ramps[kind]);
    }
    const bytes = bytesOf(values);
    const pixels = new ImageData(w, h);
    pixels.data.fill(255);
    for (let i = 0; i < h * w; i++) pixels.data.set(kind === "labels" ? palette[bytes[i]] : bytes.subarray(3 * i, 3 * i + 3), 4 * i);
    return tileOf(pixels);
  }

  function paint() {
    if (!fit(parts.map)) return;
    const context = parts.map.getContext("2d");
    context.clearRect(0, 0, parts.map.width, parts.map.height);
    if (!tile) return;
    const [wide, high] = tile.covered;
    context.globalAlpha = Number(parts.opacity.value) / 100;
    context.imageSmoothingEnabled = tile.kind !== "labels";
    context.drawImage(tile.image, 0, 0, tile.w * wide, tile.h * high, 0, 0, parts.map.width, parts.map.height);
    parts.map.dataset.kind = tile.kind;
    parts.map.setAttribute("aria-label", filled(words.seen, { view: fixed.views[parts.view.value], h: tile.h, w: tile.w }));
  }

  function tell() {
    const found = rate.told();
    if (!found || performance.now() - toldAt < TELL_EVERY) return;
    toldAt = performance.now();
    const figures = { rate: found.rate.toFixed(1), age: Math.round(found.age), h: tile.h, w: tile.w };
    parts.rate.textContent = filled(words.rate, figures);
  }

  // ---- Controls ----

  function mirror() {
    parts.stage.dataset.mirrored = String(parts.mirror.checked);
  }

  function fillRange() {
    parts.opacity.style.setProperty("--lab-fill", `${parts.opacity.value}%`);
    paint();
  }

  function options(select, entries, chosen) {
    select.replaceChildren(...entries.map(([value, text]) => Object.assign(make("option", "", text), { value })));
    select.value = String(chosen);
  }

  for (const name of ["start", "stop", "take", "view-name", "side-name", "opacity-name", "mirror-name"]) {
    parts[name].textContent = words[name];
  }
  parts.film.querySelector("span").textContent = words.film;
  options(parts.view, Object.entries(fixed.views), fixed.start);
  options(parts.side, fixed.sides.map((side) => [String(side), `${side} px`]), fixed.side);
  parts.start.addEventListener("click", startCamera);
  parts.file.addEventListener("change", startFilm);
  parts.stop.addEventListener("click", () => end());
  parts.opacity.addEventListener("input", fillRange);
  parts.mirror.addEventListener("change", mirror);
  parts.take.addEventListener("click", () => {
    props.value = still(TAKEN_SIDE, 0.95);
    trigger("take");
    parts.notes.textContent = words.taken;
  });
  for (const name of ["view", "side"]) parts[name].addEventListener("change", () => rate.clear());
  fillRange();
  end();
}
