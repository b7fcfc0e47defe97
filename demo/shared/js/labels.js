// Maps of labels: {labels, width, height, n}, one label per pixel, row by row.

const MATCH_SIDE = 160; // of the maps that are compared to keep colors

// The labels of the pixels of a PNG by export.display_label_png. Gray is the label; where there are more labels than grays, red
// is its low byte and green its high one.
export function readLabels(bytes, nNames) {
  const labels = new Uint16Array(bytes.length / 4);
  const wide = nNames > 256;
  let top = 0;
  for (let i = 0, j = 0; i < labels.length; i++, j += 4) {
    const label = wide ? bytes[j] | (bytes[j + 1] << 8) : bytes[j];
    labels[i] = label;
    if (label > top) top = label;
  }
  return { labels, n: Math.max(top + 1, nNames) };
}

// The share of each label.
export function areasOf(map) {
  const counts = new Array(map.n).fill(0);
  for (const label of map.labels) counts[label]++;
  return counts.map((count) => count / map.labels.length);
}

// The label at shares of width and height; beside the map the nearest one.
export function labelAt(map, x, y) {
  const column = Math.min(Math.max(Math.floor(x * map.width), 0), map.width - 1);
  const row = Math.min(Math.max(Math.floor(y * map.height), 0), map.height - 1);
  return map.labels[row * map.width + column];
}

// Pairs of a new and an old label that meet somewhere, by the number of places where they do.
export function overlaps(fresh, old) {
  const counts = new Map();
  for (let row = 0; row < MATCH_SIDE; row++) {
    for (let column = 0; column < MATCH_SIDE; column++) {
      const x = (column + 0.5) / MATCH_SIDE;
      const y = (row + 0.5) / MATCH_SIDE;
      const key = labelAt(fresh, x, y) * 65536 + labelAt(old, x, y);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const pairs = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return pairs.map(([key]) => [Math.floor(key / 65536), key % 65536]);
}

// Colors for a new map, such that a segment keeps its color. Each takes that of the old one that it overlaps most, the largest
// overlap first; what is left over takes the colors of its own palette that nobody wears. A background neither takes nor gives.
//   old, fresh: {map, colors, background}, where background is a label or null.
export function matchColors(old, fresh) {
  const { map, background } = fresh;
  const own = fresh.colors;
  const colors = new Array(map.n).fill(null);
  const taken = new Set();
  if (background !== null) colors[background] = own[background];
  for (const [label, before] of overlaps(map, old.map)) {
    const color = old.colors[before];
    if (colors[label] || before === old.background || taken.has(color)) continue;
    colors[label] = color;
    taken.add(color);
  }
  const free = own.filter((color, label) => label !== background && !taken.has(color));
  return colors.map((color, label) => color ?? free.shift() ?? own[label]);
}

// The labels of a map at another size: each pixel has that of the nearest one.
export function enlarged(map, width, height) {
  const columns = Uint32Array.from({ length: width }, (_, x) => Math.floor(((x + 0.5) * map.width) / width));
  const labels = new Uint16Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    const start = Math.floor(((y + 0.5) * map.height) / height) * map.width;
    for (let x = 0; x < width; x++, i++) labels[i] = map.labels[start + columns[x]];
  }
  return labels;
}

// Steps (left, right, up, down) to the nearest pixel that has a neighbor with another label, in two sweeps; 0 for such a pixel,
// and at most 250.
export function borderDistance(labels, width, height) {
  const distance = new Uint8Array(labels.length).fill(250);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (x && labels[i] !== labels[i - 1]) distance[i] = distance[i - 1] = 0;
      if (y && labels[i] !== labels[i - width]) distance[i] = distance[i - width] = 0;
    }
  }
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (x && distance[i - 1] + 1 < distance[i]) distance[i] = distance[i - 1] + 1;
      if (y && distance[i - width] + 1 < distance[i]) distance[i] = distance[i - width] + 1;
    }
  }
  for (let y = height - 1, i = labels.length - 1; y >= 0; y--) {
    for (let x = width - 1; x >= 0; x--, i--) {
      if (x < width - 1 && distance[i + 1] + 1 < distance[i]) distance[i] = distance[i + 1] + 1;
      if (y < height - 1 && distance[i + width] + 1 < distance[i]) distance[i] = distance[i + width] + 1;
    }
  }
  return distance;
}
