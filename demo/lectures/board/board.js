// Which sheet and line are open stands in the address: ?sheet=001&line=4, and view=present for the presenter.

import { filled, make as made, zoomOf } from "../../shared/js/dom.js";
import { basket, fillField, isOwn } from "./basket.js";
import { hallVote } from "./vote.js";
import { handoutOf } from "./handout.js";
import { speaker, stageFrame, stageVoice } from "./stage.js";

function make(tag, name, parent, text) {
  const node = made(tag, name, text);
  parent?.append(node);
  return node;
}

// Sentences of lines come as HTML, with their formulas set.
function tell(tag, name, parent, told) {
  const node = make(tag, name, parent);
  node.innerHTML = told;
  return node;
}

const numberOf = (cell) => (cell === null ? NaN : Number.parseFloat(cell));
const decimalsOf = (cell) => (typeof cell === "number" ? (String(cell).split(".")[1] ?? "").length : 0);

// A number of a column with its own decimals, one at least where others have some; points stand below each other.
export function aligned(cell, most) {
  if (typeof cell !== "number" || !most) return String(cell);
  const shown = Math.max(decimalsOf(cell), 1);
  return cell.toFixed(shown) + "\u2007".repeat(most - shown);
}

const withNotes = () => new URLSearchParams(location.search).get("notes") === "1";

