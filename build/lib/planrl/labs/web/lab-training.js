// @ts-check
/* Trains in a page's worker, or in a notebook's kernel: starts it, gives it one chunk at a time, and
 * keeps its evaluations. Loaded after lab-hosting.js, and before lab.js. */

/**
 * @typedef {{model: string, seed: number, every: number,
 *   share: number, base: Base & {file: string}, evaluation: string,
 *   labGraph: {n: number, edges: number[][], question: number[]}, shown: number[] | null,
 *   learners: {algorithm: string, start: string, options: Record<string, number>}[],
 *   links: string[]}} Order
 *   what to train; evaluation: what measures it; every: updates between two evaluations;
 *   links: the same settings, as a link has them
 * @typedef {{paths: Float32Array, earned: Float32Array}} Made the rows that an update was made from
 * @typedef {{postMessage: (message: any) => void, terminate: () => void,
 *   onmessage: ((event: MessageEvent) => void) | null, onerror: ((event: ErrorEvent) => void) | null}} Trainer
 * @typedef {{root: string, start: () => Trainer, explain: () => Promise<string>, waiting: string}} Place
 *   root: the folder of a worker's files; explain: why they could not be loaded, or ""; waiting: what is
 *   said of a trainer that does not answer, or "" if it counts as dead then
 */
