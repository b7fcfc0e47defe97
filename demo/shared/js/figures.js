// Figures for slides: whatever a page shows as a chart, a tree, a table or a picture, saved as it is drawn there. Charts are SVG, or
// PDF by the browser's own printing; pictures, and all else where that is wanted, are PNG of twice the size. In the colors of the light
// or the dark page, or in grays for print.

import { rgbOf } from "./colors.js";
import { make, makeButton, makeSvg, saveBlob, written } from "./dom.js";
import { alone, drawnAlone, imageOf, isSeen, sizeOf, viewsOf } from "./drawn.js";
import { printAlone } from "./print.js";

const PAPER = { light: "#ffffff", dark: "#0f172a", print: "#ffffff" };
const LETTERS = { light: "#14181f", dark: "#f2f4f8", print: "#000000" };
const LEAST = [140, 70]; // px; what is smaller is a sign
const MARGIN = 12;
const [TITLE, LEGEND, CREDIT] = [15, 12, 10]; // px of letters
const FOOT = 20;
const DARKEST = 0; // L* of the grays for print, and of the lightest that is seen on paper
const LIGHTEST = 60;
const FAINT = 0.3; // opacity of what stays behind
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

// What a page shows that can be saved: whole views and charts as {title, node, svgs or view}, pictures as {title, node, layers}.
export function figuresOf(root) {
  const large = (node) => isSeen(node, LEAST);
  const charts = [...root.querySelectorAll("svg")].filter((svg) => large(svg) && !svg.parentElement.closest("svg") && svg.querySelector("text"));
  const plots = new Map();
  for (const svg of charts) {
    const whole = svg.closest(".svg-container") ?? svg;
    plots.set(whole, [...(plots.get(whole) ?? []), svg]);
  }
  const frames = new Set([...root.querySelectorAll("canvas")].filter(large).map((canvas) => canvas.parentElement));
  const isOther = (node) => frames.has(node) || (node.matches("figure") && charts.some((svg) => node.contains(svg)));
  const views = viewsOf(root).filter((node) => large(node) && !isOther(node));
  const inView = (node) => views.some((view) => view === node.closest("figure")); // a part without a title of its own
  return [
    ...views.map((node) => ({ title: titleOf(node), node, view: node })),
    ...[...frames]
      .filter((frame) => !inView(frame))
      .map((frame) => ({ title: titleOf(frame), node: frame, layers: [...frame.querySelectorAll("img, canvas")].filter(large) })),
    ...[...plots].map(([node, svgs]) => ({ title: titleOf(node), node, svgs })),
  ];
}

// What a caption says, with what stands lowered in it as `written` takes it.
export function captionText(caption) {
  const text = [...caption.childNodes].map((node) => (node.nodeName === "SUB" ? `_{${node.textContent}}` : node.textContent));
  return text.join("").replace(/\s+/g, " ").trim();
}

// The first words of what is said of a picture to those who do not see it; keys and numbers follow.
export const labelText = (label) => label.split(/[.;]\s|: (?=.*\d)/)[0].trim();

const HEADINGS = "[role=tab][aria-selected=true], .st-title, .pg-title, .cl-title, main h2";

// The heading that a view has of its own.
const headOf = (node) => node.querySelector(":scope > :is(h2, h3, figcaption)");

function titleOf(node) {
  const caption = node.matches("[data-view]") ? headOf(node) : node.closest("figure")?.querySelector("figcaption");
  if (caption?.textContent.trim()) return captionText(caption);
  const label = node.getAttribute("aria-label") ?? node.querySelector(":scope > canvas")?.getAttribute("aria-label");
  return label ? labelText(label) : captionText(document.querySelector(HEADINGS) ?? document.querySelector("title"));
}