export function mount({ element, props, trigger, watch, fixed }) {
  const { words, content } = fixed;
  const find = (name) => element.querySelector(`.lc-${name}`);
  const tabs = find("tabs");
  const lines = find("lines");
  const tables = find("tables");
  const about = find("about");
  const status = find("status");
  const dialog = find("dialog");
  const TABLES = "tables";
  const own = basket(words);
  const vote = hallVote(find("vote"), words);
  const form = find("own");
  const given = content.sheets; // those of the server; lectures of this browser come after them
  let sheets = given;
  let sheet = sheets[0];
  let open = sheet.id; // a sheet's id, or TABLES
  let at = 0; // the presenter's line
  let revealed = false;
  let begun = 0; // when presenting began

  // ---- Addresses ----

  // A state looks as its sheet does; what is presented opens large.
  const hrefOf = (line, isPresented) => {
    const url = new URL(line.address || "./", document.baseURI);
    const now = new URLSearchParams(location.search);
    if (isPresented) now.set("large", "1");
    for (const name of ["__theme", "large"]) if (now.has(name)) url.searchParams.set(name, now.get(name));
    return url.href;
  };

  function remember(present) {
    const query = new URLSearchParams(location.search);
    query.set("sheet", open);
    if (present) query.set("line", at + 1);
    else query.delete("line");
    if (present) query.set("view", "present");
    else query.delete("view");
    if (present && revealed) query.set("shown", "1");
    else query.delete("shown");
    history.replaceState(history.state, "", `${location.pathname}?${query}`);
  }

  async function copy(text, button) {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = words.copied;
      setTimeout(() => (button.textContent = words.copy), 1500);
    } catch {
      status.replaceChildren(); // without the right to copy, the link is there to be marked
      const field = make("input", "", status);
      field.readOnly = true;
      field.value = text;
      field.setAttribute("aria-label", words.copyThis);
      field.focus();
      field.select();
    }
  }

  // ---- Sheets ----

  // Question and answer, in a list: none where a line asks nothing.
  function exercise(ask, answer) {
    if (!ask) return [];
    const box = make("div", "lc-exercise");
    make("b", "", box, words.ask);
    tell("p", "", box, ask);
    const details = make("details", "", box);
    make("summary", "", details, words.answer);
    tell("p", "", details, answer);
    return [box];
  }

  // A line in its place. A form that is there already stays, as somebody may be typing in it; a line that says the same stays
  // as it is, as drawn anew it would move what the mouse is just pressed on.
  const drawn = new WeakMap(); // what each line says
  function showLine(line, i) {
    const item = lines.children[i] ?? make("li", "lc-line", lines);
    const form = item.querySelector(".lc-edit");
    const says = JSON.stringify([line, sheet.shots?.[i], line.address === null ? null : hrefOf(line)]);
    if (form && drawn.get(item) === says) {
      own.fill(form, sheet.kept.lines[i]);
      return;
    }
    drawn.set(item, says);
    item.id = `lc-line-${i + 1}`;
    const left = make("div");
    const right = form?.parentElement ?? make("div", "", item);
    if (form) item.firstElementChild.remove();
    item.prepend(left);
    if (sheet.shots?.[i]) {
      const still = make("img", "lc-still", left);
      still.src = sheet.shots[i];
      still.alt = filled(words.stillOf, { n: i + 1 });
    }
    const head = tell("h3", "", left, `${line.topic} `);
    make("span", "lc-slides", head, line.slides.join(", ")).title = words.slides;
    tell("p", "", left, line.says);
    const actions = make("p", "lc-actions", left);
    if (line.address === null) {
      tell("span", "lc-told", actions, `${words.told} ${line.told}`);
    } else {
      const link = make("a", "", actions, words.open[line.page]);
      link.href = hrefOf(line);
      link.target = "_blank"; // the sheet stays where it is
      link.title = words.newTab;
      const button = make("button", "lc-button lc-small", actions, words.copy);
      button.type = "button";
      button.title = words.copyThis;
      button.addEventListener("click", () => copy(hrefOf(line), button));
    }
    if (form) right.querySelector(".lc-exercise")?.remove();
    right.prepend(...exercise(line.ask, line.answer));
    if (form) own.fill(form, sheet.kept.lines[i]);
    else if (sheet.kept) right.append(own.editor(sheet.kept, i));
  }

  function show(name, keep) {
    const before = open;
    open = name === TABLES ? TABLES : (sheets.find((s) => s.id === name) ?? sheets[0]).id;
    const isTables = open === TABLES;
    if (!isTables) sheet = sheets.find((s) => s.id === open);
    const isMine = !isTables && Boolean(sheet.kept);
    for (const tab of tabs.children) {
      const selected = tab.dataset.sheet === open;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
    }
    about.textContent = isTables ? "" : isMine ? words.mine : `${sheet.title}. ${sheet.about}`;
    form.hidden = !isMine;
    find("start").hidden = isMine;
    if (isMine) fillField(form.elements.title, sheet.kept.title);
    if (isMine) fillField(form.elements.about, sheet.kept.about);
    if (isMine) own.store.bring(sheet.kept).catch(() => {}); // a link then says that its picture is not here
    if (!isMine || open !== before || lines.children.length !== sheet.lines.length) lines.replaceChildren();
    lines.hidden = isTables;
    tables.hidden = !isTables;
    find("tools").hidden = isTables;
    if (!isTables) sheet.lines.forEach(showLine);
    if (!keep) remember(false);
  }

  function addTab(id, text, title) {
    const tab = make("button", "lc-tab", tabs, text);
    tab.type = "button";
    tab.dataset.sheet = id;
    tab.title = title;
    tab.setAttribute("role", "tab");
    tab.addEventListener("click", () => show(id));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const all = [...tabs.children];
      const next = all[(all.indexOf(tab) + step + all.length) % all.length];
      show(next.dataset.sheet);
      next.focus();
      event.preventDefault();
    });
  }

  // ---- Tables ----

  function showTable(table) {
    const box = make("section", "lc-table", tables);
    box.dataset.view = "";
    const head = make("h3", "", box, `${table.title} `);
    make("span", "lc-slides", head, `${table.slides.join(", ")} · ${table.unit}`);
    const grid = make("table", "", make("div", "lc-scroll", box));
    const top = make("tr", "", make("thead", "", grid));
    const body = make("tbody", "", grid);
    const decimals = table.columns.map((_, i) => Math.max(...table.rows.map((row) => decimalsOf(row[i]))));
    const rows = table.rows.map((row) => {
      const tr = make("tr", "", body);
      row.forEach((cell, i) => make("td", "", tr, cell === null ? words.missing : aligned(cell, decimals[i])));
      return { tr, row };
    });
    table.columns.forEach((title, i) => {
      const th = make("th", "", top);
      th.scope = "col";
      const button = make("button", "", th, title);
      button.type = "button";
      button.title = `${words.sort} ${title}`;
      button.addEventListener("click", () => {
        const down = th.getAttribute("aria-sort") !== "descending";
        for (const other of top.children) other.removeAttribute("aria-sort");
        th.setAttribute("aria-sort", down ? "descending" : "ascending");
        const texts = rows.some(({ row }) => row[i] !== null && Number.isNaN(numberOf(row[i])));
        const order = [...rows].sort((a, b) => {
          if (texts) return (down ? -1 : 1) * String(a.row[i]).localeCompare(String(b.row[i]));
          const [x, y] = [numberOf(a.row[i]), numberOf(b.row[i])];
          if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y); // missing ones last, either way
          return down ? y - x : x - y;
        });
        body.replaceChildren(...order.map(({ tr }) => tr));
      });
    });
    make("p", "", box, `${words.source}: ${table.source}.`);
    make("p", "", box, `${words.caveat}: ${table.caveat}`);
    box.append(...exercise(table.ask, table.answer));
  }

  // ---- Presenter ----

  function slide() {
    const line = sheet.lines[at];
    find("where").textContent = [sheet.title, `${at + 1} ${words.of} ${sheet.lines.length}`, line.slides.join(", ")].filter(Boolean).join(" · ");
    find("topic").innerHTML = line.topic;
    find("says").innerHTML = line.says;
    const texts = { ask: line.ask, answer: revealed ? line.answer : "", note: withNotes() ? line.teacher : "" };
    for (const [name, text] of Object.entries(texts)) {
      const node = dialog.querySelector(`.lc-${name}`);
      node.innerHTML = text ?? "";
      node.hidden = !text;
    }
    const place = find("open");
    place.replaceChildren();
    if (line.address === null) {
      place.innerHTML = line.told;
    } else {
      const link = make("a", "", place, words.open[line.page]);
      link.href = hrefOf(line, true);
      link.target = "_blank";
      link.rel = "noopener";
      link.title = words.newTab;
    }
    // Not `disabled`: that would take the focus away, and the keys with it.
    const idle = { previous: at === 0, next: at === sheet.lines.length - 1, reveal: !line.answer || revealed };
    for (const [key, off] of Object.entries(idle)) {
      dialog.querySelector(`[data-key=${key}]`).setAttribute("aria-disabled", String(off));
    }
    const theme = new URLSearchParams(location.search).get("__theme");
    frame.show(line.address, line, theme);
    remember(true);
    voice();
  }

  function go(to, isShown = false) {
    at = Math.max(0, Math.min(sheet.lines.length - 1, to));
    revealed = isShown;
    vote.leave();
    slide();
  }

  const acts = {
    back: () => dialog.close(),
    previous: () => go(at - 1),
    next: () => go(at + 1),
    first: () => go(0),
    last: () => go(sheet.lines.length - 1),
    reveal: () => {
      revealed = true;
      slide();
    },
    blank: () => (find("blank").hidden = !find("blank").hidden),
    laser: () => (find("dot").hidden = !find("dot").hidden),
    open: () => find("open").querySelector("a")?.click(),
    stepOn: () => frame.step(1),
    stepBack: () => frame.step(-1),
    more: () => frame.segments(1),
    fewer: () => frame.segments(-1),
    speaker: () => window.open(`${location.pathname}?view=speaker`, "segcore-speaker", "width=900,height=700"),
  };

  if (fixed.votes) acts.vote = () => vote.next(sheet.lines[at]);
  const voice = stageVoice(() => ({ on: dialog.open, sheet: open, at, revealed, since: begun }), acts);

  const KEYS = {
    ArrowLeft: "previous", PageUp: "previous", ArrowRight: "next", PageDown: "next", Home: "first", End: "last",
    r: "reveal", b: "blank", l: "laser", o: "open", p: "back", s: "stepOn", S: "stepBack", k: "more", K: "fewer", w: "speaker",
    ...(fixed.votes ? { v: "vote" } : {}),
  };
  const IN_FRAME = new Set(["PageUp", "PageDown", "r", "b", "p", "s", "S", "k", "K", "w"]); // all else belongs to the state

  const actOf = ({ key }) => KEYS[key] ?? KEYS[key.length === 1 ? key.toLowerCase() : key];

  const frame = stageFrame(find("frame"), (event) => {
    const typing = event.target.closest?.("input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]");
    if (!event.isTrusted || typing || event.altKey || event.ctrlKey || event.metaKey || !IN_FRAME.has(event.key)) return;
    event.preventDefault();
    acts[actOf(event)]();
  });

  function present(line, isShown = false) {
    if (open === TABLES || !sheet.lines.length) return;
    if (!dialog.open) {
      begun = Number(sessionStorage.getItem("segcore-begun")) || Date.now(); // a reload goes on
      sessionStorage.setItem("segcore-begun", String(begun));
      dialog.showModal();
    }
    find("blank").hidden = find("dot").hidden = true;
    go(line, isShown);
    dialog.querySelector("[data-key=next]").focus();
  }

  dialog.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const act = actOf(event);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    acts[act]();
  });

  dialog.addEventListener("close", () => {
    frame.clear();
    vote.leave();
    sessionStorage.removeItem("segcore-begun");
    remember(false);
    find("present").focus();
  });

  dialog.addEventListener("pointermove", (event) => {
    find("dot").style.left = `${event.clientX / zoomOf(dialog)}px`;
    find("dot").style.top = `${event.clientY / zoomOf(dialog)}px`;
  });

  find("blank").addEventListener("click", acts.blank);

  for (const button of dialog.querySelectorAll("[data-key]")) {
    button.textContent = words[button.dataset.key];
    button.addEventListener("click", () => acts[button.dataset.key]());
  }

  const onKey = (event) => {
    if (!element.isConnected) return document.removeEventListener("keydown", onKey);
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key.toLowerCase() !== "p" || typing || dialog.open || event.altKey || event.ctrlKey || event.metaKey) return;
    present(0);
  };

  document.addEventListener("keydown", onKey);

  // ---- Handout ----

  const handout = handoutOf({
    find, words, current: () => ({ name: open, sheet }), ask: (asked) => trigger("handout", asked), tell: (said) => (status.textContent = said),
  });
  watch("value", () => handout.done(props.value?.file?.url));

  // ---- Lectures of one's own ----

  // Show what this browser keeps, as it is now.
  let asking = 0;
  async function refresh(name = open, keep = true) {
    const mine = ++asking;
    let found = [];
    try {
      found = await Promise.all((await own.store.all()).map(own.told));
    } catch (error) {
      status.textContent = error.message;
      return;
    }
    if (mine !== asking || !element.isConnected) return;
    sheets = [...given, ...found];
    for (const tab of [...tabs.children].filter((one) => isOwn(one.dataset.sheet))) tab.remove();
    for (const s of found) addTab(s.id, s.title, s.about || s.title);
    show(name, keep);
    if (sheet.notes?.length) status.textContent = sheet.notes.join(" ");
  }

  async function tryTo(said, act) {
    status.textContent = said;
    try {
      await act();
    } catch (error) {
      status.textContent = error.message;
    }
  }

  const opened = ({ lecture, notes }) =>
    refresh(lecture.id, false).then(() => (status.textContent = [filled(words.read, { title: lecture.title }), ...notes].join(" ")));

  const openFile = (file) => file && tryTo(words.reading, async () => opened(await own.open(file)));
  find("pick").addEventListener("change", (event) => {
    openFile(event.target.files[0]);
    event.target.value = "";
  });
  element.addEventListener("dragover", (event) => event.preventDefault());
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    openFile(event.dataTransfer.files[0]);
  });
  find("begin").addEventListener("click", () => tryTo("", async () => refresh((await own.store.begin()).id, false)));
  find("start").addEventListener("click", () => tryTo(words.reading, async () => opened(await own.start(open))));
  find("save").addEventListener("click", () =>
    tryTo(words.saving, async () => (status.textContent = filled(words.saved, { name: await own.save(sheet.id) }))),
  );
  find("remove").addEventListener("click", () => {
    if (window.confirm(words.removeSure)) own.store.remove(open);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", ({ target }) => own.store.change(open, (kept) => (kept[target.name] = target.value)));
  own.store.watch(() => refresh());

  // ---- Start ----
  find("frame").title = words.frame;
  dialog.querySelector("[data-key=vote]").hidden = !fixed.votes;
  for (const name of ["begin", "start", "save", "remove"]) {
    find(name).textContent = words[name];
    if (words[`${name}Help`]) find(name).title = words[`${name}Help`];
  }
  find("file span").textContent = words.file;
  find("file").title = words.fileHelp;
  for (const [i, name] of ["title", "aboutField"].entries()) form.querySelectorAll("label span")[i].textContent = words[name];
  find("present").textContent = words.present;
  find("present").title = words.presentHelp;
  find("present").addEventListener("click", () => present(0));
  find("check span").textContent = words.solutions;
  find("pictures span").textContent = words.pictures;
  find("paper").setAttribute("aria-label", words.paper);
  tabs.setAttribute("aria-label", words.sheets);
  for (const s of given) addTab(s.id, s.title, s.about);
  addTab(TABLES, words.tables, words.tables);
  content.tables.forEach(showTable);
  const wanted = new URLSearchParams(location.search).get("sheet");

  function speak() {
    find("speaker").hidden = false;
    const sheetOf = async (id) => {
      if (!sheets.some((s) => s.id === id)) await refresh();
      return sheets.find((s) => s.id === id);
    };
    speaker(find("speaker"), sheetOf, words);
  }

  // What the address asks for, once it is there.
  function begin() {
    const query = new URLSearchParams(location.search);
    const line = Number(query.get("line"));
    const known = Number.isInteger(line) && line >= 1 && line <= sheet.lines.length ? line : 0;
    const view = query.get("view");
    if (view === "speaker") speak();
    else if (view === "present") present(Math.max(0, known - 1), query.get("shown") === "1");
    else if (known && open !== TABLES) requestAnimationFrame(() => lines.children[known - 1].scrollIntoView({ block: "start" }));
  }

  const isLater = wanted !== null && isOwn(wanted);
  show(isLater ? given[0].id : (wanted ?? given[0].id), true);
  if (!isLater) begin();
  own.store.all().then(async (kept) => {
    if (kept.length) await refresh(isLater ? wanted : open);
    if (isLater) begin();
  }, () => isLater && begin());
}
