// A page shown large or in a frame is zoomed. Engines measure a box as it is seen, like the places of a pointer, since they know
// `currentCSSZoom`; before that, and in WebKit still, they measure it as it is written. Here all measure alike. A hundredth of the height of the
// window, --vh, grows with all other lengths.
const root = document.documentElement;
const measured = Element.prototype.getBoundingClientRect;
const zoom = () => Number(getComputedStyle(root).zoom) || 1; // only the whole page is zoomed

if (!("currentCSSZoom" in Element.prototype)) {
  Object.defineProperty(Element.prototype, "currentCSSZoom", { configurable: true, get: zoom });
  Element.prototype.getBoundingClientRect = function () {
    const box = measured.call(this);
    const times = zoom();
    if (times === 1) return box;
    const page = measured.call(root); // where it begins is as far away as it is scrolled
    const [x, y] = [(box.x - page.x) * times - window.scrollX, (box.y - page.y) * times - window.scrollY];
    return new DOMRect(x, y, box.width * times, box.height * times);
  };
  const tellHeight = () => root.style.setProperty("--vh", `${window.innerHeight / 100}px`);
  window.addEventListener("resize", tellHeight);
  tellHeight();
}
