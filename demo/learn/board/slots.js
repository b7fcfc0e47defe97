// How slots share a picture: each look, the masks, the error; for any number of slots and any noise, by the network as it is.

import { rampTile, tileOf } from "../../shared/js/canvas.js";
import { rgbOf } from "../../shared/js/colors.js";
import { filled, make, makeButton } from "../../shared/js/dom.js";
import { loadBytes, loadLabels } from "../../shared/js/images.js";
import { percent } from "../../shared/js/numbers.js";
import { floatsOf, heard } from "../../shared/js/wire.js";

const OPACITY = 0.6;
const MOST_NOISE = 9999;
const DEFAULTS = { of: 1, among: 0, noise: 0, look: "masks" };

function whole(text, low, high, otherwise) {
  const value = /^\d+$/.test(text ?? "") ? Number(text) : Number.NaN;
  return value >= low && value <= high ? value : otherwise;
}

// What is on view in all runs alike: the number of the picture from 1, how many slots (0: as trained), their noise, the look.
// `asked(name)` reads the address; `changed(values)` is told what it is to keep.
export function sharedOf(asked, changed) {
  const state = {
    of: whole(asked("of"), 1, 1000, DEFAULTS.of),
    among: whole(asked("among"), 1, 1000, DEFAULTS.among),
    noise: whole(asked("noise"), 0, MOST_NOISE, DEFAULTS.noise),
    look: asked("look") || DEFAULTS.look,
  };
  return {
    state,
    set(values) {
      Object.assign(state, values);
      changed(Object.fromEntries(Object.keys(values).map((name) => [name, state[name] === DEFAULTS[name] ? null : String(state[name])])));
    },
  };
}

// Of the stages of an answer, and the error, the one that is looked at: a look that is not there is the masks.
export function lookOf(stages, look) {
  return look === "error" || stages.some(({ name }) => name === look) ? look : "masks";
}

// The share of the patches that each slot is ahead in.
export function sharesOf(labels, n) {
  const counts = new Array(n).fill(0);
  for (const label of labels) counts[label] += 1;
  return counts.map((count) => count / labels.length);
}

