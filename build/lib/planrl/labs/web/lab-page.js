// @ts-check
/* Makes the live labs of a page, which train in a worker (worker.js). Loaded after lab.js. */
(() => {
  "use strict";

  /** Why nothing can be trained here, or "". */
  function obstacle() {
    if (location.protocol === "file:") {
      return "Training in the page needs a web server (make serve); this page is a file.";
    }
    const newer = "Any browser of 2023 or later can, unless a setting or a policy forbids it.";
    if (!("Worker" in window)) {
      return `This browser can't train in the page: it lacks workers (Worker). ${newer}`;
    }
    // The smallest program with an instruction of WebAssembly SIMD in it.
    const simd = "AGFzbQEAAAABBQFgAAF7AwIBAAoKAQgAQQD9D/1iCw==";
    const program = Uint8Array.from(atob(simd), (letter) => letter.charCodeAt(0));
    const able = typeof WebAssembly === "object" && WebAssembly.validate(program);
    return able
      ? ""
      : `This browser can't train in the page: it lacks WebAssembly SIMD. ${newer}`;
  }

  /** @type {Address} */
  const address = {
    asked: new URLSearchParams(location.search),
    link(query) {
      const here = new URL(location.href);
      here.search = query;
      return here.href;
    },
    write(link) {
      try {
        history.replaceState(history.state, "", link);
      } catch {
        // A page opened as a file may not write its address; the link can still be copied.
      }
    },
  };

  const blocked = obstacle();
  for (const host of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".planrl-lab"))) {
    const json = host.querySelector("script[type='application/json']")?.textContent ?? "{}";
    const root = new URL(host.dataset.live ?? "", document.baseURI);
    const trainer = {
      root: root.href,
      start: () => new Worker(new URL("worker.js", root), { type: "module" }),
      explain: () => planrlLabHosting.explain(root),
      waiting: "",
    };
    planrlLab.start(host, JSON.parse(json), { blocked, address, where: "page", trainer });
  }
})();
