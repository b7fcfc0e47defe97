// The detection that is pointed at: its box, its appearance, its edges, and the messages along them.

import { make } from "../../shared/js/dom.js";
import { short } from "../../shared/js/numbers.js";
import { edgesAt } from "./places.js";

const MOST = 9; // edges that are told
const FAINT = 0.001; // a smaller weight is not written out

function bar(share, color) {
  const track = make("span", "tk-bar");
  const fill = make("i");
  fill.style.width = `${Math.round(100 * Math.min(Math.max(share, 0), 1))}%`;
  if (color) fill.style.background = color;
  track.append(fill);
  return track;
}

export function nodeView({ run, choose, pointed, paletteColor, tracking, words }) {
  const view = {
    make(card) {
      card.facts = make("p", "tk-facts");
      card.looks = make("div", "tk-looks");
      card.looks.setAttribute("role", "img");
      card.table = make("table", "tk-edges");
      card.body.append(card.facts, card.looks, card.table);
    },

    paint(card, spec) {
      this.mark(card, spec);
    },

    mark(card, spec) {
      const { arrays, film } = tracking.data();
      const i = pointed();
      if (i === null || i >= arrays.frame.length) return;
      const [x, y, w, h] = arrays.box.subarray(4 * i, 4 * i + 4);
      const label = spec.labels ? run.arrays[spec.labels][i] : -1;
      const track = label >= 0 ? tracking.told(words.track, { k: label + 1 }) : words.noTrack;
      const values = { i: i + 1, t: arrays.frame[i] + 1, x: Math.round(x), y: Math.round(y), w: Math.round(w), h: Math.round(h), score: short(arrays.score[i], 2), track };
      card.facts.textContent = tracking.told(words.detection, values);
      drawLooks(card, film, arrays, i);
      drawTable(card, spec, i);
    },
  };

  // The appearance as bars about 0.
  function drawLooks(card, film, arrays, i) {
    const d = film.looks;
    card.looks.hidden = !d;
    if (!d) return;
    const values = Array.from(arrays.looks.subarray(d * i, d * (i + 1)));
    card.looks.setAttribute("aria-label", `${words.looks} ${values.map((value) => short(value, 2)).join(", ")}`);
    card.looks.replaceChildren(
      make("span", "", words.looks),
      ...values.map((value) => {
        const box = make("span", value < 0 ? "tk-look tk-minus" : "tk-look");
        const fill = make("i");
        fill.style.height = `${Math.round(50 * Math.min(Math.abs(value), 1))}%`;
        box.append(fill);
        return box;
      }),
    );
  }

  function drawTable(card, spec, i) {
    const found = spec.weight ? edgesAt(run.arrays[spec.edges], run.arrays[spec.weight], i) : [];
    card.table.hidden = !found.length;
    if (!found.length) return;
    const { arrays } = tracking.data();
    const [weight, kept] = [run.arrays[spec.weight], run.arrays[spec.kept]];
    const messages = spec.messages ? run.arrays[spec.messages] : null;
    const features = spec.features ? run.arrays[spec.features] : null;
    const most = messages ? Math.max(...found.map(([e, j]) => messages[2 * e + (j > i ? 0 : 1)]), 1e-9) : 1;
    const labels = spec.labels ? run.arrays[spec.labels] : null;
    const heads = [words.edgeTo, spec.said, ...(messages ? [words.message] : []), ...(features ? film().features : [])];
    const head = make("tr");
    head.append(...heads.map((text) => make("th", "", text)));
    const rows = found.slice(0, MOST).map(([e, j]) => {
      const row = make("tr", kept[e] ? "tk-kept" : "");
      const name = make("td");
      const chip = make("span", "st-chip");
      chip.style.setProperty("--c", labels && labels[j] >= 0 ? paletteColor(labels[j]) : "#8c8c8c");
      const to = make("button", "tk-to", tracking.told(words.frameShort, { t: arrays.frame[j] + 1, i: j + 1 }));
      to.type = "button";
      to.addEventListener("click", () => choose(j));
      name.append(chip, to);
      const value = make("td");
      value.append(bar(weight[e]), weight[e] < FAINT ? `<${FAINT}` : short(weight[e], 2));
      row.append(name, value);
      if (messages) {
        const length = messages[2 * e + (j > i ? 0 : 1)];
        const cell = make("td");
        cell.append(bar(length / most, "#d6007a"), short(length, 2));
        row.append(cell);
      }
      const k = film().features.length;
      if (features) row.append(...Array.from(features.subarray(k * e, k * (e + 1)), (v) => make("td", "", short(v, 2))));
      return row;
    });
    card.table.replaceChildren(head, ...rows);
    if (found.length > MOST) {
      const more = make("tr");
      const cell = make("td", "st-change", tracking.told(words.moreEdges, { n: found.length - MOST }));
      cell.colSpan = heads.length;
      more.append(cell);
      card.table.append(more);
    }
  }

  function film() {
    return tracking.data().film;
  }

  return view;
}
