// Python is asked for everything that is seen in a state, one question at a time; nothing is computed here.

import { asked, withValues } from "../../shared/js/address.js";
import { rgbOf } from "../../shared/js/colors.js";
import { make, makeButton, partsOf } from "../../shared/js/dom.js";
import { blocks } from "./blocks.js";
import { pictures } from "./pictures.js";
import { pointing } from "./pointing.js";
import { tables } from "./tables.js";
import { tracks } from "./tracks.js";

function pinnedInAddress() {
  const at = new URLSearchParams(location.hash.slice(1)).get("at");
  return at !== null && /^\d+$/.test(at) ? Number(at) : null;
}

export function mount({ element, props, trigger, watch, server, fixed }) {
  const { words } = fixed;
  const parts = partsOf(element, "pg", ["list", "title", "lead", "formula", "problem", "presets", "fields", "cover", "copy", "stage", "sum"]);
  let play = null; // key of the playground
  let asking = false;
  let stale = false; // something changed since the last question
  let waiting = 0; // number of the segmentation that is waited for
  let known = new URLSearchParams(location.search); // the address, as a question sends it
  const remembered = new Map(); // key of a playground to the address that it was left with

  const state = {
    given: null, // what was changed since the address was written, by name; null before the first answer
    answer: null, // the latest of Python
    view: null, // of it
    tables: new Map(), // id to {block, values (flat), columns, node, cells}
    pinned: null, // number of the output that was clicked
    pointed: null, // of the one under the pointer or the cursor
    covered: false,
    opensCovered: asked("cover") === "1",
    uncovered: new Set(), // places of blocks in the view that are covered no more
    guesses: new Map(), // output to what was typed over it
  };

  // What the parts of the page share; each takes what it needs, and adds what it has.
  const board = { state, words, parts, element, ask, change, redraw, address, inks: fixed.inks, ramp: fixed.stops.map(rgbOf) };
  Object.assign(board, pointing(board));
  Object.assign(board, tables(board));
  Object.assign(board, pictures(board));
  Object.assign(board, tracks(board));
  Object.assign(board, blocks(board));
  const { drawView, setCovered } = board;

  // ---- Questions and answers ----

  async function ask() {
    stale = true;
    if (asking) return;
    asking = true;
    parts.stage.setAttribute("aria-busy", "true");
    try {
      while (stale) {
        stale = false;
        const reply = await server.ask({ query: Object.fromEntries(known), given: state.given ?? {} }).catch(() => null);
        if (stale) continue; // something changed meanwhile
        if (!reply || reply.problem) tell([reply?.problem ?? words.silent]);
        else receive(reply);
      }
    } finally {
      asking = false;
      parts.stage.setAttribute("aria-busy", "false");
    }
  }

  function receive(reply) {
    const first = play !== reply[fixed.play];
    state.answer = reply;
    state.guesses.clear();
    play = reply[fixed.play];
    if (first) enter();
    tell([...reply.problems, ...(reply.view.stopped ? [reply.view.stopped] : []), ...(reply.view.notes ?? [])]);
    setFields(reply.controls);
    parts.presets.value = reply.preset === null ? "" : String(reply.preset);
    document.querySelector("#playground-picture")?.toggleAttribute("hidden", !reply.has_picture);
    drawView(reply.view, first);
    address(reply.link);
    if (reply.view.wait) segment();
  }

  // The answer waits for the segments of the picture, which come through the queue.
  function segment() {
    waiting += 1;
    tell([words.wait]);
    trigger("segment", { question: { query: Object.fromEntries(known), given: state.given ?? {} }, number: waiting });
  }

  function tell(problems) {
    parts.problem.textContent = problems.join(" ");
    parts.problem.hidden = !problems.length;
  }

  function change(name, value) {
    state.given = { ...(state.given ?? state.answer?.state ?? {}), [name]: value };
    ask();
  }

  // ---- Addresses: the query says what is computed, the fragment what is pointed at ----

  function address(link) {
    known = new URLSearchParams(link);
    const theme = asked("__theme");
    if (theme) known.set("__theme", theme);
    remembered.set(play, link);
    const at = state.pinned === null ? "" : `#at=${state.pinned}`;
    const shown = withValues(known.toString(), { cover: state.covered ? "1" : null, large: asked("large"), embed: asked("embed") });
    history.replaceState(history.state, "", `${location.pathname}?${shown}${at}`);
  }

  // ---- The list, the presets and the controls ----

  function fillList() {
    parts.list.replaceChildren(
      ...fixed.playgrounds.map(({ key, title }) => {
        const button = makeButton("pg-item", title);
        button.dataset.key = key;
        button.addEventListener("click", () => open(key));
        return button;
      }),
    );
  }

  function open(key) {
    if (key === play) return;
    const left = new URLSearchParams(remembered.get(key) ?? "");
    const kept = remembered.has(key) ? left : new URLSearchParams([...known].filter(([name]) => !(name in (state.answer?.state ?? {}))));
    kept.set(fixed.play, key);
    for (const name of ["example", "picture"]) {
      if (known.has(name)) kept.set(name, known.get(name));
      else kept.delete(name);
    }
    known = kept;
    state.given = null;
    state.pinned = null;
    ask();
  }

  // A playground is entered: its words, its presets, its place in the list.
  function enter() {
    const entry = fixed.playgrounds.find(({ key }) => key === play);
    for (const button of parts.list.children) {
      if (button.dataset.key === play) button.setAttribute("aria-current", "page");
      else button.removeAttribute("aria-current");
    }
    parts.list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
    parts.title.textContent = entry.title;
    parts.lead.textContent = entry.lead;
    parts.formula.innerHTML = entry.formula;
    const options = entry.presets.map(({ title, seed }, index) => {
      const option = make("option", "", seed ? `${title}  (${seed})` : title);
      option.value = String(index);
      return option;
    });
    const none = make("option", "", "…");
    none.value = "";
    parts.presets.replaceChildren(none, ...options);
  }

  function take(index) {
    const entry = fixed.playgrounds.find(({ key }) => key === play);
    const preset = entry.presets[index];
    if (!preset) return;
    known = new URLSearchParams([...known].filter(([name]) => !(name in state.answer.state)));
    known.set(fixed.play, play);
    state.given = { ...preset.state };
    state.pinned = null;
    ask();
  }

  function setFields(controls) {
    redraw(parts.fields, controls.map((control) => (control.kind === "choice" ? choice(control) : counter(control))));
  }

  function choice({ name, label, help, value, choices }) {
    const box = make("label", "pg-control");
    const select = make("select", "");
    select.dataset.key = `field-${name}`;
    for (const [key, title] of choices) {
      const option = make("option", "", title);
      option.value = key;
      select.append(option);
    }
    select.value = value;
    select.addEventListener("change", () => change(name, select.value));
    box.append(make("span", "", label), select);
    box.title = help;
    return box;
  }

  function counter({ name, label, help, value, lo, hi, step }) {
    const box = make("div", "pg-control");
    const input = make("input", "");
    const id = `pg-field-${name}`;
    Object.assign(input, { type: "number", id, min: lo, max: hi, step, value: String(value), inputMode: "decimal" });
    input.dataset.key = `field-${name}`;
    input.addEventListener("input", () => {
      const number = input.value === "" ? NaN : Number(input.value);
      if (Number.isFinite(number) && number >= lo && number <= hi) change(name, number);
    });
    input.addEventListener("change", () => change(name, Number.isFinite(Number(input.value)) && input.value ? Number(input.value) : value));
    const title = make("label", "", label);
    title.htmlFor = id;
    const nudge = (by, sign) => {
      const button = makeButton("pg-nudge", sign);
      button.tabIndex = -1; // arrow keys do the same in the box
      button.setAttribute("aria-label", `${label}: ${by < 0 ? words.less : words.more}`);
      button.addEventListener("click", () => {
        const next = Number((value + by * step).toPrecision(12));
        if (next >= lo && next <= hi) change(name, next);
      });
      return button;
    };
    const row = make("span", "pg-counter");
    row.append(nudge(-1, "−"), input, nudge(1, "+"));
    box.append(title, row);
    box.title = help;
    return box;
  }

  // Replace what is drawn and keep the focus, and what is being typed there.
  function redraw(parent, nodes) {
    const active = document.activeElement;
    const key = parent.contains(active) ? active.dataset.key : null;
    const typed = key && "value" in active ? active.value : null;
    const place = key && active.selectionStart !== undefined && active.type !== "number" ? [active.selectionStart, active.selectionEnd] : null;
    const scrolls = [...parent.querySelectorAll(".pg-scroll")].map((node) => node.scrollLeft);
    parent.replaceChildren(...nodes);
    parent.querySelectorAll(".pg-scroll").forEach((node, i) => (node.scrollLeft = scrolls[i] ?? 0));
    const again = key && parent.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!again) return;
    again.focus({ preventScroll: true });
    if (typed !== null && again.tagName === "INPUT") again.value = typed;
    if (place && again.setSelectionRange) again.setSelectionRange(...place);
  }

  // ---- Start ----
  fillList();

  parts.presets.addEventListener("change", () => {
    if (parts.presets.value !== "") take(Number(parts.presets.value));
  });

  parts.copy.addEventListener("click", async () => {
    const copied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
    if (!copied) prompt("Link", location.href); // no clipboard over plain http
    else {
      const before = parts.copy.textContent;
      parts.copy.textContent = words.copied;
      setTimeout(() => (parts.copy.textContent = before), 1500);
    }
  });

  parts.cover.addEventListener("click", () => {
    setCovered(parts.cover.getAttribute("aria-pressed") !== "true");
    address(known);
  });

  watch("value", () => {
    const value = props.value;
    if (!value) return;
    if (value.segmented === undefined) {
      known.delete("example");
      known.delete("picture");
      for (const [name, one] of Object.entries(value)) known.set(name, one);
    }
    ask();
  });

  state.pinned = pinnedInAddress();
  ask();
}
