// @ts-check
/* The panel of a lab in which sampled paths travel over the graph: a graph view (graph-view.js) for each
 * learner, drawn from recorded policies or from those of the newest evaluation. Loaded after
 * graph-view.js and graph-policy.js, and before lab.js. */

/** @typedef {{title: string, colour: string, policy: {values: Float32Array, columns: number} | null}} Side
 *   what one of the views shows */
const planrlLabPaths = (() => {
  "use strict";

  const LINGER = 4500; // milliseconds that paths travel after the last change
  const SOON = 150; // milliseconds in which edges follow a control
  const TRAINS = 300; // and those in which they follow a training
  /** @type {Record<string, string>} */
  const MODES = { choose: "Choose a pair", draw: "Draw edges", cut: "Cut edges" };
  const { make, box, say } = planrlLabControls;

  /** @param {HTMLElement} host @param {Lab} lab
   * @param {(source: number, target: number) => void} onPick
   * @param {(edges: number[][]) => void} onEdges */
  function create(host, lab, onPick, onEdges) {
    const grid = box("graphs");
    const tools = box("modes");
    /** @type {{side: string, head: HTMLElement, view: any, policy: Float32Array | null}[]} */
    let views = [];
    let graph = ""; // what the views show now
    let mode = "choose";
    let rest = 0;
    tools.setAttribute("role", "group");
    tools.setAttribute("aria-label", "What a click on the graph does");
    for (const [name, text] of Object.entries(MODES)) {
      const button = make("button", { type: "button", onclick: () => choose(name) }, text);
      button.dataset.mode = name;
      tools.append(button);
    }
    tools.hidden = !lab.own;
    host.append(tools, grid);
    choose(mode);

    /** @param {string} name */
    function choose(name) {
      mode = name;
      for (const { view } of views) view.mode(mode);
      tools.querySelectorAll("button").forEach((button) => {
        button.setAttribute("aria-pressed", `${button.dataset.mode === mode}`);
      });
    }

    /** @param {Side[]} sides @param {GraphData} data */
    function build(sides, data) {
      for (const { view } of views) view.remove();
      grid.style.setProperty("--columns", `${sides.length > 1 ? 2 : 1}`);
      grid.dataset.views = `${sides.length}`;
      grid.replaceChildren();
      views = sides.map(({ title, colour }) => {
        const head = make("p", { className: "planrl-lab-graph-title" });
        const place = box("graph");
        place.style.setProperty("--planrl-line", colour);
        const { planrlDarkColours } = /** @type {any} */ (window);
        place.style.setProperty("--planrl-line-dark", planrlDarkColours?.[colour.toUpperCase()] ?? colour);
        grid.append(box("graph-of", ...(sides.length > 1 ? [head] : []), place));
        const more = lab.own ? { onEdges } : {};
        const label = `Paths under ${title}`;
        const view = planrlGraphView.create(place, data, { label, rate: 8, onPick, ...more });
        view.mode(mode);
        return { side: `${title} ${colour}`, head, view, policy: null };
      });
    }

    /** @param {Side[]} sides @param {LabGraph} labGraph whose question may be empty
     * @param {boolean} trains */
    function show(sides, labGraph, trains) {
      const [source = -1, target = -1] = labGraph.question;
      const { n, labels, layers, edges } = labGraph;
      const data = {
        nodes: layers.slice(0, n).map(([x, y], id) => ({ id, name: labels[id], x, y })),
        edges,
        source,
        target,
      };
      const other = views.length !== sides.length || views.some(({ side }, k) => side !== `${sides[k].title} ${sides[k].colour}`);
      const now = JSON.stringify(data);
      if (other) build(sides, data);
      else if (now !== graph) for (const one of views) one.view.set(data);
      if (other || now !== graph) for (const one of views) one.policy = null;
      graph = now;
      let changed = false;
      views.forEach((one, k) => {
        const { title, policy } = sides[k];
        say(one.head, title);
        if (one.policy === (policy?.values ?? null)) return;
        changed = true;
        one.policy = policy?.values ?? null;
        const frame =
          policy && target >= 0
            ? planrlGraphPolicy.frame(policy.values, policy.columns, data, { paths: 24 })
            : { probs: [], paths: [] };
        one.view.update(frame, trains ? TRAINS : SOON);
      });
      if (changed || trains) travel(trains);
    }

    /** @param {boolean} on without an end */
    function travel(on) {
      window.clearTimeout(rest);
      for (const { view } of views) view.run(true);
      if (!on) {
        rest = window.setTimeout(() => {
          for (const { view } of views) view.run(false);
        }, LINGER);
      }
    }

    const canvases = () => [...grid.querySelectorAll("canvas")];
    return { show, canvases };
  }

  /** What each view is to show. @param {Lab} lab @param {View} view
   * @param {{policies: (learner: number) => RecordedPolicy | null, title: string} | null} kept
   *   settings that are shown beside, of a lab with one learner
   * @returns {Side[]} */
  function sidesOf(lab, view, kept) {
    const sides = lab.learners.map(({ title }, k) => ({
      title,
      colour: colourOf(lab, k),
      policy: recorded(view, k) ?? live(view, k),
    }));
    if (kept && lab.learners.length === 1) {
      const policy = (view.live ? null : kept.policies(0)) ?? live(view, 1);
      sides.push({ title: kept.title, colour: "#7F7F7F", policy });
    }
    return sides;
  }

  /** @param {View} view @param {number} k */
  function recorded({ live: trained, asked, recording, until }, k) {
    return trained || asked ? null : (recording?.policy(k, until) ?? null);
  }

  /** @param {View} view @param {number} k */
  function live({ evaluations, shapes }, k) {
    const values = evaluations[k]?.matrices.policy;
    return values ? { values, columns: shapes.policy.at(-1) ?? 0 } : null;
  }

  /** The colour of a learner's curves. @param {Lab} lab @param {number} k @returns {string} */
  function colourOf(lab, k) {
    const curve = lab.bindings.find(({ kind, learner }) => kind === "curve" && learner === k);
    return (curve && lab.figure.data[curve.trace].line?.color) ?? "#0072B2";
  }

  return { create, sidesOf, colourOf };
})();
