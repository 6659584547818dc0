// @ts-check
/* Explains one update in words: which paths it was made from, what each earned, and which logits moved.
 * All of it is read from that update. Loaded before lab.js. */
const planrlLabStep = (() => {
  "use strict";

  const SCALE = 10; // evaluations give logits in units of it: planrl/labs/engine/sampling.py
  const SOURCE = 2; // the place of a path's first node in its row
  const PATHS = { alone: 4, together: 2 }; // that are told, of one learner and of several
  const MOVES = { alone: 5, together: 3 };

  /** @typedef {{nodes: number[], earned: number, count: number, wrong: number}} Path
   *   wrong: the place of the first step that is no edge, or -1 */

  /** The different paths of an update: first those to the shown target, then the most frequent.
   * @param {Made} made @param {LabGraph} labGraph @param {number} unit of what is earned
   * @returns {Path[]} */
  function paths({ paths: rows, earned }, { n, edges, question }, unit) {
    const length = rows.length / earned.length;
    const legal = new Set(edges.map((edge) => edge.join()));
    /** @type {Map<string, Path>} */
    const found = new Map();
    for (let i = 0; i < earned.length; i++) {
      const row = [...rows.subarray(i * length + SOURCE, (i + 1) * length)];
      const end = row.findIndex((token) => token >= n);
      const nodes = end < 0 ? row : row.slice(0, end);
      const key = `${rows[i * length + 1]}:${nodes}`;
      const known = found.get(key);
      if (known) known.count += 1;
      else {
        const wrong = nodes.findIndex((node, k) => k > 0 && !legal.has(`${nodes[k - 1]},${node}`));
        const target = rows[i * length + 1];
        found.set(key, { nodes: [...nodes, target], earned: earned[i] / unit, count: 1, wrong });
      }
    }
    const asked = (/** @type {Path} */ path) => Number(path.nodes.at(-1) === question[1]);
    return [...found.values()].sort((a, b) => asked(b) - asked(a) || b.count - a.count);
  }

  /** @param {Path} path @param {LabGraph} labGraph @param {boolean} sampled or demonstrated */
  function told({ nodes, earned, count, wrong }, { labels }, sampled) {
    const target = nodes[nodes.length - 1];
    const steps = nodes.slice(0, -1);
    const name = (/** @type {number} */ node) => labels[node] ?? `${node}`;
    const shown = steps.map((node, k) => (k ? `${k === wrong ? " ✗ " : " → "}${name(node)}` : name(node)));
    const arrived = steps[steps.length - 1] === target;
    const reason =
      wrong > 0
        ? `the step ${name(steps[wrong - 1])} to ${name(steps[wrong])} is no edge`
        : arrived
          ? "correct"
          : `it does not reach ${name(target)}`;
    const times = count > 1 ? `, ${count} times` : "";
    return `${shown.join("")} (${reason}${times})${sampled ? `: earned ${number(earned)}` : ""}.`;
  }

  /** @param {number} value */
  const number = (value) => `${Number(value.toFixed(2))}`.replace("-", "−");

  /** The logits of the shown target that an update moved most, in words.
   * @param {Evaluation} before @param {Evaluation} after @param {LabGraph} labGraph
   * @param {number} columns @param {number} most */
  function moved(before, after, { n, labels, edges }, columns, most) {
    const [old, now] = [before.matrices.logits, after.matrices.logits];
    const legal = new Set(edges.map((edge) => edge.join()));
    const changes = [];
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        changes.push({ i, j, by: SCALE * (now[i * columns + j] - old[i * columns + j]) });
      }
    }
    changes.sort((a, b) => Math.abs(b.by) - Math.abs(a.by));
    return changes
      .slice(0, most)
      .filter(({ by }) => Math.abs(by) >= 0.005)
      .map(({ i, j, by }) => {
        const edge = legal.has(`${i},${j}`) ? "" : ", no edge";
        return `${labels[i]} to ${labels[j]} ${by > 0 ? "+" : ""}${number(by)}${edge}`;
      });
  }

  /** The words for one update, a list for each learner.
   * @param {Lab} lab @param {LabGraph} labGraph @param {{made: Made[] | null, step: number,
   *   before: Evaluation[], evaluations: Evaluation[], shapes: Record<string, number[]>}} run
   * @returns {{title: string, lines: string[]}[]} */
  function explain(lab, labGraph, { made, before, evaluations, shapes }) {
    if (!made || !before.length) return [];
    const how = lab.learners.length > 1 ? "together" : "alone";
    return lab.learners.map(({ title, sampled, unit }, k) => {
      const all = paths(made[k], labGraph, unit);
      const correct = all.filter(({ nodes, wrong }) => wrong < 0 && nodes.at(-1) === nodes.at(-2));
      const rest = all.filter((path) => !correct.includes(path));
      const right = correct.reduce((sum, { count }) => sum + count, 0);
      const source = sampled ? "sampled" : "demonstrated";
      const half = PATHS[how] / 2;
      const some = [...correct.slice(0, half), ...rest.slice(0, half)];
      const target = labGraph.question[1];
      const columns = shapes.logits?.at(-1) ?? labGraph.n;
      const moves = moved(before[k], evaluations[k], labGraph, columns, MOVES[how]);
      const name = labGraph.labels[target];
      const none = all.some(({ nodes }) => nodes.at(-1) === target) ? "" : ", to which no path of this update leads";
      const logits = moves.length
        ? `Logits for paths to ${name} that moved most: ${moves.join("; ")}.`
        : `No logit moved by 0.005 or more for paths to ${name}${none}.`;
      const share = `${right} of ${made[k].earned.length} ${source} paths are correct.`;
      return { title, lines: [share, ...some.map((path) => told(path, labGraph, sampled)), logits] };
    });
  }

  return { explain };
})();
