// One view alone: with embed=1 in the address the page shows what it is about, without navigation and controls, as large as its
// frame allows. The address says so from the first moment on, and goes on saying so.
const root = document.documentElement;
const LEAST = 0.5; // below it letters cannot be read: what is longer is scrolled
const MOST = 2.5;
const TRIES = 7; // halvings: the size is found to 2 %

function fit(page) {
  const fits = (zoom) => {
    root.style.zoom = zoom;
    return page.scrollHeight * zoom < window.innerHeight - 1 && page.scrollWidth <= page.clientWidth + 1;
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
  const look = () => {
    const page = document.querySelector(".gradio-container");
    if (!page) return;
    const now = { width: window.innerWidth, height: window.innerHeight, content: page.scrollHeight };
    if (Object.keys(now).every((name) => Math.abs(now[name] - known[name]) <= 1)) return;
    fit(page);
    Object.assign(known, now, { content: page.scrollHeight });
    root.dataset.embed = "fits"; // what a test waits for
  };
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, 60);
  };
  window.addEventListener("resize", soon);
  new ResizeObserver(soon).observe(root);
}

if (new URLSearchParams(location.search).get("embed") === "1") embed();
