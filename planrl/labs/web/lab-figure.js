// @ts-check
/* Draws the figure of a lab from its graph, the evaluations of its learners, and the recorded runs.
 * Only the data of the figure's traces are changed. Loaded before lab.js. */

/**
 * @typedef {{metrics: Record<string, number>, matrices: Record<string, Float32Array>}} Evaluation
 * @typedef {{step: number, metrics: Record<string, number>[]}} Point an evaluation of all
 * @typedef {{labGraph: LabGraph, live: boolean, points: Point[], evaluations: Evaluation[],
 *   shapes: Record<string, number[]>, recording: Recording | null, usual: boolean}} View
 *   live: something was trained here; usual: the figure's own data are those of this graph
 */
const planrlLabFigure = (() => {
  "use strict";

  const PHONE = 560; // narrower plots get smaller type and the legend below
  const BLANK = { x: [null], y: [null] }; // no data, but the legend keeps its place
  const touch = window.matchMedia("(pointer: coarse)");

  /** `base` with `change` laid over it; arrays are taken whole.
   * @param {any} base @param {any} change @returns {any} */
  function merge(base, change) {
    const isObject = (/** @type {any} */ value) =>
      value !== null && typeof value === "object" && !Array.isArray(value);
    if (!isObject(base) || !isObject(change)) return change;
    const merged = { ...base };
    for (const [key, value] of Object.entries(change)) merged[key] = merge(base[key], value);
    return merged;
  }

  /** Text that plotly must not take for markup. @param {string} text */
  const plain = (text) =>
    text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  /** `xaxis2` for `x2`, as a layout calls it. @param {string} id */
  const axisName = (id) => `${id[0]}axis${id.slice(1)}`;

  /** The shared template in the page's colours. @param {boolean} narrow */
  function themedTemplate(narrow) {
    const page = getComputedStyle(document.documentElement);
    const colour = (/** @type {string} */ name, /** @type {string} */ otherwise) =>
      page.getPropertyValue(name).trim() || otherwise;
    const grid = colour("--planrl-grid", "#ddd");
    const axis = {
      gridcolor: grid,
      linecolor: grid,
      zerolinecolor: grid,
      ticklabeloverflow: "allow", // to hide labels that leave the figure, plotly measures each
      tickfont: { color: colour("--pst-color-text-muted", "#666") },
    };
    const font = {
      color: colour("--pst-color-text-base", "#222"),
      family: getComputedStyle(document.body).fontFamily,
      size: narrow ? 11 : 13,
    };
    const template = /** @type {any} */ (window).planrlPlotlyTemplate;
    return merge(template, { layout: { font, xaxis: axis, yaxis: axis } });
  }

  /** @param {HTMLElement} plot @param {Lab} lab @param {View} view */
  function draw(plot, lab, view) {
    const narrow = plot.clientWidth < PHONE;
    // Plotly writes into what it is given.
    const { data, layout: given, narrow: change } = structuredClone(lab.figure);
    const layout = merge(narrow && change ? merge(given, change) : given, {
      template: themedTemplate(narrow),
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      width: plot.clientWidth,
      height: plot.clientHeight,
      uirevision: "kept", // zoom and hidden traces survive a new drawing
      dragmode: touch.matches ? false : (given.dragmode ?? "zoom"),
    });
    if (narrow) {
      layout.margin = { ...layout.margin, l: 44, r: 12 };
      const below = { orientation: "h", x: 0, xanchor: "left", y: 0, yanchor: "bottom" };
      layout.legend = { ...layout.legend, ...below, yref: "container" };
    }
    for (const binding of lab.bindings) {
      const filler = fillers[binding.kind];
      if (filler) filler(binding, view, data, layout);
    }
    layout.annotations = [...(layout.annotations ?? []), ...promises(lab, view, data)];
    const { Plotly, planrlInTheme } = /** @type {any} */ (window);
    const inTheme = planrlInTheme ?? ((/** @type {any} */ value) => value);
    Plotly.react(plot, inTheme(data), inTheme(layout), {
      displayModeBar: touch.matches ? false : "hover",
      displaylogo: false,
      modeBarButtons: [["toImage"]],
      showSendToCloud: false,
      plotlyServerURL: "",
      typesetMath: false,
    });
    // The table of numbers says it better than loose labels read one by one.
    plot.querySelectorAll("svg.main-svg").forEach((svg) => svg.setAttribute("aria-hidden", "true"));
  }

  /** A word in each panel that only training fills: what was recorded are curves.
   * @param {Lab} lab @param {View} view @param {any[]} data */
  function promises(lab, { evaluations }, data) {
    const empty = lab.bindings.filter(
      ({ kind, learner, matrix }) =>
        ["matrix", "bars", "plan"].includes(kind) && !evaluations[learner]?.matrices[matrix],
    );
    const traces = empty.map(({ trace }) => data[trace]);
    const axes = new Map(traces.map((trace) => [trace.xaxis ?? "x", trace.yaxis ?? "y"]));
    return [...axes].map(([x, y]) => ({
      text: "shown when<br>you train",
      showarrow: false,
      xref: `${x} domain`,
      yref: `${y} domain`,
      x: 0.5,
      y: 0.5,
    }));
  }

  /** What each kind of binding puts into its traces.
   * @type {Record<string, (binding: Binding, view: View, data: any[], layout: any) => void>} */
  const fillers = {
    curve({ trace, learner, metric }, { live, points }, data) {
      const x = points.map((point) => point.step);
      const y = points.map((point) => point.metrics[learner][metric]);
      Object.assign(data[trace], live ? { x, y } : BLANK);
    },

    recorded({ trace, learner, metric }, { live, recording }, data) {
      const curve = live ? null : recording?.curve(learner, metric);
      Object.assign(data[trace], curve ? { x: recording?.steps, y: curve.mean } : BLANK);
    },

    band({ trace, learner, metric }, { recording }, data) {
      const curve = recording?.curve(learner, metric);
      const around = (/** @type {number[]} */ there, /** @type {number[]} */ back) =>
        [...there, ...[...back].reverse()];
      const steps = recording?.steps ?? [];
      const polygon = curve && { x: around(steps, steps), y: around(curve.low, curve.high) };
      Object.assign(data[trace], polygon ?? BLANK);
    },

    edges({ traces, at, learner, matrix }, { labGraph, evaluations, shapes }, data) {
      const values = evaluations[learner]?.matrices[matrix];
      const columns = shapes[matrix]?.at(-1) ?? 0;
      traces.forEach((trace, i) => {
        const within = labGraph.edges.filter(([from, to]) => {
          const value = values ? values[from * columns + to] : at[0]; // unknown: as the faintest
          return value >= at[i] && value < at[i + 1];
        });
        const line = (/** @type {number} */ axis) =>
          within.flatMap((edge) => [...edge.map((node) => labGraph.positions[node][axis]), null]);
        Object.assign(data[trace], within.length ? { x: line(0), y: line(1) } : BLANK);
      });
    },

    nodes({ trace, plain: usual, source, target }, { labGraph }, data) {
      const symbol = Array(labGraph.n).fill(usual);
      labGraph.question.forEach((node, place) => (symbol[node] = [source, target][place]));
      const [x, y] = [0, 1].map((axis) => labGraph.positions.map((point) => point[axis]));
      const text = labGraph.labels.map(plain);
      Object.assign(data[trace], { x, y, text, marker: { ...data[trace].marker, symbol } });
    },

    matrix({ trace, learner, matrix }, { labGraph, evaluations, shapes, usual }, data, layout) {
      const values = evaluations[learner]?.matrices[matrix];
      const columns = shapes[matrix]?.at(-1) ?? 0;
      byName(layout, data[trace].xaxis ?? "x");
      byName(layout, data[trace].yaxis ?? "y");
      if (!values && usual) return;
      const names = labGraph.labels.map(plain);
      const z = names.map((_, row) =>
        values ? [...values.subarray(row * columns, row * columns + labGraph.n)] : [null],
      );
      Object.assign(data[trace], { x: names, y: names, z });
    },

    plan({ trace, learner, matrix, colours }, { labGraph, evaluations }, data) {
      const tokens = [...(evaluations[learner]?.matrices[matrix] ?? [])];
      const end = tokens.findIndex((token, place) => place > 2 && token >= labGraph.n);
      const states = tokens.slice(2, end < 0 ? undefined : end);
      const blocks = states.flatMap((node, step) =>
        (labGraph.pictures?.[node] ?? []).map(([stack, height, name]) => ({
          x: step + 0.28 * (stack - 1),
          y: height,
          name,
        })),
      );
      const names = [...new Set((labGraph.pictures ?? []).flat().map((block) => block[2]))].sort();
      const color = blocks.map(({ name }) => colours[names.indexOf(name) % colours.length]);
      const [x, y, text] = [blocks.map((b) => b.x), blocks.map((b) => b.y), blocks.map((b) => b.name)];
      const drawn = { x, y, text, marker: { ...data[trace].marker, color } };
      Object.assign(data[trace], blocks.length ? drawn : BLANK);
    },

    bars({ trace, learner, matrix }, { labGraph, evaluations, usual }, data, layout) {
      const values = evaluations[learner]?.matrices[matrix];
      byName(layout, data[trace].xaxis ?? "x");
      if (!values && usual) return;
      const x = [...labGraph.labels.map(plain), "END"];
      const y = values ? [...values.subarray(0, labGraph.n), values[values.length - 1]] : [null];
      Object.assign(data[trace], { x, y });
    },
  };

  /** Labels may be numbers; their axis must not take them for places.
   * @param {any} layout @param {string} id */
  function byName(layout, id) {
    layout[axisName(id)] = { ...layout[axisName(id)], type: "category" };
  }

  return { draw };
})();
