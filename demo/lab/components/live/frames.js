// What a stream of frames needs to know, apart from the browser.

const WINDOW = 12; // frames behind the figures that are told

// The size at which a frame is sent: its longer side at most `side`.
export function sizeOf(width, height, side) {
  const scale = Math.min(1, side / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

// How often frames come, and how old they are when they are shown.
export function makeRate() {
  let shown = []; // [taken, shown], in milliseconds
  return {
    note(taken, now) {
      shown = [...shown, [taken, now]].slice(-WINDOW);
    },
    clear() {
      shown = [];
    },
    // Frames a second, and the mean age; null before there are two.
    told() {
      if (shown.length < 2) return null;
      const span = shown[shown.length - 1][1] - shown[0][1];
      const age = shown.reduce((sum, [taken, now]) => sum + now - taken, 0) / shown.length;
      return { rate: (1000 * (shown.length - 1)) / Math.max(span, 1), age };
    },
  };
}

// The name of a failure of `getUserMedia`, as a key of the sentences.
export function problemOf(error) {
  const known = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "none", OverconstrainedError: "none" };
  return known[error?.name] ?? "busy";
}
