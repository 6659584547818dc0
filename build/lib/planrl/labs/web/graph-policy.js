// @ts-check
/* A frame for graph-view.js from a live policy, which is a matrix of probabilities.
 *
 *   planrlGraphPolicy.frame(policy, columns, graph, {steps, paths, random})
 *
 * policy[i * columns + j] is the probability of the step from i to j on a path to the graph's
 * target. Columns past the nodes end a path (END, or a node that the graph does not have). The
 * probability that a path passes an edge within `steps` steps is exact where the policy depends on
 * target and current node alone, as that of a table does; planrl.passing_probs computes it of any
 * model in Python. `paths` paths are sampled with the uniform numbers of `random`. */
const planrlGraphPolicy = (() => {
  "use strict";

  const LEAST = 0.005; // a step less likely than this is not drawn

  /** @param {ArrayLike<number>} policy @param {number} columns @param {GraphData} graph
   * @param {{steps?: number, paths?: number, random?: () => number}} [options]
   * @returns {{probs: number[][], paths: GraphPath[]}} */
  function frame(policy, columns, graph, { steps = 9, paths = 12, random = Math.random } = {}) {
    const { source, target, edges } = graph;
    const n = graph.nodes.length;
    const legal = new Set(edges.map((edge) => edge.join("-")));
    /** How often a path is expected to leave each node. */
    const visits = () => {
      let mass = new Float64Array(n);
      const total = new Float64Array(n);
      mass[source] = 1;
      for (let k = 0; k < steps; k++) {
        const after = new Float64Array(n);
        for (let a = 0; a < n; a++) {
          if (!mass[a] || a === target) continue;
          total[a] += mass[a];
          for (let b = 0; b < n; b++) after[b] += mass[a] * policy[a * columns + b];
        }
        mass = after;
      }
      return total;
    };
    /** The probability that a path steps from i to j at least once. @type {(i: number, j: number) => number} */
    const passes = (i, j) => {
      let [mass, passed] = [new Float64Array(n), 0];
      mass[source] = 1;
      for (let k = 0; k < steps; k++) {
        const after = new Float64Array(n);
        for (let a = 0; a < n; a++) {
          if (!mass[a] || a === target) continue;
          for (let b = 0; b < n; b++) {
            const p = mass[a] * policy[a * columns + b];
            if (a === i && b === j) passed += p; // and is not followed any further
            else after[b] += p;
          }
        }
        mass = after;
      }
      return passed;
    };
    const often = visits();
    const probs = [];
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n && i !== target; j++) {
        // A path passes an edge at most as often as it is expected to take it: most need no more.
        const p = often[i] * policy[i * columns + j] >= LEAST ? passes(i, j) : 0;
        if (p >= LEAST) probs.push([i, j, p]);
      }
    }
    const sampled = Array.from({ length: paths }, () => {
      const nodes = [source];
      let correct = true;
      for (let k = 0; k < steps && nodes[k] !== target; k++) {
        let [rest, j] = [random(), 0];
        while (j < columns - 1 && (rest -= policy[nodes[k] * columns + j]) >= 0) j++;
        if (j >= n) break;
        correct &&= legal.has(`${nodes[k]}-${j}`);
        nodes.push(j);
      }
      return { nodes, correct: correct && nodes.at(-1) === target };
    });
    return { probs, paths: sampled };
  }

  return { frame };
})();
