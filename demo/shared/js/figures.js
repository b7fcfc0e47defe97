// Figures for slides: whatever a page shows as a chart, a tree or a picture, saved as it is drawn there. Charts are SVG, or PDF by the
// browser's own printing; pictures, and charts where that is wanted, are PNG of twice the size. In the colors of the light or the dark
// page, or in grays for print.

import { rgbOf } from "./colors.js";
import { make, makeButton, makeSvg } from "./dom.js";

const KEPT = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity",
  "font-family", "font-size", "font-weight", "font-style", "text-anchor", "dominant-baseline", "paint-order", "visibility", "display",
];
const PAPER = { light: "#ffffff", dark: "#0f172a", print: "#ffffff" };
const LETTERS = { light: "#14181f", dark: "#f2f4f8", print: "#000000" };
const [LEAST_WIDTH, LEAST_HEIGHT] = [140, 70]; // px; what is smaller is a sign
const MARGIN = 12;
const HEAD = 26;
const FOOT = 20;
const DARKEST = 0; // L* of the grays for print, and of the lightest that is seen on paper
const LIGHTEST = 72;
const TWICE = 2;

// The numbers of "rgb(1, 2, 3)" or "#010203"; null where there is no color.
export function colorOf(text) {
  if (/^#[0-9a-f]{6}/i.test(text)) return rgbOf(text);
  const numbers = text.match(/[\d.]+/g)?.map(Number);
  return text.startsWith("rgb") && numbers.length >= 3 && numbers[3] !== 0 ? numbers.slice(0, 3) : null;
}

// Relative luminance, 0 to 1, of [red, green, blue].
export function luminance(color) {
  const [r, g, b] = color.map((byte) => (byte <= 10.31475 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function isGray([r, g, b]) {
  return Math.max(r, g, b) - Math.min(r, g, b) < 24;
}

// The gray of a lightness L*, 0 to 100.
function grayOf(lightness) {
  const y = lightness > 8 ? ((lightness + 16) / 116) ** 3 : lightness / 903.3;
  const byte = Math.round(255 * (y <= 0.0031308 ? 12.92 * y : 1.055 * y ** (1 / 2.4) - 0.055));
  return `rgb(${byte}, ${byte}, ${byte})`;
}

// For each color that is none of gray a gray of its own, evenly apart in lightness, in the order of their luminance.
export function grays(colors) {
  const hues = [...new Set(colors)].filter((text) => colorOf(text) && !isGray(colorOf(text)));
  hues.sort((a, b) => luminance(colorOf(a)) - luminance(colorOf(b)));
  const step = hues.length > 1 ? (LIGHTEST - DARKEST) / (hues.length - 1) : 0;
  return new Map(hues.map((text, i) => [text, grayOf(DARKEST + i * step)]));
}

// What a page shows that can be saved: {title, svgs} or {title, layers}.
export function figuresOf(root) {
  const large = (node) => {
    const { width, height } = node.getBoundingClientRect();
    return width >= LEAST_WIDTH && height >= LEAST_HEIGHT && node.checkVisibility?.() !== false;
  };
  const charts = [...root.querySelectorAll("svg")].filter((svg) => large(svg) && !svg.parentElement.closest("svg") && svg.querySelector("text"));
  const plots = new Map();
  for (const svg of charts) {
    const whole = svg.closest(".svg-container") ?? svg;
    plots.set(whole, [...(plots.get(whole) ?? []), svg]);
  }
  const frames = new Set([...root.querySelectorAll("canvas")].filter(large).map((canvas) => canvas.parentElement));
  return [
    ...[...frames].map((frame) => ({ title: titleOf(frame), node: frame, layers: [...frame.querySelectorAll("img, canvas")].filter(large) })),
    ...[...plots].map(([node, svgs]) => ({ title: titleOf(node), node, svgs })),
  ];
}

function titleOf(node) {
  const told = node.closest("figure")?.querySelector("figcaption")?.textContent ?? node.getAttribute("aria-label");
  return (told || document.querySelector("[role=tab][aria-selected=true], .st-title, .pg-title, main h2")?.textContent || document.title).trim();
}

// Whose picture it is: the example that the address names, on the pages of one picture; nobody's for points.
//   credits: by id of the example.
export function creditOf(credits, { pathname, search }) {
  const query = new URLSearchParams(search);
  const shown = /\/(steps|scribble)?\/?$/.test(pathname) && (query.get("data") ?? "picture") === "picture";
  return (shown && credits[query.get("example")]) || "";
}

// Do something while the page has the colors of a theme; nothing of it is seen.
function inTheme(theme, what) {
  const { classList } = document.body;
  const dark = classList.contains("dark");
  classList.toggle("dark", theme === "dark");
  try {
    return what();
  } finally {
    classList.toggle("dark", dark);
  }
}

// A copy that looks the same alone: each node with its own styles.
function copyOf(svg) {
  const copy = svg.cloneNode(true);
  const originals = [svg, ...svg.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((node, i) => {
    const style = getComputedStyle(originals[i]);
    for (const name of KEPT) node.style.setProperty(name, style.getPropertyValue(name));
    node.removeAttribute("class");
  });
  return copy;
}

function printed(copies) {
  const nodes = copies.flatMap((copy) => [...copy.querySelectorAll("*")]);
  const map = grays(nodes.flatMap((node) => [node.style.fill, node.style.stroke]));
  for (const node of nodes)
    for (const name of ["fill", "stroke"]) {
      const gray = map.get(node.style.getPropertyValue(name));
      if (gray) node.style.setProperty(name, gray);
    }
}

function written(x, y, text, size, weight, color) {
  return makeSvg("text", { x, y, style: `font: ${weight} ${size}px system-ui, sans-serif; fill: ${color}` }, text);
}

// A chart with its title and credit as a document of SVG: {text, width, height}.
export function svgOf(figure, theme, credit) {
  const boxes = figure.svgs.map((svg) => svg.getBoundingClientRect());
  const zoom = figure.node.currentCSSZoom ?? 1;
  const [width, height] = [Math.max(...boxes.map((box) => box.width)) / zoom, Math.max(...boxes.map((box) => box.height)) / zoom];
  const copies = inTheme(theme, () => figure.svgs.map(copyOf));
  if (theme === "print") printed(copies);
  const whole = makeSvg("svg", { xmlns: "http://www.w3.org/2000/svg" });
  const size = [width + 2 * MARGIN, height + HEAD + FOOT + 2 * MARGIN];
  for (const [name, value] of Object.entries({ width: size[0], height: size[1], viewBox: `0 0 ${size[0]} ${size[1]}` })) whole.setAttribute(name, value);
  whole.append(makeSvg("title", {}, figure.title), makeSvg("rect", { width: size[0], height: size[1], fill: PAPER[theme] }));
  whole.append(written(MARGIN, MARGIN + 14, figure.title, 15, 600, LETTERS[theme]));
  for (const copy of copies) {
    copy.setAttribute("x", MARGIN);
    copy.setAttribute("y", MARGIN + HEAD);
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    whole.append(copy);
  }
  whole.append(written(MARGIN, size[1] - MARGIN, credit, 10, 400, LETTERS[theme]));
  return { text: new XMLSerializer().serializeToString(whole), width: size[0], height: size[1] };
}

const loaded = (source) =>
  new Promise((done, failed) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = failed;
    image.src = source;
  });

async function pngOf(figure, theme, credit) {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  if (figure.svgs) {
    const { text, width, height } = svgOf(figure, theme, credit);
    [canvas.width, canvas.height] = [Math.round(TWICE * width), Math.round(TWICE * height)];
    context.drawImage(await loaded(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`), 0, 0, canvas.width, canvas.height);
  } else {
    const box = figure.node.getBoundingClientRect();
    [canvas.width, canvas.height] = [Math.round(TWICE * box.width), Math.round(TWICE * (box.height + (credit ? FOOT : 0)))];
    context.fillStyle = PAPER[theme];
    context.fillRect(0, 0, canvas.width, canvas.height);
    for (const layer of figure.layers) {
      const { left, top, width, height } = layer.getBoundingClientRect();
      const { opacity, filter } = getComputedStyle(layer);
      [context.globalAlpha, context.filter] = [Number(opacity), theme === "print" ? "grayscale(1)" : filter];
      context.drawImage(layer, TWICE * (left - box.left), TWICE * (top - box.top), TWICE * width, TWICE * height);
    }
    [context.globalAlpha, context.filter, context.fillStyle] = [1, "none", LETTERS[theme]];
    context.font = `${TWICE * 10}px system-ui, sans-serif`;
    context.fillText(credit, TWICE * 4, TWICE * (box.height + 14));
  }
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

function save(blob, name) {
  const link = make("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// The browser prints to PDF, with letters as letters: a page of the size of the figure.
function print({ text, width, height }, title) {
  const frame = make("iframe");
  frame.style.cssText = "position: fixed; width: 0; height: 0; border: 0";
  frame.srcdoc = `<title></title><style>@page { size: ${width}px ${height}px; margin: 0 } body { margin: 0 } svg { display: block }</style>${text}`;
  frame.onload = () => {
    frame.contentDocument.title = title;
    frame.contentWindow.onafterprint = () => frame.remove();
    frame.contentWindow.print();
  };
  document.body.append(frame);
}

function nameOf(title) {
  return title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 60) || "figure";
}

async function saveAs(figure, kind, theme, credit) {
  const name = `${nameOf(figure.title)}-${theme}`;
  if (kind === "PNG") return save(await pngOf(figure, theme, credit), `${name}.png`);
  const made = svgOf(figure, theme, credit);
  if (kind === "PDF") return print(made, name);
  return save(new Blob([made.text], { type: "image/svg+xml" }), `${name}.svg`);
}

// A list of the figures on view, each with the formats that it has; by mouse and by keyboard.
export function open(words, credits) {
  document.querySelector("#figure-list")?.remove();
  const dialog = make("dialog");
  dialog.id = "figure-list";
  const theme = make("select");
  for (const [value, text] of Object.entries(words.themes)) theme.append(new Option(text, value));
  theme.value = document.body.classList.contains("dark") ? "dark" : "light";
  const label = make("label", "", words.colors);
  label.append(theme);
  const figures = figuresOf(document.querySelector("main") ?? document.body);
  const list = make("ul");
  for (const figure of figures) {
    const row = make("li", "", figure.title);
    for (const kind of figure.svgs ? ["SVG", "PDF", "PNG"] : ["PNG"]) {
      const button = makeButton("", kind);
      button.setAttribute("aria-label", `${kind}: ${figure.title}`);
      button.addEventListener("click", () => saveAs(figure, kind, theme.value, creditOf(credits, location)));
      row.append(button);
    }
    list.append(row);
  }
  const close = makeButton("", words.close);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.append(make("h2", "", words.title), figures.length ? list : make("p", "", words.none), label, close);
  document.body.append(dialog);
  dialog.showModal();
}
