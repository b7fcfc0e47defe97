// A position counts steps: 0 is the value 0, ZERO_GAP is lo, and from there every step multiplies by the same factor.
// Gradio itself dispatches the change event whenever props.value changes, so nothing here triggers it.

import { make, written } from "../../js/dom.js";

const STEPS_PER_DECADE = 10;
const ZERO_GAP = 2; // steps between 0 and lo, wide enough to be hit

const KEYS = {
  ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: STEPS_PER_DECADE, PageDown: -STEPS_PER_DECADE,
};

// Positions and values from `lo` to `hi`: {steps, last, valueAt, positionOf, stepped}.
export function logScale(lo, hi) {
  const steps = Math.round(STEPS_PER_DECADE * Math.log10(hi / lo));
  const last = ZERO_GAP + steps;

  function valueAt(position) {
    if (position < ZERO_GAP / 2) return 0;
    if (position >= last) return hi;
    const step = Math.max(0, Math.round(position - ZERO_GAP));
    return Number((lo * (hi / lo) ** (step / steps)).toPrecision(2)); // 1, 1.3, 1.6, 2, 2.5, …
  }

  function positionOf(value) {
    if (!(value > 0)) return 0;
    if (value < lo) return (ZERO_GAP * value) / lo;
    return Math.min(last, ZERO_GAP + (steps * Math.log(value / lo)) / Math.log(hi / lo));
  }

  // The value some steps on. From 0 the first step up is lo, whatever its size; a value between two points of the grid first
  // goes to the next point in the direction of the move.
  function stepped(value, by) {
    const position = positionOf(value);
    if (by > 0 && position < ZERO_GAP - 0.3) return lo;
    const base = by > 0 ? Math.floor(position + 0.3) : Math.ceil(position - 0.3); // values are rounded: 1.3 sits at 1.14 steps
    const target = base + by;
    return target < ZERO_GAP ? 0 : valueAt(Math.min(target, last));
  }

  return { steps, last, valueAt, positionOf, stepped };
}

export function mount({ element, props, trigger, watch, fixed }) {
  const { lo, hi } = fixed;
  const { steps, last, valueAt, positionOf, stepped } = logScale(lo, hi);
  const find = (name) => element.querySelector(`.ls-${name}`);
  const range = find("range");
  const number = find("number");
  let current = null; // the value on view
  let moved = false; // by keys, since the last release

  // ---- Showing ----

  function show(value) {
    current = typeof value === "number" && Number.isFinite(value) ? value : null;
    const position = positionOf(current);
    range.value = String(position);
    range.style.setProperty("--lab-fill", `${(100 * position) / last}%`);
    range.setAttribute("aria-valuetext", current === null ? "no value" : String(current));
    if (document.activeElement !== number || Number(number.value) !== current) number.value = current === null ? "" : String(current);
  }

  function drawTicks() {
    const marks = [0, ...Array.from({ length: Math.floor(steps / STEPS_PER_DECADE) + 1 }, (_, k) => Number((lo * 10 ** k).toPrecision(6)))];
    const nodes = marks.filter((mark) => mark <= hi).map((mark) => {
      const node = make("span", "", String(mark));
      node.style.setProperty("--ls-at", `${(100 * positionOf(mark)) / last}%`);
      return node;
    });
    find("ticks").replaceChildren(...nodes);
  }

  function drawTexts() {
    const label = fixed.label;
    find("label").textContent = label;
    written(find("info"), fixed.info);
    range.setAttribute("aria-label", `range slider for ${label}`);
    number.setAttribute("aria-label", `number input for ${label}`);
  }

  // ---- What a user does ----

  function set(value) {
    if (value === current) return false;
    props.value = value;
    show(value);
    trigger("input");
    return true;
  }

  function release() {
    moved = false;
    trigger("release", { value: current });
  }

  function onKey(event) {
    let value;
    if (event.key in KEYS) value = stepped(current ?? 0, KEYS[event.key]);
    else if (event.key === "Home") value = 0;
    else if (event.key === "End") value = hi;
    else return;
    event.preventDefault();
    if (set(value)) moved = true;
  }

  // While typing, whatever is a number in range counts at once; the rest waits for the end.
  function onTyping() {
    const value = number.valueAsNumber;
    if (value >= 0 && value <= hi) set(value);
  }

  function onTyped() {
    const value = number.valueAsNumber;
    set(Number.isNaN(value) ? current : Math.min(Math.max(value, 0), hi));
    show(current);
    release();
  }

  range.max = String(last);
  number.max = String(hi);
  drawTexts();
  drawTicks();

  range.addEventListener("input", () => {
    set(valueAt(range.valueAsNumber));
    show(current); // the thumb snaps to the grid
  });

  range.addEventListener("keydown", onKey);
  range.addEventListener("keyup", () => moved && release());
  range.addEventListener("blur", () => moved && release());
  range.addEventListener("pointerup", release);
  number.addEventListener("input", onTyping);
  number.addEventListener("change", onTyped);

  find("reset").addEventListener("click", () => {
    set(fixed.start);
    release();
  });

  watch("value", () => show(props.value));
  watch(["label", "info"], drawTexts);
  show(props.value);
}
