// Colors and numbers of a step, as its algorithm says.

import { colorAt, rgbOf } from "../../js/colors.js";
import { make } from "../../js/dom.js";
import { rangeOf, withMinus } from "../../js/numbers.js";
import { rowName } from "./blocks.js";
import { digits } from "./digits.js";

const UNASSIGNED = -1;

export function paints({ run, ramps, words }) {
  function written(value, form) {
    if (form === "integer") return withMinus(String(Math.round(value)));
    if (form === "label") return value < 0 ? words.none : `<span class="st-chip" style="--c:${paletteColor(value)}"></span>${value + 1}`;
    if (form === "row") return rowName(run.value, value);
    if (form === "percent") return `${digits(100 * value)} %`;
    return digits(value);
  }

  function paletteColor(label) {
    return run.value.palette[label % run.value.palette.length];
  }

  // From values to colors [r, g, b]: labels by the palette, values along a ramp over their own range or around 0.
  function painter(spec) {
    if (spec.labels) {
      const labels = run.arrays[spec.labels];
      return (i) => (labels[i] === UNASSIGNED ? null : rgbOf(paletteColor(labels[i])));
    }
    if (!spec.values) return () => null;
    const values = run.arrays[spec.values];
    const [lo, hi] = spec.range ?? rangeOf(values, spec.ramp);
    const colors = ramps[spec.ramp ?? "sequential"];
    return (i) => (Number.isFinite(values[i]) ? colorAt(colors, hi > lo ? (values[i] - lo) / (hi - lo) : 0) : null);
  }

  // A bar of the ramp with the numbers at its ends.
  function rampLegend(spec) {
    const legend = make("div", "st-ramp");
    const [lo, hi] = spec.range ?? rangeOf(run.arrays[spec.values], spec.ramp);
    const stops = ramps[spec.ramp ?? "sequential"].map((color) => `rgb(${color})`).join(", ");
    legend.innerHTML = `<span>${digits(lo)}</span><i style="background:linear-gradient(to right, ${stops})"></i><span>${digits(hi)}</span>`;
    return legend;
  }

  return { paletteColor, painter, rampLegend, written };
}
