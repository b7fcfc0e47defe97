// Start the page from the bundle of its modules: see demo/shared/bundle.py.
const at = (name) => new URL(name, document.baseURI).href;
const inHead = (tag, properties) => document.head.append(Object.assign(document.createElement(tag), properties));
const FAILED = "gradio-bundle-failed"; // in this tab: an import map cannot be taken back, so the page starts again without

function mayTry() {
  try {
    return HTMLScriptElement.supports("importmap") && !sessionStorage.getItem(FAILED);
  } catch {
    return false; // an old browser, or one that keeps nothing and would start again without end
  }
}

// As Gradio's own page does.
function startPlainly() {
  inHead("script", { type: "module", crossOrigin: "", src: at(`assets/${told.entry}`) });
}

function cutIntoModules(bundle) {
  const imports = { "gradio/": at("assets/") };
  let from = 0;
  told.modules.forEach((name, i) => {
    const module = URL.createObjectURL(new Blob([new Uint8Array(bundle, from, told.ends[i] - from)], { type: "text/javascript" }));
    imports[`gradio/${name}`] = imports[at(`assets/${name}`)] = module;
    from = told.ends[i];
  });
  return imports;
}

// Gradio fetches what a module needs ahead of it, unless there is a link to it already.
function sayWhatIsHere() {
  for (const name of told.modules) inHead("link", { rel: "here", href: `./assets/${name}` });
  for (const name of told.styles) inHead("link", { disabled: true, rel: "stylesheet", href: `./assets/${name}` });
}

async function start() {
  const answer = await fetch(at(told.address));
  if (!answer.ok) throw new Error(`${answer.status} for ${told.address}`);
  const bundle = await answer.arrayBuffer();
  if (bundle.byteLength !== told.ends.at(-1)) throw new Error(`${bundle.byteLength} bytes came of ${told.address}`);
  return cutIntoModules(bundle);
}

// A page that is left while its modules are read has not failed: to begin again would take the visitor back.
let isLeft = false;
const leave = () => (isLeft = true);

function beginAgain(error) {
  if (isLeft) return;
  console.warn(error);
  sessionStorage.setItem(FAILED, "1");
  location.reload();
}

if (!mayTry()) startPlainly();
else
  start().then(
    (imports) => {
      inHead("script", { type: "importmap", textContent: JSON.stringify({ imports }) });
      sayWhatIsHere();
      window.addEventListener("beforeunload", leave);
      const stay = () => window.removeEventListener("beforeunload", leave);
      import(`gradio/${told.entry}`).catch(beginAgain).finally(stay);
    },
    (error) => {
      console.warn(error);
      startPlainly();
    },
  );
