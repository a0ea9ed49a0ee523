"use strict";
// Data come in chunks: script files that call chunk(name, data). file:// forbids fetch, but a page
// may always add a script, and each page adds only those it needs.

const CHUNKS = new Map();
const WAITING = new Map();

// Called by the chunk files.
function chunk(name, data) {
  CHUNKS.set(name, data);
}

// Data of a chunk, loaded the first time it is asked for.
function load(name) {
  if (CHUNKS.has(name)) return Promise.resolve(CHUNKS.get(name));
  if (!WAITING.has(name)) {
    WAITING.set(name, new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `chunks/${name}.js`;
      script.onload = () => resolve(CHUNKS.get(name));
      script.onerror = () => {
        WAITING.delete(name);
        reject(new Error(`chunks/${name}.js is missing: copy the whole folder of the site.`));
      };
      document.head.append(script);
    }));
  }
  return WAITING.get(name);
}

// The numbers of a packed trace: base64, deflate, seven bits a byte, zigzag, differences.
async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const data = new Uint8Array(await new Response(stream).arrayBuffer());
  let count = 0;
  for (const byte of data) if (byte < 128) count += 1;
  const values = new Float64Array(count);
  let value = 0, factor = 1, last = 0, place = 0;
  for (const byte of data) {
    value += (byte & 127) * factor;
    factor *= 128;
    if (byte < 128) {
      last += value % 2 ? -(value + 1) / 2 : value / 2;
      values[place] = last;
      place += 1;
      value = 0;
      factor = 1;
    }
  }
  return values;
}
