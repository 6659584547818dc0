// @ts-check
/* Trains the learners of one lab. What an update computes, and what is measured, is in ONNX programs.
 * The JSON beside each program says which tensors it reads, and what a learner carries from one update
 * to the next; this file fetches them, hands the carried tensors on, and answers the page. */

/**
 * @typedef {{name: string, dtype: "float32" | "int32", shape: number[], default?: number}} Port
 * @typedef {{name: string, fill: number | null}} Carried null: the weights that a learner starts from
 * @typedef {{name: string, session: any, inputs: Port[], outputs: Port[], carries: Carried[]}} Program
 * @typedef {Record<string, any>} Tensors by the name of the input, without its "in_"
 * @typedef {{update: Program, options: Record<string, number>, state: Tensors}} Learner
 * @typedef {{metrics: Record<string, number>, matrices: Record<string, Float32Array>}} Evaluation
 * @typedef {{type: "open", epoch: number, root: string, model: string, seed: number,
 *   share: number, base: Base & {file: string}, evaluation: string,
 *   labGraph: {n: number, edges: number[][], question: number[]}, shown: number[] | null,
 *   learners: {algorithm: string, start: string, options: Record<string, number>}[]}} Open
 *   question: a training pair, if it has a path; shown: the pair that is shown, if it is another
 * @typedef {{type: "run", epoch: number, steps: number, evaluation: boolean, shown: number[] | null,
 *   options: Record<string, number>[]}} Run
 */

const RUNTIME = "ort/ort-wasm-simd-threaded.wasm";
const BREATH = 100; // milliseconds of computing after which the messages that came in are read

/** @type {any} onnxruntime-web */
let ort;
let root = "";
let latest = 0; // the epoch of the newest message: work for older ones is dropped
let queue = Promise.resolve();
/** @type {Record<string, number>} how many bytes each file has */
let sizes = {};
/** @type {Record<string, number>} how many bytes of each file have come */
const came = {};
/** @type {string[]} the files that training waits for */
let awaited = [];
/** @type {Map<string, Promise<Uint8Array<ArrayBuffer>>>} */
const files = new Map();
/** @type {Map<string, Promise<Program>>} */
const programs = new Map();
/** @type {{step: number, labGraph: Tensors, usual: number[], evaluation: Program, learners: Learner[]}} */
let lab;

self.onmessage = ({ data }) => {
  latest = data.epoch;
  queue = queue.then(() => answer(data));
};

/** @param {Open | Run} message */
async function answer(message) {
  if (message.epoch !== latest) return;
  try {
    if (message.type === "open") await open(message);
    else await train(message);
  } catch (error) {
    const words = error instanceof Error ? error.message : `${error}`; // ort throws numbers, too
    const forbidden = /unsafe-eval|Content.Security.Policy/i.test(words);
    const policy = forbidden ? { kind: "policy", path: "", told: "" } : null;
    const trouble = error instanceof Trouble ? error.trouble : policy;
    self.postMessage({ type: "error", epoch: message.epoch, message: words, trouble });
  }
}

/** A file below the lab's folder, fetched once. @param {string} path */
function load(path) {
  let file = files.get(path);
  if (!file) files.set(path, (file = fetchFile(path)));
  return file;
}

/** A file that could not be loaded; lab-hosting.js has the words for it. */
class Trouble extends Error {
  /** @param {string} kind @param {string} path @param {string} [told] */
  constructor(kind, path, told = "") {
    super(`${path}: ${kind}`);
    this.trouble = { kind, path, told };
  }
}

/** @param {string} path */
async function fetchFile(path) {
  const response = await fetch(new URL(path, root)).catch(() => {
    throw new Trouble("unreachable", path);
  });
  if (!response.ok || !response.body) {
    throw new Trouble(response.status === 404 ? "missing" : "refused", path, `${response.status}`);
  }
  const reader = response.body.getReader();
  const parts = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new Trouble("part", path, `${size} bytes`);
    });
    if (done) break;
    parts.push(value);
    size += value.length;
    came[path] = size;
    tellProgress();
  }
  const file = new Uint8Array(await new Blob(parts).arrayBuffer());
  const begins = new TextDecoder().decode(file.subarray(0, 64));
  if (/^\s*<(!doctype|!--|html|head)/i.test(begins)) throw new Trouble("page", path);
  const whole = sizes[path];
  if (whole !== undefined && size !== whole) {
    throw new Trouble("part", path, `${size} of ${whole} bytes`);
  }
  return file;
}

