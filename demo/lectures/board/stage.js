// What stands beside a line on the stage: the live state in a frame; and the speaker's own window, which follows the stage.

import { filled, make, makeButton } from "../../shared/js/dom.js";

const CHANNEL = "segcore-stage";
const SEGMENTS = { least: 2, most: 20, default: 5 };
const PAGES_WITH_K = new Set(["", "steps"]);

// The address of a state as a frame shows it: one view alone, in the theme of the page.
export function framed(address, base, theme) {
  const url = new URL(address || "./", base);
  url.searchParams.set("embed", "1");
  if (theme) url.searchParams.set("__theme", theme);
  return url.href;
}

// The same address with one segment more or less, or null where it has none or would leave the range.
export function withK(href, page, by) {
  if (!PAGES_WITH_K.has(page)) return null;
  const url = new URL(href);
  const now = Number(url.searchParams.get("n_segments") ?? SEGMENTS.default) + by;
  if (!(now >= SEGMENTS.least && now <= SEGMENTS.most)) return null;
  url.searchParams.set("n_segments", now);
  return url.href;
}

// Minutes and seconds since a moment, both in ms.
export function clockOf(since, now) {
  const seconds = Math.max(0, Math.floor((now - since) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

// The frame of the stage; keys that are pressed in it go on to the stage.
export function stageFrame(frame, onKey) {
  let shown = "";
  let page = null;
  frame.addEventListener("load", () => frame.contentDocument?.addEventListener("keydown", onKey));

  function show(address, line, theme) {
    frame.hidden = address === null;
    if (address === null) return;
    const href = framed(address, document.baseURI, theme);
    page = line.page;
    if (href === shown) return;
    shown = href;
    frame.contentWindow.location.replace(href);
  }

  // A step forward or back, as its own key does.
  function step(by) {
    const key = by > 0 ? "ArrowRight" : "ArrowLeft";
    frame.contentDocument?.body?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  }

  function segments(by) {
    const href = frame.hidden ? null : withK(frame.contentWindow.location.href, page, by);
    if (href) frame.contentWindow.location.replace(href);
  }

  function clear() {
    shown = "";
    frame.contentWindow?.location.replace("about:blank");
  }

  return { clear, segments, show, step };
}

// Tells the speaker's window what is on the stage, and does what is pressed there.
export function stageVoice(now, acts) {
  const channel = new BroadcastChannel(CHANNEL);
  const tell = () => channel.postMessage({ kind: "shown", ...now() });
  channel.addEventListener("message", ({ data }) => {
    if (data.kind === "ask" && now().on) tell();
    if (data.kind === "act" && now().on) acts[data.act]?.();
  });
  return tell;
}

// The speaker's window: the line, its answer and notes, the next line, and how long it has been going.
//   sheetOf: the sheet of an id, once it is there.
export function speaker(place, sheetOf, words) {
  const channel = new BroadcastChannel(CHANNEL);
  const part = (name, tag = "p") => place.appendChild(make(tag, `lc-speaker-${name}`));
  const [clock, where, topic, note, answer, next] = ["clock", "where", "topic", "note", "answer", "next"].map((name) => part(name));
  const keys = part("keys");
  let since = Date.now();
  where.textContent = words.speakerWaits;
  for (const act of ["previous", "reveal", "next", "stepOn", "blank"]) {
    const button = makeButton("lc-button", words[act]);
    button.addEventListener("click", () => channel.postMessage({ kind: "act", act }));
    keys.append(button);
  }
  const tick = () => {
    if (!place.isConnected) return clearInterval(ticking);
    clock.textContent = `${clockOf(since, Date.now())} · ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`;
  };
  const ticking = setInterval(tick, 1000);
  tick();
  channel.addEventListener("message", async ({ data }) => {
    if (data.kind !== "shown") return;
    since = data.since;
    const sheet = await sheetOf(data.sheet);
    const line = sheet?.lines[data.at];
    if (!line) return;
    const after = sheet.lines[data.at + 1];
    where.textContent = `${sheet.title} · ${data.at + 1} ${words.of} ${sheet.lines.length}`;
    topic.innerHTML = line.topic;
    note.innerHTML = line.teacher;
    answer.innerHTML = line.answer ? `${words.answer}: ${line.answer}` : "";
    next.innerHTML = filled(words.nextLine, { topic: after ? after.topic : words.end });
  });
  const onKey = (event) => {
    const act = { ArrowRight: "next", PageDown: "next", ArrowLeft: "previous", PageUp: "previous", r: "reveal", b: "blank", s: "stepOn" }[event.key];
    if (!act || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    channel.postMessage({ kind: "act", act });
  };
  document.addEventListener("keydown", onKey);
  channel.postMessage({ kind: "ask" });
}
