// One lane per true identity: which track covers it when, where that changes, and where nothing covers it.

import { make, makeSvg } from "../../shared/js/dom.js";

const [LEFT, TALL, GAP] = [64, 16, 6]; // px

// Stretches of equal values: [first, last, value].
export function stretches(values) {
  const found = [];
  values.forEach((value, t) => {
    const last = found.at(-1);
    if (last && last[2] === value) last[1] = t;
    else found.push([t, t, value]);
  });
  return found;
}

// Draw lanes: [{name, tracks, switches, breaks}], where tracks[t] is −2 outside of the identity's time, −1 where it is missed,
// and else the number of its track; a click tells the frame.
export function drawLanes(svg, lanes, { total, width, paletteColor, at, words, onFrame }) {
  const step = (width - LEFT - 8) / total;
  const height = lanes.length * (TALL + GAP) + 22;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();
  lanes.forEach((lane, row) => {
    const y = 4 + row * (TALL + GAP);
    svg.append(makeSvg("text", { x: LEFT - 6, y: y + TALL - 3, "text-anchor": "end" }, lane.name));
    for (const [first, last, track] of stretches(lane.tracks)) {
      if (track < -1) continue;
      const box = { x: LEFT + first * step, y, width: (last - first + 1) * step, height: TALL };
      const shown = track < 0 ? { class: "tk-missed" } : { class: "tk-covered", fill: paletteColor(track) };
      const bar = makeSvg("rect", { ...box, ...shown });
      bar.append(makeSvg("title", {}, words.stretch(track, first, last)));
      svg.append(bar);
    }
    for (const t of lane.breaks) svg.append(makeSvg("path", { class: "tk-break", d: `M${LEFT + t * step} ${y - 2}v${TALL + 4}` }));
    for (const t of lane.switches) {
      const x = LEFT + t * step;
      const sign = makeSvg("path", { class: "tk-switch", d: `M${x - 5} ${y - 4}h10l-5 8z` });
      sign.append(makeSvg("title", {}, words.switched(t)));
      svg.append(sign, makeSvg("path", { class: "tk-switch-line", d: `M${x} ${y}v${TALL}` }));
    }
  });
  for (const t of new Set([0, Math.floor((total - 1) / 2), total - 1])) {
    svg.append(makeSvg("text", { x: LEFT + (t + 0.5) * step, y: height - 5, "text-anchor": "middle" }, String(t + 1)));
  }
  if (at !== null) svg.append(makeSvg("path", { class: "tk-here", d: `M${LEFT + (at + 0.5) * step} 0v${height - 18}` }));
  svg.onclick = (event) => {
    const box = svg.getBoundingClientRect();
    const t = Math.floor(((event.clientX - box.left) * (width / box.width) - LEFT) / step);
    if (t >= 0 && t < total) onFrame(t);
  };
}

export function lanesView({ run, paletteColor, tracking, words }) {
  return {
    make(card) {
      card.svg = makeSvg("svg", { class: "tk-lanes", role: "img" });
      card.note = make("p", "st-note");
      card.body.append(card.svg, card.note);
    },

    paint(card) {
      this.mark(card);
    },

    mark(card) {
      const { lanes, told } = run.value.lanes;
      const width = Math.max(card.body.clientWidth, 260);
      card.svg.setAttribute("aria-label", told);
      card.note.textContent = told;
      drawLanes(card.svg, lanes, {
        total: tracking.data().film.n,
        width,
        paletteColor,
        at: tracking.frame(),
        words: laneWords(words, tracking.told),
        onFrame: tracking.go,
      });
    },
  };
}

export function laneWords(words, told) {
  return {
    stretch: (track, first, last) => told(track < 0 ? words.missed : words.covered, { k: track + 1, first: first + 1, last: last + 1 }),
    switched: (t) => told(words.switched, { t: t + 1 }),
  };
}
