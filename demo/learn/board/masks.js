// The pictures of /learn with their masks: gray PNGs of labels are colored here, so that pointing at a cluster asks nobody.

import { rgbOf } from "../../shared/js/colors.js";

// Lay colors over a picture, or over black where there is none. `colors[label]` is "#rrggbb", or null for a label without one; `lit` is the label that is seen
// alone, or null.
export function drawMask(canvas, image, gray, colors, opacity, lit) {
  [canvas.width, canvas.height] = image ? [image.naturalWidth, image.naturalHeight] : [gray.width, gray.height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (image) context.drawImage(image, 0, 0);
  else context.fillRect(0, 0, canvas.width, canvas.height);
  if (!gray) return;
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const inks = colors.map((color) => color && rgbOf(color));
  const { data } = pixels;
  for (let i = 0; i < gray.labels.length; i++) {
    const label = gray.labels[i];
    const ink = inks[label];
    const at = 4 * i;
    if (lit !== null && label !== lit) {
      const light = 0.3 * (0.3 * data[at] + 0.6 * data[at + 1] + 0.1 * data[at + 2]); // gray and dim
      for (let c = 0; c < 3; c++) data[at + c] = light;
    } else if (ink) {
      for (let c = 0; c < 3; c++) data[at + c] = (1 - opacity) * data[at + c] + opacity * ink[c];
    }
  }
  context.putImageData(pixels, 0, 0);
}

// The label under the pointer.
export function labelUnder(event, gray) {
  const box = event.currentTarget.getBoundingClientRect();
  const x = Math.floor(((event.clientX - box.left) / box.width) * gray.width);
  const y = Math.floor(((event.clientY - box.top) / box.height) * gray.height);
  if (x < 0 || y < 0 || x >= gray.width || y >= gray.height) return null;
  return gray.labels[y * gray.width + x];
}
