// In what two runs differ: only where that is one choice do their curves tell what it does.

import { filled } from "../../shared/js/dom.js";

// The choices that both runs had, and made in different ways: [{name, first, second}].
export function differences(first, second) {
  return Object.keys(first)
    .filter((name) => name in second && first[name] !== second[name])
    .map((name) => ({ name, first: first[name], second: second[name] }));
}

// What the second one chose, where they differ, to call it by.
export const chosenInstead = (first, second) => differences(first, second).map((one) => `${one.name}: ${one.second}`).join(" · "); // prettier-ignore

// In what they differ, as a sentence.
export function toldDifferences(first, second, words) {
  const found = differences(first, second);
  if (!found.length) return words.differ_none;
  if (found.length === 1) return filled(words.differ_one, found[0]);
  return filled(words.differ_many, { n: found.length, names: found.map(({ name }) => name).join(", ") });
}