function tellProgress() {
  const sum = (/** @type {Record<string, number>} */ of) =>
    awaited.reduce((total, path) => total + (of[path] ?? 0), 0);
  self.postMessage({ type: "loading", epoch: latest, bytes: sum(came), total: sum(sizes) });
}

/** @param {string} path */
const loadJson = async (path) => JSON.parse(new TextDecoder().decode(await load(path)));

/** @param {string} name */
function program(name) {
  let found = programs.get(name);
  if (!found) programs.set(name, (found = fetchProgram(name)));
  return found;
}

/** @param {string} name @returns {Promise<Program>} */
async function fetchProgram(name) {
  const [graph, { inputs, outputs, carries }] = await Promise.all([
    load(`programs/${name}.onnx`),
    loadJson(`programs/${name}.json`),
  ]);
  const session = await ort.InferenceSession.create(graph, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
  });
  files.delete(`programs/${name}.onnx`); // the session holds it now
  return { name, session, inputs, outputs, carries };
}

/** The files that an order needs, as far as their size counts. @param {Open} order */
function needed({ model, base, evaluation, learners }) {
  const updates = learners.map(({ algorithm }) => `${model}-${algorithm}`);
  const names = new Set(["prepare", `${model}-fresh`, `${model}-${evaluation}`, ...updates]);
  return [RUNTIME, base.file, ...[...names].map((name) => `programs/${name}.onnx`)].filter(Boolean);
}

async function startRuntime() {
  const runtime = await import(new URL("ort/ort.wasm.min.mjs", root).href);
  runtime.env.wasm.numThreads = 1;
  runtime.env.wasm.wasmPaths = new URL("ort/", root).href;
  // Fetched here and not by the runtime, so that the page can say how much has come.
  runtime.env.wasm.wasmBinary = (await load(RUNTIME)).buffer;
  ort = runtime;
}

/** @param {Port["dtype"]} dtype @param {number[]} shape @param {ArrayLike<number>} values */
function tensor(dtype, shape, values) {
  const array = dtype === "int32" ? Int32Array : Float32Array;
  return new ort.Tensor(dtype, array.from(values), shape);
}

/** @param {number} value */
const scalar = (value) => tensor("float32", [], [value]);

/** Run a program on what its inputs ask for: tensors that are there, else options.
 * @param {Program} program @param {Tensors} tensors @param {Record<string, number>} options
 * @returns {Promise<Tensors>} its outputs, without their "out_" */
async function call({ name, session, inputs, outputs }, tensors, options = {}) {
  /** @type {Tensors} */
  const feeds = {};
  for (const { name: input, dtype, shape, default: usual } of inputs) {
    const key = input.replace(/^in_/, "");
    const option = options[key] ?? usual;
    if (key in tensors) feeds[input] = tensors[key];
    else if (option !== undefined) feeds[input] = tensor(dtype, shape, [option]);
    else throw new Error(`${name} asks for ${input}, which this lab does not have`);
  }
  const results = await session.run(feeds);
  return Object.fromEntries(outputs.map((o) => [o.name.replace(/^out_/, ""), results[o.name]]));
}

/** @param {Open} message */
async function open(message) {
  const { epoch, model, seed, share, base, labGraph, learners, shown } = message;
  root = message.root;
  if (!ort) sizes = await loadJson("files.json");
  awaited = needed(message);
  if (!ort) await startRuntime();
  const prepare = await program("prepare");
  const adjacency = prepare.inputs.find((input) => input.name === "in_adjacency");
  const size = adjacency?.shape[0] ?? labGraph.n;
  const matrix = new Float32Array(size * size);
  for (const [from, to] of labGraph.edges) matrix[from * size + to] = 1;
  /** @type {Tensors} */
  const given = {
    adjacency: tensor("float32", [size, size], matrix),
    seed: tensor("int32", [], [seed]),
    share: scalar(share),
    question: tensor("int32", [2], labGraph.question),
  };
  Object.assign(given, await call(prepare, given)); // another question, too, if it has no path
  if (!given.pair_count.data[0]) throw new Error("no node of this graph reaches another");
  const starts = await startingPoints(model, given, base, learners);
  const evaluation = await program(`${model}-${message.evaluation}`);
  const opened = [];
  for (const { algorithm, start, options } of learners) {
    const update = await program(`${model}-${algorithm}`);
    opened.push({ update, options, state: begin(update, starts[start]) });
  }
  lab = { step: 0, labGraph: given, usual: [...given.question.data], evaluation, learners: opened };
  ask(shown);
  /** @type {Record<string, number[]>} */
  const shapes = {};
  for (const { name, shape } of evaluation.outputs) shapes[name.replace(/^out_/, "")] = shape;
  const evaluations = await evaluateAll();
  const question = [...given.question.data];
  self.postMessage({ type: "ready", epoch, evaluations, shapes, question });
}

