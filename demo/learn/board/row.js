// A row of recorded runs that differ in one choice: one chart, one table, what each made of a picture.

import { keepInAddress, withValues } from "../../shared/js/address.js";
import { filled, make, makeButton, makeSvg } from "../../shared/js/dom.js";
import { loadImage, loadLabels } from "../../shared/js/images.js";
import { percent, short } from "../../shared/js/numbers.js";
import { heard } from "../../shared/js/wire.js";
import { drawCurves, rangeOf } from "./charts.js";
import { drawMask } from "./masks.js";

const LOG_FLOOR = 1e-5;
const OPACITY = 0.75;
const SHARES = ["miou", "boundary_f", "global_accuracy", "class_accuracy"];

// The value of a score of one measurement; "iou:2" is that of the third class.
export function scoreOf(scores, name) {
  return name.startsWith("iou:") ? (scores.iou[Number(name.slice(4))] ?? null) : (scores[name] ?? null);
}

// The points of a curve. The checkerboard spans orders of magnitude, so it is drawn as its logarithm.
export function curveOf({ losses, scores }, name) {
  if (name === "loss") return losses;
  const points = scores.map((s) => [s.step, scoreOf(s, name)]).filter(([, value]) => value !== null);
  return name === "checkerboard" ? points.map(([step, value]) => [step, Math.log10(Math.max(value, LOG_FLOOR))]) : points;
}

// The lowest and the highest last value of a score over all seeds of a run; null where there is one seed only.
export function spreadOf({ scores, others }, name) {
  if (!others.length) return null;
  const ends = [scores, ...others.map((other) => other.scores)].map((each) => scoreOf(each.at(-1), name));
  return [Math.min(...ends), Math.max(...ends)];
}

// How a value on the axis is written.
export function formOf(name) {
  if (name === "checkerboard") return (value) => `${short(100 * 10 ** value, 2)} %`;
  return name === "loss" ? short : percent;
}

function canvasOf(label) {
  const canvas = make("canvas", "ln-mask");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  return canvas;
}

