// Numbers as people read them: a true minus sign, and no more digits than they mean.

export function clamped(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

export function withMinus(text) {
  return text.replaceAll("-", "−");
}

// Three digits, with zeros at the end; very small and very large ones as 1.2e−5.
export function number(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return withMinus(size >= 1e-4 && size < 1e4 ? value.toPrecision(3) : value.toExponential(1));
}

// A few digits, without zeros at the end; "–" where there is no value.
export function short(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  return withMinus(String(Number(value.toPrecision(digits))));
}

// A share as a percentage: whole ones from 10 % on, one digit below, and never 0 % of something.
export function percent(share) {
  if (share > 0 && share < 0.0005) return "< 0.1 %";
  return `${share > 0 && share < 0.095 ? (100 * share).toFixed(1) : Math.round(100 * share)} %`;
}

// A number as a person writes it: −1.5, 1/4, or with a decimal comma. NaN where it is none.
export function parsed(text) {
  const cleaned = text.trim().replace("−", "-").replace(",", ".");
  const fraction = /^(-?\d+(?:\.\d+)?)\s*\/\s*(\d+(?:\.\d+)?)$/.exec(cleaned);
  if (fraction) return Number(fraction[2]) ? Number(fraction[1]) / Number(fraction[2]) : NaN;
  return cleaned === "" ? NaN : Number(cleaned);
}

// The name of an eigenvector: v₁₂.
export function nameOf(index) {
  return `v${[...String(index)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("")}`;
}

// The lowest and highest of some values; of a diverging ramp symmetric about 0, so that its middle color means 0.
export function rangeOf(values, kind) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (kind !== "diverging") return [low, high];
  const most = Math.max(Math.abs(low), Math.abs(high));
  return [-most, most];
}
