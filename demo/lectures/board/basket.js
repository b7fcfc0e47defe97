// The lectures that this browser keeps: how they travel to the server and back, and how a line is edited.

import { make, makeButton, saveBlob } from "../../shared/js/dom.js";

const OWN = "own-";
const FIELDS = ["topic", "says", "ask", "choices", "answer", "teacher", "claim"];
const LONG = new Set(["says", "choices", "answer", "teacher"]);

export const isOwn = (id) => id.startsWith(OWN);

// What `lecture.json` has of a kept lecture.
export function plainOf({ id, title, about, lines }) {
  return { version: 1, id, title, about, lines: lines.map(({ shot: _shot, ...line }) => line) };
}

// The stills of a kept lecture, by place of the line.
export function shotsOf({ lines }) {
  return Object.fromEntries(lines.flatMap(({ shot }, i) => (shot ? [[i, shot]] : [])));
}

// A list with the entry at a place moved by some places; at the ends nothing moves.
export function moved(list, at, by) {
  const to = at + by;
  if (to < 0 || to >= list.length) return list;
  const left = [...list];
  left.splice(to, 0, ...left.splice(at, 1));
  return left;
}

// Show what is kept, unless somebody is typing there.
export function fillField(field, value) {
  if (field !== document.activeElement) field.value = value;
}

// A name for a file from a title.
export function fileNameOf(title) {
  const plain = title.trim().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "");
  return `${plain.slice(0, 60) || "lecture"}.lecture.zip`;
}

const at = (place) => new URL(place, document.baseURI).href;

async function asked(place, options, words) {
  let answer;
  try {
    answer = await fetch(at(place), options);
  } catch {
    throw new Error(words.notRead);
  }
  if (answer.ok) return answer;
  const { error } = await answer.json().catch(() => ({}));
  throw new Error(error ?? words.notRead);
}

const base64Of = (blob) =>
  new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.readAsDataURL(blob);
  });

export async function sentOf(lecture) {
  const pictures = {};
  for (const [name, { ending, content }] of Object.entries(lecture.pictures)) {
    pictures[name] = { ending, content: await base64Of(content) };
  }
  return { sheet: plainOf(lecture), stills: shotsOf(lecture), pictures };
}

// What the server answered about a file, as it is kept here.
export function keptOf({ sheet, stills, pictures }, blobOf) {
  const lines = sheet.lines.map(({ still: _still, ...line }, i) => (stills[i] ? { ...line, shot: stills[i] } : line));
  const own = Object.entries(pictures).map(([name, { ending, content }]) => [name, { ending, content: blobOf(content) }]);
  return { title: sheet.title, about: sheet.about, lines, pictures: Object.fromEntries(own) };
}

export function basket(words) {
  const store = window.segcoreLectures;

  // A lecture with its sentences set, as the sheets of the app come.
  async function told(lecture) {
    const answer = await asked("lecture/told", { method: "POST", body: JSON.stringify(plainOf(lecture)) }, words);
    const { sheet, notes } = await answer.json();
    return { ...sheet, id: lecture.id, shots: shotsOf(lecture), kept: lecture, notes };
  }

  // What was typed last is kept a moment later than it is shown, so what is saved is read anew.
  async function save(id) {
    const lecture = (await store.all()).find((one) => one.id === id);
    const answer = await asked("lecture/save", { method: "POST", body: JSON.stringify(await sentOf(lecture)) }, words);
    const name = fileNameOf(lecture.title);
    saveBlob(await answer.blob(), name);
    return name;
  }

  const blobOf = (content) => new Blob([Uint8Array.from(atob(content), (character) => character.charCodeAt(0))]);

  async function begun(answer) {
    const data = await answer.json();
    return { lecture: await store.begin(keptOf(data, blobOf)), notes: data.notes };
  }

  const open = async (file) => begun(await asked("lecture/open", { method: "POST", body: file }, words));
  const start = async (id) => begun(await asked(`lecture/start/${encodeURIComponent(id)}`, {}, words));

  function fill(form, line) {
    for (const field of form.querySelectorAll("[name]")) {
      fillField(field, field.name === "choices" ? (line.choices ?? []).join("\n") : (line[field.name] ?? ""));
    }
  }

  // The form of a line; what is changed in it is kept when a field is left.
  function editor(lecture, i) {
    const box = make("details", "lc-edit");
    box.append(make("summary", "", words.edit));
    for (const name of FIELDS) {
      const label = make("label");
      const field = make(LONG.has(name) ? "textarea" : "input");
      field.name = name;
      if (LONG.has(name)) field.rows = 2;
      field.addEventListener("change", () => {
        const value = name === "choices" ? field.value.split("\n").map((text) => text.trim()).filter(Boolean) : field.value;
        store.change(lecture.id, (kept) => (kept.lines[i][name] = value));
      });
      label.append(make("span", "", words.fields[name]), field);
      box.append(label);
    }
    const moves = make("p", "lc-actions");
    for (const [name, act] of [
      ["up", (lines) => moved(lines, i, -1)],
      ["down", (lines) => moved(lines, i, 1)],
      ["removeLine", (lines) => lines.filter((_, j) => j !== i)],
    ]) {
      const button = makeButton("lc-button lc-small", words[name]);
      button.addEventListener("click", () => store.change(lecture.id, (kept) => (kept.lines = act(kept.lines))));
      moves.append(button);
    }
    box.append(moves);
    fill(box, lecture.lines[i]);
    return box;
  }

  return { told, save, open, start, editor, fill, store };
}
