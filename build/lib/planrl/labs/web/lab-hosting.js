// @ts-check
/* Says in words why a lab's files could not be loaded, and what helps: a host sends them as another
 * type, a web page in their place, or not whole. Loaded before lab-training.js. */

/** @typedef {{kind: string, path: string, told: string}} Trouble */
const planrlLabHosting = (() => {
  "use strict";

  // Run by the browser, which tells nobody why it refused one.
  const MODULES = ["worker.js", "ort/ort.wasm.min.mjs", "ort/ort-wasm-simd-threaded.mjs"];
  const SCRIPT = /^(text|application)\/(x-)?(java|ecma)script\b/i;
  const WHOLE = "Upload all of _build/html";

  /** @type {Record<string, (path: string, told: string) => string>} */
  const WORDS = {
    unreachable: (path) =>
      `${path} could not be fetched: the server does not answer, or something on the way blocks it. ` +
      "Load the page again when it does",
    missing: (path, told) =>
      `${path}: ${told}, the server does not have it. Was the book built without npm? Then install ` +
      `Node.js and build it again (make book). ${WHOLE}`,
    refused: (path, told) => `${path}: ${told}, the server refuses it. Let it be read by everybody`,
    page: (path) =>
      `instead of ${path} the server sent a web page (HTML), as hosts of single-page sites do for ` +
      `each file that they lack. ${WHOLE}, and take _static out of that rule`,
    part: (path, told) =>
      `${path} is not whole: ${told} came. Load the page again; if that does not help, upload it again`,
    type: (path, told) =>
      `the server sends ${path} as ${told}, and browsers run it only as text/javascript. Let the ` +
      "server send .js and .mjs as text/javascript, as make serve does",
    policy: () =>
      "the server's Content-Security-Policy forbids WebAssembly. Let it allow 'wasm-unsafe-eval'",
  };

  /** @param {Trouble} trouble */
  const words = ({ kind, path, told }) => WORDS[kind](path, told);

  /** What is wrong with a module, in words, or "". @param {URL} root @param {string} path */
  async function examine(root, path) {
    let response;
    try {
      response = await fetch(new URL(path, root));
      await response.arrayBuffer();
    } catch {
      return words({ kind: "unreachable", path, told: "" });
    }
    const type = response.headers.get("Content-Type") ?? "";
    if (!response.ok) {
      const kind = response.status === 404 ? "missing" : "refused";
      return words({ kind, path, told: `${response.status}` });
    }
    if (/^text\/html\b/i.test(type)) return words({ kind: "page", path, told: type });
    return SCRIPT.test(type) ? "" : words({ kind: "type", path, told: type || "nothing" });
  }

  /** Why the modules can't be run, in words, or "" if nothing is wrong with them.
   * @param {URL} root the folder of worker.js */
  async function explain(root) {
    for (const path of MODULES) {
      const wrong = await examine(root, path);
      if (wrong) return wrong;
    }
    return "";
  }

  return { words, explain };
})();
