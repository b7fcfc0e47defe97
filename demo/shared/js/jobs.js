// What the components that follow long jobs share; see demo/shared/components/job_bar.py. `fixed.words` are the page's words.

const RUNNING = 1500; // ms between two looks
const WAITING = 3000;
const HIDDEN = 20_000; // while nobody sees the page; browsers stretch it to a minute, and the server waits for longer

// Write values into the address and leave the rest of it; null takes a name away.
function keepInAddress(values) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  history.replaceState(history.state, "", location.pathname + (text ? `?${text}` : "") + location.hash);
}

function make(tag, name, text) {
  const node = document.createElement(tag);
  node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

// Draw the bar of a job into a box, and follow the job until it has ended.
//   id: of the job.
//   onLook: called with every answer that has something new; its `parts` are pairs of name and value, the oldest first.
// Returns {end, again}: no longer look; look at once.
function followJob(box, id, onLook) {
  const parts = { stage: make("strong", "job-stage"), count: make("span", "job-count"), left: make("span", "job-left") };
  const stop = make("button", "job-button", fixed.words.stop);
  const goOn = make("button", "job-button", fixed.words.go_on);
  for (const button of [stop, goOn]) button.type = "button";
  const head = make("div", "job-head");
  head.append(parts.stage, parts.count, parts.left, stop, goOn);
  const track = make("div", "job-track");
  const fill = make("div", "job-fill");
  track.append(fill);
  track.setAttribute("role", "progressbar");
  track.setAttribute("aria-label", fixed.words.progress);
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
    parts.stage.textContent = (look.state === "running" && look.stage) || fixed.words[look.state];
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
      look = await server.look({ id, since: version, visitor: visitor() });
      misses = 0;
    } catch {
      misses += 1;
      said.hidden = false;
      said.textContent = fixed.words.unreachable;
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
