// The formula with its numbers, the numbers of the step, and the Python that prints them.

function paintFormula(frame) {
  const { value } = run;
  parts.pointed.textContent = `At ${nameOfRow(pointed())}`;
  const lines = frame.formula.map(filled);
  const shown = parts.formula.children;
  while (shown.length > lines.length) parts.formula.lastChild.remove();
  while (shown.length < lines.length) parts.formula.append(make("p"));
  lines.forEach((html, at) => {
    if (shown[at].html === html) return;
    shown[at].html = html;
    shown[at].innerHTML = html;
    for (const chip of shown[at].querySelectorAll("b[data-label]")) chip.style.setProperty("--c", paletteColor(Number(chip.dataset.label)));
  });
  parts.python.textContent = `${value.code}\n${frame.python.replaceAll("@i@", String(pointed()))}`;
}

function filled(tokens) {
  return tokens.map((token) => (typeof token === "string" ? token : place(token))).join("");
}

function place(token) {
  const number = tokenValue(token);
  return `<output>${written(number, token.f)}</output>`;
}

function tokenValue(token) {
  const values = run.arrays[token.a];
  return values[pointed() * token.w + token.k];
}

function nameOfRow(i) {
  const { w, word } = run.value;
  return w ? `${word} in row ${Math.floor(i / w) + 1}, column ${(i % w) + 1}` : `${word} ${i + 1}`;
}

function paintNumbers(frame) {
  parts.numbers.replaceChildren(...frame.numbers.map(numberRow));
  parts["numbers-card"].hidden = frame.numbers.length === 0;
}

function numberRow({ symbol, value, change, holds, rule }) {
  const row = make("tr");
  const name = make("th", "", symbol);
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