const planrlLabTraining = (() => {
  "use strict";

  const POINTS = 600; // more points on a curve than this are thinned
  const PACE = 500; // milliseconds over which the rate is measured
  const SILENCE = 30; // seconds without a word after which a worker counts as dead
  const PATIENCE = 10; // and those after which it is said that a kernel does not answer
  const MODULE = /import|module|backend/i; // of a module that was not loaded, in all browsers' words

  /** Nothing has been trained. */
  const nothing = () => ({
    ready: false,
    preparing: /** @type {{done: number, of: number} | null} */ (null), // updates of a base model
    busy: false, // the worker computes; it gets no second chunk before it answers
    evaluateAgain: false,
    underWay: 0, // updates that the worker makes now
    step: 0,
    rate: 0, // updates a second, by the clock on the wall
    points: /** @type {Point[]} */ ([]),
    stride: 0, // updates between two points that are kept
    evaluations: /** @type {Evaluation[]} */ ([]),
    before: /** @type {Evaluation[]} */ ([]), // those before the newest
    made: /** @type {Made[] | null} */ (null), // of the last update, if it was asked for alone
    stopped: "", // why an update was not made; what was made before it is kept
    waits: "", // what is said while the trainer does not answer
    mixed: false, // a setting was changed during the run
    failed: "",
  });

  /** One lab's training. @param {Place} place
   * @param {() => Order} order @param {() => void} changed there is something new to show */
  function create(place, order, changed) {
    const run = {
      ...nothing(),
      wanted: 0, // updates still to be made
      bytes: 0, // loaded so far
      total: 0, // of what is to be loaded; 0: not yet known
      shapes: /** @type {Record<string, number[]>} */ ({}),
      question: /** @type {number[] | null} */ (null), // another one, if the graph's own has no path
    };
    let chunk = 0; // the most updates between two drawings
    let owes = false; // updates of this chunk that a kernel leaves out are made in the next
    let asked = false; // for training; before that a failure is not told
    let epoch = 0; // answers to an older epoch are dropped
    let silent = 0;
    let sent = 0; // when the last chunk was
    /** @type {{step: number, at: number} | null} from here on the rate is measured */
    let mark = null;
    /** @type {Trainer | null} */
    let worker = null;

    /** Make so many updates from here on; after a failure, from the start.
     * @param {number} updates @param {number} most updates between two drawings */
    function go(updates, most) {
      if (run.failed) restart();
      asked = true;
      owes &&= updates > 1;
      run.stopped = "";
      run.wanted = updates;
      chunk = most;
      mark = null;
      if (updates && !worker && start()) open();
      next();
    }

    /** Load what training needs, and show the base model. */
    function prepare() {
      if (!worker && !run.failed && start()) open();
    }

    /** Start a worker. @returns {boolean} is there one now? */
    function start() {
      try {
        worker = place.start();
      } catch (error) {
        fail(`the browser starts no worker (${error instanceof Error ? error.message : error})`);
        return false;
      }
      worker.onmessage = ({ data }) => hear(data);
      worker.onerror = ({ message }) => {
        if (message) fail(message);
        else examine("its files could not be loaded");
      };
      return true;
    }

    /** Search the files for a reason; without one the message is shown.
     * @param {string} message */
    async function examine(message) {
      const begun = epoch;
      const found = await place.explain();
      if (begun === epoch) fail(found || message);
    }

    /** Back to update 0, with the settings as they are now; goes on if it was going. */
    function restart() {
      epoch += 1;
      mark = null;
      Object.assign(run, nothing(), { question: null });
      if (worker) open();
    }

    /** The next chunk takes the new settings; while training pauses, learners are evaluated again. */
    function follow() {
      if (run.step > 0) run.mixed = true;
      run.evaluateAgain = true;
      next();
    }

    /** Evaluate again: another pair is shown. */
    function look() {
      run.evaluateAgain = true;
      next();
    }

    function open() {
      silent = 0;
      worker?.postMessage({ type: "open", epoch, root: place.root, ...order() });
    }

    function next() {
      if (!run.ready || run.busy || document.hidden || !(run.wanted || run.evaluateAgain)) return;
      const { learners, shown, links } = order();
      const steps = Math.min(run.wanted, chunk);
      run.wanted -= steps;
      run.underWay = steps;
      owes = true;
      run.busy = true;
      run.evaluateAgain = false;
      silent = 0;
      sent = performance.now();
      const options = learners.map((learner) => learner.options);
      worker?.postMessage({ type: "run", epoch, steps, evaluation: true, options, shown, links, told: steps === 1 && chunk === 1 });
    }

    /** @param {any} message */
    function hear(message) {
      if (message.epoch !== epoch) return;
      silent = 0;
      run.waits = "";
      if (message.type === "error") {
        if (message.trouble) return fail(planrlLabHosting.words(message.trouble));
        return MODULE.test(message.message) ? examine(message.message) : fail(message.message);
      }
      if (message.type === "loading") {
        run.bytes = message.bytes;
        run.total = message.total;
      }
      if (message.type === "preparing") run.preparing = { done: message.done, of: message.of };
      if (message.type === "ready") {
        run.preparing = null;
        run.ready = true;
        run.shapes = message.shapes;
        run.question = message.question;
        see(0, message.evaluations);
      }
      if (message.type === "progress") {
        run.busy = false;
        run.underWay = 0;
        mark ??= { step: run.step, at: sent };
        const ms = performance.now() - mark.at;
        if (ms > PACE) {
          run.rate = (1000 * (message.step - mark.step)) / ms;
          mark = null;
        }
        // Two evaluations tell what an update moved only if they are of one pair.
        run.before = `${run.question}` === `${message.question}` ? run.evaluations : [];
        run.question = message.question;
        run.made = message.made;
        if (owes) run.wanted += message.left ?? 0;
        run.stopped = message.stopped ?? "";
        if (run.stopped) run.wanted = 0;
        see(message.step, message.evaluations);
      }
      next();
      changed();
    }

    /** Keep an evaluation. The newest point is always there; the others keep a distance that
     * doubles when there are too many, so that an hour of training does not fill the memory.
     * @param {number} step @param {Evaluation[]} evaluations */
    function see(step, evaluations) {
      const { points } = run;
      run.step = step;
      run.evaluations = evaluations;
      const [before, last] = [points.at(-2)?.step ?? -Infinity, points.at(-1)?.step];
      if (last !== undefined && (last === step || last - before < run.stride)) points.pop();
      points.push({ step, metrics: evaluations.map((evaluation) => evaluation.metrics) });
      if (points.length <= POINTS) return;
      run.points = points.filter((_, i) => i % 2 === 0);
      run.stride = run.points[1].step - run.points[0].step;
    }

    /** @param {string} message */
    function fail(message) {
      worker?.terminate();
      worker = null;
      Object.assign(run, { ready: false, busy: false, underWay: 0, wanted: 0, failed: asked ? message : "" });
      changed();
    }

    // A worker can die without a word. Seconds are counted one by one: a computer that slept must
    // not look like a worker that did not answer.
    const clock = window.setInterval(() => {
      if (!worker || document.hidden || (run.ready && !run.busy)) return;
      silent += 1;
      if (place.waiting && silent > PATIENCE && !run.waits) {
        run.waits = place.waiting;
        changed();
      } else if (!place.waiting && silent > SILENCE) fail(`no answer for ${SILENCE} seconds`);
    }, 1000);
    const seen = () => {
      mark = null;
      next();
    };
    document.addEventListener("visibilitychange", seen);

    /** Train no more. */
    function end() {
      epoch += 1;
      run.wanted = 0;
      worker?.terminate();
      worker = null;
      window.clearInterval(clock);
      document.removeEventListener("visibilitychange", seen);
    }

    return { run, go, prepare, restart, follow, look, end, started: () => worker !== null };
  }

  return { create };
})();