// What the colors of a chart mean, where that stands beside it: [{ink, text}].
function legendOf(figure) {
  const entries = figure.svgs ? [...(figure.node.closest("figure")?.querySelectorAll("[class$=-legend] > *") ?? [])] : [];
  return entries.map((entry) => {
    const [line] = entry.querySelectorAll("svg line");
    const chip = entry.querySelector("[class$=-chip]");
    return { ink: line ? getComputedStyle(line).stroke : chip && getComputedStyle(chip).backgroundColor, text: captionText(entry) };
  });
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

function printed(root) {
  const nodes = [...root.querySelectorAll("*")];
  const map = grays(nodes.flatMap((node) => [node.style.fill, node.style.stroke]));
  for (const { tagName, style } of nodes) {
    if (map.has(style.fill) && Number(style.fillOpacity) > FAINT) style.fillOpacity = 1; // grays are light enough
    for (const name of ["fill", "stroke"]) {
      const gray = map.get(style.getPropertyValue(name));
      if (gray) style.setProperty(name, gray);
    }
    if (tagName === "text" || tagName === "tspan") style.fill = LETTERS.print;
  }
  for (const room of root.querySelectorAll("foreignObject")) room.style.filter = "grayscale(1)";
}

const fontOf = (size, weight = 400) => `${weight} ${size}px system-ui, sans-serif`;

function widthOfText(text, size, weight) {
  const pen = make("canvas").getContext("2d");
  pen.font = fontOf(size, weight);
  return pen.measureText(text).width;
}

// Words in lines of at most a width.
//   measure: the width of a text.
export function linesOf(text, width, measure) {
  const lines = [];
  for (const word of text.split(" ")) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && measure(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

function text(x, y, words, size, weight, color) {
  return written(makeSvg("text", { x, y, style: `font: ${fontOf(size, weight)}; fill: ${color}` }), words);
}

// The title in lines from a height on; returns the height below.
function drawTitle(whole, title, width, color) {
  const lines = linesOf(title, width, (words) => widthOfText(words, TITLE, 600));
  lines.forEach((line, i) => whole.append(text(MARGIN, MARGIN + 14 + i * (TITLE + 5), line, TITLE, 600, color)));
  return MARGIN + lines.length * (TITLE + 5) + 6;
}

// Chips and words in rows from a height on; returns the height below.
function drawLegend(whole, entries, top, width, color) {
  let [x, y] = [MARGIN, top];
  for (const { ink, text: words } of entries) {
    const wide = 18 + widthOfText(words, LEGEND) + 16;
    if (x > MARGIN && x + wide > MARGIN + width) [x, y] = [MARGIN, y + LEGEND + 8];
    if (ink) whole.append(makeSvg("rect", { x, y: y + 3, width: 12, height: LEGEND - 2, style: `fill: ${ink}` }));
    whole.append(text(x + (ink ? 18 : 0), y + LEGEND, words, LEGEND, 400, color));
    x += wide;
  }
  return entries.length ? y + LEGEND + 8 : top;
}

// A chart or a view with its title, legend and credit as a document of SVG: {drawing, text, width, height}.
export function svgOf(figure, theme, credit) {
  const parts = figure.view ? [figure.view] : figure.svgs;
  const sizes = parts.map(sizeOf);
  const width = Math.max(...sizes.map(([wide]) => wide));
  const height = Math.max(...sizes.map(([, high]) => high));
  const [copies, legend] = inTheme(theme, () => [parts.map((part) => (figure.view ? drawnAlone(part, theme === "print") : alone(part))), legendOf(figure)]);
  const whole = makeSvg("svg", { xmlns: "http://www.w3.org/2000/svg" });
  whole.append(makeSvg("title", {}, figure.title), makeSvg("rect", { width: "100%", height: "100%", fill: PAPER[theme] }));
  const top = figure.view && headOf(figure.view) ? MARGIN : drawTitle(whole, figure.title, width, LETTERS[theme]);
  for (const copy of copies) {
    for (const [name, value] of Object.entries({ x: MARGIN, y: top, width, height })) copy.setAttribute(name, value);
    whole.append(copy);
  }
  const bottom = drawLegend(whole, legend, top + height + 6, width, LETTERS[theme]);
  const size = [width + 2 * MARGIN, bottom + FOOT + MARGIN];
  for (const [name, value] of Object.entries({ width: size[0], height: size[1], viewBox: `0 0 ${size[0]} ${size[1]}` })) whole.setAttribute(name, value);
  whole.append(text(MARGIN, size[1] - MARGIN, credit, CREDIT, 400, LETTERS[theme]));
  if (theme === "print") printed(whole);
  return { drawing: whole, text: new XMLSerializer().serializeToString(whole), width: size[0], height: size[1] };
}

// The color that lies behind a picture, where it has one.
function groundOf(layer, frame) {
  for (let node = layer; node && node !== frame.parentElement; node = node.parentElement) {
    const color = getComputedStyle(node).backgroundColor;
    if (colorOf(color)) return color;
  }
  return null;
}

async function pngOf(figure, theme, credit) {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  if (!figure.layers) {
    const { drawing, width, height } = svgOf(figure, theme, credit);
    [canvas.width, canvas.height] = [Math.round(TWICE * width), Math.round(TWICE * height)];
    context.drawImage(await imageOf(drawing), 0, 0, canvas.width, canvas.height);
  } else {
    const box = figure.node.getBoundingClientRect();
    [canvas.width, canvas.height] = [Math.round(TWICE * box.width), Math.round(TWICE * (box.height + (credit ? FOOT : 0)))];
    context.fillStyle = PAPER[theme];
    context.fillRect(0, 0, canvas.width, canvas.height);
    for (const layer of figure.layers) {
      const { left, top, width, height } = layer.getBoundingClientRect();
      const place = [TWICE * (left - box.left), TWICE * (top - box.top), TWICE * width, TWICE * height];
      const { opacity, filter } = getComputedStyle(layer);
      const ground = layer === figure.layers[0] ? groundOf(layer, figure.node) : null;
      [context.globalAlpha, context.filter] = [Number(opacity), theme === "print" ? "grayscale(1)" : filter];
      if (ground) {
        context.fillStyle = ground;
        context.fillRect(...place);
      }
      context.drawImage(layer, ...place);
    }
    [context.globalAlpha, context.filter, context.fillStyle] = [1, "none", LETTERS[theme]];
    context.font = fontOf(TWICE * CREDIT);
    context.fillText(credit, TWICE * 4, TWICE * (box.height + 14));
  }
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

// A page of the size of the figure.
function print({ text, width, height }, name) {
  const style = `@page { size: ${width}px ${height}px; margin: 0 } body { margin: 0 } svg { display: block }`;
  printAlone(`<title></title><style>${style}</style>${text}`, name);
}

function nameOf(title) {
  return title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 60) || "figure";
}

async function saveAs(figure, kind, theme, credit) {
  const name = `${nameOf(figure.title)}-${theme}`;
  if (kind === "PNG") return saveBlob(await pngOf(figure, theme, credit), `${name}.png`);
  const made = svgOf(figure, theme, credit);
  if (kind === "PDF") return print(made, name);
  return saveBlob(new Blob([made.text], { type: "image/svg+xml" }), `${name}.svg`);
}

const rootOf = () => document.querySelector("main") ?? document.body;

// A figure as it is on view now: what is drawn anew while the list is open may be another node.
function asItIs(figure) {
  const kind = ["view", "layers", "svgs"].find((name) => figure[name]);
  return (!figure.node.isConnected && figuresOf(rootOf()).find((now) => now.title === figure.title && now[kind])) || figure;
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
  const figures = figuresOf(rootOf());
  const list = make("ul");
  for (const figure of figures) {
    const row = make("li");
    row.append(written(make("span"), figure.title));
    for (const kind of figure.svgs ? ["SVG", "PDF", "PNG"] : figure.view ? ["PDF", "PNG"] : ["PNG"]) {
      const button = makeButton("", kind);
      button.setAttribute("aria-label", `${kind}: ${figure.title}`);
      button.addEventListener("click", () => saveAs(asItIs(figure), kind, theme.value, creditOf(credits, location)));
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
