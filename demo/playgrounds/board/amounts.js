// Numbers and names as the playgrounds write them.

import { withMinus } from "../../shared/js/numbers.js";

export function amount(value, digits = 4) {
  const tiny = value !== 0 && Math.abs(value) < 1e-4;
  const text = Number.isInteger(value) ? String(value) : tiny ? value.toExponential(0) : String(Number(value.toPrecision(digits)));
  return withMinus(text);
}

// The number of an output: of the cell of a table, or of its row.
export function outputOf(block, i, j, columns) {
  return block.points === "row" ? i : i * columns + j;
}

// The color of a cell: how large its value is, and of which sign.
export function tint(box, value, most) {
  const share = Math.min(Math.abs(value) / most, 1);
  box.style.setProperty("--pg-share", `${Math.round(share * 46)}%`);
  box.dataset.sign = value < 0 ? "minus" : value > 0 ? "plus" : "zero";
}
