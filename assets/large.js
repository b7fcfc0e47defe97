// Large: what is shown can be read from the last row of a hall. The address says large=1; the key F and the button turn it on and
// off. All lengths of the page grow together, as with the zoom of a browser, so nothing is laid out twice.
const root = document.documentElement;

function setLarge(on) {
  root.toggleAttribute("data-large", on);
  document.querySelector("#large")?.setAttribute("aria-pressed", String(on));
}

function toggleLarge() {
  const on = !root.hasAttribute("data-large");
  setLarge(on);
  const query = new URLSearchParams(location.search);
  if (on) query.set("large", "1");
  else query.delete("large");
  const text = query.toString();
  history.replaceState(history.state, "", location.pathname + (text ? `?${text}` : "") + location.hash);
}

setLarge(new URLSearchParams(location.search).get("large") === "1");

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]");
  if (event.key.toLowerCase() === "f" && !typing && !event.altKey && !event.ctrlKey && !event.metaKey) toggleLarge();
});

document.addEventListener("click", (event) => event.target.closest?.("#large") && toggleLarge());
