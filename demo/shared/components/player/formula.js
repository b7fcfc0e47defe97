// The formula with its numbers, the numbers of the step, and the Python that prints them.

import { make, written as set } from "../../js/dom.js";
import { blockOf, rowName } from "./blocks.js";

function numberRow({ symbol, value, change, holds, rule }) {
  const row = make("tr");
  const name = set(make("th"), symbol);
  name.scope = "row";
  const number = make("td");
  number.innerHTML = value;
  const moved = make("td", "st-change");
  if (change !== undefined) moved.innerHTML = change;
  const verdict = make("td", "st-holds");
  if (holds !== undefined) {
    verdict.textContent = `${holds ? "✓" : "✗"} ${rule}`;
    verdict.classList.toggle("st-broken", !holds);
  }
  row.append(name, number, moved, verdict);
  return row;
}

export function formula({ run, parts, pointed, paletteColor, written }) {
  function paintFormula({ formula, python }) {
    const { value } = run;
    parts.pointed.textContent = `At ${rowName(value, pointed())}`;
    const lines = formula.map(told);
    const shown = parts.formula.children;
    while (shown.length > lines.length) parts.formula.lastChild.remove();
    while (shown.length < lines.length) parts.formula.append(make("p"));
    lines.forEach((html, at) => {
      if (shown[at].html === html) return;
      shown[at].html = html;
      shown[at].innerHTML = html;
      for (const chip of shown[at].querySelectorAll("b[data-label]")) chip.style.setProperty("--c", paletteColor(Number(chip.dataset.label)));
    });
    parts.python.textContent = `${value.code}\n${python.replaceAll("@i@", String(pointed()))}`;
  }

  function told(tokens) {
    return tokens.map((token) => (typeof token === "string" ? token : place(token))).join("");
  }

  function place(token) {
    const number = tokenValue(token);
    return `<output>${written(number, token.f)}</output>`;
  }

  // A number of the row i that is pointed at, of the second row j, of the pair, or its term of the quadratic form.
  function tokenValue(token) {
    const values = run.arrays[token.a];
    const [i, j] = [pointed(), run.j ?? pointed()].map((row) => (token.size ? blockOf(run.value, row, token.size) : row));
    if (token.of === "ij") return values[i * token.w + j];
    if (token.of === "term") {
      const x = run.arrays[token.x];
      return values[i * token.w + j] * (x[i] - x[j]) ** 2;
    }
    if (token.of === "near") {
      const at = i * token.w + token.k;
      const x = run.arrays[token.x];
      return values[at] * (x[i] - x[run.arrays[token.near][at]]) ** 2;
    }
    return values[(token.of === "j" ? j : i) * token.w + token.k];
  }

  function paintNumbers({ numbers }) {
    parts.numbers.replaceChildren(...numbers.map(numberRow));
    parts["numbers-card"].hidden = numbers.length === 0;
  }

  return { paintFormula, paintNumbers };
}
