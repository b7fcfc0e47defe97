// The handout: stills of the states of all lines, then the file that the server makes, saved or printed.

import { filled, make, saveFrom } from "../../shared/js/dom.js";
import { printAlone } from "../../shared/js/print.js";
import { fileNameOf, plainOf } from "./basket.js";
import { framed } from "./stage.js";

const [WIDTH, HEIGHT] = [560, 900]; // px: narrow, as it is half a page wide on paper
const LOOK = 400; // ms from look to look
const PATIENCE = { state: 20_000, work: 90_000 }; // ms until what is shown is taken as it is: of a state, and of long work

// Whether what is shown may be taken: it stood still while no answer was under way, or work that goes on has had its time.
//   now, before: {still, asked, open} of two looks.
//   work: state of a long job, or undefined.
export function isDone({ now, before, work, waited }) {
  if (waited >= (work ? PATIENCE.work : PATIENCE.state)) return true;
  if (!now.still || now.open || !now.asked || work === "waiting" || work === "running") return false;
  return now.still === before.still && now.asked === before.asked;
}

// Whether a line opens the segments of a picture and nothing else: the server draws these, with numbers that are read in gray.
export function isPlain({ page, address }) {
  const query = new URLSearchParams(address.replace(/^.*[?]/, ""));
  return page === "" && !query.has("tab") && !query.has("compare");
}

// A still of a state: it is opened alone, out of sight, until what it shows stands still. Null where it shows no picture in time.
async function pictured(address) {
  const frame = make("iframe");
  frame.style.cssText = `position: fixed; left: -4000px; width: ${WIDTH}px; height: ${HEIGHT}px; border: 0`;
  frame.src = framed(address, document.baseURI, "light");
  document.body.append(frame);
  const starts = new URL(frame.src).searchParams.get("start") === "1";
  const began = Date.now();
  let now = { still: null, asked: 0, open: 0 };
  for (;;) {
    await new Promise((done) => setTimeout(done, LOOK));
    const { contentWindow: view, contentDocument: page } = frame;
    const job = page?.querySelector(".job");
    const work = job?.dataset.state ?? (starts ? "waiting" : undefined);
    const before = now;
    now = { still: null, ...view.segcoreAnswers };
    const isThere = page?.documentElement.dataset.embed === "fits" && view.segcoreLectures;
    if (isThere && (!now.open || work)) now.still = await view.segcoreLectures.still();
    if (!isDone({ now, before, work, waited: Date.now() - began })) continue;
    await stopped(job);
    frame.remove();
    return now.still ?? before.still;
  }
}

Object.assign(globalThis.segcoreLectures ?? {}, { pictured }); // for `lecture pictures`

// Work that was begun for a picture alone does not go on.
async function stopped(job) {
  const stop = job?.querySelector(".job-button:not([hidden])");
  if (!["waiting", "running"].includes(job?.dataset.state) || !stop) return;
  stop.click();
  const until = Date.now() + PATIENCE.state;
  while (["waiting", "running"].includes(job.dataset.state) && Date.now() < until) await new Promise((done) => setTimeout(done, LOOK));
}

// The buttons of the handout.
//   find: a node of the board by name.  current: {name, sheet} on view.  ask: sends the event.
// Returns {done}: called with the address of the file that was made, or with nothing.
export function handoutOf({ find, words, current, ask, tell }) {
  const known = new Map(); // stills by address, while the page is open
  const buttons = [find("handout"), find("print")];
  let isPrinted = false;

  async function stillsOf(lines, shots) {
    const stills = { ...shots };
    const lacking = lines.flatMap((line, i) => (line.address === null || stills[i] || isPlain(line) ? [] : [i]));
    for (const [n, i] of lacking.entries()) {
      tell(filled(words.picturing, { n: n + 1, of: lacking.length }));
      const { address } = lines[i];
      if (!known.get(address)) known.set(address, await pictured(address).catch(() => null)); // then without
      if (known.get(address)) stills[i] = known.get(address);
    }
    return stills;
  }

  async function begin(print) {
    for (const button of buttons) button.disabled = true;
    isPrinted = print;
    const { name, sheet } = current();
    const stills = find("pictures input").checked ? await stillsOf(sheet.lines, sheet.shots) : { ...sheet.shots };
    tell(words.making);
    ask({
      sheet: name, answers: find("check input").checked, base: new URL("./", document.baseURI).href, paper: find("paper").value,
      form: !print, lecture: sheet.kept ? plainOf(sheet.kept) : null, stills,
    });
  }

  buttons.forEach((button, i) => {
    button.textContent = words[["handout", "print"][i]];
    button.title = words[["handoutHelp", "printHelp"][i]];
    button.addEventListener("click", () => begin(i === 1));
  });

  // The file is there, or none could be made.
  async function done(address) {
    for (const button of buttons) button.disabled = false;
    tell("");
    if (!address) return;
    if (isPrinted) printAlone(await (await fetch(address)).text(), current().sheet.title);
    else saveFrom(address, fileNameOf(current().sheet.title).replace(/lecture[.]zip$/, "html"));
  }

  return { done };
}
