// @ts-check
/* Plays recorded runs: a graph view (graph-view.js) for each run, and one slider for the update. Nothing
 * else is loaded and nothing is trained. planrl/labs/page/player.py writes the HTML.
 *
 *   const end = planrlPlayer.start(host, film);   ends it when called
 *
 * In a page each host brings its film along, and starts as soon as it has come. */

/** @typedef {{update: number, accuracy: number, distinct: number, probs: number[][],
 *   paths: GraphPath[]}} PlayerFrame
 * @typedef {{graph: GraphData, correct_paths: number,
 *   runs: {name: string, frames: PlayerFrame[]}[]}} Film */
const planrlPlayer = (() => {
  "use strict";

  const FRAME = 280; // milliseconds that a frame is shown
  const LINGER = 3500; // milliseconds that paths go on after the last frame, or after the slider
  const HALF = 0.5; // of the graphs, or of the screen: so much has to be seen before they play
  const stillness = window.matchMedia("(prefers-reduced-motion: reduce)");
  const paper = window.matchMedia("print");

  /** @template {Element} T @param {ParentNode} parent @param {string} selector @returns {T} */
  const find = (parent, selector) => {
    const found = parent.querySelector(selector);
    if (!found) throw new Error(`the picture has no ${selector}`);
    return /** @type {T} */ (found);
  };

  /** @param {HTMLElement} host @param {Film} film */
  function start(host, film) {
    const end = film.runs[0].frames.length - 1;
    host.classList.add("planrl-player-live"); // hides the pictures that were made at build
    const panels = [...host.querySelectorAll(".planrl-player-panel")].map((panel, place) => {
      const { name, frames } = film.runs[place];
      const view = planrlGraphView.create(find(panel, ".planrl-player-graph"), film.graph, {
        label: `Paths under ${name}`,
      });
      return {
        view,
        frames,
        distinct: find(panel, ".planrl-player-distinct"),
        accuracy: find(panel, ".planrl-player-accuracy"),
        bar: /** @type {HTMLElement} */ (find(panel, ".planrl-player-bar")),
      };
    });
    const controls = /** @type {HTMLElement} */ (find(host, ".planrl-player-controls"));
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
        bar.style.setProperty("--share", `${frame.distinct / film.correct_paths}`);
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
      if (playing) seen = true; // who presses it sees it
      move(playing);
      next();
      label();
    }

    function slide() {
      playing = false;
      at = slider.valueAsNumber;
      show(120);
      label();
      linger();
    }

    function still() {
      button.hidden = stillness.matches;
      if (stillness.matches && playing) press();
    }

    function print() {
      if (!paper.matches) return;
      if (playing) press();
      at = end; // which the pictures for paper show
      show(0);
      label();
    }

    /** @param {IntersectionObserverEntry[]} entries */
    function look(entries) {
      const { intersectionRatio, intersectionRect, rootBounds } = entries[entries.length - 1];
      const screen = rootBounds?.height ?? Infinity;
      const before = seen;
      seen = intersectionRatio >= HALF || intersectionRect.height >= HALF * screen;
      if (!seen) window.clearTimeout(timer);
      else if (!before && playing) {
        move(true);
        timer = window.setTimeout(next, FRAME);
      }
    }

    button.addEventListener("click", press);
    slider.addEventListener("input", slide);
    stillness.addEventListener("change", still);
    paper.addEventListener("change", print);
    button.hidden = stillness.matches;
    controls.hidden = false;
    slider.max = `${end}`;
    show(0);
    label();
    const scrolled = new IntersectionObserver(look, { threshold: [0, 0.25, HALF, 0.75] });
    scrolled.observe(find(host, ".planrl-player-panels"));
    return () => {
      playing = false;
      window.clearTimeout(timer);
      window.clearTimeout(rest);
      scrolled.disconnect();
      stillness.removeEventListener("change", still);
      paper.removeEventListener("change", print);
      for (const { view } of panels) view.remove();
    };
  }

  /** The page may not have come whole when this script has: each picture starts as soon as it is
   * there, before anything that takes longer. */
  function begin() {
    const waiting = document.readyState === "loading" || typeof planrlGraphView !== "object";
    for (const host of document.querySelectorAll("[data-plays]:not(.planrl-player-live)")) {
      if (typeof planrlGraphView !== "object" || !host.querySelector(".planrl-player-end")) continue;
      const film = JSON.parse(find(host, "script[type='application/json']").textContent ?? "");
      start(/** @type {HTMLElement} */ (host), film);
    }
    if (waiting) requestAnimationFrame(begin);
  }
  begin();

  return { start };
})();
