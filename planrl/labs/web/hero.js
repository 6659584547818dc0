// @ts-check
/* Plays the recorded runs of the book's first picture: one graph view (graph-view.js) for each
 * method, one slider for the update. Nothing else is loaded and nothing is trained. */
(() => {
  "use strict";

  /** @typedef {{update: number, accuracy: number, distinct: number, probs: number[][],
   *   paths: GraphPath[]}} HeroFrame
   * @typedef {{graph: GraphData, correct_paths: number,
   *   methods: {name: string, frames: HeroFrame[]}[]}} Hero */

  const FRAME = 280; // milliseconds that a frame is shown
  const LINGER = 3500; // milliseconds that paths go on after the last frame, or after the slider
  const stillness = window.matchMedia("(prefers-reduced-motion: reduce)");

  /** @template {Element} T @param {ParentNode} parent @param {string} selector @returns {T} */
  const find = (parent, selector) => {
    const found = parent.querySelector(selector);
    if (!found) throw new Error(`the picture has no ${selector}`);
    return /** @type {T} */ (found);
  };

  /** @param {HTMLElement} host */
  function start(host) {
    /** @type {Hero} */
    const hero = JSON.parse(find(host, "script[type='application/json']").textContent ?? "");
    const end = hero.methods[0].frames.length - 1;
    host.classList.add("planrl-hero-live"); // hides the pictures that were made at build
    const panels = [...host.querySelectorAll(".planrl-hero-panel")].map((panel, place) => {
      const { name, frames } = hero.methods[place];
      const view = planrlGraphView.create(find(panel, ".planrl-hero-graph"), hero.graph, {
        label: `Paths under ${name}`,
      });
      return {
        view,
        frames,
        distinct: find(panel, ".planrl-hero-distinct"),
        accuracy: find(panel, ".planrl-hero-accuracy"),
        bar: /** @type {HTMLElement} */ (find(panel, ".planrl-hero-bar")),
      };
    });
    const controls = /** @type {HTMLElement} */ (find(host, ".planrl-hero-controls"));
    const button = /** @type {HTMLButtonElement} */ (find(controls, "button"));
    const slider = /** @type {HTMLInputElement} */ (find(controls, "input"));
    const output = find(controls, "output");
    let at = stillness.matches ? end : 0;
    let playing = !stillness.matches;
    let [seen, timer, rest] = [false, 0, 0];

    /** @param {number} ms in which the edges change */
    function show(ms) {
      for (const { view, frames, distinct, accuracy, bar } of panels) {
        const frame = frames[at];
        view.update(frame, ms);
        distinct.textContent = `${frame.distinct}`;
        accuracy.textContent = frame.accuracy.toFixed(2);
        bar.style.setProperty("--share", `${frame.distinct / hero.correct_paths}`);
      }
      const text = `update ${panels[0].frames[at].update}`;
      slider.value = `${at}`;
      slider.setAttribute("aria-valuetext", text);
      output.textContent = text;
    }

    /** @param {boolean} on */
    function move(on) {
      window.clearTimeout(rest);
      for (const { view } of panels) view.run(on);
    }

    /** Paths go on for a while, so that one sees those of the frame that is shown. */
    function linger() {
      move(true);
      rest = window.setTimeout(() => move(false), LINGER);
    }

    function next() {
      window.clearTimeout(timer);
      if (!playing || !seen) return;
      if (at === end) {
        playing = false;
        linger();
      } else {
        at += 1;
        show(FRAME);
        timer = window.setTimeout(next, FRAME);
      }
      label();
    }

    function label() {
      button.textContent = playing ? "Pause" : at === end ? "Play again" : "Play";
    }

    function press() {
      playing = !playing;
      if (playing && at === end) {
        at = 0;
        show(FRAME);
      }
      move(playing);
      next();
      label();
    }

    button.addEventListener("click", press);
    slider.addEventListener("input", () => {
      playing = false;
      at = slider.valueAsNumber;
      show(120);
      label();
      linger();
    });
    stillness.addEventListener("change", () => {
      button.hidden = stillness.matches;
      if (stillness.matches && playing) press();
    });
    window.matchMedia("print").addEventListener("change", ({ matches }) => {
      if (!matches) return;
      if (playing) press();
      at = end; // which the pictures for paper show
      show(0);
    });
    button.hidden = stillness.matches;
    controls.hidden = false;
    slider.max = `${end}`;
    show(0);
    label();
    new IntersectionObserver(([{ isIntersecting }]) => {
      const came = isIntersecting && !seen;
      seen = isIntersecting;
      if (came && playing) {
        move(true);
        timer = window.setTimeout(next, FRAME);
      } else if (!seen) window.clearTimeout(timer);
    }).observe(host);
  }

  /** The page has not come whole when this script has: the picture starts as soon as it is there,
   * before anything that takes longer. */
  function begin() {
    const host = document.querySelector(".planrl-hero");
    const whole = host?.querySelector(".planrl-hero-end") && typeof planrlGraphView === "object";
    if (host && whole) start(/** @type {HTMLElement} */ (host));
    else requestAnimationFrame(begin);
  }
  begin();
})();
