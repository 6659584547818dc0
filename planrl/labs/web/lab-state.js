// @ts-check
/* What follows from a lab's controls without any learner: the state in the URL, own graphs, and
 * the recorded runs. Nothing here touches the page. Loaded before lab.js. */

/**
 * @typedef {string | number} Value
 * @typedef {Record<string, Value>} Settings
 * @typedef {{name: string, label: string, meaning?: string, kind: "slider" | "choice" | "switch",
 *   values: Value[], texts: string[], default: Value, restarts?: boolean}} Control
 * @typedef {{n: number, labels: string[], layers: number[][],
 *   edges: number[][], question: number[], pictures?: [number, number, string][][]}} LabGraph
 *   layers: where graph-view.js has the nodes
 * @typedef {{lab: string, learners: Learner[], fixed: Settings,
 *   axes: {name: string, values: Value[]}[], seeds: number,
 *   steps: number[], metrics: string[], scale: number[], data: string,
 *   policies?: {seed: number, steps: number[], which: number[], data: string}}} Recorded
 * @typedef {{kind: string, trace: number, traces: number[], learner: number, metric: string,
 *   matrix: string,
 *   row: number, pitch: number, drop: number, block: number}} Binding
 * @typedef {{control: string, texts: Record<string, string>, number: string,
 *   idle: {when: Record<string, Value[]>, instead: string}[]}} Term a part of a formula
 * @typedef {{name: string, title: string, sampled: boolean, unit: number, algorithm: string, start: "base" | "fresh",
 *   options: Record<string, number>, reads: Record<string, Record<string, Record<string, number>>>,
 *   formula: Term[]}} Learner reads: by control and value, the options that this learner alone is given
 * @typedef {{name: string, title: string, why: string, settings: Settings}} Preset
 * @typedef {{output: string, algorithm: string, updates: number}} Base how a base is made: it is an
 *   output of the program "prepare", or fresh weights after so many updates
 * @typedef {{name: string, controls: Control[], learners: Learner[],
 *   presets?: Preset[], screen: {controls: string[], more: string[], paths: string, panel: number, end: number},
 *   panels: {title: string, plot: number | null}[], differs: Record<string, string>, metrics: {name: string, label: string}[],
 *   figure: {data: any[], layout: any}, bindings: Binding[],
 *   evaluation: string, ofQuestion: boolean,
 *   verdicts?: string[], share: number, bases: Record<string, Base>, every: number,
 *   graphs: Record<string, LabGraph>,
 *   own?: {nodes: number, edges: number} | null, recorded?: Recorded[],
 *   snippet: string}} Lab
 * @typedef {{settings: Settings, own: LabGraph | null, pair: number[] | null, refused: string[]}} ReadState
 * @typedef {{mean: number[], low: number[], high: number[]}} Curve
 * @typedef {{measured: boolean, seeds: number, steps: number[],
 *   curve: (learner: number, metric: string) => Curve | null,
 *   policy: (learner: number, until: number) => RecordedPolicy | null}} Recording
 * @typedef {{values: Float32Array, columns: number, step: number, seed: number, at: Settings}} RecordedPolicy
 *   of one seed after `step` updates, at the point of the grid that is nearest
 */
