// The bar of one job. Other components of the page hear of news by the event "segcore-job" of the document.

import { asked, keepInAddress } from "../../js/address.js";
import { firstJobs, followJob } from "../../js/jobs.js";

export function mount({ element, props, trigger, watch, server, fixed }) {
  const panel = element.querySelector(".jb-panel");
  const box = element.querySelector(".jb-box");
  let following = null;
  let shown = null;
  let newest = "";

  function follow(id) {
    if (id === shown) return following?.again();
    following?.end();
    following = null;
    [shown, newest] = [id, ""];
    panel.hidden = !id;
    keepInAddress({ [fixed.name]: id });
    if (id) following = followJob({ element, server, words: fixed.words }, box, id, tell);
  }

  function tell(look) {
    document.dispatchEvent(new CustomEvent("segcore-job", { detail: look }));
    const now = `${look.state} ${look.version}`;
    if (now !== newest) trigger("news", { id: look.id, state: look.state, version: look.version });
    newest = now;
  }

  async function begin() {
    const own = await firstJobs(server, asked(fixed.name));
    if (!shown && own.length) {
      props.value = own.at(-1);
      follow(props.value);
    }
  }

  watch("value", () => follow(props.value ?? null));
  if (props.value) follow(props.value);
  else begin();
}
