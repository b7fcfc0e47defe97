// Nodes of a document.

const SVG = "http://www.w3.org/2000/svg";

// A node of HTML; without a name it has no class, without a text no content.
export function make(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
}

// A button that sends no form.
export function makeButton(name, text) {
  const button = make("button", name, text);
  button.type = "button";
  return button;
}

export function makeSvg(tag, attributes = {}, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// Let the browser save what lies at an address under a name.
export function saveFrom(address, name) {
  const link = make("a");
  link.href = address;
  link.download = name;
  link.click();
}

// The same for a file that is made here.
export function saveBlob(blob, name) {
  const address = URL.createObjectURL(blob);
  saveFrom(address, name);
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

// The nodes of a component by name: those of the class `${prefix}-${name}`.
export function partsOf(element, prefix, names) {
  return Object.fromEntries(names.map((name) => [name, element.querySelector(`.${prefix}-${name}`)]));
}

// A text with {names} in it, filled with values.
export function filled(text, values) {
  return text.replace(/[{](.+?)[}]/g, (_all, name) => String(values[name]));
}

// How much a node is enlarged where the page is shown large: the browser measures what is seen, and a style says what is written.
export function zoomOf(node) {
  return node.currentCSSZoom ?? 1;
}

// The width of a node in the px of its style.
export function widthOf(node) {
  return node.getBoundingClientRect().width / zoomOf(node);
}

// Text in which _x and _{xy} are set below the line, in a node of HTML or of SVG.
export function written(node, text) {
  const below = (part) => {
    const name = part.replace(/[_{}]/g, "");
    if (node.namespaceURI !== SVG) return make("sub", "", name);
    return makeSvg("tspan", { "baseline-shift": "sub", "font-size": "0.78em" }, name);
  };
  node.replaceChildren(...text.split(/(_\{[^}]*\}|_[\p{L}\p{N}]+)/u).map((part) => (/^_./.test(part) ? below(part) : part)));
  return node;
}
