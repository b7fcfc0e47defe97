// Up to two runs side by side, each followed on its own; the charts of both have the same axes.

import { asked, keepInAddress } from "../../shared/js/address.js";
import { rgbOf } from "../../shared/js/colors.js";
import { filled, make, makeButton, makeSvg, partsOf } from "../../shared/js/dom.js";
import { loadImage, loadLabels } from "../../shared/js/images.js";
import { firstJobs, followJob } from "../../shared/js/jobs.js";
import { percent, short } from "../../shared/js/numbers.js";
import { floatsOf } from "../../shared/js/wire.js";
import { drawBars, drawCurves, drawTable, rangeOf } from "./charts.js";
import { chosenInstead, toldDifferences } from "./differ.js";
import { drawMask, labelUnder } from "./masks.js";
import { networkPanels } from "./network.js";
import { sharedOf, slotPanel } from "./slots.js";
import { curveOf, formOf, rowView } from "./row.js";

const MOST_RUNS = 2;

function chart(title) {
  const figure = make("figure", "ln-figure");
  figure.append(make("figcaption", "ln-title", title), makeSvg("svg", { role: "img", "aria-label": title }), make("p", "ln-legend"));
  return figure;
}

function panel(name, title, ...inside) {
  const figure = make("figure", `ln-figure ln-${name}`);
  figure.append(make("figcaption", "ln-title", title), ...inside, make("p", "ln-note"));
  return figure;
}

function legendOf(name, color) {
  const entry = make("span", "ln-mark", name);
  entry.style.setProperty("--ln-ink", color);
  return entry;
}

// A run that goes on begins at its last checkpoint, which lies before its last points.
function addPoint(run, point) {
  while (run.points.length && run.points.at(-1).step >= point.step) run.points.pop();
  run.points.push(point);
}

function openTable(run, table) {
  run.table = table;
  run.P = table.P && floatsOf(table.P);
  run.watch.hidden = false;
  run.watch.textContent = table.watch;
  run.tablePanel.hidden = !run.P;
}

// What is seen of the pictures: one of the views of a run that has some, or its labels.
function viewOf(run) {
  const named = run.chosen?.() ?? null;
  const view = run.views.get(named) ?? run.views.get(run.masks?.view);
  return view ?? { grays: run.grays, colors: run.about?.palette ?? [], clusters: !run.about?.marked, legend: [], note: "" };
}

function clusterUnder(run, event, i) {
  const isTruth = event.currentTarget.classList.contains("ln-truth");
  const { grays, clusters } = viewOf(run);
  const gray = isTruth ? run.truths[i] : grays[i];
  const label = gray && clusters ? labelUnder(event, gray) : null;
  if (!isTruth || label === null) return label;
  const cluster = run.masks?.class_of?.indexOf(label - 1) ?? -1;
  return cluster < 0 ? null : cluster;
}

const clusterName = (run, i) => run.masks?.names?.[i] ?? String(i + 1);

function noteTable(run, text) {
  run.tablePanel.querySelector(".ln-note").textContent = text;
}

