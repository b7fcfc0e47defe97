// One run over many pictures: the grid, the groups, the gallery of one, the scatter, curves and scores.

import { besideOf, groupsAt, levelOf } from "./graph.js";
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
      "choices", "graph", "threshold", "part", "bars", "notes", "scores", "table", "command"].map((name) => [name, find(name)]),
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
    run = id ? { id, pictures: [], groups: [], only: null, curves: new Map(), scatter: null, loop: null, graph: null, level: 0, part: null } : null;
    ui.message.hidden = !!id;
    ui.job.hidden = !id;
    ui.body.hidden = ui.left.hidden = ui.detail.hidden = ui.scatter.hidden = ui.curves.hidden = ui.scores.hidden = true;
    ui.graph.hidden = ui.bars.hidden = ui.notes.hidden = true;
    ui.choices.replaceChildren();
    ui.groups.hidden = false;
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
    else if (kind === "part") setPart(Number(number), value);
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

  async function setPart(i, source) {
    const mine = run;
    const { labels, width, height } = await loadLabels(source);
    mine.pictures[i] = { ...mine.pictures[i], parts: { labels, lw: width, lh: height } };
    paint(mine.pictures[i]);
  }

  // What is painted: the labels of the result, or groups of parts at another threshold, or one part.
  function viewOf(picture) {
    const { graph, level, part } = run;
    if (graph && picture.parts && part !== null) return { ...picture.parts, colorOf: () => graph.colors[graph.groups[level][part]], only: part };
    if (graph && picture.parts && level !== graph.chosen) {
      return { ...picture.parts, labels: picture.parts.labels.map((p) => graph.groups[level][p]), colorOf: (g) => graph.colors[g], only: null };
    }
    return { labels: picture.labels, lw: picture.lw, lh: picture.lh, colorOf, only: run.only };
  }

  const colorOf = (group) => run.groups[group]?.color ?? fixed.palette[group % fixed.palette.length]; // until the groups are known

  function paint(picture) {
    if (!picture?.photo) return;
    const { canvas } = picture;
    const context = canvas.getContext("2d");
    context.drawImage(picture.photo, 0, 0, canvas.width, canvas.height);
    if (inColors && picture.colors) {
      context.imageSmoothingEnabled = false;
      context.drawImage(picture.colors, 0, 0, canvas.width, canvas.height);
      return;
    }
    const { labels, lw, lh, colorOf: colorIn, only } = viewOf(picture);
    if (!labels) return;
    const shown = context.getImageData(0, 0, canvas.width, canvas.height);
    const colors = new Map();
    for (let y = 0; y < canvas.height; y += 1) {
      for (let x = 0; x < canvas.width; x += 1) {
        const row = Math.min(lh - 1, Math.floor((y * lh) / canvas.height));
        const column = Math.min(lw - 1, Math.floor((x * lw) / canvas.width));
        const label = labels[row * lw + column];
        if (!colors.has(label)) colors.set(label, rgbOf(colorIn(label)));
        const at = 4 * (y * canvas.width + x);
        const out = only !== null && only !== label;
        const color = out ? [20, 20, 20] : colors.get(label);
        const share = out ? 0.75 : only === null ? 0.55 : 0.15;
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
    drawBars(value.bars);
    ui.notes.hidden = !value.notes.length;
    ui.notes.replaceChildren(...value.notes.map((text) => make("li", "", text)));
    if (value.graph) setGraph(value.graph);
    repaint();
  }

  function drawBars(bars) {
    ui.bars.hidden = !bars.length;
    ui.bars.replaceChildren(
      ...bars.map(({ title, rows }) => {
        const box = make("figure");
        const table = document.createElement("table");
        const most = Math.max(...rows.map((row) => row[1]), 1e-9);
        for (const [name, number] of rows) {
          const [line, cell, bar] = [document.createElement("tr"), make("td"), document.createElement("i")];
          bar.style.width = `${(70 * Math.max(number, 0)) / most}%`;
          cell.append(bar, number.toFixed(2));
          line.append(make("th", "", name), cell);
          table.append(line);
        }
        box.append(make("figcaption", "", title), table);
        return box;
      }),
    );
  }

  // ---- Parts as nodes ----

  const slider = ui.threshold.querySelector("input");
  ui.threshold.querySelector("span").textContent = words.threshold;
  slider.addEventListener("input", () => {
    run.level = Number(slider.value);
    const { chosen, thresholds } = run.graph;
    keepInAddress({ threshold: run.level === chosen ? null : String(thresholds[run.level]) });
    atLevel();
  });

  function setGraph(graph) {
    run.graph = graph;
    run.level = levelOf(graph, asked("threshold"));
    ui.graph.hidden = false;
    slider.max = graph.thresholds.length - 1;
    slider.value = run.level;
    atLevel();
  }

  function atLevel() {
    const { thresholds, chosen } = run.graph;
    if (run.only !== null) isolate(null);
    run.part = null;
    const [threshold, same] = [thresholds[run.level].toFixed(2), run.level === chosen];
    const said = filled(words.parts, { threshold, n: groupsAt(run.graph, run.level) });
    const rest = same ? words.parts_chosen : filled(words.parts_other, { chosen: thresholds[chosen].toFixed(2) });
    ui.graph.querySelector("figcaption").textContent = `${said} ${rest}`;
    ui.threshold.querySelector("output").textContent = threshold;
    slider.setAttribute("aria-valuetext", threshold);
    ui.groups.hidden = !same;
    ui.part.textContent = "";
    drawGraph();
    repaint();
  }

  function drawGraph() {
    const { images, share, places, edges, groups, thresholds, colors } = run.graph;
    const svg = ui.graph.querySelector("svg");
    const width = innerWidth <= 760 ? 380 : 640; // so that nodes are not too small for a finger
    svg.setAttribute("viewBox", `0 0 ${width} 420`);
    const at = (p) => [40 + (width - 80) * places[p][0], 36 + 348 * places[p][1]];
    const least = thresholds[run.level];
    const lines = edges
      .filter(([, , weight]) => weight >= least)
      .map(([a, b, weight]) => {
        const [[x1, y1], [x2, y2]] = [at(a), at(b)];
        return makeSvg("line", { x1, y1, x2, y2, "stroke-opacity": Math.min(0.9, 0.05 + 2 * weight), "stroke-width": 1 + 8 * weight });
      });
    const nodes = images.map((image, p) => {
      const node = makeSvg("g", { tabindex: "0", role: "button", "aria-pressed": String(run.part === p) });
      const side = Math.min(64, 18 + 9 * Math.sqrt(share[p]));
      const [x, y] = at(p).map((v) => v - side / 2);
      const said = filled(words.part, { p, share: share[p], group: groups[run.level][p], beside: besideOf(run.graph, p, least, words.nobody) });
      node.setAttribute("aria-label", said);
      if (image) node.append(makeSvg("image", { href: image, x, y, width: side, height: side }));
      node.append(makeSvg("rect", { x, y, width: side, height: side, stroke: colors[groups[run.level][p]] }));
      const choose = () => {
        run.part = run.part === p ? null : p;
        ui.part.textContent = run.part === null ? "" : said;
        [...svg.querySelectorAll("g")].forEach((g, q) => g.setAttribute("aria-pressed", String(run.part === q)));
        repaint();
      };
      node.addEventListener("click", choose);
      node.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose();
      });
      return node;
    });
    svg.setAttribute("aria-label", ui.graph.querySelector("figcaption").textContent);
    svg.replaceChildren(...lines, ...nodes);
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
    if (run.part !== null) {
      run.part = null;
      drawGraph();
    }
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

  let curve = asked("curve") ?? "loss";

  function addPoint(step, values) {
    for (const [name, value] of Object.entries(values)) {
      if (!(name in words.curves)) continue;
      if (!run.curves.has(name)) run.curves.set(name, []);
      run.curves.get(name).push([step, value]);
    }
    drawCurve();
  }

  function drawCurve() {
    const names = [...run.curves.keys()];
    if (!names.length) return;
    const name = names.includes(curve) ? curve : names[0];
    const points = run.curves.get(name);
    ui.curves.hidden = points.length < 2;
    ui.curves.querySelector("figcaption").textContent = names.length > 1 ? "" : words.curves[name];
    if (ui.choices.children.length !== (names.length > 1 ? names.length : 0)) {
      ui.choices.replaceChildren(
        ...names.map((one) => {
          const button = makeButton("job-button", words.curves[one]);
          button.addEventListener("click", () => {
            curve = one;
            keepInAddress({ curve: one === "loss" ? null : one });
            drawCurve();
          });
          return button;
        }),
      );
    }
    names.forEach((one, i) => ui.choices.children[i]?.setAttribute("aria-pressed", String(one === name)));
    const [steps, values] = [points.map((p) => p[0]), points.map((p) => p[1])];
    const [a, b] = [Math.min(...steps), Math.max(...steps)];
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const [x, y] = [scale([a, b], [56, 390]), scale([low, high], [145, 15])];
    const svg = ui.curves.querySelector("svg");
    svg.setAttribute("aria-label", words.curves[name]);
    const line = makeSvg("polyline", { points: pointsOf(points.map(([step, value]) => [x(step), y(value)])) });
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
