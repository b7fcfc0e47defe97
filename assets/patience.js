// Stands before Gradio's own scripts. A full queue, or a server that does not answer, is no error but a reason to wait: what was
// asked for is asked again until it is heard, and meanwhile one sentence says so. `words` is defined in front of this.
const ask = window.fetch.bind(window);
const pause = () => new Promise((done) => setTimeout(done, 1500 + 1500 * Math.random())); // not all visitors at once
const waiting = new Set(); // what is asked again and again
const HEARD = /(?<=\/)(queue\/join|queue\/data|run\/|upload).*/; // what must be, by its address

function say(sentence) {
  let note = document.querySelector("#patience");
  if (!note) {
    note = document.createElement("p");
    note.id = "patience";
    note.setAttribute("role", "alert");
    document.body.append(note);
  }
  if (note.textContent !== sentence) note.textContent = sentence;
  note.hidden = !sentence;
}

// A server that was started anew knows nothing of this page; the address says what was shown.
async function meetAgain(address) {
  const answer = await ask(address.replace(HEARD, "app_id"));
  const { app_id } = await answer.json();
  if (app_id !== window.gradio_config.app_id) location.reload();
}

async function askUntilHeard(asked, options) {
  const mine = Symbol();
  for (let gone = false; ; await pause()) {
    try {
      if (gone) await meetAgain(addressOf(asked));
      gone = false;
      const answer = await ask(asked, options);
      if (answer.status !== 503) {
        if (waiting.delete(mine) && !waiting.size) say("");
        return answer;
      }
    } catch (error) {
      if ((asked.signal ?? options?.signal)?.aborted) throw error;
      gone = true;
    }
    waiting.add(mine);
    say(gone ? words.gone : words.busy);
  }
}

// An address, or a request as the stream of answers is asked for; that one has no body, so it can be asked again.
const addressOf = (asked) => asked.url ?? String(asked);

// How many answers were asked for, and how many are under way: who waits for what a page shows looks here.
const answers = (window.segcoreAnswers = { asked: 0, open: 0 });

function counted(answering) {
  answers.asked += 1;
  answers.open += 1;
  const over = () => (answers.open -= 1);
  answering.then((answer) => answer.clone().text().then(over, over), over);
  return answering;
}

const isCounted = new URLSearchParams(location.search).get("embed") === "1"; // a copy of each answer is the price

window.fetch = (asked, options) => {
  if (!HEARD.test(addressOf(asked))) return ask(asked, options);
  const answering = askUntilHeard(asked, options);
  return isCounted ? counted(answering) : answering;
};

// Where answers were under way when the server went, Gradio says so in words of its own, and loads the page again in time.
new MutationObserver(() => {
  for (const toast of document.querySelectorAll("[data-testid=toast-body]")) {
    if (!toast.textContent.includes("Connection to the server was lost")) continue;
    toast.hidden = true;
    toast.style.display = "none";
    say(words.gone);
  }
}).observe(document, { childList: true, subtree: true });
