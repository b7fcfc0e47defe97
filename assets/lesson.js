// "Add to my lecture": keeps the state of a page in this browser, with its own pictures and a still of what is shown. Lectures lie
// in IndexedDB; the page of the lectures shows, orders and saves them. `words`, `pages`, `drawn` stand before.
const LEFT_OUT = ["__theme", "large", "embed", "view", "notes", "start"];
// What of a page names a line best: an entry of a list or a tab that is open, or else the control that says what is computed.
const NAMING = [
  ".pg-item[aria-current]",
  ".ln-about .lab-title",
  "#tabs [role=tab][aria-selected=true]:not(:first-child)",
  "#steps-algorithm",
  "#learn-system",
  "#collections-system",
  "#tracking-tracker",
  "#setting-method",
];
// How links name files of a visitor's own: a digest, or weights by their system and digest.
const OWN = /(?<![\w.])(?:[a-z0-9_]{1,40}-[0-9a-f]{16}\.safetensors|[0-9a-f]{32})(?![\w.])/g;
const told = new Set();

const inStore = (mode, act) =>
  new Promise((done, fail) => {
    const opening = indexedDB.open("segcore", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("lectures", { keyPath: "id" });
    opening.onerror = () => fail(opening.error);
    opening.onsuccess = () => {
      const change = opening.result.transaction("lectures", mode);
      const asked = act(change.objectStore("lectures"));
      change.oncomplete = () => {
        opening.result.close();
        done(asked.result);
      };
      change.onerror = change.onabort = () => fail(change.error);
    };
  });

const at = (place) => new URL(place, document.baseURI).href;

async function all() {
  const found = await inStore("readonly", (store) => store.getAll());
  return found.sort((a, b) => a.begun - b.begun);
}

// Keep a lecture. What another page wrote meanwhile is not undone: `change` is given what lies there, within one transaction.
async function change(id, act) {
  let left = null;
  await inStore("readwrite", (store) => {
    const asked = store.get(id);
    asked.onsuccess = () => {
      left = asked.result ?? null;
      if (!left) return;
      act(left);
      left.touched = Date.now();
      store.put(left);
    };
    return asked;
  });
  for (const tell of told) tell();
  return left;
}

async function begin(lecture = {}) {
  const now = Date.now();
  const id = `own-${Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  const whole = { title: words.untitled, about: "", lines: [], pictures: {}, ...lecture, id, begun: now, touched: now };
  await inStore("readwrite", (store) => store.put(whole));
  for (const tell of told) tell();
  return whole;
}

async function remove(id) {
  await inStore("readwrite", (store) => store.delete(id));
  for (const tell of told) tell();
}

// The files that the links of a lecture name are brought to a server that does not have them, as after a restart.
async function bring(lecture) {
  for (const [name, { ending, content }] of Object.entries(lecture.pictures)) {
    const address = at(`lecture/picture/${name}`);
    if ((await fetch(address, { method: "HEAD" })).ok) continue;
    await fetch(`${address}?ending=${ending}`, { method: "POST", body: content });
  }
}

// Pictures, strokes and weights that an address names, and a sentence for each that does not come along.
async function filesOf(query) {
  const [files, notes] = [{}, []];
  for (const name of new Set(Object.values(query).flatMap((value) => value.match(OWN) ?? []))) {
    const answer = await fetch(at(`lecture/picture/${name}`));
    if (answer.ok) files[name] = { ending: answer.headers.get("x-ending") || "png", content: await answer.blob() };
    else notes.push((await answer.json()).error);
  }
  return { files, notes };
}

// A still of what is shown; the script that draws it comes when it is asked for.
const still = async () => (await import(new URL(drawn.script, document.baseURI)))[drawn.name].still();

// ---- The button ----

function stateHere() {
  const page = new URL(location.href).pathname.slice(new URL(at("./")).pathname.length).replace(/\/$/, "");
  const query = Object.fromEntries([...new URLSearchParams(location.search)].filter(([name]) => !LEFT_OUT.includes(name)));
  return { page, query };
}

// How the page calls it: the chosen one of several, what a box shows, or the words of an entry.
function titleHere() {
  const named = NAMING.map((one) => document.querySelector(one)).find(Boolean);
  const chosen = named?.querySelector("label:has(input:checked)");
  return (chosen?.textContent ?? named?.querySelector("input")?.value ?? named?.textContent ?? "").trim();
}

// A new line goes into the lecture that was worked on last.
async function add() {
  const link = stateHere();
  const topic = [pages[link.page], titleHere()].filter(Boolean).join(": ");
  const line = { topic, says: "", link, shot: await still() };
  const { files, notes } = await filesOf(link.query);
  const latest = (await all()).sort((a, b) => b.touched - a.touched)[0] ?? (await begin());
  const lecture = await change(latest.id, (kept) => {
    kept.lines.push(line);
    Object.assign(kept.pictures, files);
  });
  return { lecture, notes };
}

async function press(button) {
  let status = document.querySelector("#add-line-told");
  if (!status) {
    status = document.createElement("span");
    status.id = "add-line-told";
    status.setAttribute("role", "status");
    button.before(status);
  }
  button.disabled = true;
  try {
    const { lecture, notes } = await add();
    const added = words.added.replace("{n}", lecture.lines.length).replace("{title}", lecture.title);
    status.textContent = notes.length ? [`${added}.`, ...notes].join(" ") : added;
  } catch {
    status.textContent = words.notAdded; // a browser that keeps nothing, or is full
  }
  button.disabled = false;
}

window.segcoreLectures = { all, begin, bring, change, remove, still, watch: (tell) => told.add(tell) };

const buttonOf = ({ target }) => target.closest?.("#add-line");
document.addEventListener("click", (event) => buttonOf(event) && press(buttonOf(event)));
document.addEventListener("pointerover", (event) => buttonOf(event)?.setAttribute("title", words.addHelp));
