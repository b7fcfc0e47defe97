// What the small charts share: axes, and lines as text. When to use Plotly instead: see spectrum_figure in demo/lab/views.py.

// Round numbers that part a range in about n.
export function ticks(low, high, n = 4) {
  const rough = (high - low || Math.abs(high) || 1) / n;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

// The line from [low, high] to [from, to]; a range of one value lies at the start.
export function scale([low, high], [from, to]) {
  return (value) => from + ((value - low) / (high - low || 1)) * (to - from);
}

// The points of a polyline.
export function pointsOf(places) {
  return places.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
}

// A curve of [place, value] between its neighbors at a place; null outside.
export function valueAt(curve, at) {
  const next = curve.findIndex(([place]) => place >= at);
  if (next < 0 || (next === 0 && curve[0][0] > at)) return null;
  const [right, above] = curve[next];
  const [left, below] = curve[Math.max(next - 1, 0)];
  return right === left ? above : below + ((above - below) * (at - left)) / (right - left);
}

export function lowest(curve) {
  return curve.reduce((best, point) => (point[1] < best[1] ? point : best));
}
