// Numbers of a step as HTML.

import { withMinus } from "../../js/numbers.js";

// Four digits, as Python's .4g writes them.
export function digits(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const [mantissa, power] = value.toExponential(3).split("e");
  const exponent = Number(power);
  const trimmed = (text) => (text.includes(".") ? text.replace(/0+$/, "").replace(/[.]$/, "") : text);
  if (exponent < -4 || exponent >= 4)
    return withMinus(`${trimmed(mantissa)}·10<sup>${exponent}</sup>`);
  return withMinus(trimmed(value.toFixed(Math.max(0, 3 - exponent))));
}
