// Printing, which is how a browser writes PDF: letters stay letters, and formulas are set as on the page.

import { make } from "./dom.js";

// Print a document of its own, out of sight.
//   text: HTML with all that it needs inside.
//   title: what the browser proposes as the name of the file.
export function printAlone(text, title) {
  const frame = make("iframe");
  frame.style.cssText = "position: fixed; width: 0; height: 0; border: 0";
  frame.srcdoc = text;
  frame.onload = () => {
    frame.contentDocument.title = title;
    frame.contentWindow.onafterprint = () => frame.remove();
    frame.contentWindow.print();
  };
  document.body.append(frame);
}