// The figure of a run. `picturesOf()` gives {images: [<img>], names}, or null.
export function slotPanel({ id, server, fixed, shared, picturesOf }) {
  const { words, palette } = fixed;
  const stops = fixed.stops.map(rgbOf);
  const figure = make("figure", "ln-figure ln-slots");
  const controls = make("div", "ln-slot-controls");
  const pick = make("div", "ln-pick");
  const [stages, bottom] = [make("div", "ln-stages"), make("div", "ln-slot-maps")];
  const large = make("canvas", "ln-slot-large");
  const said = make("p", "ln-note");
  said.setAttribute("role", "status");
  large.setAttribute("role", "img");
  const label = make("label", "ln-slot-k");
  const range = make("input", "lab-range");
  Object.assign(range, { type: "range", min: "1", max: String(palette.length), step: "1" });
  const number = make("output", "");
  label.append(make("span", "", words.slots_k), range, number);
  const again = makeButton("job-button ln-again", words.slots_noise);
  again.title = words.slots_noise_info;
  const noise = make("span", "ln-noise");
  controls.append(label, again, noise);
  const view = make("div", "ln-slot-view");
  view.append(large, bottom);
  figure.append(make("figcaption", "ln-title", words.slots), pick, controls, stages, said, view);
  figure.hidden = true;

  let trained = 0;
  let found = null; // the answer that is drawn
  let turn = 0;

  range.addEventListener("input", () => {
    const n = Number(range.value);
    shared.set({ among: n === trained ? DEFAULTS.among : n });
  });
  again.addEventListener("click", () => shared.set({ noise: shared.state.noise >= MOST_NOISE ? 0 : shared.state.noise + 1 }));

  function show(slots) {
    trained = slots;
    figure.hidden = false;
    renew();
  }

  // What depends on no answer, then the answer.
  function renew() {
    if (figure.hidden) return;
    const { state } = shared;
    const n = state.among || trained;
    range.value = String(n);
    range.style.setProperty("--lab-fill", `${(100 * (n - 1)) / (palette.length - 1)}%`);
    number.textContent = n === trained ? filled(words.slots_trained, { k: n }) : String(n);
    noise.textContent = filled(words.slots_noise_is, { n: state.noise });
    thumbs();
    ask();
  }

  function thumbs() {
    const pictures = picturesOf();
    if (!pictures) return;
    while (pick.children.length > pictures.images.length) pick.lastChild.remove();
    pictures.images.forEach(({ src }, i) => {
      let button = pick.children[i];
      if (!button) {
        button = makeButton("ln-thumb");
        button.append(make("img", ""));
        button.addEventListener("click", () => shared.set({ of: i + 1 }));
        pick.append(button);
      }
      const [image] = button.children;
      if (image.getAttribute("src") !== src) image.src = src;
      image.alt = filled(words.slots_picture, { name: pictures.names[i] });
      button.setAttribute("aria-pressed", String(i === shownOf(pictures)));
    });
  }

  const shownOf = ({ images }) => Math.min(shared.state.of, images.length) - 1;

  const keyOf = () => {
    const pictures = picturesOf();
    return pictures && JSON.stringify([shownOf(pictures), shared.state.among, shared.state.noise]);
  };

  async function ask() {
    const mine = ++turn;
    const pictures = picturesOf();
    if (!pictures) return;
    const [picture, key] = [shownOf(pictures), keyOf()];
    if (found?.key === key) draw(); // the look at once; the network may have learned since
    const told = await server.shares({ id, picture, slots: shared.state.among, noise: shared.state.noise }).then(heard).catch(() => ({ told: words.unreachable }));
    if (mine !== turn) return;
    if (!told.stages) {
      said.textContent = told.told;
      return;
    }
    const read = await Promise.all(
      told.stages.map(async (stage) => ({ ...stage, labels: (await loadLabels(stage.labels)).labels, bytes: (await loadBytes(stage.shares)).bytes })),
    );
    if (mine !== turn) return;
    found = { ...told, key, image: pictures.images[picture], name: pictures.names[picture], stages: read, error: floatsOf(told.error) };
    draw();
  }

  function titleOf(name) {
    const titles = { end: words.slots_end, masks: words.slots_masks, error: words.slots_error };
    return titles[name] ?? filled(words.slots_look, { n: name });
  }

  function draw() {
    const look = lookOf(found.stages, shared.state.look);
    const names = [...found.stages.map(({ name }) => name), "error"];
    while (stages.children.length > names.length) stages.lastChild.remove();
    names.forEach((name, i) => {
      let button = stages.children[i];
      if (!button) {
        button = makeButton("ln-stage ln-look");
        button.append(make("canvas", ""), make("span", "ln-stage-name"));
        button.addEventListener("click", () => shared.set({ look: button.dataset.look }));
        stages.append(button);
      }
      button.dataset.look = name;
      button.setAttribute("aria-pressed", String(name === look));
      const [canvas, text] = button.children;
      text.textContent = titleOf(name);
      paint(canvas, name);
    });
    paint(large, look);
    large.setAttribute("aria-label", filled(words.slots_alt, { stage: titleOf(look), name: found.name }));
    const stage = found.stages.find(({ name }) => name === look);
    said.textContent = stage ? stage.told : found.error_told;
    maps(stage);
  }

  function paint(canvas, name) {
    const { image, size: [w, h] } = found;
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(image, 0, 0);
    if (name === "error") {
      const most = Math.max(...found.error, 1e-9);
      context.drawImage(rampTile(Array.from(found.error, (e) => e / most), w, h, stops), 0, 0, canvas.width, canvas.height);
      return;
    }
    const { labels } = found.stages.find((stage) => stage.name === name);
    context.globalAlpha = OPACITY;
    context.drawImage(colored(labels, w, h), 0, 0, canvas.width, canvas.height);
    context.globalAlpha = 1;
  }

  function colored(labels, w, h) {
    const pixels = new ImageData(w, h);
    const inks = palette.map(rgbOf);
    labels.forEach((label, i) => pixels.data.set([...inks[label % inks.length], 255], 4 * i));
    return tileOf(pixels);
  }

  // The map of each slot in the look on view: bright is a large share.
  function maps(stage) {
    const { size: [w, h], n } = found;
    const shares = stage ? sharesOf(stage.labels, n) : [];
    while (bottom.children.length > shares.length) bottom.lastChild.remove();
    shares.forEach((share, s) => {
      let cell = bottom.children[s];
      if (!cell) {
        cell = make("figure", "ln-slot");
        const canvas = make("canvas", "");
        canvas.setAttribute("role", "img");
        const caption = make("figcaption", "");
        caption.append(make("span", "ln-chip"), make("span", ""));
        cell.append(canvas, caption);
        bottom.append(cell);
      }
      const [canvas, caption] = cell.children;
      [canvas.width, canvas.height] = [w, h];
      canvas.getContext("2d").drawImage(rampTile(Array.from(stage.bytes.subarray(s * w * h, (s + 1) * w * h), (b) => b / 255), w, h, stops), 0, 0);
      canvas.setAttribute("aria-label", filled(words.slots_share, { n: s + 1, share: percent(share) }));
      caption.firstChild.style.background = palette[s];
      caption.lastChild.textContent = percent(share);
    });
  }

  return { figure, show, renew };
}
