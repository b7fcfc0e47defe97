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

// The map of labels that a PNG holds: {labels, width, height, n}.
export async function loadLabels(source, nNames = 0) {
  const image = await loadImage(source);
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return { width, height, ...readLabels(context.getImageData(0, 0, width, height).data, nNames) };
}
