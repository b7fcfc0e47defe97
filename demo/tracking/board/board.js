// Trackers side by side: what each scores, and how it covers the true identities in time.

import { filled, make, makeButton, makeSvg, partsOf } from "../../shared/js/dom.js";
import { drawLanes, laneWords } from "../player/lanes.js";

// The best value of a column over some rows; null where all are alike.
export function bestOf(rows, key, falls) {
  const values = rows.filter(({ scores }) => scores).map(({ scores }) => scores[key]);
  if (values.length < 2 || Math.max(...values) === Math.min(...values)) return null;
  return falls.includes(key) ? Math.min(...values) : Math.max(...values);
}

// A share with three digits, a count as it is.
export function scoreText(value) {
  return Number.isInteger(value) ? String(value).replace("-", "−") : value.toFixed(3).replace("-", "−");
}

const SHARES = ["mota", "motp", "idf1", "hota", "deta", "assa"];

export function mount({ element, props, trigger, watch, fixed }) {
  const { words, columns, falls } = fixed;
  const parts = partsOf(element, "sb", ["title", "message", "table", "note", "lanes"]);
  let width = 0;

  function show() {
    const { value } = props;
    parts.title.textContent = words.side;
    parts.message.hidden = !value?.message;
    parts.message.textContent = value?.message ?? "";
    if (!value?.rows) return parts.table.replaceChildren();
    const known = value.rows.some(({ scores }) => scores);
    parts.note.textContent = known ? words.lanesTold : words.noTruth;
    const keys = known ? Object.keys(columns) : [];
    const head = make("thead");
    const titles = make("tr");
    titles.append(make("th", "", words.tracker), ...keys.map((key) => make("th", "", columns[key])), make("th", "", words.tracks));
    head.append(titles);
    const best = Object.fromEntries(keys.map((key) => [key, key === "pt" ? null : bestOf(value.rows, key, falls)]));
    const body = make("tbody");
    body.append(...value.rows.map((row) => rowOf(row, keys, best)));
    parts.table.replaceChildren(head, body);
    showLanes();
    return null;
  }

  function rowOf(row, keys, best) {
    const line = make("tr");
    const name = make("th");
    name.scope = "row";
    const pick = makeButton("sb-pick", row.title);
    pick.dataset.tracker = row.tracker;
    pick.setAttribute("aria-pressed", String(row.tracker === props.value.chosen));
    pick.addEventListener("click", () => trigger("picked", { tracker: row.tracker }));
    name.append(pick);
    line.append(name);
    if (row.problem) {
      const cell = make("td", "", row.problem);
      cell.colSpan = keys.length + 1;
      line.append(cell);
      return line;
    }
    for (const key of keys) {
      const value = row.scores[key];
      line.append(make("td", value === best[key] ? "sb-best" : "", SHARES.includes(key) ? value.toFixed(3).replace("-", "−") : scoreText(value)));
    }
    line.append(make("td", "", String(row.tracks)));
    return line;
  }

  function showLanes() {
    const { value } = props;
    const rows = value?.rows?.filter(({ lanes }) => lanes) ?? [];
    const figures = rows.map((row) => {
      const figure = make("figure");
      const svg = makeSvg("svg", { class: "tk-lanes", role: "img", "aria-label": filled(words.lanesOf, { title: row.title }) });
      figure.append(make("figcaption", "", row.title), svg);
      return [figure, svg, row];
    });
    parts.lanes.replaceChildren(...figures.map(([figure]) => figure));
    for (const [figure, svg, row] of figures) {
      drawLanes(svg, row.lanes, {
        total: value.n,
        width: Math.max(figure.clientWidth, 260),
        paletteColor: (label) => value.palette[label % value.palette.length],
        at: null,
        words: laneWords(words, filled),
        onFrame: (t) => document.dispatchEvent(new CustomEvent("segcore-frame", { detail: t })),
      });
    }
  }

  new ResizeObserver(() => {
    if (element.clientWidth === width) return;
    width = element.clientWidth;
    showLanes();
  }).observe(element);
  watch("value", show);
  show();
}