export function mount({ element, props, trigger, watch, server, fixed }) {
  const words = fixed.words;
  const parts = partsOf(element, "ln", ["message", "tools", "opacity", "differ", "runs", "rows", "row"]);
  const slider = parts.opacity.querySelector("input");
  const ramp = fixed.stops.map(rgbOf);
  const runs = []; // the oldest first
  const shared = sharedOf(asked, (values) => {
    keepInAddress(values);
    for (const run of runs) run.slots.renew();
  });
  let chosen = asked("view"); // of what is seen of pictures, where a run has several views
  parts.message.textContent = words.empty;
  parts.opacity.querySelector("span").textContent = words.opacity;
  slider.value = "60";
  const rows = rowView({ nav: parts.rows, box: parts.row, server, fixed, live: () => runs.filter(({ about }) => about?.known).map(curvesOf) });

  // ---- One run ----

  function addRun(id) {
    const card = make("article", "ln-run");
    card.dataset.run = id;
    const head = make("header", "ln-head");
    const close = makeButton("job-button ln-close", "×");
    const save = makeButton("job-button ln-save", words.save);
    close.title = words.close;
    close.setAttribute("aria-label", words.close);
    const open = makeButton("job-button ln-open", words.open);
    open.title = words.open_info;
    open.addEventListener("click", () => trigger("open", { id }));
    const movie = movieButton(id);
    save.hidden = open.hidden = movie.hidden = true;
    const text = make("div", "ln-about");
    text.append(make("h3", "lab-title ln-name"), make("p", "ln-details"));
    head.append(text, open, save, movie, close);
    const canvas = make("canvas", "ln-canvas");
    canvas.setAttribute("role", "img");
    const run = {
      id, card, lit: null, pinned: null, about: null, pictures: null, points: [], baselines: {}, mious: {}, table: null, P: null, masks: null, grays: [],
      images: [], truths: [], views: new Map(), chosen: () => chosen, live: true,
      job: make("div", "ln-job"), watch: make("p", "ln-watch"), body: make("div", "ln-body"), canvas,
      bars: make("div", "ln-bars"), grid: make("div", "ln-grid-masks"), choices: make("div", "ln-choices"), legend: make("p", "ln-legend"),
      loss: chart(words.loss), parts: chart(words.parts), more: chart(words.parts), accuracy: chart(words.accuracy), checker: chart(words.checkerboard),
      verdict: make("p", "ln-verdict"),
    }; // prettier-ignore
    run.network = networkPanels({ id, server, words, pictureOf: () => run.images[0] ?? null });
    run.accuracy.classList.add("ln-accuracy");
    run.checker.hidden = run.verdict.hidden = run.more.hidden = true;
    run.slots = slotPanel({ id, server, fixed, shared, picturesOf: () => run.pictures && { images: run.images, names: run.pictures.names } });
    run.choices.setAttribute("role", "group");
    run.choices.setAttribute("aria-label", words.views);
    run.masksPanel = panel("masks", words.masks, run.choices, run.legend, run.grid);
    run.masksPanel.dataset.view = "";
    run.tablePanel = panel("table", words.table, canvas);
    run.usePanel = panel("use", words.use, run.bars);
    run.watch.hidden = run.body.hidden = run.tablePanel.hidden = true;
    run.body.append(run.masksPanel, run.tablePanel, run.usePanel, run.slots.figure, run.loss, run.parts, run.more, run.accuracy, run.checker, run.network.along, run.network.field);
    const repeat = make("details", "ln-repeat");
    repeat.append(make("summary", "", words.repeat), make("code", "ln-command"));
    card.append(head, run.job, run.watch, run.verdict, run.body, repeat);
    parts.runs.append(card);
    runs.push(run);
    close.addEventListener("click", () => removeRun(run));
    save.addEventListener("click", () => trigger("save", { id }));
    listen(run);
    run.follow = followJob({ element, server, words }, run.job, id, (look) => receive(run, look));
    settle();
  }

  // A choice whose first entry is what it does, and the others in which format.
  function movieButton(id) {
    const choice = make("select", "job-button ln-movie");
    choice.title = words.movie_info;
    choice.setAttribute("aria-label", `${words.movie}. ${words.movie_as}`);
    choice.append(new Option(`${words.movie} ▾`, ""), ...Object.entries(fixed.formats).map(([suffix, name]) => new Option(name, suffix)));
    choice.addEventListener("change", () => {
      if (choice.value) trigger("movie", { id, suffix: choice.value, dark: document.body.classList.contains("dark") });
      choice.value = "";
    });
    return choice;
  }

  function removeRun(run) {
    run.follow.end();
    run.card.remove();
    runs.splice(runs.indexOf(run), 1);
    settle();
    paintCurves();
  }

  // In what two runs differ, once both have said what they are.
  function compare() {
    const [first, second] = runs.map(({ about }) => about?.choices);
    parts.differ.hidden = !(first && second);
    if (first && second) parts.differ.textContent = toldDifferences(first, second, words);
  }

  // What depends on how many runs there are.
  function settle() {
    compare();
    parts.message.hidden = runs.length > 0;
    parts.runs.dataset.n = String(runs.length);
    keepInAddress(runs.length ? { runs: runs.map(({ id }) => id).join(","), start: null } : { runs: null });
  }

  async function receive(run, look) {
    run.live = look.state === "running" || look.state === "waiting";
    const news = Object.fromEntries(look.parts);
    for (const [name, value] of look.parts) if (name.startsWith("point/")) addPoint(run, value);
    if (look.state === "gone" && !run.about) run.card.querySelector(".ln-name").textContent = words.run;
    if (news.about) describe(run, news.about);
    if (news.pictures) await openPictures(run, news.pictures);
    if (news.table) openTable(run, news.table);
    if (news.verdict) run.verdict.textContent = news.verdict;
    run.verdict.hidden = !run.verdict.textContent;
    if (news.along && run.pictures) run.network.show(news.along);
    run.baselines = news.baselines ?? run.baselines;
    run.mious = news.baseline_mious ?? run.mious;
    if (news.masks && run.pictures) {
      run.masks = news.masks;
      run.grays = await Promise.all(news.masks.images.map((source) => loadLabels(source)));
      await openViews(run, look.parts);
      if (run.about?.slots) run.slots.show(run.about.slots);
      for (const name of ["save", "open", "movie"]) run.card.querySelector(`.ln-${name}`).hidden = false;
    }
    if (!look.parts.length) return;
    run.body.hidden = !run.table && !run.masks;
    run.usePanel.hidden = !run.table;
    parts.tools.hidden = !runs.some(({ masks }) => masks);
    if (news.masks || news.pictures) paintMasks(run);
    paintTable(run);
    paintCurves();
  }

  function describe(run, about) {
    run.about = about;
    run.card.querySelector(".ln-name").textContent = about.title;
    run.card.querySelector(".ln-details").textContent = about.details.join(" · ");
    run.card.querySelector(".ln-command").textContent = about.command;
    run.tablePanel.querySelector(".ln-title").textContent = about.known ? words.confusion : words.table;
    run.card.toggleAttribute("data-known", about.known);
    if (run === runs.at(-1)) keepInAddress(about.query);
    compare();
  }

  async function openViews(run, news) {
    for (const [name, view] of news) {
      if (!name.startsWith("view/")) continue;
      const key = name.slice("view/".length);
      const button = run.views.get(key)?.button ?? makeButton("ln-chip-button", view.title);
      if (!run.views.has(key)) button.addEventListener("click", () => choose(key, run));
      run.views.set(key, { ...view, button, grays: await Promise.all(view.images.map((source) => loadLabels(source))) });
    }
  }

  function paintChoices(run) {
    const view = viewOf(run);
    const named = [...run.views].sort(([, a], [, b]) => a.order - b.order);
    if (run.choices.children.length !== named.length) run.choices.replaceChildren(...named.map(([, { button }]) => button));
    for (const [, one] of named) one.button.setAttribute("aria-pressed", String(one === view));
    run.legend.replaceChildren(...view.legend.map(([name, color]) => legendOf(name, color)));
    if (!run.pictures) return;
    const { truth, left_out: out } = run.pictures;
    const below = run.about?.known ? words.beside_truth : view.clusters ? words.below : words.below_marks;
    const point = run.about?.known ? words.point_known : words.point;
    const told = [view.note || (view.clusters ? point : ""), truth.length ? below : "", ...out];
    run.masksPanel.querySelector(".ln-note").textContent = told.filter(Boolean).join(" ");
  }

  function choose(name, run) {
    chosen = name === run.masks?.view ? null : name;
    keepInAddress({ view: chosen });
    runs.forEach(paintMasks);
  }

  async function openPictures(run, pictures) {
    run.pictures = pictures;
    run.images = await Promise.all(pictures.images.map(loadImage));
    run.truths = await Promise.all(pictures.truth.map((source) => loadLabels(source)));
    run.grid.replaceChildren(
      ...run.images.map((_, i) => {
        const figure = make("div", "ln-pair");
        const mask = make("canvas", "ln-mask");
        mask.setAttribute("role", "img");
        mask.setAttribute("aria-label", `${words.mask} ${pictures.names[i]}`);
        figure.append(mask);
        if (run.truths[i]) {
          const truth = make("canvas", "ln-truth");
          truth.setAttribute("role", "img");
          truth.setAttribute("aria-label", `${words.truth} ${pictures.names[i]}`);
          figure.append(truth);
        }
        for (const canvas of figure.children) {
          canvas.addEventListener("pointermove", (event) => light(run, clusterUnder(run, event, i)));
          canvas.addEventListener("pointerleave", () => light(run, null));
        }
        return figure;
      }),
    );
    run.card.toggleAttribute("data-many", pictures.images.length > 6);
    const known = run.about?.known;
    run.masksPanel.querySelector(".ln-title").textContent = pictures.apart ? words.masks_known : known ? words.masks_own : words.masks;
  }

  // ---- Pointing: a cluster is seen alone in masks, bars and table ----

  function listen(run) {
    run.bars.addEventListener("pointerover", (event) => {
      const bar = event.target.closest(".ln-bar");
      if (bar) light(run, Number(bar.dataset.cluster));
    });
    run.bars.addEventListener("pointerleave", () => light(run, null));
    run.bars.addEventListener("click", (event) => {
      const bar = event.target.closest(".ln-bar");
      if (!bar) return;
      const cluster = Number(bar.dataset.cluster);
      run.pinned = run.pinned === cluster ? null : cluster;
      light(run, null);
    });
    run.canvas.addEventListener("pointermove", (event) => {
      const box = run.canvas.getBoundingClientRect();
      const [i, j] = [event.clientY - box.top, event.clientX - box.left].map((at) => Math.floor((at / box.width) * run.about.k));
      if (i < 0 || j < 0 || i >= run.about.k || j >= run.about.k) return;
      light(run, i);
      noteTable(run, `P(${clusterName(run, i)}, ${clusterName(run, j)}) = ${short(run.P[i * run.about.k + j])}`);
    });
    run.canvas.addEventListener("pointerleave", () => light(run, null));
  }

  function light(run, cluster) {
    const next = cluster ?? run.pinned;
    if (next === run.lit) return;
    run.lit = next;
    paintMasks(run);
    paintTable(run);
  }

  // ---- Painting ----

  function paintMasks(run) {
    if (!run.about) return;
    const opacity = Number(slider.value) / 100;
    const classOf = run.masks?.class_of ?? [];
    const view = viewOf(run);
    const marked = run.about.marked && !view.clusters;
    const matched = marked ? [] : classOf;
    const lit = view.clusters ? run.lit : null;
    paintChoices(run);
    // A class has the color of the first cluster that stands for it.
    const colorOfClass = (run.pictures?.classes ?? []).map((_, c) => (matched.includes(c) ? run.about.palette[matched.indexOf(c)] : marked && c > 0 ? run.about.palette[c % run.about.palette.length] : null));
    const litClass = lit === null ? null : (matched[lit] ?? -1) + 1;
    run.images.forEach((image, i) => {
      const [mask, truth] = run.grid.children[i].children;
      drawMask(mask, image, view.grays[i], view.colors, opacity, lit);
      if (truth) drawMask(truth, image, run.truths[i], [null, ...colorOfClass], opacity, litClass || null);
    });
  }

  function paintTable(run) {
    if (!run.table || !run.about) return;
    const { k, palette } = run.about;
    drawBars(run.bars, { use: run.table.use, palette, nameOf: (i) => clusterName(run, i), lit: run.lit });
    run.usePanel.querySelector(".ln-title").textContent = run.about.known ? words.use_known : words.use;
    run.usePanel.querySelector(".ln-note").textContent = run.about.known ? words.use_known_info : words.use_info;
    if (!run.P) return;
    drawTable(run.canvas, run.P, k, ramp, run.lit);
    noteTable(run, filled(run.about.known ? words.confusion_info : words.table_info, { diagonal: percent(run.table.diagonal) }));
    run.canvas.setAttribute("aria-label", filled(run.about.known ? words.confusion_alt : words.table_alt, { k, diagonal: percent(run.table.diagonal) }));
  }

  function paintCurves() {
    const all = runs.flatMap(({ points }) => points);
    if (!all.length) return;
    const last = Math.max(...all.map(({ step }) => step));
    const loss = rangeOf(all.map((p) => p.loss));
    for (const run of runs) {
      if (!run.points.length) continue;
      const line = (value) => run.points.filter((p) => value(p) !== null && value(p) !== undefined).map((p) => [p.step, value(p)]);
      drawCurves(run.loss, words.loss, [{ name: "", points: line((p) => p.loss), ink: fixed.inks[0] }], { x: last, y: loss });
      if (run.about?.known) {
        paintKnown(run, last);
        continue;
      }
      const charts = run.about?.charts ?? [];
      run.more.hidden = charts.length < 2;
      charts.forEach((one, at) => {
        const figure = [run.parts, run.more][at];
        figure.querySelector(".ln-title").textContent = one.title;
        const curves = namesOf(one, run).map((name, i) => ({ name, points: line((p) => p.parts[name]), ink: fixed.inks[i % fixed.inks.length] }));
        drawCurves(figure, one.title, curves, { x: last, y: rangeOfChart(one.title) });
      });
      run.accuracy.hidden = !run.pictures?.scored;
      if (!run.pictures?.scored) continue;
      const own = { ...words, ...run.about?.words };
      run.accuracy.querySelector(".ln-title").textContent = own.accuracy;
      const accuracy = { name: filled(own.scored, { n: run.pictures.scored, miou: percent(run.masks?.miou ?? 0) }), points: line((p) => p.accuracy), ink: fixed.inks[0] };
      const others = Object.entries(run.baselines).map(([name, value], i) => {
        const told = filled(own.beside, { name, miou: percent(run.mious[name]) });
        return { name: told, points: [[0, value], [last, value]], ink: fixed.inks[(1 + i) % fixed.inks.length], dashed: true };
      });
      drawCurves(run.accuracy, own.accuracy, [accuracy, ...beside(run), ...others], { x: last, y: [0, 1], form: percent });
    }
    rows.paint();
  }

  const namesOf = ({ names }, run) => names ?? Object.keys(run.points.at(-1).parts);

  // The same axes in all runs that have a chart of this title; they hold 0.
  function rangeOfChart(title) {
    const values = runs.flatMap((run) => {
      const one = run.points.length ? run.about?.charts.find((chart) => chart.title === title) : null;
      return one ? namesOf(one, run).flatMap((name) => run.points.map((p) => p.parts[name])) : [];
    });
    const numbers = values.filter((value) => Number.isFinite(value));
    return rangeOf(numbers, Math.min(0, ...numbers));
  }

  // The curve of another run of the same system on the same pictures, called by what is different in it.
  function beside(run) {
    return runs
      .filter((other) => other !== run && run.about?.marked && other.about?.title === run.about.title)
      .map((other) => {
        const details = chosenInstead(run.about.choices, other.about.choices);
        const points = other.points.filter((p) => Number.isFinite(p.accuracy)).map((p) => [p.step, p.accuracy]);
        return { name: details ? filled(words.other, { details }) : words.other_same, points, ink: "currentColor", thin: true };
      });
  }

  // Of a network with labels: IoU of each class instead of the parts of the loss, and the checkerboard.
  function paintKnown(run, last) {
    const { scores } = curvesOf(run);
    run.parts.hidden = run.accuracy.hidden = run.checker.hidden = !scores.length;
    if (!scores.length) return;
    run.parts.querySelector(".ln-title").textContent = words.iou;
    const dashed = (values) =>
      Object.entries(values).map(([name, value]) => ({ name, points: [[0, value], [last, value]], ink: "var(--quiet)", dashed: true, named: true })); // prettier-ignore
    const classes = run.pictures.classes.map((name, i) => ({ name, points: curveOf({ scores }, `iou:${i}`), ink: run.about.palette[i], thin: true }));
    const mean = { name: words.miou, points: curveOf({ scores }, "miou"), ink: "currentColor" };
    drawCurves(run.parts, words.iou, [mean, ...classes, ...dashed(run.mious)], { x: last, y: [0, 1], form: percent });
    const told = filled(words.scored_known, { n: run.pictures.scored });
    const accuracy = { name: told, points: curveOf({ scores }, "global_accuracy"), ink: "currentColor" };
    drawCurves(run.accuracy, words.accuracy, [accuracy, ...dashed(run.baselines)], { x: last, y: [0, 1], form: percent });
    const board = curveOf({ scores }, "checkerboard");
    const everywhere = runs.flatMap((other) => curveOf(curvesOf(other), "checkerboard").map(([, value]) => value));
    const line = { name: words.checkerboard_info, points: board, ink: fixed.inks[1] };
    drawCurves(run.checker, words.checkerboard, [line], { x: last, y: rangeOf(everywhere), form: formOf("checkerboard") });
  }

  const curvesOf = (run) => ({
    title: run.about?.title ?? words.run,
    losses: run.points.filter(({ loss }) => loss !== null).map(({ step, loss }) => [step, loss]),
    scores: run.points.map(({ scores }) => scores).filter(Boolean),
  });

  function paintAll() {
    for (const run of runs) {
      paintMasks(run);
      paintTable(run);
    }
    paintCurves();
  }

  // ---- What a visitor does, and how the page opens ----

  function fillSlider() {
    slider.style.setProperty("--lab-fill", `${slider.value}%`);
  }

  slider.addEventListener("input", () => {
    fillSlider();
    runs.forEach(paintMasks);
  });

  fillSlider();

  // A new run takes its place beside the others; the oldest one that has ended makes room.
  function show(id) {
    if (!id || runs.some((run) => run.id === id)) return;
    while (runs.length >= MOST_RUNS) removeRun(runs.find((run) => !run.live) ?? runs[0]);
    addRun(id);
    if (innerWidth <= 760) parts.runs.lastChild.scrollIntoView({ block: "start" });
  }

  async function begin() {
    if (asked("row")) rows.open(asked("row"), { score: asked("score"), at: asked("at") });
    const ids = await firstJobs(server, asked("runs"), asked("start") === "1");
    for (const id of ids.slice(-MOST_RUNS)) show(id);
  }

  let width = 0;

  new ResizeObserver(() => {
    const now = parts.runs.getBoundingClientRect().width;
    if (now && now !== width) {
      paintAll();
      rows.paint();
    }
    width = now;
  }).observe(parts.runs);

  watch("value", () => show(props.value?.run));
  begin();
}
