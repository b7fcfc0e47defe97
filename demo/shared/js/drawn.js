// What a page shows, copied so that it looks the same alone: charts, and whole views with their tables, pictures and charts. And a
// still of a page: its view, or its largest picture, as one JPEG.

import { make, makeSvg, zoomOf } from "./dom.js";

const STILL = 1000; // pixels, the most of a side
const [LEAST_WIDTH, LEAST_HEIGHT] = [80, 60]; // px; what is smaller is a sign
const MOST_NODES = 3000; // of a view that is copied
const [NEAR, EDGE] = [24, 10]; // of two colors, summed over their three parts; and px left around what is drawn
const SVG = "http://www.w3.org/2000/svg";
const sides = (name, end = "") => ["top", "right", "bottom", "left"].map((side) => `${name}-${side}${end}`);

const DRAWN = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity",
  "font-family", "font-size", "font-weight", "font-style", "text-anchor", "dominant-baseline", "paint-order", "visibility", "display",
];
const LETTERS = ["color", "display", "visibility", "opacity", "font-family", "font-size", "font-weight", "font-style", "font-variant-numeric"];
const LAID_OUT = [
  ...LETTERS, "line-height", "text-align", "text-transform", "text-decoration-line", "vertical-align", "white-space", "text-overflow",
  "overflow-wrap", "background-color", "box-sizing", "position", "top", "left", "width", "height", "min-width", "max-width", "min-height", "float", "transform",
  ...sides("margin"), ...sides("padding"), ...sides("border", "-width"), ...sides("border", "-style"), ...sides("border", "-color"),
  "border-top-left-radius", "border-top-right-radius", "border-bottom-left-radius", "border-bottom-right-radius", "border-collapse",
  "border-spacing", "overflow-x", "overflow-y", "outline-width", "outline-style", "outline-color", "outline-offset", "flex-direction",
  "flex-wrap", "flex-grow", "flex-shrink", "flex-basis", "justify-content", "justify-items", "justify-self", "align-items", "align-content",
  "align-self", "row-gap", "column-gap", "grid-template-columns", "grid-template-rows", "grid-auto-flow", "grid-column-start",
  "grid-column-end", "grid-row-start", "grid-row-end", "z-index", "column-width", "column-count", "break-inside", "list-style-type", "object-fit",
];

function namesFor(node) {
  if (node.namespaceURI === SVG) return node.tagName === "svg" ? [...DRAWN, "width", "height"] : DRAWN;
  return node.namespaceURI.endsWith("MathML") ? LETTERS : LAID_OUT;
}

// What a node shows that its copy would not have.
function filledIn(copy, node) {
  if (node.tagName === "CANVAS" || (node.tagName === "IMG" && node.naturalWidth)) {
    const image = make("img");
    image.src = node.tagName === "CANVAS" ? node.toDataURL() : uriOf(node);
    copy.replaceWith(image);
    return image;
  }
  if (node.tagName === "INPUT") copy.setAttribute("value", node.value);
  if (node.tagName === "TEXTAREA") copy.textContent = node.value;
  if (node.tagName === "OPTION") copy.toggleAttribute("selected", node.selected);
  return copy;
}

