// @ts-check
/* Draws the panels of a lab's figure from its graph, the evaluations of its learners, and the recorded
 * runs. Only the data of the figure's traces are changed. Loaded before lab-panels.js. */

/**
 * @typedef {{metrics: Record<string, number>, matrices: Record<string, Float32Array>}} Evaluation
 * @typedef {{step: number, metrics: Record<string, number>[]}} Point an evaluation of all
 * @typedef {{x: number[], y: number[]}} Line
 * @typedef {{labGraph: LabGraph, live: boolean, points: Point[], evaluations: Evaluation[],
 *   shapes: Record<string, number[]>, recording: Recording | null, until: number,
 *   beside: ((learner: number, metric: string) => Line | null) | null, usual: boolean,
 *   asked: boolean, able: boolean}} View
 *   live: something was trained here; until: the update up to which recorded curves are drawn;
 *   beside: the curves of another run; usual: the figure's own data are those of this graph;
 *   asked: the shown pair is the reader's choice;
 *   able: the page can train
 */
const planrlLabFigure = (() => {
  "use strict";

  const SMALL = { width: 300, height: 210 }; // a smaller panel has no titles at its axes
  const NARROW = 360; // pixels, below which words need a smaller type
  const END = 20; // the token that ends a path: planrl/labs/engine/models.py
  const BLANK = { x: [null], y: [null] }; // no data, but the legend keeps its place
  const CONFIG = {
    displayModeBar: false,
    showSendToCloud: false,
    plotlyServerURL: "",
    typesetMath: false,
  };
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

  /** The shared template in the page's colours. @param {boolean} small */
  function themedTemplate(small) {
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
      size: small ? 10 : 12,
    };
    const template = /** @type {any} */ (window).planrlPlotlyTemplate;
    return merge(template, { layout: { font, xaxis: axis, yaxis: axis } });
  }

  /** The number of the panel that a trace stands in. @param {any} trace */
  const panelOf = (trace) => Number((trace.xaxis ?? "x").slice(1) || 1) - 1;

  /** @typedef {{width: number, height: number}} Size */

  /** What a panel shows now. @type {WeakMap<HTMLElement, string>} */
  const drawings = new WeakMap();

  /** Draw all panels that are shown and have changed: plotly takes as long for what it shows already.
   * @param {(HTMLElement | null)[]} plots one a panel of the figure @param {Lab} lab @param {View} view */
  function draw(plots, lab, view) {
    const sizes = plots.map((plot) => plot && { width: plot.clientWidth, height: plot.clientHeight });
    const { Plotly } = /** @type {any} */ (window);
    figures(lab, view, sizes).forEach((drawing, panel) => {
      const plot = plots[panel];
      const now = JSON.stringify(drawing ?? null);
      if (!drawing || !plot || drawings.get(plot) === now) return;
      drawings.set(plot, now);
      Plotly.react(plot, drawing.data, drawing.layout, CONFIG);
      // The table of numbers says it better than loose labels read one by one.
      const drawn = plot.querySelectorAll("svg.main-svg");
      drawn.forEach((element) => element.setAttribute("aria-hidden", "true"));
    });
  }

  /** Each panel as a figure of its own; none of one without a size.
   * @param {Lab} lab @param {View} view @param {(Size | null)[]} sizes */
  function figures(lab, view, sizes) {
    // Plotly writes into what it is given.
    const { data, layout } = structuredClone(lab.figure);
    for (const binding of lab.bindings) {
      const filler = fillers[binding.kind];
      if (filler) filler(binding, view, data, layout);
    }
    const all = [...data, ...others(lab, view, data)];
    return sizes.map((size, panel) => {
      if (!size?.width || !size.height) return null;
      const traces = all.filter((trace) => panelOf(trace) === panel);
      return figure(size, panel, traces, layout, promise(lab, view, panel, data));
    });
  }

  /** The thin lines of the run beside, below the others: one for each curve, so that their number stays.
   * @param {Lab} lab @param {View} view @param {any[]} data */
  function others(lab, { beside }, data) {
    return lab.bindings
      .filter(({ kind }) => kind === "curve")
      .map(({ trace, learner, metric }) => {
        const shown = beside?.(learner, metric) ?? BLANK;
        const line = { ...data[trace].line, width: 1.25 };
        return { ...data[trace], ...shown, line, opacity: 0.75, hoverinfo: "skip" };
      });
  }

  /** One panel. @param {Size} size @param {number} panel @param {any[]} traces @param {any} given
   * @param {string} word what stands in a panel that shows nothing yet */
  function figure({ width, height }, panel, traces, given, word) {
    const small = width < SMALL.width || height < SMALL.height;
    const axis = (/** @type {"x" | "y"} */ which) => {
      const own = { ...given[axisName(`${which}${panel ? panel + 1 : ""}`)] };
      delete own.domain;
      delete own.anchor;
      if (own.scaleanchor) own.scaleanchor = "x";
      if (small) Object.assign(own, { title: undefined, nticks: 4 });
      if (small && own.type === "category") own.showticklabels = false;
      return own;
    };
    const [xaxis, yaxis] = [axis("x"), axis("y")];
    const bare = xaxis.visible === false;
    const scale = traces.some((trace) => trace.type === "heatmap" && trace.showscale !== false);
    const side = bare ? 14 : small ? 30 : yaxis.title?.text ? 50 : 38;
    const layout = {
      xaxis,
      yaxis,
      barmode: given.barmode,
      meta: given.meta,
      showlegend: false, // it stands once, below all panels
      hoverlabel: given.hoverlabel,
      margin: { l: side, r: scale ? (small ? 44 : 56) : 12, t: 8, b: bare ? 8 : small ? 22 : 40 },
      template: themedTemplate(small),
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      width,
      height,
      uirevision: "kept", // zoom survives a new drawing
      dragmode: touch.matches ? false : "zoom",
      annotations: word ? [middle(word)] : [],
    };
    const own = traces.map((trace) => ({ ...trace, xaxis: "x", yaxis: "y" }));
    if (width < NARROW) own.forEach((trace) => trace.mode === "text" && (trace.textfont.size = 9));
    return { data: inTheme(own), layout: inTheme(layout) };
  }

  /** Colours that can be read on the page's ground. @param {any} value */
  function inTheme(value) {
    const { planrlInTheme } = /** @type {any} */ (window);
    return planrlInTheme ? planrlInTheme(value) : value;
  }

  /** The word in a panel that only an evaluation fills: what was recorded are curves.
   * @param {Lab} lab @param {View} view @param {number} panel @param {any[]} data */
  function promise(lab, { evaluations, able }, panel, data) {
    const empty = lab.bindings.some(
      ({ kind, learner, matrix, trace, traces }) =>
        ["matrix", "bars", "plan"].includes(kind) &&
        panelOf(data[trace ?? traces[0]]) === panel &&
        !evaluations[learner]?.matrices[matrix],
    );
    const when = able ? "shown when<br>you train" : "needs training, which<br>this page can't do";
    return empty ? when : "";
  }

  /** @param {string} text */
  const middle = (text) => ({
    text,
    showarrow: false,
    xref: "x domain",
    yref: "y domain",
    x: 0.5,
    y: 0.5,
  });

  /** What each kind of binding puts into its traces.
   * @type {Record<string, (binding: Binding, view: View, data: any[], layout: any) => void>} */
  const fillers = {
    curve({ trace, learner, metric }, { live, points }, data) {
      const x = points.map((point) => point.step);
      const y = points.map((point) => point.metrics[learner][metric]);
      Object.assign(data[trace], live ? { x, y } : BLANK);
    },

    recorded({ trace, learner, metric }, { live, recording, until }, data) {
      const curve = live ? null : recording?.curve(learner, metric);
      const drawn = curve && cut({ x: recording?.steps ?? [], y: curve.mean }, until);
      Object.assign(data[trace], drawn ?? BLANK);
    },

    band({ trace, learner, metric }, { recording }, data) {
      const curve = recording?.curve(learner, metric);
      const around = (/** @type {number[]} */ there, /** @type {number[]} */ back) =>
        [...there, ...[...back].reverse()];
      const steps = recording?.steps ?? [];
      const polygon = curve && { x: around(steps, steps), y: around(curve.low, curve.high) };
      Object.assign(data[trace], polygon ?? BLANK);
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

    plan({ traces, learner, matrix, row, pitch, drop, block: size }, { labGraph, evaluations }, data) {
      const tokens = [...(evaluations[learner]?.matrices[matrix] ?? [])];
      const { n, pictures = [], question, edges } = labGraph;
      const end = tokens.findIndex((token, place) => place > 2 && token >= END);
      const path = tokens.slice(2, end < 0 ? undefined : end);
      const names = [...new Set(pictures.flat().map((one) => one[2]))].sort();
      const drawn = traces.map(() => ({ x: gaps(), y: gaps(), text: /** @type {string[]} */ ([]) }));
      const [ground, letters, words, wrong] = drawn.slice(-4);
      const line = (/** @type {any} */ to, /** @type {number[]} */ x, /** @type {number[]} */ y) => {
        to.x.push(...x, null);
        to.y.push(...y, null);
      };
      const word = (/** @type {any} */ to, /** @type {number} */ x, /** @type {number} */ y, /** @type {string} */ text) => {
        to.x.push(x);
        to.y.push(y);
        to.text.push(text);
      };
      const put = (/** @type {number} */ state, /** @type {number} */ x, /** @type {number} */ y) => {
        line(ground, [x - 1.6 * size, x + 1.6 * size], [y, y]);
        const picture = pictures[state] ?? [];
        const lowest = new Map(picture.filter((one) => !one[1]).map((one) => [one[0], names.indexOf(one[2])]));
        for (const [stack, height, name] of picture) { // a stack stays where its lowest block is
          const [left, low] = [x + ((lowest.get(stack) ?? 0) - 1.5) * size, y + height * size];
          const [right, high] = [left + size, low + size];
          const at = drawn[names.indexOf(name)];
          line(at, [left, right, right, left, left], [low, low, high, high, low]);
          word(letters, left + size / 2, low + size / 2, name);
        }
      };
      path.slice(0, 2 * row).forEach((state, k) => {
        const [x, y] = [(k % row) * pitch, -Math.floor(k / row) * drop];
        put(state, x, y);
        if (!k) return word(words, x, y - 0.25, "start");
        const before = path[k - 1];
        const legal = edges.some(([from, to]) => from === before && to === state);
        const told = legal ? words : wrong;
        word(told, x, y - 0.25, (legal ? "" : "✗ ") + moveNamed(pictures, before, state, legal));
        word(told, x - pitch / 2, y + 0.2, "→");
      });
      if (path.length && n) {
        const arrived = path[path.length - 1] === question[1];
        put(question[1], row * pitch, 0);
        word(arrived ? words : wrong, row * pitch, -0.25, arrived ? "goal" : "goal: not reached");
      }
      traces.forEach((trace, i) => {
        const { x, y, text } = drawn[i];
        Object.assign(data[trace], x.length ? { x, y, text } : { ...BLANK, text: [""] });
      });
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

  /** @returns {(number | null)[]} */
  const gaps = () => [];

  /** The move between two states in words, or why there is none.
   * @param {[number, number, string][][]} pictures @param {number} before
   * @param {number} after @param {boolean} legal */
  function moveNamed(pictures, before, after, legal) {
    if (before === after) return "stays";
    if (Math.max(before, after) >= pictures.length) return "no state";
    const [was, now] = [under(pictures[before]), under(pictures[after])];
    const moved = [...now.keys()].sort().filter((name) => now.get(name) !== was.get(name));
    if (legal) return `${moved[0]} on ${now.get(moved[0])}`;
    return moved.length === 1 ? `${moved[0]} is not free` : `moves ${moved.length} blocks`;
  }

  /** What each block of a state stands on. @param {[number, number, string][]} picture */
  function under(picture) {
    const names = new Map(picture.map(([stack, height, name]) => [`${stack},${height}`, name]));
    return new Map(
      picture.map(([stack, height, name]) => [name, names.get(`${stack},${height - 1}`) ?? "table"]),
    );
  }

  /** A line up to a place between two of its points. @param {Line} line @param {number} until */
  function cut({ x, y }, until) {
    const after = x.findIndex((there) => there > until);
    if (after < 1) return { x, y };
    const share = (until - x[after - 1]) / (x[after] - x[after - 1]);
    const last = y[after - 1] + share * (y[after] - y[after - 1]);
    return { x: [...x.slice(0, after), until], y: [...y.slice(0, after), last] };
  }

  /** Labels may be numbers; their axis must not take them for places.
   * @param {any} layout @param {string} id */
  function byName(layout, id) {
    layout[axisName(id)] = { ...layout[axisName(id)], type: "category" };
  }

  return { draw, figures, inTheme, panelOf };
})();
