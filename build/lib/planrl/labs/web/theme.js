// @ts-check
/* The colours of figures on a dark page. Loaded before what draws figures: plotly-figures.js and labs. */
(() => {
  "use strict";

  /** @param {any} value */
  const isObject = (value) =>
    value !== null && typeof value === "object" && !Array.isArray(value) && !("bdata" in value);

  /** What a figure is given, in colours that are seen on a dark page. A filled shape keeps its
   * colour, on which its letters are read.
   * @param {any} value @param {string} [key] @returns {any} */
  function onDark(value, key) {
    if (typeof value === "string") {
      if (key === "fillcolor" && value.startsWith("#")) return value;
      /** @type {Record<string, string>} */
      const dark = /** @type {any} */ (window).planrlDarkColours ?? {};
      for (const [colour, brighter] of Object.entries(dark)) {
        if (value.toUpperCase() === colour) return brighter;
        const clear = `rgba(${channels(colour)},`;
        if (value.startsWith(clear)) return value.replace(clear, `rgba(${channels(brighter)},`);
      }
      return value;
    }
    if (Array.isArray(value)) {
      return typeof value[0] === "number" && key !== "colorscale"
        ? value
        : value.map((one) => onDark(one, key));
    }
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([k, one]) => [k, onDark(one, k)]));
  }

  /** The three numbers of `#rrggbb`. @param {string} colour */
  const channels = (colour) =>
    [1, 3, 5].map((place) => Number.parseInt(colour.slice(place, place + 2), 16)).join(",");

  /** `value` in the colours of the page as it is now; labs ask for it, too.
   * @param {any} value @returns {any} */
  const inTheme = (value) =>
    document.documentElement.dataset.theme === "dark" ? onDark(value) : value;
  Object.assign(window, { planrlInTheme: inTheme });
})();
