// The arrays of a sequence; see demo/shared/sequence.py for the kinds.

import { bytesOf } from "../../js/wire.js";

async function inflated(text) {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// An array of numbers from its kind and bytes.
export function numbersOf(entry, bytes) {
  if (entry.t === "u8") return bytes;
  if (entry.t === "s8") return Int16Array.from(bytes, (byte) => byte - 1);
  if (entry.t === "u16") return new Uint16Array(bytes.buffer);
  if (entry.t === "s16") return Int32Array.from(new Uint16Array(bytes.buffer), (word) => word - 1);
  if (entry.t === "q8") {
    const step = (entry.hi - entry.lo) / 255;
    return Float32Array.from(bytes, (byte) => entry.lo + step * byte);
  }
  if (entry.t === "f64") return new Float64Array(bytes.buffer);
  const n = bytes.length / 3;
  const words = new Uint32Array(n);
  for (let i = 0; i < n; i++) words[i] = (bytes[i] * 0x1000000 + (bytes[n + i] << 16) + (bytes[2 * n + i] << 8)) >>> 0;
  return new Float32Array(words.buffer);
}

// The arrays of the last values, each by its key, which follows from what it holds. A page that tells the server these keys
// is sent the others only. One value is asked for while another comes and a third is unpacked, so they are kept for longer.
const LAST = 4;
const held = [];

export function heldKeys() {
  return [...new Set(held.flatMap((arrays) => Object.keys(arrays)))];
}

// The arrays of a value: `entries` by key, and those of `keys` that are held.
export async function unpackedAll(entries, keys = Object.keys(entries)) {
  const known = Object.assign({}, ...held);
  const arrays = await Promise.all(
    keys.map((key) => known[key] ?? inflated(entries[key].d).then((bytes) => numbersOf(entries[key], bytes))),
  );
  const found = Object.fromEntries(keys.map((key, at) => [key, arrays[at]]));
  held.push(found);
  if (held.length > LAST) held.shift();
  return found;
}
