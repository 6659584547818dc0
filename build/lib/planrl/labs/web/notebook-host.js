// @ts-check
/* What a piece of a page needs inside a notebook: the notebook's theme, and its own keys. */

/** @typedef {{get: (name: string) => any, send: (message: any) => void,
 *   on: (name: string, call: (...args: any[]) => void) => void,
 *   off: (name: string, call: (...args: any[]) => void) => void}} Model */
const planrlNotebook = (() => {
  "use strict";

  /** Say in the page's root which theme the notebook has, as the book's pages do. */
  function followTheme() {
    const { body, documentElement: root } = document;
    const dark = body.dataset.jpThemeLight === "false" || root.getAttribute("theme") === "dark";
    const theme = dark ? "dark" : "light";
    if (root.dataset.theme !== theme) root.dataset.theme = theme;
  }

  /** Keys that a control answers to are not the notebook's. JupyterLab listens before the control does, and
   * looks for the attribute from the control on upwards. @param {HTMLElement} host */
  function keepKeys(host) {
    const keep = (/** @type {KeyboardEvent} */ { target, ctrlKey, metaKey, altKey }) => {
      if (target instanceof Element && host.contains(target)) {
        target.toggleAttribute("data-lm-suppress-shortcuts", !(ctrlKey || metaKey || altKey));
      }
    };
    window.addEventListener("keydown", keep, true);
    host.addEventListener("keydown", (event) => event.stopPropagation()); // the classic notebook listens after it
    return () => window.removeEventListener("keydown", keep, true);
  }

  /** Make an element at home in the notebook. @param {HTMLElement} host @returns {() => void} ends it */
  function enter(host) {
    followTheme();
    const themes = new MutationObserver(followTheme);
    themes.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
    themes.observe(document.documentElement, { attributeFilter: ["theme"] });
    const freeKeys = keepKeys(host);
    return () => {
      freeKeys();
      themes.disconnect();
    };
  }

  return { enter };
})();
