// A secret of this browser: who knows it may stop its jobs.
export function visitor() {
  const key = "segcore-visitor";
  let own = null;
  try {
    own = localStorage.getItem(key);
  } catch {
    // a browser that forbids storage: the secret lasts as long as the page
  }
  own ??= window.segcoreVisitor;
  if (!own) {
    own = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    window.segcoreVisitor = own;
    try {
      localStorage.setItem(key, own);
    } catch {
      // as above
    }
  }
  return own;
}
