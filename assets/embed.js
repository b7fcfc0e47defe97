// One view alone: with embed=1 in the address the page shows what it is about, without navigation and controls, as large as its
// frame allows. The address says so from the first moment on, and goes on saying so.
const root = document.documentElement;
const LEAST = 0.5; // below it letters cannot be read: what is longer is scrolled
const MOST = 2.5;
const MARGIN = 8; // px below what is shown
const TRIES = 7; // halvings: the size is found to 2 %

// Where what is shown ends, in pixels of the screen: the page itself is never shorter than its frame.
function bottomOf(main) {
  const bottoms = [...main.children].map((node) => node.getBoundingClientRect().bottom);
  return Math.max(0, ...bottoms) + window.scrollY;
}

function fit(main, page) {
  const fits = (zoom) => {
    root.style.zoom = zoom;
    return bottomOf(main) + MARGIN * zoom < window.innerHeight && page.scrollWidth <= page.clientWidth + 1;
  };
  let [lo, hi] = [LEAST, MOST];
  for (let i = 0; i < TRIES; i++) {
    const middle = Math.sqrt(lo * hi);
    if (fits(middle)) lo = middle;
    else hi = middle;
  }
  root.style.zoom = lo;
}

function embed() {
  root.toggleAttribute("data-embed", true);
  const known = { width: 0, height: 0, content: 0 };
  let waiting = 0;
  const sizes = (main) => ({ width: window.innerWidth, height: window.innerHeight, content: bottomOf(main) });
  const look = () => {
    const page = document.querySelector(".gradio-container");
    const main = page?.querySelector("main");
    if (!main) return soon();
    for (const part of main.children) growing.observe(part);
    const now = sizes(main);
    if (Object.keys(now).every((name) => Math.abs(now[name] - known[name]) <= 1)) return;
    fit(main, page);
    Object.assign(known, sizes(main));
    root.dataset.embed = "fits"; // what a test waits for
  };
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, 60);
  };
  const growing = new ResizeObserver(soon);
  window.addEventListener("resize", soon);
  growing.observe(root);
}

if (new URLSearchParams(location.search).get("embed") === "1") embed();
