// Colors, as [red, green, blue] from 0 to 255. Those with a meaning come from segcore.show.palette, by `fixed`.

export const INK = "#11141c";
export const CURSOR = "#d6007a"; // on no ramp

// Of "#rrggbb"; what is behind it, such as an opacity, does not count.
export function rgbOf(color) {
  const code = parseInt(color.slice(1, 7), 16) || 0;
  return [code >> 16, (code >> 8) & 255, code & 255];
}

// Write the color of a share of a ramp, 0 to 1, at a place of an array: linear between evenly spaced stops, as in Python.
export function putColor(bytes, at, stops, share) {
  const place = Math.min(Math.max(share || 0, 0), 1) * (stops.length - 1);
  const below = Math.min(Math.floor(place), stops.length - 2);
  const part = place - below;
  for (let i = 0; i < 3; i++) bytes[at + i] = Math.floor(stops[below][i] * (1 - part) + stops[below + 1][i] * part + 0.5);
}

export function colorAt(stops, share) {
  const color = [0, 0, 0];
  putColor(color, 0, stops, share);
  return color;
}

// Where a signed share, −1 to 1, lies on a ramp.
export function signed(share) {
  return ((share || 0) + 1) / 2;
}

// One translucent color, [red, green, blue, opacity], over another.
export function over(top, below) {
  const alpha = top[3] + below[3] * (1 - top[3]);
  const mix = (i) => (top[i] * top[3] + below[i] * below[3] * (1 - top[3])) / alpha;
  return alpha ? [mix(0), mix(1), mix(2), alpha] : [0, 0, 0, 0];
}

// The same as one number, as a canvas stores it.
export function packed([red, green, blue, alpha]) {
  return ((Math.round(alpha * 255) << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red)) >>> 0;
}