/** Show this pair from now on, or the usual one. @param {number[] | null} pair */
function ask(pair) {
  lab.labGraph.question = tensor("int32", [2], pair ?? lab.usual);
}

/** The weights that learners start from: untrained ones, and those of a base that imitates.
 * @param {string} model @param {Tensors} given @param {Open["base"]} base
 * @param {Open["learners"]} learners @returns {Promise<Record<string, Float32Array>>} */
async function startingPoints(model, given, base, learners) {
  const fresh = (await call(await program(`${model}-fresh`), given)).params.data;
  if (base.output) return { fresh, base: given[base.output].data };
  if (learners.every(({ start }) => start === "fresh")) return { fresh };
  if (base.file) return { fresh, base: new Float32Array((await load(base.file)).buffer) };
  const update = await program(`${model}-${base.algorithm}`);
  const one = { update, options: {}, state: begin(update, fresh) };
  const epoch = latest;
  for (let step = 0; step < base.updates && epoch === latest; step++) {
    await updateOnce(one, given, step);
    if (step % 10 !== 9) continue;
    self.postMessage({ type: "preparing", epoch, done: step + 1, of: base.updates });
    await new Promise((resolve) => setTimeout(resolve)); // messages are read
  }
  return { fresh, base: one.state.params.data };
}

/** What a learner carries before its first update. @param {Program} update
 * @param {Float32Array} weights those it starts from @returns {Tensors} */
function begin({ carries, inputs }, weights) {
  return Object.fromEntries(
    carries.map(({ name, fill }) => {
      const shape = inputs.find((input) => input.name === `in_${name}`)?.shape ?? [];
      const size = shape.reduce((product, length) => product * length, 1);
      return [name, tensor("float32", shape, fill === null ? weights : Array(size).fill(fill))];
    }),
  );
}

/** @param {Run} message */
async function train({ epoch, steps, evaluation, options, shown }) {
  ask(shown);
  lab.learners.forEach((learner, i) => {
    learner.options = options[i];
  });
  const begun = performance.now();
  let breath = begun;
  /** @type {{paths: Float32Array, earned: Float32Array}[]} */
  let made = [];
  for (let i = 0; i < steps; i++) {
    made = [];
    for (const learner of lab.learners) made.push(await updateOnce(learner, lab.labGraph, lab.step));
    lab.step += 1;
    if (performance.now() - breath > BREATH) {
      await new Promise((resolve) => setTimeout(resolve));
      if (epoch !== latest) return;
      breath = performance.now();
    }
  }
  const evaluations = evaluation ? await evaluateAll() : null;
  const ms = performance.now() - begun;
  const told = steps === 1 ? made : null;
  const question = [...lab.labGraph.question.data];
  self.postMessage({ type: "progress", epoch, step: lab.step, made: told, evaluations, question, ms });
}

/** @param {Learner} learner @param {Tensors} labGraph @param {number} step updates done before
 * @returns {Promise<{paths: Float32Array, earned: Float32Array}>} the rows it was made from */
async function updateOnce({ update, options, state }, labGraph, step) {
  const results = await call(update, { ...labGraph, ...state, t: scalar(step) }, options);
  if (!Number.isFinite(results.loss.data[0] + results.gradient_norm.data[0])) {
    throw new Error(`update ${step + 1} is not finite: try a smaller learning rate`);
  }
  for (const name of Object.keys(state).filter((key) => key in results)) {
    state[name].dispose();
    state[name] = results[name];
  }
  return { paths: results.paths.data, earned: results.earned.data };
}

/** @returns {Promise<Evaluation[]>} */
async function evaluateAll() {
  const evaluations = [];
  for (const { options, state } of lab.learners) {
    const seen = await call(lab.evaluation, { ...lab.labGraph, ...state, t: scalar(lab.step) }, options);
    /** @type {Evaluation} */
    const evaluation = { metrics: {}, matrices: {} };
    for (const [name, { data, dims }] of Object.entries(seen)) {
      if (dims.length) evaluation.matrices[name] = data;
      else evaluation.metrics[name] = Number(data[0]);
    }
    evaluations.push(evaluation);
  }
  return evaluations;
}

export {};
