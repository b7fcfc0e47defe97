// Predict, then reveal. The answer comes with the states; nothing is sent, nothing is kept.

import { filled, make, makeButton, written } from "../../js/dom.js";

const YOURS = "#0072b2";
const TRUE_ONE = "#d55e00";

export function questions({ run, parts, words, show, frameNamed, stop, paintFrame }) {
  function paintQuestionList() {
    const buttons = run.value.questions.map((question) => {
      const button = written(makeButton(""), question.ask);
      button.dataset.question = question.id;
      button.addEventListener("click", () => ask(question));
      return button;
    });
    parts.predict.replaceChildren(...buttons);
    parts["predict-card"].hidden = buttons.length === 0;
  }

  function ask(question) {
    stop();
    run.asked = question;
    run.answer = null;
    show(frameNamed(question.before));
    written(parts.ask, question.ask);
    parts.options.replaceChildren(...question.options.map((text, at) => optionButton(text, at)));
    parts.options.hidden = question.options.length === 0;
    parts.verdict.hidden = true;
    parts.close.textContent = words.leave;
    parts.question.hidden = false;
    parts.panel.classList.add("st-asking");
    parts.question.scrollIntoView({ block: "nearest" });
    (parts.options.querySelector("button") ?? parts.close).focus({ preventScroll: true });
  }

  function optionButton(text, at) {
    const button = written(makeButton(""), text);
    button.addEventListener("click", () => reveal(at));
    return button;
  }

  // The prediction is a number of an option or of a row.
  function reveal(answer) {
    const question = run.asked;
    if (!question || run.answer !== null) return;
    run.answer = answer;
    parts.panel.classList.remove("st-asking");
    const right = question.options.length ? answer === question.right : Boolean(run.arrays[question.right][answer]);
    if (!question.options.length) run.i = answer;
    run.hover = null;
    show(frameNamed(question.after));
    parts.options.querySelectorAll("button").forEach((button, at) => {
      button.disabled = true;
      button.classList.toggle("st-right", at === question.right);
      button.classList.toggle("st-yours", at === answer);
    });
    parts.verdict.replaceChildren(make("strong", "", `${right ? words.right : words.wrong} `), ranked(question, answer), written(make("span"), question.why));
    parts.verdict.classList.toggle("st-wrong", !right);
    parts.verdict.hidden = false;
    parts.close.textContent = words.goOn;
    parts.close.focus({ preventScroll: true });
  }

  // How near a row came, among all.
  function ranked(question, answer) {
    if (!question.values || question.options.length) return "";
    const values = run.arrays[question.values];
    const better = values.reduce((count, value) => count + (value > values[answer] ? 1 : 0), 0);
    return better ? filled(words.better, { better: better.toLocaleString("en"), n: values.length.toLocaleString("en"), things: run.value.words }) : "";
  }

  function leaveQuestion() {
    run.asked = null;
    run.answer = null;
    parts.question.hidden = true;
    parts.panel.classList.remove("st-asking");
    paintFrame();
  }

  // What is drawn after the answer: a few of the rows that are right, and the one that was pointed at.
  function answerMarks() {
    const question = run.asked;
    if (!question || run.answer === null || question.options.length) return [];
    const right = run.arrays[question.right];
    const rows = [];
    for (let i = 0; i < right.length && rows.length < 2; i++) if (right[i]) rows.push({ cell: i, color: TRUE_ONE });
    const many = right.reduce((count, hit) => count + hit, 0) > 2;
    return [...(many ? [] : rows), { cell: run.answer, color: YOURS }];
  }

  return { answerMarks, leaveQuestion, paintQuestionList, reveal };
}
