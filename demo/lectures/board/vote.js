// A question to the hall, as the stage shows it: where to vote, how many did, then what they said.

import { filled, make } from "../../shared/js/dom.js";

const BEAT = 1000; // ms from look to look

// Shares of counts, of the largest one: how long their bars are.
export function lengthsOf(counts) {
  const most = Math.max(1, ...counts);
  return counts.map((count) => count / most);
}

// Whether an address means this computer, whoever opens it.
export function isHere(address) {
  return /^(localhost|127[.][\d.]+|\[::1\])$/.test(new URL(address).hostname);
}

export function hallVote(place, words) {
  const at = (path) => new URL(path, document.baseURI).href;
  let room = null; // what the server said of the question that is open
  let isShown = false;
  let counts = [];
  let choices = [];
  let timer = 0;

  async function sent(path, body) {
    const answer = await fetch(at(path), { method: "POST", body: JSON.stringify(body) });
    const data = await answer.json();
    if (!answer.ok) throw new Error(data.error);
    return data;
  }

  function paint() {
    const total = counts.reduce((sum, count) => sum + count, 0);
    place.querySelector(".lc-vote-total").textContent = filled(words.votes, { n: total });
    const list = place.querySelector(".lc-vote-counts");
    list.hidden = !isShown;
    for (const node of place.querySelectorAll(".lc-vote-code, .lc-vote-address, .lc-vote-far")) node.hidden = isShown;
    if (!isShown) return;
    const lengths = lengthsOf(counts);
    list.replaceChildren(...choices.map((choice, i) => {
      const row = make("div");
      row.append(make("p", "", `${choice}: ${counts[i] ?? 0}`));
      row.appendChild(make("span", "lc-bar-of")).style.width = `${100 * lengths[i]}%`;
      return row;
    }));
  }

  async function look() {
    if (!room || !place.isConnected) return;
    const mine = room;
    try {
      const data = await sent(`vote/${mine.room}/counts`, { key: mine.key });
      if (mine !== room) return;
      counts = data.counts;
      paint();
    } catch {
      // the next look asks again
    }
    if (mine === room) timer = setTimeout(look, BEAT);
  }

  // Ask; a second time show what the hall said.
  async function next(line) {
    if (place.hidden === false && room) {
      isShown = !isShown;
      paint();
      return;
    }
    choices = line.choices.length ? line.choices : words.letters;
    const plain = make("p");
    plain.innerHTML = line.ask || line.topic;
    try {
      room = await sent("vote", { ask: plain.textContent, choices, base: at("./"), room: room?.room ?? last?.room, key: last?.key });
    } catch (error) {
      place.hidden = false;
      place.replaceChildren(make("p", "", error.message));
      return;
    }
    last = room;
    isShown = false;
    counts = [];
    const code = make("div", "lc-vote-code");
    code.innerHTML = room.code;
    const far = isHere(room.address) ? [make("p", "lc-vote-far", words.voteHere)] : [];
    place.replaceChildren(code, make("p", "lc-vote-address", room.address), ...far, make("p", "lc-vote-total"), make("div", "lc-vote-counts"));
    place.hidden = false;
    paint();
    look();
  }
  let last = null; // the room goes on from question to question, so that students stay where they are

  function leave() {
    clearTimeout(timer);
    room = null;
    place.hidden = true;
  }

  return { leave, next };
}
