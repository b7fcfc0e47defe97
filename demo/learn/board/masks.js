// The pictures of /learn with their masks: gray PNGs of labels are colored here, so that pointing at a cluster asks nobody.

async function imageOf(source) {
  const image = new Image();
  image.src = source;
  await image.decode();
  return image;
}

// The gray values of a PNG.
async function grayOf(source) {
  const image = await imageOf(source);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const labels = new Uint8Array(canvas.width * canvas.height);
  for (let i = 0; i < labels.length; i++) labels[i] = data[4 * i];
  return { labels, width: canvas.width, height: canvas.height };
}

const bytesOf = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));

// Lay colors over a picture. `colors[label]` is "#rrggbb", or null for a label without one; `lit` is the label that is seen
// alone, or null.
function drawMask(canvas, image, gray, colors, opacity, lit) {
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  if (!gray) return;
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const inks = colors.map((color) => color && bytesOf(color));
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
function labelAt(event, gray) {
  const box = event.currentTarget.getBoundingClientRect();
  const x = Math.floor(((event.clientX - box.left) / box.width) * gray.width);
  const y = Math.floor(((event.clientY - box.top) / box.height) * gray.height);
  if (x < 0 || y < 0 || x >= gray.width || y >= gray.height) return null;
  return gray.labels[y * gray.width + x];
}
