// Put what the page opens with among the first properties of its components, unless the address asks for something else: see
// demo/shared/opening.py.
const BESIDE = ["__theme", "large", "embed"]; // names of an address that ask for no other picture

function sorted(query) {
  const parts = new URLSearchParams(query);
  for (const name of BESIDE) parts.delete(name);
  parts.sort();
  return String(parts);
}

// The address of a file holds that of the server, which the page knows.
function withRoot(value) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(withRoot);
  const whole = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withRoot(part)]));
  if (value.meta?._type === "gradio.FileData" && value.url?.startsWith("/")) {
    whole.url = window.gradio_config.root + value.url;
    new Image().src = whole.url; // it comes while the page is made
  }
  return whole;
}

if (["", sorted(first.link)].includes(sorted(location.search)) && window.gradio_config?.components) {
  for (const component of window.gradio_config.components) Object.assign(component.props, withRoot(first.props[component.id]));
  window.segcoreOpened = true;
}
