// One run over many pictures: the grid, the groups, the gallery of one, the scatter, curves and scores.

import { asked, keepInAddress } from "../../shared/js/address.js";
import { pointsOf, scale } from "../../shared/js/chart.js";
import { rgbOf } from "../../shared/js/colors.js";
import { filled, make, makeButton, makeSvg } from "../../shared/js/dom.js";
import { loadImage, loadLabels } from "../../shared/js/images.js";
import { firstJobs, followJob } from "../../shared/js/jobs.js";
import { floatsOf } from "../../shared/js/wire.js";

const MARGIN = 12;

function within([x, y], loop) {
  let inside = false;
  for (let i = 0, j = loop.length - 1; i < loop.length; j = i, i += 1) {
    const [[a, b], [c, d]] = [loop[i], loop[j]];
    if (b > y !== d > y && x < ((c - a) * (y - b)) / (d - b) + a) inside = !inside;
  }
  return inside;
}

export function mount({ element, props, trigger, watch, server, fixed }) {
  const words = fixed.words;
  const find = (name) => element.querySelector(`.cl-${name}`);

  const ui = Object.fromEntries(
    ["message", "job", "left", "body", "title", "colors", "all", "save", "groups", "detail", "pictures", "scatter", "point", "lasso", "curves",
      "scores", "table", "command"].map((name) => [name, find(name)]),
  );

  const plane = ui.scatter.querySelector("canvas");
  let following = null;
  let run = null;
  ui.message.textContent = words.empty;
  ui.all.textContent = words.all;
  ui.colors.textContent = words.colors;
  ui.colors.title = words.colors_title;
  let inColors = asked("colors") === "true";
  ui.colors.setAttribute("aria-pressed", String(inColors));
  ui.save.textContent = words.save;
  ui.groups.setAttribute("aria-label", words.groups);
  ui.all.addEventListener("click", () => isolate(null));
  ui.colors.addEventListener("click", () => {
    inColors = !inColors;
    ui.colors.setAttribute("aria-pressed", String(inColors));
    keepInAddress({ colors: inColors ? "true" : null });
    repaint();
  });
  ui.save.addEventListener("click", () => trigger("save", { id: run.id, names: run.groups.map((group) => group.name) }));

  function follow(id) {
    if (run?.id === id) return following?.again();
    following?.end();
    following = null;
    run = id ? { id, pictures: [], groups: [], only: null, curve: [], scatter: null, loop: null } : null;
    ui.message.hidden = !!id;
    ui.job.hidden = !id;
    ui.body.hidden = ui.left.hidden = ui.detail.hidden = ui.scatter.hidden = ui.curves.hidden = ui.scores.hidden = true;
    ui.all.hidden = ui.save.hidden = ui.colors.hidden = true;
    for (const box of [ui.pictures, ui.groups, ui.left]) box.replaceChildren();
    keepInAddress(id ? { job: id, start: null } : { job: id });
    if (id) following = followJob({ element, server, words }, ui.job, id, tell);
  }

  function tell(look) {
    if (run?.id !== look.id) return;
    for (const [name, value] of look.parts) take(name, value);
    if (look.state === "gone") ui.save.hidden = true;
  }

  function take(name, value) {
    const [kind, number] = name.split("/");
    if (kind === "about") {
      ui.command.textContent = value.command;
      keepInAddress(value.query);
    } else if (kind === "count") {
      ui.body.hidden = false;
      ui.title.textContent = `${words.pictures}: ${value.n}`;
      ui.left.hidden = !value.left_out.length;
      ui.left.replaceChildren(...value.left_out.map((text) => make("li", "", text)));
    } else if (kind === "picture") addPicture(Number(number), value);
    else if (kind === "labels") setLabels(Number(number), value);
    else if (kind === "colors") setColors(Number(number), value);
    else if (kind === "point") addPoint(Number(number), value);
    else if (kind === "result") setResult(value);
    else if (kind === "scores") setScores(value);
    else if (kind === "done") ui.save.hidden = false;
  }

  // ---- Pictures ----

  async function addPicture(i, value) {
    const mine = run;
    const box = make("figure", "cl-picture");
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [value.w, value.h];
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", value.name);
    box.append(canvas, make("figcaption", "", value.name));
    box.title = value.name;
    if (mine.pictures[i]?.box) mine.pictures[i].box.replaceWith(box);
    else ui.pictures.append(box);
    mine.pictures[i] = { ...mine.pictures[i], ...value, box, canvas, photo: null };
    mine.pictures[i].photo = await loadImage(value.image);
    paint(mine.pictures[i]);
  }

  async function setLabels(i, source) {
    const mine = run;
    const { labels, width: lw, height: lh } = await loadLabels(source);
    mine.pictures[i] = { ...mine.pictures[i], labels, lw, lh };
    paint(mine.pictures[i]);
  }

  async function setColors(i, source) {
    const mine = run;
    ui.colors.hidden = false;
    const colors = await loadImage(source);
    mine.pictures[i] = { ...mine.pictures[i], colors };
    paint(mine.pictures[i]);
  }

  const colorOf = (group) => run.groups[group]?.color ?? fixed.palette[group % fixed.palette.length]; // until the groups are known

  function paint(picture) {
    if (!picture?.photo) return;
    const { canvas, labels } = picture;
    const context = canvas.getContext("2d");
    context.drawImage(picture.photo, 0, 0, canvas.width, canvas.height);
    if (inColors && picture.colors) {
      context.imageSmoothingEnabled = false;
      context.drawImage(picture.colors, 0, 0, canvas.width, canvas.height);
      return;
    }
    if (!labels) return;
    const shown = context.getImageData(0, 0, canvas.width, canvas.height);
    const colors = new Map();
    for (let y = 0; y < canvas.height; y += 1) {
      for (let x = 0; x < canvas.width; x += 1) {
        const row = Math.min(picture.lh - 1, Math.floor((y * picture.lh) / canvas.height));
        const column = Math.min(picture.lw - 1, Math.floor((x * picture.lw) / canvas.width));
        const label = labels[row * picture.lw + column];
        if (!colors.has(label)) colors.set(label, rgbOf(colorOf(label)));
        const at = 4 * (y * canvas.width + x);
        const out = run.only !== null && run.only !== label;
        const color = out ? [20, 20, 20] : colors.get(label);
        const share = out ? 0.75 : run.only === null ? 0.55 : 0.15;
        for (let c = 0; c < 3; c += 1) shown.data[at + c] = (1 - share) * shown.data[at + c] + share * color[c];
      }
    }
    context.putImageData(shown, 0, 0);
  }

  const repaint = () => run.pictures.forEach(paint);

  // ---- Groups ----

  function setResult(value) {
    run.groups = value.groups.map((group) => ({ ...group, name: group.background ? words.background : group.name }));
    run.scatter = { ...value.scatter, xy: floatsOf(value.scatter.xy), place: floatsOf(value.scatter.place) };
    drawGroups();
    ui.scatter.hidden = false;
    ui.scatter.querySelector("figcaption").textContent = filled(words.scatter, run.scatter);
    plane.setAttribute("aria-label", filled(words.scatter, run.scatter));
    drawScatter();
    repaint();
  }

  function drawGroups() {
    ui.groups.replaceChildren(
      ...run.groups.map((group, g) => {
        const button = makeButton("cl-group");
        const swatch = document.createElement("i");
        swatch.style.background = group.color;
        button.append(swatch, make("span", "", `${group.name} · ${group.share} %`));
        button.setAttribute("aria-pressed", String(run.only === g));
        button.addEventListener("click", () => isolate(run.only === g ? null : g));
        return button;
      }),
    );
  }

  function isolate(group) {
    run.only = group;
    ui.all.hidden = group === null;
    [...ui.groups.children].forEach((button, g) => button.setAttribute("aria-pressed", String(group === g)));
    run.pictures.forEach((picture) => {
      if (picture?.box) picture.box.hidden = group !== null && picture.labels && !picture.labels.includes(group);
    });
    repaint();
    drawScatter();
    ui.detail.hidden = group === null;
    if (group === null) return;
    const { name, share, pictures, inside, outside, gallery, segments } = run.groups[group];
    const label = make("label", "", `${words.rename} `);
    const input = document.createElement("input");
    [input.type, input.maxLength, input.value] = ["text", 60, name];
    input.addEventListener("change", () => rename(group, input.value));
    label.append(input);
    const images = (name, cut) => {
      const box = make("div", `cl-gallery ${name}`);
      box.append(
        ...cut.map((one) => {
          const image = document.createElement("img");
          image.src = one.image;
          image.alt = image.title = run.pictures[one.picture]?.name ?? "";
          return image;
        }),
      );
      return box;
    };
    ui.detail.replaceChildren(
      make("strong", "", filled(words.segments, { name })),
      images("cl-segments", segments),
      make("strong", "", filled(words.gallery, { name })),
      images("cl-patches", gallery),
      make("p", "", `${filled(words.share, { share, pictures })}. ${filled(words.alike, { inside, outside })}`),
      label,
    );
  }

  function rename(group, name) {
    run.groups[group].name = name.trim() || String(group);
    drawGroups();
    if (run.only === group) isolate(group);
  }

  // ---- Scatter ----

  const spot = (i) => [
    MARGIN + run.scatter.xy[2 * i] * (plane.width - 2 * MARGIN),
    plane.height - MARGIN - run.scatter.xy[2 * i + 1] * (plane.height - 2 * MARGIN),
  ];

  function drawScatter() {
    if (!run?.scatter) return;
    const context = plane.getContext("2d");
    context.clearRect(0, 0, plane.width, plane.height);
    run.scatter.group.forEach((group, i) => {
      const [x, y] = spot(i);
      context.globalAlpha = run.only === null || run.only === group ? 0.85 : 0.12;
      context.fillStyle = run.groups[group].color;
      context.beginPath();
      context.arc(x, y, 3.5, 0, 7);
      context.fill();
    });
    context.globalAlpha = 1;
    if (!run.loop) return;
    context.strokeStyle = getComputedStyle(element).color;
    context.beginPath();
    run.loop.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
  }

  function place(event) {
    const box = plane.getBoundingClientRect();
    return [((event.clientX - box.left) * plane.width) / box.width, ((event.clientY - box.top) * plane.height) / box.height];
  }

  function nearest([x, y]) {
    let [best, found] = [144, null];
    run.scatter.group.forEach((_group, i) => {
      const [a, b] = spot(i);
      const far = (a - x) ** 2 + (b - y) ** 2;
      if (far < best) [best, found] = [far, i];
    });
    return found;
  }

  function showPoint(i) {
    ui.point.hidden = i === null;
    if (i === null) return;
    const picture = run.pictures[run.scatter.picture[i]];
    if (!picture?.photo) return;
    const side = Math.max(24, picture.photo.width / 6);
    const context = ui.point.querySelector("canvas").getContext("2d");
    const [x, y] = [run.scatter.place[2 * i] * picture.photo.width, run.scatter.place[2 * i + 1] * picture.photo.height];
    context.clearRect(0, 0, 64, 64);
    context.drawImage(picture.photo, x - side / 2, y - side / 2, side, side, 0, 0, 64, 64);
    ui.point.querySelector("span").textContent = filled(words.point, { name: picture.name, group: run.groups[run.scatter.group[i]].name });
  }

  plane.addEventListener("pointerdown", (event) => {
    if (!run?.scatter) return;
    plane.setPointerCapture(event.pointerId);
    run.loop = [place(event)];
    run.drawing = true;
  });

  plane.addEventListener("pointermove", (event) => {
    if (!run?.scatter) return;
    if (run.drawing) {
      run.loop.push(place(event));
      drawScatter();
    } else showPoint(nearest(place(event)));
  });

  plane.addEventListener("pointerup", () => {
    if (!run?.drawing) return;
    run.drawing = false;
    const counts = new Map();
    run.scatter.group.forEach((group, i) => within(spot(i), run.loop) && counts.set(group, (counts.get(group) ?? 0) + 1));
    const [group] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [null];
    ui.lasso.hidden = group === null;
    if (group === null) run.loop = null;
    else {
      const n = [...counts.values()].reduce((a, b) => a + b, 0);
      ui.lasso.querySelector("span").textContent = filled(words.lasso, { n, group: run.groups[group].name });
      ui.lasso.dataset.group = String(group);
      ui.lasso.querySelector("input").value = "";
      ui.lasso.querySelector("input").focus();
    }
    drawScatter();
  });

  ui.lasso.addEventListener("submit", (event) => {
    event.preventDefault();
    rename(Number(ui.lasso.dataset.group), ui.lasso.querySelector("input").value);
    ui.lasso.hidden = true;
    run.loop = null;
    drawScatter();
  });

  // ---- Curves and scores ----

  function addPoint(step, values) {
    const value = values.loss ?? Object.values(values)[0];
    if (typeof value !== "number") return;
    run.curve.push([step, value]);
    ui.curves.hidden = run.curve.length < 2;
    ui.curves.querySelector("figcaption").textContent = words.curves;
    const steps = run.curve.map((p) => p[0]);
    const losses = run.curve.map((p) => p[1]);
    const [a, b] = [Math.min(...steps), Math.max(...steps)];
    const [low, high] = [Math.min(...losses), Math.max(...losses)];
    const [x, y] = [scale([a, b], [40, 390]), scale([low, high], [145, 15])];
    const svg = ui.curves.querySelector("svg");
    svg.setAttribute("aria-label", words.curves);
    const line = makeSvg("polyline", { points: pointsOf(run.curve.map(([step, loss]) => [x(step), y(loss)])) });
    const label = (text, at) => makeSvg("text", { x: 0, y: at }, text);
    svg.replaceChildren(line, label(high.toPrecision(3), 20), label(low.toPrecision(3), 148));
  }

  function setScores(value) {
    ui.scores.hidden = false;
    ui.scores.querySelector("figcaption").textContent = `${filled(words.scores, value)} ${words.confusion}`;
    const table = document.createElement("table");
    const row = (head, cells) => {
      const line = document.createElement("tr");
      line.append(make("th", "", head), ...cells);
      table.append(line);
    };
    row("", value.classes.map((name) => make("th", "", name)));
    value.table.forEach((shares, i) => {
      row(value.classes[i] ?? words.none, shares.map((share) => {
        const cell = make("td", "", share.toFixed(2));
        cell.style.background = `color-mix(in srgb, var(--color-accent) ${Math.round(60 * share)}%, transparent)`;
        return cell;
      }));
    });
    row("IoU", value.iou.map((iou) => make("td", "", iou.toFixed(2))));
    ui.table.replaceChildren(table);
  }

  async function begin() {
    const own = await firstJobs(server, asked("job"), asked("start") === "1");
    if (!run && own.length) follow(own.at(-1));
  }

  watch("value", () => {
    if (!props.value) return;
    follow(props.value);
    if (innerWidth <= 760) ui.job.scrollIntoView({ block: "start" }); // on a phone, what was started lies below
  });

  if (props.value) follow(props.value);
  else begin();
}