function uriOf(image) {
  const canvas = make("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL();
}

// A copy that looks the same alone: each node with its own styles, canvases and pictures with what they hold.
export function alone(node) {
  const copy = node.cloneNode(true);
  const [from, to] = [[node, ...node.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]];
  from.forEach((one, i) => {
    const style = getComputedStyle(one);
    const same = one.namespaceURI === SVG || i === 0 ? to[i] : filledIn(to[i], one);
    const text = namesFor(one).map((name) => `${name}:${style.getPropertyValue(name)}`).join(";");
    same.setAttribute("style", text);
    same.removeAttribute("class");
    same.removeAttribute("id");
  });
  return copy;
}

// Width and height of a node, in the px of its style.
export function sizeOf(node) {
  const { width, height } = node.getBoundingClientRect();
  return [width / zoomOf(node), height / zoomOf(node)];
}

// The same with what is there for paper alone, such as numbers in the place of colors.
function onPaper(node) {
  const { dataset } = document.documentElement;
  dataset.paper = "";
  try {
    return alone(node);
  } finally {
    delete dataset.paper;
  }
}

// A node as a drawing of its own size: a chart as it is, any other view within one.
export function drawnAlone(node, paper = false) {
  const [width, height] = sizeOf(node);
  const copy = (paper ? onPaper : alone)(node);
  if (node.namespaceURI === SVG) {
    for (const [name, value] of Object.entries({ width, height })) copy.setAttribute(name, value);
    return copy;
  }
  const zoom = zoomOf(node); // lines break as they do on the page
  const whole = makeSvg("svg", { width, height, viewBox: `0 0 ${width * zoom} ${height * zoom}` });
  const room = makeSvg("foreignObject", { width: width * zoom, height: height * zoom });
  [copy.style.margin, copy.style.zoom] = ["0", zoom];
  room.append(copy);
  whole.append(room);
  return whole;
}

// A drawing as something that a canvas takes.
export async function imageOf(drawing) {
  const image = new Image();
  drawing.setAttribute("xmlns", SVG);
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(drawing))}`;
  await image.decode();
  return image;
}

// Whether something of this size is on view.
export function isSeen(node, [width, height] = [LEAST_WIDTH, LEAST_HEIGHT]) {
  const box = node.getBoundingClientRect();
  return box.width >= width && box.height >= height && node.checkVisibility({ visibilityProperty: true });
}

// The views of a page that are seen whole, such as the tables of a playground.
export function viewsOf(root) {
  return [...root.querySelectorAll("[data-view]")].filter((node) => isSeen(node) && node.querySelectorAll("*").length <= MOST_NODES);
}

const areaOf = ({ width, height }) => width * height;

function sharedArea(a, b) {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return width > 0 && height > 0 ? width * height : 0;
}

// The view of the page, or else the largest picture or chart with what lies on it, on the color of the page; null where there is none.
export async function still(root = document) {
  const [view] = viewsOf(root);
  const fits = (node) => isSeen(node) && !node.closest("nav, .gallery, [data-testid=image], dialog:not([open])");
  const seen = view ? [view] : [...root.querySelectorAll("canvas, img, svg")].filter(fits);
  const boxes = seen.map((node) => node.getBoundingClientRect());
  const most = Math.max(0, ...boxes.map(areaOf));
  const main = boxes.find((box) => areaOf(box) === most);
  if (!main) return null;
  const scale = Math.min(2, STILL / Math.max(main.width, main.height));
  const paper = make("canvas");
  [paper.width, paper.height] = [Math.round(main.width * scale), Math.round(main.height * scale)];
  const pen = paper.getContext("2d");
  pen.fillStyle = getComputedStyle(document.body).backgroundColor;
  pen.fillRect(0, 0, paper.width, paper.height);
  for (const [i, node] of seen.entries()) {
    const box = boxes[i];
    if (sharedArea(box, main) < 0.9 * Math.min(areaOf(box), most) || node.parentElement.closest("svg")) continue;
    try {
      const isPicture = node.tagName === "CANVAS" || node.tagName === "IMG";
      const drawn = isPicture ? node : await imageOf(drawnAlone(node, true));
      pen.globalAlpha = Number(getComputedStyle(node).opacity);
      pen.drawImage(drawn, (box.left - main.left) * scale, (box.top - main.top) * scale, box.width * scale, box.height * scale);
    } catch {
      // a drawing that this browser cannot copy is left out
    }
  }
  return trimmed(paper).toDataURL("image/jpeg", 0.85);
}

// The part of an image that is not its first pixel's color: [left, top, width, height]; all of it where there is no other.
export function inkOf({ data, width, height }) {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let i = 0; i < data.length; i += 4) {
    if (Math.abs(data[i] - data[0]) + Math.abs(data[i + 1] - data[1]) + Math.abs(data[i + 2] - data[2]) < NEAR) continue;
    const [x, y] = [(i / 4) % width, Math.floor(i / 4 / width)];
    [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
  }
  return right < 0 ? [0, 0, width, height] : [left, top, right - left + 1, bottom - top + 1];
}

// A canvas without the empty margins of what is drawn on it.
function trimmed(canvas) {
  const [left, top, width, height] = inkOf(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height));
  const [x, y] = [Math.max(left - EDGE, 0), Math.max(top - EDGE, 0)];
  const part = make("canvas");
  [part.width, part.height] = [Math.min(left + width + EDGE, canvas.width) - x, Math.min(top + height + EDGE, canvas.height) - y];
  part.getContext("2d").drawImage(canvas, -x, -y);
  return part;
}
