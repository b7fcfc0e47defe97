// Arrays on their way from and to Python.

export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

// The numbers of export.pack_floats.
export function floatsOf(base64) {
  return new Float32Array(bytesOf(base64).buffer);
}

// Bytes as text that may stand in an address.
export function addressText(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// What a server answered; where it could not be reached, Gradio gives nothing instead of an error.
export function heard(answer) {
  if (answer === undefined) throw new Error("no answer");
  return answer;
}
