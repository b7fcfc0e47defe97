import { asked } from "../../js/address.js";
import { MOVES } from "../../js/cells.js";
import { rgbOf } from "../../js/colors.js";
import { filled, make, makeButton, partsOf, written } from "../../js/dom.js";
import { heldKeys, unpackedAll } from "./arrays.js";
import { formula } from "./formula.js";
import { paints } from "./paints.js";
import { questions } from "./questions.js";

const BEAT = 1100; // ms per step at speed 1

// Play the sequences that come as the value of a component; what stands on the stage is drawn by views.
//   makers: by kind of view, what makes it: given the player, it returns {make(card), paint(card, spec), mark(card, spec)}.
export function play({ element, props, trigger, watch, fixed }, makers) {
  const { words } = fixed;
  const run = { value: null, arrays: {}, at: 0, i: 0, j: null, hover: null, timer: 0, asked: null, answer: null, speed: 1, variant: 0, covered: asked("cover") === "1" };
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

  const NAMES = [
    "message", "body", "title", "said", "first", "back", "play", "forward", "last", "slider", "count", "speed", "stage",
    "question", "ask", "options", "verdict", "close", "pointed", "formula", "numbers-card", "predict", "predict-card",
    "variants", "copy", "copy-link", "copied", "python", "word", "cover", "panel",
  ];

  const parts = partsOf(element, "st", NAMES);
  parts.numbers = element.querySelector(".st-numbers tbody");
  let cards = [];
  let addressTimer = 0;
  let shownSaid = ""; // what is read aloud, and not again

  // What the views and the rest share; each takes what it needs, and adds what it has.
  const player = {
    element, run, parts, trigger, words, choose, frame, frameNamed, hover, paintFrame, pointed, predicting, show, stop, usesPair,
    ramps: Object.fromEntries(Object.entries(fixed.ramps).map(([name, colors]) => [name, colors.map(rgbOf)])),
  };

  Object.assign(player, paints(player));
  Object.assign(player, questions(player));
  const { leaveQuestion, paintQuestionList, reveal } = player;
  const { paintFormula, paintNumbers } = formula(player);

  const views = Object.fromEntries(Object.entries(makers).map(([kind, maker]) => [kind, maker(player)]));

  window.segcoreHeld = () => heldKeys().join(" ");

  // ---- Values ----

  async function receive(value) {
    if (!value?.frames) {
      stop();
      parts.message.textContent = value?.message ?? fixed.empty;
      parts.message.hidden = false;
      parts.body.hidden = true;
      return;
    }
    const arrays = await unpackedAll(value.arrays, value.keys);
    if (props.value?.key !== value.key) return; // a newer one came meanwhile
    if (shown(value)) return; // what is asked stays open, and what plays goes on
    stop();
    const same = run.value?.subject === value.subject;
    const kept = run.value?.algorithm === value.algorithm ? frame().step : "";
    Object.assign(run, { value, arrays, hover: null, asked: null, answer: null, j: value.pair ?? null });
    run.i = value.open.point ?? (same && run.i < value.n ? run.i : value.point);
    parts.panel.classList.remove("st-asking");
    parts.question.hidden = true;
    parts.message.hidden = true;
    parts.body.hidden = false;
    parts.slider.max = String(value.frames.length - 1);
    parts.word.textContent = value.word;
    paintQuestionList();
    show(frameNamed(value.open.step || kept || value.start));
  }

  // Whether it comes once more, as it does where a page opens: the same run, to be looked at nowhere else.
  function shown({ key, open }) {
    const { key: known, open: opened } = run.value ?? {};
    return known === key && ["", opened.step].includes(open.step) && [null, opened.point].includes(open.point) && !parts.body.hidden;
  }

  // The frame of a name, or the last one kept before the place where it would stand.
  function frameNamed(name) {
    const { frames } = run.value;
    const found = frames.findIndex(({ step }) => step === name);
    return found >= 0 ? found : frames.findIndex(({ step }) => step === run.value.start);
  }

  // The step on view; where there are several ways to look at it, as the one that is chosen says.
  function frame() {
    const whole = run.value.frames[run.at];
    return whole.variants ? { ...whole, ...whole.variants[Math.min(run.variant, whole.variants.length - 1)] } : whole;
  }

  // Whether the outcome is still to be predicted: a question is open, or the link covers what comes.
  function predicting() {
    return run.covered || (run.asked !== null && run.answer === null);
  }

  function pointed() {
    return run.hover ?? run.i;
  }

  function usesPair() {
    return frame().views.some(({ kind }) => kind === "matrix");
  }

  // ---- Painting ----

  function show(at) {
    const { frames } = run.value;
    run.at = Math.min(Math.max(at, 0), frames.length - 1);
    paintFrame();
    writeAddress();
  }

  function paintFrame() {
    if (!run.value) return;
    const { title, said, views: specs, number } = frame();
    const { frames, total } = run.value;
    written(parts.title, title);
    if (shownSaid !== said) written(parts.said, (shownSaid = said));
    parts.slider.value = String(run.at);
    parts.slider.style.setProperty("--lab-fill", `${(100 * run.at) / Math.max(1, Number(parts.slider.max))}%`);
    parts.slider.setAttribute("aria-valuetext", title);
    const left = frames.length < total ? filled(words.leftOut, { n: total - frames.length }) : "";
    parts.count.textContent = filled(words.count, { number: number + 1, total, left });
    parts.first.disabled = parts.back.disabled = run.at === 0;
    parts.last.disabled = parts.forward.disabled = run.at === frames.length - 1;
    paintVariants();
    cards = specs.map((spec, at) => cardFor(spec, cards[at]));
    parts.stage.replaceChildren(...cards.map(({ node }) => node));
    specs.forEach((spec, at) => views[spec.kind].paint(cards[at], spec));
    paintFormula(frame());
    paintNumbers(frame());
  }

  function paintVariants() {
    const variants = run.value.frames[run.at].variants ?? [];
    parts.variants.hidden = variants.length === 0;
    const chosen = Math.min(run.variant, variants.length - 1);
    parts.variants.replaceChildren(
      ...variants.map(({ label }, at) => {
        const button = written(makeButton(""), label);
        button.setAttribute("aria-pressed", String(at === chosen));
        button.addEventListener("click", () => {
          run.variant = at;
          paintFrame();
          parts.variants.children[at].focus();
        });
        return button;
      }),
    );
  }

  function cardFor(spec, old) {
    if (old?.kind === spec.kind) {
      written(old.heading, spec.title);
      return old;
    }
    const node = make("figure", `st-card st-card-${spec.kind}`);
    const card = { kind: spec.kind, node, heading: written(make("figcaption"), spec.title), body: make("div", "st-card-body") };
    node.append(card.heading, card.body);
    views[spec.kind].make(card);
    return card;
  }

  function paintMarks() {
    frame().views.forEach((spec, at) => views[spec.kind].mark(cards[at], spec));
    paintFormula(frame());
  }

  // ---- Pointing ----

  function hover(i) {
    if (!run.value || run.hover === i) return;
    run.hover = i;
    if (run.asked && run.answer === null) return; // what is asked is not told
    paintMarks();
  }

  function choose(i) {
    if (!run.value || i === null) return;
    if (run.asked && run.answer === null) {
      if (!run.asked.options.length) reveal(i);
      return;
    }
    run.i = i;
    run.hover = null;
    paintMarks();
    writeAddress();
  }

  function movePoint(down, right) {
    const { w, h, n } = run.value;
    const i = pointed();
    const mover = Object.values(views).find(({ move }) => move); // a view may know what is beside a row
    if (mover) return choose(mover.move(i, down, right));
    if (!w) return choose((i + down + right + n) % n);
    const y = Math.min(Math.max(Math.floor(i / w) + down, 0), h - 1);
    const x = Math.min(Math.max((i % w) + right, 0), w - 1);
    return choose(y * w + x);
  }

  // ---- Playing ----

  function start() {
    if (run.at === run.value.frames.length - 1) show(0);
    if (calm.matches) return show(run.at + 1); // one step instead of a film
    parts.play.setAttribute("aria-pressed", "true");
    parts.play.setAttribute("aria-label", words.pause);
    run.timer = window.setInterval(() => {
      if (!element.isConnected) return stop();
      show(run.at + 1);
      return run.at === run.value.frames.length - 1 ? stop() : null;
    }, BEAT / run.speed);
    return null;
  }

  function stop() {
    window.clearInterval(run.timer);
    run.timer = 0;
    parts.play.setAttribute("aria-pressed", "false");
    parts.play.setAttribute("aria-label", words.play);
  }

  function togglePlay() {
    if (run.timer) stop();
    else start();
  }

  function step(by) {
    stop();
    if (run.asked && run.answer === null) return; // answer first
    if (run.asked) leaveQuestion();
    show(run.at + by);
  }

  function setSpeed(by) {
    const { options } = parts.speed;
    parts.speed.selectedIndex = Math.min(Math.max(parts.speed.selectedIndex + by, 0), options.length - 1);
    speedChanged();
  }

  function speedChanged() {
    run.speed = Number(parts.speed.value);
    if (!run.timer) return;
    stop();
    start();
  }

  // ---- Keys ----

  const KEYS = {
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    Home: () => step(-Infinity),
    End: () => step(Infinity),
    " ": togglePlay,
    "+": () => setSpeed(1),
    "-": () => setSpeed(-1),
  };

  // Keys work while the player has the focus, or nothing has it; never in another control.
  function onKey(event) {
    if (!element.isConnected) return document.removeEventListener("keydown", onKey);
    const { target, key } = event;
    const here = element.contains(target);
    if (!run.value || (!here && target !== document.body) || event.ctrlKey || event.metaKey) return null;
    if (target.closest?.("select, textarea, summary, input:not(.st-slider)")) return null;
    if (key === " " && target.closest?.("button")) return null; // a button is pressed by it
    if (event.altKey && key in MOVES) {
      event.preventDefault();
      return movePoint(...MOVES[key]);
    }
    if (event.altKey || !(key in KEYS)) return null;
    event.preventDefault();
    return KEYS[key]();
  }

  // ---- Covered: what comes, and what the numbers say, is to be predicted ----

  function setCovered(on) {
    run.covered = on;
    parts.panel.classList.toggle("st-covered", on);
    parts.cover.setAttribute("aria-pressed", String(on));
    for (const name of ["said", "numbers-card", "formula", "python"]) parts[name].toggleAttribute("inert", on);
    if (!run.value) return;
    paintFrame();
    writeAddress();
  }

  // ---- The address: what to compute, and where to look ----

  function address() {
    const query = new URLSearchParams(run.value.link);
    query.set("step", frame().step);
    query.set("point", String(run.i));
    for (const name of ["__theme", "large", "embed"]) if (asked(name)) query.set(name, asked(name));
    if (run.covered) query.set("cover", "1");
    return `${location.pathname}?${query}`;
  }

  // Browsers allow only so many changes of the address in a while.
  function writeAddress() {
    window.clearTimeout(addressTimer);
    addressTimer = window.setTimeout(() => history.replaceState(history.state, "", address()), 200);
  }

  async function copy(text, told) {
    try {
      await navigator.clipboard.writeText(text);
      parts.copied.textContent = told;
    } catch {
      parts.copied.textContent = words.forbidden;
    }
  }

  // ---- Wiring ----
  parts.first.addEventListener("click", () => step(-Infinity));
  parts.back.addEventListener("click", () => step(-1));
  parts.forward.addEventListener("click", () => step(1));
  parts.last.addEventListener("click", () => step(Infinity));
  parts.play.addEventListener("click", togglePlay);
  parts.cover.addEventListener("click", () => setCovered(!run.covered));
  parts.slider.addEventListener("input", () => step(parts.slider.valueAsNumber - run.at));
  parts.speed.addEventListener("change", speedChanged);
  parts.close.addEventListener("click", leaveQuestion);
  parts.copy.addEventListener("click", () => copy(parts.python.textContent, words.copied));
  parts["copy-link"].addEventListener("click", () => copy(new URL(address(), location.href).href, words.linkCopied));
  document.addEventListener("keydown", onKey);
  let width = 0;

  new ResizeObserver(() => {
    if (parts.stage.clientWidth === width) return;
    width = parts.stage.clientWidth;
    paintFrame();
  }).observe(parts.stage);

  setCovered(run.covered);
  watch("value", () => receive(props.value));
  receive(props.value);
}
