// Pictures that come from the server.

import { readLabels } from "./labels.js";

// A picture is a URL, or a file that Gradio serves.
export function urlOf(source) {
  return typeof source === "string" ? source : (source?.url ?? "");
}

export async function loadImage(source) {
  const image = new Image();
  image.src = urlOf(source);
  await image.decode();
  return image;
}

// Show a picture in an <img>, which does not blink where it is there already.
export function setPicture(image, source) {
  const url = urlOf(source);
  if (url && image.getAttribute("src") !== url) image.src = url;
  return Boolean(url);
}

// The first channel of a PNG: {bytes, width, height}.
export async function loadBytes(source) {
  const { data, width, height } = await pixelsOf(source);
  const bytes = new Uint8Array(width * height);
  for (let i = 0; i < bytes.length; i++) bytes[i] = data[4 * i];
  return { bytes, width, height };
}

async function pixelsOf(source) {
  const image = await loadImage(source);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

// The map of labels that a PNG holds: {labels, width, height, n}.
export async function loadLabels(source, nNames = 0) {
  const { data, width, height } = await pixelsOf(source);
  return { width, height, ...readLabels(data, nNames) };
}