// The view of rows. `live()` gives the runs of the page that can be drawn on the same axes: [{title, losses, scores}].
export function rowView({ nav, box, server, fixed, live }) {
  const { words, inks } = fixed;
  let row = null;
  let baselines = {};
  let score = "miou";
  let at = 0;
  let asked = 0;

  const title = make("strong", "", words.rows);
  const buttons = fixed.rows.map(({ name, title: text, question }) => {
    const button = makeButton("ln-chip-button", text);
    button.title = question;
    button.dataset.row = name;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => (row?.name === name ? close() : open(name)));
    return button;
  });
  nav.setAttribute("aria-label", words.rows);
  nav.replaceChildren(title, ...buttons);

  const press = (name) => buttons.forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.row === name)));

  function close() {
    row = null;
    asked += 1;
    box.hidden = true;
    press(null);
    keepInAddress({ row: null, score: null, at: null });
  }

  async function open(name, from = {}) {
    const mine = ++asked;
    press(name);
    const found = await server.row(name).catch(() => null);
    if (mine !== asked) return;
    box.hidden = false;
    if (!found) {
      row = null;
      press(null);
      box.replaceChildren(make("p", "ln-told", words.row_none));
      keepInAddress({ row: null, score: null, at: null });
      return;
    }
    row = found;
    const known = [...Object.keys(words.scores), ...row.classes.map((_, i) => `iou:${i}`)];
    score = known.includes(from.score) ? from.score : "miou";
    at = Math.min(Math.max(Number.parseInt(from.at, 10) - 1 || 0, 0), Math.max(row.pictures.length - 1, 0));
    lay(known);
    note();
    baselines = {};
    const compared = await server.baselines_of_row(name).then(heard).catch(() => ({}));
    if (mine !== asked) return;
    baselines = compared;
    paint();
  }

  const note = () => keepInAddress({ row: row.name, score: score === "miou" ? null : score, at: at ? String(at + 1) : null });

  function lay(known) {
    const head = make("header", "ln-head");
    const text = make("div", "ln-about");
    text.append(make("h3", "lab-title", row.title), make("p", "ln-question", row.question));
    const end = makeButton("job-button ln-close", "×");
    end.title = words.row_close;
    end.setAttribute("aria-label", words.row_close);
    end.addEventListener("click", close);
    head.append(text, end);
    const label = make("label", "ln-score");
    const select = make("select", "");
    for (const name of known) {
      const option = make("option", "", words.scores[name] ?? filled(words.of_class, { name: row.classes[Number(name.slice(4))] }));
      option.value = name;
      select.append(option);
    }
    select.value = score;
    select.addEventListener("change", () => {
      score = select.value;
      note();
      paint();
    });
    label.append(make("span", "", words.row_score), select);
    const figure = make("figure", "ln-figure ln-row-chart");
    figure.dataset.view = "";
    figure.append(makeSvg("svg", { role: "img" }), make("p", "ln-legend"));
    const found = make("div", "ln-found");
    found.append(make("div", "ln-pick"), make("div", "ln-grid-found"));
    box.replaceChildren(head, make("p", "ln-told", row.told), make("p", "ln-note", row.about), label, figure, table(), found);
    found.hidden = !row.pictures.length;
    pick();
    paint();
  }

  function table() {
    const scroll = make("div", "ln-scroll");
    scroll.tabIndex = 0;
    const node = make("table", "ln-table");
    const header = make("tr", "");
    const [first, ...rest] = words.row_columns;
    header.append(make("th", "", first), make("td", ""), ...rest.map((text) => make("th", "", text)));
    const body = row.runs.map((run, i) => {
      const line = make("tr", "");
      const name = make("th", "", run.label);
      const chip = make("span", "ln-chip");
      chip.style.background = inks[i % inks.length];
      name.prepend(chip);
      name.scope = "row";
      const last = run.scores.at(-1);
      const cell = make("td", "");
      if (run.query) {
        const train = make("a", "job-button ln-train", words.row_train);
        train.title = filled(words.row_train_info, { label: run.label });
        train.href = `${location.pathname}?${withValues(location.search, { ...run.query, runs: null, start: "1" })}`;
        cell.append(train);
      }
      const scored = ["miou", "boundary_f", "global_accuracy"].map((score) => {
        const number = make("td", "ln-number", percent(last[score]));
        const spread = spreadOf(run, score);
        if (spread) {
          const range = make("span", "ln-range", `${percent(spread[0])} – ${percent(spread[1])}`);
          range.title = filled(words.row_spread, { n: run.others.length + 1 });
          number.append(range);
        }
        return number;
      });
      line.append(name, cell, make("td", "", run.system), ...scored, ...run.facts.map((text) => make("td", "ln-number", text)));
      return line;
    });
    node.append(header, ...body);
    scroll.append(node);
    return scroll;
  }

  function pick() {
    const list = box.querySelector(".ln-pick");
    list.replaceChildren(
      ...row.pictures.map((source, i) => {
        const button = makeButton("ln-thumb");
        const told = filled(words.row_picture, { n: i + 1, of: row.pictures.length });
        if (source) {
          const image = make("img", "");
          image.src = source;
          image.alt = told;
          button.append(image);
        } else {
          button.textContent = String(i + 1);
          button.setAttribute("aria-label", told);
        }
        button.setAttribute("aria-pressed", String(i === at));
        button.addEventListener("click", () => {
          at = i;
          note();
          for (const [j, other] of [...list.children].entries()) other.setAttribute("aria-pressed", String(j === at));
          found();
        });
        return button;
      }),
    );
    found();
  }

  async function found() {
    const shown = row;
    const mine = at;
    if (!shown.pictures.length) return;
    const image = shown.pictures[mine] ? await loadImage(shown.pictures[mine]) : null;
    const given = [
      [words.row_given, null, null],
      [words.row_truth, shown.truth[mine], null],
    ];
    const answers = shown.runs.map((run, i) => [run.label, run.found[mine], inks[i % inks.length]]);
    const wanted = [...(image ? given : []), ...answers];
    const maps = await Promise.all(wanted.map(([, source]) => source && loadLabels(source)));
    if (row !== shown || at !== mine) return;
    const cells = wanted.map(([name, , ink], i) => {
      const figure = make("figure", "ln-cell");
      const canvas = canvasOf(name);
      drawMask(canvas, image, maps[i], shown.palette, image ? OPACITY : 1, null);
      const caption = make("figcaption", "", name);
      if (ink) {
        const chip = make("span", "ln-chip");
        chip.style.background = ink;
        caption.prepend(chip);
      }
      figure.append(canvas, caption);
      return figure;
    });
    box.querySelector(".ln-grid-found").replaceChildren(...cells, ...(image ? [] : [classesKey()]));
  }

  // Which color is which class, where no truth beside the answers says so.
  function classesKey() {
    const key = make("p", "ln-legend");
    key.append(
      ...row.classes.map((name, i) => {
        const item = make("span", "ln-key");
        const chip = make("span", "ln-chip");
        chip.style.background = row.palette[i];
        item.append(chip, name);
        return item;
      }),
    );
    return key;
  }

  function paint() {
    if (!row) return;
    const lines = row.runs.flatMap((run, i) => {
      const ink = inks[i % inks.length];
      const faint = run.others.map((other) => ({ points: curveOf(other, score), ink, faint: true }));
      return [...faint, { name: run.label, points: curveOf(run, score), ink }];
    });
    for (const run of live()) {
      const name = filled(words.row_live, { title: run.title });
      lines.push({ name, points: curveOf(run, score), ink: "currentColor" });
    }
    const last = Math.max(...lines.flatMap(({ points }) => points.map(([step]) => step)), 1);
    if (score !== "loss" && score !== "checkerboard") {
      for (const [name, scores] of Object.entries(baselines)) {
        const value = scoreOf(scores, score);
        if (value !== null) lines.push({ name, points: [[0, value], [last, value]], ink: "var(--quiet)", dashed: true, named: true }); // prettier-ignore
      }
    }
    const values = lines.flatMap(({ points }) => points.map(([, value]) => value));
    const y = SHARES.includes(score) || score.startsWith("iou:") ? [0, 1] : rangeOf(values, score === "loss" ? 0 : null);
    const name = box.querySelector("select").selectedOptions[0].textContent;
    drawCurves(box.querySelector(".ln-row-chart"), name, lines, { x: last, y, form: formOf(score), height: 260 });
  }

  return { open, paint };
}
