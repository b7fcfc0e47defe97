// The body of a function that Gradio calls with element, props, trigger, watch and server; `fixed` comes from the Python class.
// The bar of one job. Other components of the page hear of news by the event "segcore-job" of the document.

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
  keepInAddress({ job: id });
  if (id) following = followJob(box, id, tell);
}

function tell(look) {
  document.dispatchEvent(new CustomEvent("segcore-job", { detail: look }));
  const now = `${look.state} ${look.version}`;
  if (now !== newest) trigger("news", { id: look.id, state: look.state, version: look.version });
  newest = now;
}

async function begin() {
  const linked = new URLSearchParams(location.search).get("job");
  const own = linked ? [linked] : await server.own({ visitor: visitor() }).catch(() => []);
  if (!shown && own.length) {
    props.value = own.at(-1);
    follow(props.value);
  }
}

watch("value", () => follow(props.value ?? null));
if (props.value) follow(props.value);
else begin();
