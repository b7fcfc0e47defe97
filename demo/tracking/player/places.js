// Where frames, boxes and nodes lie: what the views of tracking share, and what needs no document.

// The frames that have room side by side, as many as fit at their least width, with one of them in the middle.
export function windowOf(total, room, least, middle) {
  const count = Math.max(1, Math.min(total, Math.floor(room / least)));
  const first = Math.min(Math.max(middle - Math.floor(count / 2), 0), total - count);
  return { first, count, step: room / count };
}

// The numbers of the detections of a frame: frames ascend.
export function rangeOf(frames, t) {
  const below = (value) => {
    let [low, high] = [0, frames.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (frames[middle] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return [below(t), below(t + 1)];
}

// Whether a list of numbers names one: violated detections are few.
export function has(list, i) {
  return list ? list.includes(i) : false;
}

// The detection that goes on from one in another frame: of the same track, or else the nearest by place; null in an empty frame.
export function partner(frames, labels, places, i, t) {
  const [low, high] = rangeOf(frames, t);
  let best = null;
  for (let j = low; j < high; j++) {
    if (labels && labels[i] >= 0 && labels[j] === labels[i]) return j;
    if (best === null || Math.abs(places[j] - places[i]) < Math.abs(places[best] - places[i])) best = j;
  }
  return best;
}

// The detection above or below one in its frame; itself at the end.
export function beside(frames, places, i, down) {
  const [low, high] = rangeOf(frames, frames[i]);
  let best = i;
  for (let j = low; j < high; j++) {
    const gap = (places[j] - places[i]) * down;
    if (gap > 0 && (best === i || gap < (places[best] - places[i]) * down)) best = j;
  }
  return best;
}

// The box on top at a place in a frame: of all that hold it, the smallest; null where there is none.
export function boxAt(frames, boxes, t, x, y) {
  const [low, high] = rangeOf(frames, t);
  let best = null;
  for (let i = low; i < high; i++) {
    const [left, top, wide, tall] = boxes.subarray(4 * i, 4 * i + 4);
    const inside = x >= left && x <= left + wide && y >= top && y <= top + tall;
    if (inside && (best === null || wide * tall < boxes[4 * best + 2] * boxes[4 * best + 3])) best = i;
  }
  return best;
}

// The nearest of some places [x, y, i] that lies within reach; null where none does.
export function nearest(places, x, y, reach) {
  let best = null;
  let least = reach;
  for (const [px, py, i] of places) {
    const far = Math.hypot(px - x, py - y);
    if (far <= least) [least, best] = [far, i];
  }
  return best;
}

// The feet of a track in the frames up to one, the oldest first.
export function trailOf(frames, labels, boxes, label, t, length) {
  const trail = [];
  const [low] = rangeOf(frames, t - length);
  const [, high] = rangeOf(frames, t);
  for (let i = low; i < high; i++) {
    if (labels[i] === label) trail.push([boxes[4 * i] + boxes[4 * i + 2] / 2, boxes[4 * i + 1] + boxes[4 * i + 3]]);
  }
  return trail;
}

// Pairs of consecutive detections of each track.
export function linksOf(labels) {
  const last = new Map();
  const links = [];
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] < 0) continue;
    if (last.has(labels[i])) links.push([last.get(labels[i]), i]);
    last.set(labels[i], i);
  }
  return links;
}

// The edges at a detection, the likeliest first: [number of the edge, the other end].
export function edgesAt(pairs, weight, i) {
  const found = [];
  for (let e = 0; e < weight.length; e++) {
    if (pairs[2 * e] === i) found.push([e, pairs[2 * e + 1]]);
    else if (pairs[2 * e + 1] === i) found.push([e, pairs[2 * e]]);
  }
  return found.sort((a, b) => weight[b[0]] - weight[a[0]]);
}

// Where a frame lies on its sheet of columns × rows: the sheet, and left, top, width and height on it.
export function tileOf(film, t) {
  const [columns, rows] = film.grid;
  const [width, height] = film.tile;
  const at = t % (columns * rows);
  return { sheet: Math.floor(t / (columns * rows)), box: [(at % columns) * width, Math.floor(at / columns) * height, width, height] };
}

const [INSIDE, RIM] = [125, 255]; // opacity of a mask

// Paint the masks of a frame into RGBA bytes of its tile [left, top, width, height] on a sheet: the k-th detection of the
// frame, which its pixels name k + 1, in the k-th color, more opaque at the rim.
export function paintMasks(data, { bytes, width: stride }, [left, top, width, height], colors) {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (top + y) * stride + left + x;
      const one = bytes[at];
      const color = one && colors[one - 1];
      if (!color) continue;
      const rim = !x || !y || x === width - 1 || y === height - 1
        || bytes[at - 1] !== one || bytes[at + 1] !== one || bytes[at - stride] !== one || bytes[at + stride] !== one;
      const to = 4 * (y * width + x);
      [data[to], data[to + 1], data[to + 2]] = color;
      data[to + 3] = rim ? RIM : INSIDE;
    }
  }
}
