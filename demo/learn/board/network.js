// What is inside a network with labels: the maps on its way, their channels, and what a place depends on.

import { filled, make, makeButton } from "../../shared/js/dom.js";
import { floatsOf, heard } from "../../shared/js/wire.js";

const STEP = 0.05; // of the picture, for an arrow key
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Where the cross goes with a key, as shares of width and height.
export function moved([x, y], key) {
  const [dx, dy] = ARROWS[key] ?? [0, 0];
  return [x + STEP * dx, y + STEP * dy].map((share) => Math.min(Math.max(share, 0), 0.999));
}

// The width of a map on the page, in px: as its cells are to those of the widest, and never too small to be seen.
export function widthOfMap(cells, widest, room = 112) {
  return Math.round(Math.max((cells / widest) * room, 12));
}

// Two figures for a run. `pictureOf()` gives the <img> of the first picture, or null.
export function networkPanels({ id, server, words, pictureOf }) {
  const along = make("figure", "ln-figure ln-along");
  const stages = make("div", "ln-stages");
  const channels = make("div", "ln-channels");
  const told = make("p", "ln-note", words.along_info);
  along.append(make("figcaption", "ln-title", words.along), stages, told, channels);
  const field = make("figure", "ln-figure ln-field");
  const canvas = make("canvas", "ln-place");
  const said = make("p", "ln-note", words.field_info);
  said.setAttribute("role", "status");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", words.field_alt);
  field.append(make("figcaption", "ln-title", words.field), canvas, said);
  along.hidden = field.hidden = true;

  let open = null;
  let cross = [0.5, 0.5];
  let answer = null;
  let asked = 0;

  function show(maps) {
    along.hidden = field.hidden = false;
    const widest = Math.max(...maps.map(({ size }) => size[0]));
    while (stages.children.length > maps.length) stages.lastChild.remove();
    maps.forEach(({ name, size: [w, h], channels: n, image }, i) => {
      let button = stages.children[i];
      if (!button) {
        button = makeButton("ln-stage");
        button.append(make("img", ""), make("span", "ln-stage-name"), make("span", "ln-stage-size"));
        button.addEventListener("click", () => choose(button.dataset.stage));
        stages.append(button);
      }
      const [picture, text, size] = button.children;
      button.dataset.stage = name;
      picture.src = image;
      picture.alt = filled(words.cells, { name, w, h, channels: n });
      picture.style.width = `${widthOfMap(w, widest)}px`;
      text.textContent = name;
      size.textContent = `${w} × ${h} · ${n}`;
      button.setAttribute("aria-pressed", String(open === name));
    });
    if (open) look();
    draw();
  }

  function choose(name) {
    open = open === name ? null : name;
    for (const button of stages.children) button.setAttribute("aria-pressed", String(button.dataset.stage === open));
    channels.replaceChildren();
    told.textContent = words.along_info;
    if (open) look();
  }

  async function look() {
    const name = open;
    const found = await server.channels({ id, stage: name }).then(heard).catch(() => ({ told: words.unreachable }));
    if (open !== name) return;
    told.textContent = found.told;
    channels.replaceChildren(
      ...(found.images ?? []).map((source, i) => {
        const image = make("img", "");
        image.src = source;
        image.alt = `${name}, ${i + 1}`;
        return image;
      }),
    );
  }

  async function ask() {
    const mine = ++asked;
    const [x, y] = cross;
    const found = await server.field({ id, x, y }).then(heard).catch(() => ({ told: words.unreachable }));
    if (mine !== asked) return;
    answer = found.box ? { ...found, heat: found.heat && floatsOf(found.heat) } : null;
    said.textContent = found.told;
    draw();
  }

  function draw() {
    const image = pictureOf();
    if (!image) return;
    const [width, height] = [image.naturalWidth, image.naturalHeight];
    const zoom = Math.max(1, Math.round(480 / width));
    [canvas.width, canvas.height] = [width * zoom, height * zoom];
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    if (answer?.heat) context.drawImage(dimmed(answer), 0, 0, canvas.width, canvas.height);
    context.lineWidth = Math.max(2, canvas.width / 160);
    if (answer) {
      const [left, top, right, bottom] = answer.box;
      frame(context, left * canvas.width, top * canvas.height, (right - left) * canvas.width, (bottom - top) * canvas.height);
    }
    const [x, y] = [cross[0] * canvas.width, cross[1] * canvas.height];
    const arm = canvas.width / 30;
    for (const [ink, wide] of [["#000000", 3], ["#ffffff", 1]]) {
      context.strokeStyle = ink;
      context.lineWidth = (wide * canvas.width) / 320;
      context.beginPath();
      context.moveTo(x - arm, y);
      context.lineTo(x + arm, y);
      context.moveTo(x, y - arm);
      context.lineTo(x, y + arm);
      context.stroke();
    }
  }

  function frame(context, x, y, w, h) {
    const half = context.lineWidth / 2;
    context.strokeStyle = "#ffd400";
    context.strokeRect(x + half, y + half, w - 2 * half, h - 2 * half);
  }

  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    cross = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map((s) => Math.min(Math.max(s, 0), 0.999));
    ask();
  });
  canvas.addEventListener("keydown", (event) => {
    if (event.key in ARROWS) {
      cross = moved(cross, event.key);
      event.preventDefault();
      draw();
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      ask();
    }
  });
  return { along, field, show };
}

// A black veil that is thin where the gradient is long; its square root, as few pixels hold most of it.
function dimmed({ heat, size: [width, height] }) {
  const tile = document.createElement("canvas");
  [tile.width, tile.height] = [width, height];
  const context = tile.getContext("2d");
  const pixels = context.createImageData(width, height);
  for (let i = 0; i < heat.length; i++) pixels.data[4 * i + 3] = 215 * (1 - Math.sqrt(heat[i]));
  context.putImageData(pixels, 0, 0);
  return tile;
}
