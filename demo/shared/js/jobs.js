// Following a long job; see demo/shared/components/job_bar/.

import { make, makeButton } from "./dom.js";
import { visitor } from "./visitor.js";
import { heard } from "./wire.js";

const RUNNING = 1500; // ms between two looks
const WAITING = 3000;
const HIDDEN = 20_000; // while nobody sees the page; browsers stretch it to a minute, and the server waits for longer

// Draw the bar of a job into a box, and follow the job until it has ended.
//   element, server, words: of the component that shows it.
//   id: of the job.
//   onLook: called with every answer that has something new; its `parts` are pairs of name and value, the oldest first.
// Returns {end, again}: no longer look; look at once.
export function followJob({ element, server, words }, box, id, onLook) {
  const parts = { stage: make("strong", "job-stage"), count: make("span", "job-count"), left: make("span", "job-left") };
  const stop = makeButton("job-button", words.stop);
  const goOn = makeButton("job-button", words.go_on);
  const head = make("div", "job-head");
  head.append(parts.stage, parts.count, parts.left, stop, goOn);
  const track = make("div", "job-track");
  const fill = make("div", "job-fill");
  track.append(fill);
  track.setAttribute("role", "progressbar");
  track.setAttribute("aria-label", words.progress);
  const said = make("p", "job-said");
  said.setAttribute("role", "status");
  box.classList.add("job");
  box.replaceChildren(head, track, said);

  let version = 0;
  let timer = 0;
  let over = false;
  let misses = 0;

  function draw(look) {
    box.dataset.state = look.state;
    const live = look.state === "running" || look.state === "waiting";
    parts.stage.textContent = (look.state === "running" && look.stage) || words[look.state];
    parts.count.textContent = look.count;
    parts.left.textContent = look.time_left;
    if (said.textContent !== look.said) said.textContent = look.said;
    said.hidden = !look.said;
    stop.hidden = !live || !look.may_stop;
    goOn.hidden = !look.may_go_on;
    track.hidden = look.state === "gone";
    const known = look.share !== null;
    track.classList.toggle("job-unknown", look.state === "running" && !known);
    fill.style.width = `${100 * (look.share ?? 0)}%`;
    if (known) track.setAttribute("aria-valuenow", String(Math.round(100 * look.share)));
    else track.removeAttribute("aria-valuenow");
  }

  async function tick() {
    clearTimeout(timer);
    if (over || !element.isConnected) return;
    let look;
    try {
      look = heard(await server.look({ id, since: version, visitor: visitor() }));
      misses = 0;
    } catch {
      misses += 1;
      said.hidden = false;
      said.textContent = words.unreachable;
      timer = setTimeout(tick, Math.min(RUNNING * 2 ** misses, HIDDEN));
      return;
    }
    if (over) return;
    version = look.version;
    draw(look);
    onLook(look);
    const pace = document.hidden ? HIDDEN : look.state === "waiting" ? WAITING : RUNNING;
    if (look.state === "running" || look.state === "waiting") timer = setTimeout(tick, pace);
  }

  async function ask(what) {
    stop.hidden = goOn.hidden = true; // until the next look says what may be done
    const told = await server[what]({ id, visitor: visitor() });
    await tick();
    if (told) {
      said.hidden = false;
      said.textContent = told;
    }
  }

  const seen = () => !document.hidden && ["running", "waiting", undefined].includes(box.dataset.state) && tick();
  document.addEventListener("visibilitychange", seen);
  stop.addEventListener("click", () => ask("stop"));
  goOn.addEventListener("click", () => ask("go_on"));
  tick();
  return {
    again: tick,
    end() {
      over = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    },
  };
}

// The jobs that a page shows when it is opened: those that its address names, or else the visitor's own, the newest last.
// A link that starts one shows that alone.
export async function firstJobs(server, linked, starts = false) {
  if (!linked && starts) return [];
  return linked ? linked.split(",") : await server.own({ visitor: visitor() }).then(heard).catch(() => []);
}
