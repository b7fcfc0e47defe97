// Figures: the key G and the button list what is on view, to be saved for slides. The script that does it comes when it is asked for.
const listFigures = () => import(new URL(told.script, document.baseURI)).then((page) => page[told.name].open(told.words, told.credits));

document.addEventListener("click", (event) => event.target.closest?.("#figures") && listFigures());

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input:not([type=range], [type=checkbox]), textarea, select, [contenteditable], dialog");
  if (event.key.toLowerCase() === "g" && !typing && !event.altKey && !event.ctrlKey && !event.metaKey) listFigures();
});
