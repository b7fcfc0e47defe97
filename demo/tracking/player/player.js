// The player of tracking: a frame and its boxes, the strip with the graph, the detection that is pointed at, lanes.

import { curveView } from "../../shared/components/player/curve.js";
import { play } from "../../shared/components/player/player.js";
import { colorAt } from "../../shared/js/colors.js";
import { filled, make } from "../../shared/js/dom.js";
import { loadBytes, loadImage } from "../../shared/js/images.js";
import { filmView } from "./film.js";
import { graphView } from "./graph.js";
import { lanesView } from "./lanes.js";
import { nodeView } from "./node.js";
import { partner, tileOf } from "./places.js";

export function mount(given) {
  const shared = (view) => (player) => view(prepared(player));
  play(given, { curve: curveView, film: shared(filmView), graph: shared(graphView), node: shared(nodeView), lanes: shared(lanesView) });
}

// The player with what the views of tracking share: the frame on view, the sheets of pictures, the ramp of edges.
function prepared(player) {
  if (player.tracking) return player;
  const { run } = player;
  const state = { film: null, t: 0, step: null, pointed: null, sheets: new Map(), masks: new Map(), asked: new Set(), waiting: 0 };

  function data() {
    const { value, arrays } = run;
    if (state.film?.key !== value.film.key) Object.assign(state, { film: value.film, sheets: new Map(), masks: new Map(), asked: new Set() });
    Object.assign(tracking, { sheets: state.sheets, masks: state.masks });
    return { film: value.film, arrays: Object.fromEntries(Object.entries(value.rows).map(([name, key]) => [name, arrays[key]])) };
  }

  const here = () => run.value.frames[run.at];

  // A step may be about a frame; else it is that of the detection that is pointed at, or the one that was clicked.
  function frame() {
    const { arrays } = data();
    const at = player.pointed();
    const step = `${run.value.key} ${here().step}`;
    if (state.step !== step) {
      state.step = step;
      const about = here().views.find(({ at }) => at !== undefined);
      if (about) {
        state.t = about.at;
        const labels = tracking.labels();
        if (arrays.frame.length && arrays.frame[run.i] !== state.t) run.i = partner(arrays.frame, labels, arrays.place, run.i, state.t) ?? run.i;
      } else if (state.pointed === null && arrays.frame.length) state.t = arrays.frame[at];
      state.pointed = player.pointed();
    } else if (state.pointed !== at) {
      state.pointed = at;
      if (arrays.frame.length) state.t = arrays.frame[at];
    }
    return Math.min(state.t, run.value.film.n - 1);
  }

  function go(t) {
    const { arrays } = data();
    const next = arrays.frame.length ? partner(arrays.frame, tracking.labels(), arrays.place, run.i, t) : null;
    if (next !== null) return player.choose(next);
    state.t = t;
    return player.paintFrame();
  }

  // Ask for the sheet of a frame, once; when it comes, all is painted again.
  function want(t) {
    const { film } = data();
    const { sheet } = tileOf(film, t);
    if (sheet >= film.sheets.length || state.asked.has(sheet)) return;
    const { sheets, masks } = state;
    state.asked.add(sheet);
    const keep = (map) => (found) => {
      map.set(sheet, found);
      window.clearTimeout(state.waiting);
      state.waiting = window.setTimeout(() => run.value && player.paintFrame(), 30);
    };
    loadImage(film.sheets[sheet]).then(keep(sheets), () => null);
    if (film.masks.length) loadBytes(film.masks[sheet]).then(keep(masks), () => null);
  }

  const tracking = {
    data, frame, go, want,
    sheets: state.sheets,
    masks: state.masks,
    told: filled,
    labels: () => {
      const spec = here().views.find(({ labels }) => labels);
      return spec ? run.arrays[spec.labels] : null;
    },
  };
  player.rampBar = (said) => {
    const legend = make("div", "st-ramp");
    const stops = [0, 0.25, 0.5, 0.75, 1].map((share) => `rgb(${colorAt(player.ramps.sequential, share)})`).join(", ");
    const ramp = make("i");
    ramp.style.background = `linear-gradient(to right, ${stops})`;
    legend.append(make("span", "", `${said} 0`), ramp, make("span", "", "1"));
    return legend;
  };
  document.addEventListener("segcore-frame", (event) => run.value && go(event.detail));
  return Object.assign(player, { tracking });
}