const planrlLabState = (() => {
  "use strict";

  const LONGEST_LABEL = 16; // more does not fit beside a node
  const SOURCE = /^(source|src|from)$/i;
  const TARGET = /^(target|tgt|dst|dest|to)$/i;
  const NO_NAME = /["|，；、]|^'.*'$|[:;]$|^[!-/:-@[-`{-~]+$/;

  /** @param {Lab} lab @returns {Settings} */
  const defaults = (lab) => Object.fromEntries(lab.controls.map((c) => [c.name, c.default]));

  // What separates edges in a link, and how a node's name has it: planrl/labs/spec/controls.py.
  /** @type {Record<string, string>} */
  const ESCAPES = { "~": "~0", "-": "~1", ".": "~2" };
  const escaped = (/** @type {string} */ label) => label.replace(/[~.-]/g, (sign) => ESCAPES[sign]);
  const unescaped = (/** @type {string} */ text) => text.replace(/~[012]/g, (said) => "~-."[Number(said[1])]);

  /** The list of edges that a link's text stands for, one a line, or "".
   * @param {string} text */
  function listed(text) {
    const edges = text.split(".").map((edge) => edge.split("-").map(unescaped));
    const whole = edges.every((edge) => edge.length === 2 && edge.every((label) => /^[^\s,]+$/.test(label)));
    return whole ? edges.map((edge) => edge.join(" ")).join("\n") : "";
  }

  /** The state as a query string, without the lab's name: only what differs from the defaults.
   * @param {Lab} lab @param {Settings} settings @param {LabGraph | null} own
   * @param {number[] | null} [pair] the reader's choice of what is shown */
  function write(lab, settings, own, pair) {
    const query = new URLSearchParams();
    for (const { name, default: usual } of lab.controls) {
      if (settings[name] !== usual) query.set(name, `${settings[name]}`);
    }
    if (settings.graph === "own" && own) {
      const named = own.edges.map((edge) => edge.map((node) => escaped(own.labels[node])).join("-"));
      query.set("edges", named.join("."));
    }
    const { labels } = shownGraph(lab, settings, own);
    if (pair) query.set("pair", pair.map((node) => escaped(labels[node])).join("-"));
    return `${query}`;
  }

  /** All options of a learner's programs. @param {Learner} learner @param {Settings} settings
   * @returns {Record<string, number>} */
  function options({ reads, options: fixed }, settings) {
    const numbers = Object.entries(settings).filter(([, value]) => typeof value === "number");
    const own = Object.entries(reads).map(([control, of]) => of[`${settings[control]}`]);
    return Object.assign(Object.fromEntries(numbers), ...own, fixed);
  }

  /** The parts of a learner's formula, in words: planrl/labs/spec/lab.py has the terms.
   * @param {Learner} learner @param {Settings} settings */
  const formula = (learner, settings) =>
    learner.formula.map(({ control, texts, number, idle }) => {
      const text = texts[`${settings[control]}`];
      if (!number) return text;
      if (!settings[number]) return "";
      const none = idle.find(({ when }) =>
        Object.entries(when).every(([name, values]) => values.includes(settings[name])),
      );
      return none ? none.instead : text.replaceAll("λ", `${settings[number]}`);
    });

  /** The graph that these settings are about. @param {Lab} lab @param {Settings} settings
   * @param {LabGraph | null} own @returns {LabGraph} */
  function shownGraph(lab, settings, own) {
    const name = `${settings.graph ?? Object.keys(lab.graphs)[0]}`;
    return (name === "own" && own) || lab.graphs[name] || Object.values(lab.graphs)[0];
  }

  /** The state a query string asks for; what it has no right to ask for is refused by name.
   * @param {Lab} lab @param {URLSearchParams} query @returns {ReadState} */
  function read(lab, query) {
    const settings = defaults(lab);
    /** @type {string[]} */
    const refused = [];
    const twice = [...new Set(query.keys())].filter((name) => query.getAll(name).length > 1);
    refused.push(...twice.map((name) => `“${name}” is there more than once: it is not read.`));
    const edges = twice.includes("edges") ? null : query.get("edges");
    for (const [name, text] of query) {
      if (["lab", "edges", "pair"].includes(name) || twice.includes(name)) continue;
      const control = lab.controls.find((c) => c.name === name);
      const value = control?.values.find((v) =>
        typeof v === "number" ? text.trim() !== "" && Number(text) === v : text === v,
      );
      if (!control) {
        const names = lab.controls.map((c) => c.name).join(", ");
        refused.push(`There is no control “${name}”. There are: ${names}.`);
      } else if (value === undefined) {
        refused.push(
          `${name} cannot be “${text}”. It can be: ${control.values.join(", ")}. ` +
            `It is ${control.default} now.`,
        );
      } else settings[name] = value;
    }
    let own = null;
    if (settings.graph === "own" || edges !== null) {
      let errors = ["edges and graph=own only go together."];
      if (settings.graph === "own" && edges !== null) {
        errors = ["edges must be written like 0-1.0-2.1-3."];
        const list = listed(edges);
        if (list) ({ labGraph: own, errors } = graph(lab, list));
      }
      if (!own) {
        const usual = defaults(lab).graph;
        if (usual !== undefined) settings.graph = usual;
        refused.push(...errors.map((error) => `Own graph refused. ${error}`));
      }
    }
    const asked = twice.includes("pair") ? null : query.get("pair");
    let pair = null;
    if (asked !== null) {
      const shown = shownGraph(lab, settings, own);
      pair = asked.split("-").map((label) => shown.labels.indexOf(unescaped(label)));
      const known = pair.length === 2 && !pair.includes(-1);
      if (!known || !answered({ ...shown, question: pair })) {
        refused.push(`pair cannot be “${asked.slice(0, 40)}”: write two nodes with a path between them, like ` +
          `${shown.question.map((node) => escaped(shown.labels[node])).join("-")}.`);
        pair = null;
      }
    }
    return { settings, own, pair, refused };
  }

  /** The graph of an edge list, one edge a line. The question asked in it goes from the first word
   * to the last one that is another, so that the list alone says everything.
   * @param {Lab} lab @param {string} text @returns {{labGraph: LabGraph | null, errors: string[]}} */
  function graph(lab, text) {
    const limits = lab.own ?? { nodes: 0, edges: 0 };
    /** @type {Map<string, number>} */
    const nodes = new Map();
    const edges = /** @type {Map<string, number[]>} */ (new Map());
    /** @type {string[]} */
    const errors = [];
    text.split(/\r\n|\r|\n/).forEach((whole, i) => {
      const line = whole.replace(/^[ \t]+|[ \t]+$/g, "");
      if (!line || (line !== "#" && /^(#|%|\/\/)/.test(line))) return; // blank, or a comment
      const words = line.split(/[ \t]*->[ \t]*|[ \t]*,[ \t]*|[ \t]+/);
      const reason = whyNoEdge(words, line.includes("->"), !edges.size);
      if (reason) {
        errors.push(`Line ${i + 1}, “${line.slice(0, 40)}”: ${reason}`);
        return;
      }
      for (const word of words) if (!nodes.has(word)) nodes.set(word, nodes.size);
      const edge = words.map((word) => nodes.get(word) ?? 0);
      edges.set(edge.join("-"), edge); // an edge that is there twice is one edge
    });
    const labels = [...nodes.keys()];
    if (!errors.length && !labels.length) errors.push("There is no edge in it.");
    if (labels.length > limits.nodes) {
      errors.push(`It has ${labels.length} nodes; ${limits.nodes} are allowed.`);
    }
    if (edges.size > limits.edges) {
      errors.push(`It has ${edges.size} edges; ${limits.edges} are allowed.`);
    }
    if (errors.length) return { labGraph: null, errors };
    const list = [...edges.values()];
    const last = list.flat().filter((node) => node > 0).pop() ?? 0;
    return {
      labGraph: {
        n: labels.length,
        labels,
        layers: layered(labels.length, list),
        edges: list,
        question: [0, last],
      },
      errors,
    };
  }

  /** Why the words of a line are no edge, or "".
   * @param {string[]} words @param {boolean} arrow @param {boolean} first */
  function whyNoEdge(words, arrow, first) {
    if (words.length !== 2 || words.includes("")) return "write two words, as in: a b";
    if (words[0] === words[1]) return "an edge must lead to another node.";
    if (first && SOURCE.test(words[0]) && TARGET.test(words[1])) {
      return "this names columns: remove the line.";
    }
    if (arrow && (/[<=-]$/.test(words[0]) || /^[>-]/.test(words[1]))) {
      return "write an arrow as ->";
    }
    if (words.some((word) => [...word].length > LONGEST_LABEL)) {
      return `a word has ${LONGEST_LABEL} letters at most.`;
    }
    if (words.some((word) => NO_NAME.test(word) || /[\p{C}\p{Z}]/u.test(word))) {
      return "a word is or has a sign that may separate, ends in : or ;, has quotes or a character that nobody sees.";
    }
    return "";
  }

  /** Is there a path from the shown pair's source to its target? @param {LabGraph} labGraph */
  function answered({ edges, question: [source, target] }) {
    if (source === target) return false;
    const reached = new Set([source]);
    for (const node of reached) { // grows while it is read
      for (const [from, to] of edges) if (from === node) reached.add(to);
    }
    return reached.has(target);
  }

  /** The layer of each node: how far it is from the first node by the longest path, or on a graph with
   * cycles by the shortest one. planrl/figures/layout.py finds the same.
   * @param {number} n @param {number[][]} edges */
  function layerOf(n, edges) {
    const layer = Array(n).fill(0);
    for (let round = 0, moved = true; moved; round++) {
      if (round > n) return layerOfCycles(n, edges);
      moved = false;
      for (const [i, j] of edges) {
        if (layer[j] > layer[i]) continue;
        layer[j] = layer[i] + 1;
        moved = true;
      }
    }
    return layer;
  }

  /** @param {number} n @param {number[][]} edges */
  function layerOfCycles(n, edges) {
    const layer = Array(n).fill(-1);
    for (let start = 0; start >= 0; start = layer.indexOf(-1)) {
      layer[start] = 0;
      const begun = new Set([start]); // of this start: what it reaches, grows while it is read
      for (const node of begun) {
        for (const [i, j] of edges) {
          if (i !== node || layer[j] >= 0) continue;
          layer[j] = layer[i] + 1;
          begun.add(j);
        }
      }
    }
    return layer;
  }

  /** A place for each node, in layers from left to right, each ordered by the nodes' neighbours.
   * @param {number} n @param {number[][]} edges @returns {number[][]} x and y in [0, 1] */
  function layered(n, edges) {
    const layer = layerOf(n, edges);
    const last = Math.max(...layer, 1);
    /** @type {number[][]} */
    const rows = Array.from({ length: last + 1 }, () => []);
    layer.forEach((at, node) => rows[at].push(node));
    const y = Array(n).fill(0.5);
    const spread = (/** @type {number[]} */ row) =>
      row.forEach((node, k) => (y[node] = row.length > 1 ? k / (row.length - 1) : 0.5));
    rows.forEach(spread);
    for (let sweep = 0; sweep < 8; sweep++) {
      for (const row of sweep % 2 ? [...rows].reverse() : rows) {
        const mean = row.map((node) => {
          const near = edges.flatMap(([i, j]) => (i === node ? [y[j]] : j === node ? [y[i]] : []));
          return near.length ? near.reduce((sum, one) => sum + one, 0) / near.length : y[node];
        });
        const order = row.map((_, k) => k).sort((a, b) => mean[a] - mean[b] || a - b);
        row.splice(0, row.length, ...order.map((k) => row[k]));
        spread(row);
      }
    }
    return layer.map((at, node) => [at / last, y[node]]);
  }

  const UNKNOWN = 65535; // what stands for no number: planrl/labs/page/recordings.py
  const UNIT = 255; // of a recorded probability: planrl/labs/page/policies.py

  /** @type {WeakMap<object, {values: Float32Array, columns: number}[]>} */
  const unpacked = new WeakMap();
  /** The recorded policies. @param {NonNullable<Recorded["policies"]>} policies @param {number} n */
  function unpackPolicies(policies, n) {
    let found = unpacked.get(policies);
    if (found) return found;
    unpacked.set(policies, (found = []));
    const data = Uint8Array.from(atob(policies.data), (letter) => letter.charCodeAt(0));
    const columns = n + 1; // in the last one a path ends
    for (let at = 0; at < data.length; ) {
      const end = at + 2 + 3 * (data[at] + 256 * data[at + 1]);
      const values = new Float32Array(n * columns);
      for (let i = 0; i < n; i++) values[i * columns + n] = 1;
      for (let k = at + 2; k < end; k += 3) {
        const share = data[k + 2] / UNIT;
        values[data[k] * columns + data[k + 1]] = share;
        values[data[k] * columns + n] -= share;
      }
      found.push({ values, columns });
      at = end;
    }
    return found;
  }

  /** The numbers of the recorded runs. @param {Recorded} recorded */
  function unpack(recorded) {
    const bytes = Uint8Array.from(atob(recorded.data), (letter) => letter.charCodeAt(0));
    return new Uint16Array(bytes.buffer); // little-endian, as every machine with a browser is
  }

  /** What was recorded for these settings: at a point of the grid, or between its neighbours.
   * Distance along an axis is counted in places of the control, not in its values. A recording is
   * refused if it is of another lab, or names no value of some control but the seed.
   * @param {Lab} lab @param {Uint16Array[]} numbers of each grid @param {Settings} settings
   * @returns {Recording | null} */
  function recording(lab, numbers, settings) {
    const grids = lab.recorded ?? [];
    const place = grids.findIndex(
      ({ lab: name, fixed, axes }) =>
        name === lab.name &&
        Object.keys(fixed).every((control) => settings[control] === fixed[control]) &&
        lab.controls.every(
          (control) =>
            control.name === "seed" ||
            control.name in fixed ||
            axes.some((axis) => axis.name === control.name),
        ),
    );
    return place < 0 ? null : onGrid(lab, grids[place], numbers[place], settings);
  }

  /** @param {Lab} lab @param {Recorded} recorded @param {Uint16Array} numbers
   * @param {Settings} settings @returns {Recording | null} */
  function onGrid(lab, recorded, numbers, settings) {
    let corners = [{ at: 0, weight: 1 }];
    for (const axis of recorded.axes) {
      const values = lab.controls.find((c) => c.name === axis.name)?.values ?? axis.values;
      const place = values.indexOf(settings[axis.name]);
      const grid = axis.values.map((value) => values.indexOf(value));
      const above = grid.findIndex((there) => there >= place);
      if (above < 0 || place < grid[0]) return null;
      const below = grid[above] === place ? above : above - 1;
      const share = above === below ? 0 : (place - grid[below]) / (grid[above] - grid[below]);
      corners = corners.flatMap(({ at, weight }) => [
        { at: at * grid.length + below, weight: weight * (1 - share) },
        { at: at * grid.length + above, weight: weight * share },
      ]);
    }
    corners = corners.filter(({ weight }) => weight > 0);
    const { metrics, scale, steps } = recorded;
    const rows = lab.learners.map((one) => recorded.learners.findIndex((other) => same(one, other)));
    const nearest = corners.reduce((best, one) => (one.weight > best.weight ? one : best)).at;
    /** @type {Settings} */
    const spot = { ...recorded.fixed };
    let rest = nearest;
    for (const { name, values } of [...recorded.axes].reverse()) {
      spot[name] = values[rest % values.length];
      rest = Math.floor(rest / values.length);
    }
    return {
      measured: corners.length === 1,
      seeds: recorded.seeds,
      steps,
      curve(learner, metric) {
        const m = metrics.indexOf(metric);
        if (m < 0 || rows[learner] < 0) return null;
        const [mean, low, high] = [0, 1, 2].map((which) =>
          steps.map((_, step) => {
            let sum = 0;
            for (const { at, weight } of corners) {
              const run = at * recorded.learners.length + rows[learner];
              const row = (run * metrics.length + m) * 3 + which;
              const number = numbers[row * steps.length + step];
              sum += number === UNKNOWN ? NaN : weight * number;
            }
            return sum / scale[m];
          }),
        );
        return { mean, low, high };
      },
      policy(learner, until) {
        const { policies } = recorded;
        if (!policies || rows[learner] < 0) return null;
        const place = policies.steps.filter((step) => step <= until).length - 1;
        const run = nearest * recorded.learners.length + rows[learner];
        const which = policies.which[run * policies.steps.length + Math.max(place, 0)];
        const { n } = lab.graphs[`${recorded.fixed.graph}`];
        const { seed, steps: updates } = policies;
        return { ...unpackPolicies(policies, n)[which], step: updates[Math.max(place, 0)], seed, at: spot };
      },
    };
  }

  /** Are these one and the same learner, with the same options? Else the recorded curve of one is
   * not shown as the other's. @param {Learner} one @param {Learner} other */
  function same(one, other) {
    const names = [...Object.keys(one.options), ...Object.keys(other.options)];
    return (
      one.name === other.name &&
      one.algorithm === other.algorithm &&
      one.start === other.start &&
      names.every((name) => one.options[name] === other.options[name])
    );
  }

  return { defaults, options, formula, write, read, graph, shownGraph, answered, unpack, recording };
})();
