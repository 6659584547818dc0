// @ts-check
/* A directed graph on which sampled paths travel. Recorded runs and live ones feed the same data.
 *
 *   const view = planrlGraphView.create(host, graph, options);
 *
 * host      an element that has a height; a canvas and the edges as a table are put into it. The
 *           CSS variables --planrl-line and --planrl-line-dark are the colour of its paths.
 * graph     {nodes: [{id, name, x, y}], edges: [[i, j]], source, target}: ids are 0, 1, 2, ...,
 *           x and y lie in [0, 1], y points downwards.
 * options   label     what a screen reader says of the picture
 *           rate      paths that set out in a second (6)
 *           pace      milliseconds that a path takes for a step (420)
 *           onPick    (source, target): the reader chose a pair. The host shows it by `set`.
 *           onEdges   (edges): the reader drew or cut an edge. The host shows it by `set`.
 *           Without onPick and onEdges the graph is a picture; with one of them each node is a
 *           button: press two nodes one after the other (Tab and arrow keys reach them), or drag
 *           from one to the other. In the mode "cut" a click on an edge cuts it, too.
 *
 *   view.update(frame, ms)   frame: {update, probs: [[i, j, p]], paths: [{nodes, correct}]}
 *           An edge is as wide as p, the probability that a path passes it; p changes to the new
 *           value within ms (0: at once). Pairs in `probs` that are no edges are illegal steps.
 *           The paths set out one by one, again and again, while the view runs.
 *   view.run(on)             paths travel, or stand. Nothing moves where the reader wants no motion.
 *   view.set(graph)          another graph, pair or set of edges; widths begin anew
 *   view.mode(name)          "choose" (the pair, at first), "draw" or "cut" (an edge)
 *   view.remove()            take everything away again
 *
 * graph-policy.js makes a frame of a live policy. */

/**
 * @typedef {{id: number, name: string, x: number, y: number}} GraphNode
 * @typedef {{nodes: GraphNode[], edges: number[][], source: number, target: number}} GraphData
 * @typedef {{nodes: number[], correct: boolean}} GraphPath
 * @typedef {{update?: number, probs: number[][], paths: GraphPath[], accuracy?: number,
 *   distinct?: number}} GraphFrame
 * @typedef {{label?: string, rate?: number, pace?: number,
 *   onPick?: (source: number, target: number) => void,
 *   onEdges?: (edges: number[][]) => void}} GraphOptions
 * @typedef {[number, number]} Spot a point of the canvas
 * @typedef {{i: number, j: number, legal: boolean, from: number, to: number, now: number,
 *   curve: Spot[], length: number}} GraphEdge a quadratic curve from node to node
 * @typedef {{path: GraphPath, step: number, part: number, side: number, lost: boolean}} Dot
 * @typedef {{node: number, age: number, good: boolean}} Flash
 */
const planrlGraphView = (() => {
  "use strict";

  const BENDS = [0, 0.1, -0.1, 0.18, -0.18, 0.28, -0.28, 0.4, -0.4]; // of an edge's length
  const FLASH = 550; // milliseconds
  const MOST_DOTS = 60;
  const CROWD = 40; // of more edges those that no path passes are fainter
  const READ = 600; // milliseconds without a change, after which the table says the new numbers
  const stillness = window.matchMedia("(prefers-reduced-motion: reduce)");

  // --- One clock for all views of a page ---------------------------------------------------------
  /** @type {Set<(ms: number) => boolean>} each says whether it wants the next frame, too */
  const busy = new Set();
  let last = 0;
  /** @param {number} now */
  function tick(now) {
    const ms = Math.max(0, Math.min(now - last, 100)); // paths wait while the page does
    last = now;
    for (const step of busy) if (!step(ms)) busy.delete(step);
    if (busy.size) requestAnimationFrame(tick);
  }
  /** @param {(ms: number) => boolean} step */
  function wake(step) {
    if (!busy.size) {
      last = performance.now();
      requestAnimationFrame(tick);
    }
    busy.add(step);
  }

  // --- Curves ------------------------------------------------------------------------------------
  /** @param {Spot[]} curve @param {number} t @param {number} u @returns {Spot} its blossom */
  const blossom = ([a, b, c], t, u) => {
    const [p, q, r] = [(1 - t) * (1 - u), t + u - 2 * t * u, t * u];
    return [p * a[0] + q * b[0] + r * c[0], p * a[1] + q * b[1] + r * c[1]];
  };
  /** @param {Spot[]} curve @param {number} t */
  const at = (curve, t) => blossom(curve, t, t);
  /** @param {Spot} a @param {Spot} b */
  const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
  /** The smallest distance of a curve to a point. @param {Spot[]} curve @param {Spot} point */
  function clearance(curve, point) {
    let least = Infinity;
    for (let k = 1; k < 12; k++) least = Math.min(least, apart(at(curve, k / 12), point));
    return least;
  }

  /** @param {HTMLElement} host @param {GraphData} given @param {GraphOptions} [options] */
  function create(host, given, options = {}) {
    const { rate = 6, pace = 420, onPick, onEdges } = options;
    const interactive = Boolean(onPick ?? onEdges);
    const canvas = document.createElement("canvas");
    const buttons = document.createElement("div");
    const said = document.createElement("p");
    const table = document.createElement("table");
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    let data = given;
    let [width, height, radius] = [0, 0, 8];
    /** @type {Spot[]} */
    let where = [];
    /** @type {Map<string, GraphEdge>} */
    let edges = new Map();
    /** @type {GraphFrame} */
    let frame = { probs: [], paths: [] };
    /** @type {Dot[]} */
    let dots = [];
    /** @type {Flash[]} */
    let flashes = [];
    let [running, seen, dirty] = [false, true, true];
    let [change, left] = [0, 0]; // of the widths: how long it takes, how much of that is left
    let [next, due, out] = [0, 0, 0]; // the next path, when it sets out, how many did
    let mode = "choose";
    let first = -1; // the node that was pressed first
    /** @type {Spot | null} */
    let pulled = null; // where a drag from it has come to
    let reading = 0;
    /** @type {Record<string, string>} */
    let colours = {};

    // --- Measures and colours --------------------------------------------------------------------
    function dress() {
      const style = getComputedStyle(host);
      const dark = document.documentElement.dataset.theme === "dark";
      const colour = (/** @type {string} */ name, /** @type {string} */ otherwise) =>
        style.getPropertyValue(name).trim() || otherwise;
      const line = colour("--planrl-line", "#0072B2");
      colours = {
        line: dark ? colour("--planrl-line-dark", line) : line,
        ink: colour("--pst-color-text-base", "#222"),
        quiet: colour("--pst-color-text-muted", "#666"),
        ground: colour("--pst-color-background", "#fff"),
        error: colour("--planrl-guess", "#b3261e"),
        font: style.fontFamily,
      };
      redraw();
    }

    function measure() {
      const { clientWidth, clientHeight } = host;
      if (!clientWidth || !clientHeight) return;
      const scale = Math.min(window.devicePixelRatio || 1, 2);
      [width, height] = [clientWidth, clientHeight];
      [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
      pen.setTransform(scale, 0, 0, scale, 0, 0);
      place();
    }

    /** Nodes and edges where they belong in the present size. */
    function place() {
      const room = Math.min(20, 3 + 0.1 * height); // a node, and a little air
      where = data.nodes.map(({ x, y }) => [
        room + x * (width - 2 * room),
        room + y * (height - 2 * room),
      ]);
      const gaps = where.flatMap((one, k) => where.slice(k + 1).map((other) => apart(one, other)));
      radius = Math.max(5, Math.min(14, 0.3 * Math.min(...gaps)));
      for (const edge of edges.values()) bend(edge);
      [...buttons.children].forEach((button, node) => {
        const size = Math.max(radius, 12); // a finger needs room
        Object.assign(/** @type {HTMLElement} */ (button).style, {
          left: `${where[node][0] - size}px`,
          top: `${where[node][1] - size}px`,
          width: `${2 * size}px`,
          height: `${2 * size}px`,
        });
      });
      redraw();
    }

    /** The straightest curve that keeps clear of other nodes. @param {GraphEdge} edge */
    function bend(edge) {
      const [a, b] = [where[edge.i], where[edge.j]];
      edge.length = apart(a, b);
      const both = !edge.legal || edges.get(`${edge.j}-${edge.i}`)?.legal;
      let best = -1;
      for (const bent of both ? BENDS.slice(1) : BENDS) {
        const [x, y] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
        /** @type {Spot} */
        const middle = [x - 2 * bent * (b[1] - a[1]), y + 2 * bent * (b[0] - a[0])];
        const curve = [a, middle, b];
        const others = where.filter((_, node) => node !== edge.i && node !== edge.j);
        const [cx, cy] = at(curve, 0.5);
        const inside = Math.min(cx, cy, width - cx, height - cy) > 3;
        const clear = inside ? Math.min(...others.map((point) => clearance(curve, point))) : 0;
        if (clear > best) [best, edge.curve] = [clear, curve];
        if (best > radius + 4) break;
      }
    }

    /** @param {number} i @param {number} j @param {boolean} legal @returns {GraphEdge} */
    function edgeOf(i, j, legal) {
      const key = `${i}-${j}`;
      let edge = edges.get(key);
      if (!edge) {
        edge = { i, j, legal, from: 0, to: 0, now: 0, curve: [], length: 0 };
        edges.set(key, edge);
        if (where.length) bend(edge);
      }
      return edge;
    }

    // --- Drawing ---------------------------------------------------------------------------------
    function redraw() {
      dirty = true;
      wake(step);
    }

    /** The line of an edge and its head. @param {GraphEdge} edge @param {number} thick */
    function stroke({ curve, length }, thick) {
      const head = 4 + 1.1 * thick;
      const [start, tip] = [radius / length, 1 - (radius + 1) / length];
      const end = Math.max(tip - (0.8 * head) / length, start);
      const [a, b, c] = [at(curve, start), blossom(curve, start, end), at(curve, end)];
      pen.lineWidth = thick;
      pen.beginPath();
      pen.moveTo(...a);
      pen.quadraticCurveTo(...b, ...c);
      pen.stroke();
      const [x, y] = at(curve, tip);
      const angle = Math.atan2(y - c[1], x - c[0]);
      const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
      pen.setLineDash([]);
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(x - head * dx + 0.55 * head * dy, y - head * dy - 0.55 * head * dx);
      pen.lineTo(x - head * dx - 0.55 * head * dy, y - head * dy + 0.55 * head * dx);
      pen.fill();
    }

    function draw() {
      pen.clearRect(0, 0, width, height);
      pen.lineCap = "butt";
      const reached = data.nodes.map((_, node) => (node === data.source ? 1 : 0));
      const quiet = edges.size > CROWD ? 0.18 : 0.3;
      const walked = new Set(dots.map((dot) => `${dot.path.nodes[dot.step]}-${dot.path.nodes[dot.step + 1]}`));
      for (const [key, edge] of edges) {
        reached[edge.j] += edge.now;
        if (edge.legal) {
          ink(colours.quiet, quiet);
          stroke(edge, 1);
        } else if (edge.now < 0.002 && !walked.has(key)) continue;
        if (edge.now < 0.002 && edge.legal) continue;
        ink(edge.legal ? colours.line : colours.error, 0.2 + 0.8 * Math.min(1, 3 * edge.now));
        pen.setLineDash(edge.legal ? [] : [4, 3]);
        stroke(edge, 1 + 0.62 * radius * Math.sqrt(edge.now));
        pen.setLineDash([]);
      }
      if (first >= 0 && pulled) pull(where[first], pulled);
      for (const dot of dots) drawDot(dot);
      data.nodes.forEach(({ name }, node) => drawNode(node, name, Math.min(1, reached[node])));
      for (const flash of flashes) drawFlash(flash);
      pen.globalAlpha = 1;
    }

    /** @param {string} colour @param {number} [alpha] */
    function ink(colour, alpha = 1) {
      pen.globalAlpha = alpha;
      pen.strokeStyle = pen.fillStyle = colour;
    }

    /** @param {Spot} from @param {Spot} to */
    function pull(from, to) {
      ink(mode === "cut" ? colours.error : colours.ink);
      pen.setLineDash([5, 4]);
      pen.lineWidth = 1.5;
      pen.beginPath();
      pen.moveTo(...from);
      pen.lineTo(...to);
      pen.stroke();
      pen.setLineDash([]);
    }

    /** @param {Dot} dot */
    function drawDot({ path, step: k, part, side, lost }) {
      const edge = edges.get(`${path.nodes[k]}-${path.nodes[k + 1]}`);
      if (!edge) return;
      const [x, y] = at(edge.curve, part);
      const [nx, ny] = at(edge.curve, part + 0.01);
      const size = Math.hypot(nx - x, ny - y) || 1;
      pen.beginPath();
      pen.arc(x - (side * (ny - y)) / size, y + (side * (nx - x)) / size, Math.max(2.6, 0.34 * radius), 0, 7);
      ink(lost ? colours.error : colours.ink);
      pen.lineWidth = 2;
      pen.strokeStyle = colours.ground;
      pen.stroke();
      pen.fill();
    }

    /** The source is a square, the target a star, as in the labs; a node that no path reaches is
     * pale. @param {number} node @param {string} name @param {number} reached */
    function drawNode(node, name, reached) {
      const [x, y] = where[node];
      const end = node === data.source || node === data.target;
      const alive = end || !frame.probs.length ? 1 : 0.35 + 0.65 * Math.sqrt(reached);
      pen.beginPath();
      if (node === data.target) star(x, y, radius * 1.35);
      else if (node === data.source) pen.rect(x - radius, y - radius, 2 * radius, 2 * radius);
      else pen.arc(x, y, radius, 0, 7);
      ink(end ? colours.ink : colours.ground);
      pen.fill();
      ink(node === first ? colours.error : end ? colours.ink : colours.quiet, alive);
      pen.lineWidth = node === first ? 3 : 1.4;
      pen.stroke();
      const size = Math.max(9, Math.min(13, 1.15 * radius));
      pen.font = `${end ? 600 : 400} ${size}px ${colours.font}`;
      pen.textAlign = "center";
      const inner = pen.measureText(name).width <= 1.8 * radius;
      if (radius < 7 && !end && node !== first) return; // no room to read it
      ink(inner && end ? colours.ground : colours.ink, alive);
      if (inner) {
        pen.textBaseline = "middle";
        pen.fillText(name, x, y + 0.5);
      } else {
        pen.textBaseline = "top";
        pen.lineWidth = 3;
        pen.strokeStyle = colours.ground;
        const half = pen.measureText(name).width / 2;
        const centre = Math.max(half + 1, Math.min(width - half - 1, x));
        const top = Math.min(y + radius + 2, height - size);
        pen.strokeText(name, centre, top);
        pen.fillText(name, centre, top);
      }
    }

    /** @param {number} x @param {number} y @param {number} size */
    function star(x, y, size) {
      for (let k = 0; k < 10; k++) {
        const [r, angle] = [k % 2 ? 0.62 * size : size, (Math.PI * (k - 2.5)) / 5];
        pen.lineTo(x + r * Math.cos(angle), y + r * Math.sin(angle));
      }
      pen.closePath();
    }

    /** @param {Flash} flash */
    function drawFlash({ node, age, good }) {
      const [x, y] = where[node];
      const grown = age / FLASH;
      ink(good ? colours.line : colours.error, 1 - grown);
      pen.lineWidth = good ? 2 : 3;
      pen.beginPath();
      pen.arc(x, y, radius * (1.35 + (good ? 0.35 : 0.9) * grown), 0, 7);
      pen.stroke();
      if (good) return;
      const arm = 0.5 * radius;
      pen.beginPath();
      for (const sign of [1, -1]) {
        pen.moveTo(x - arm, y - sign * arm);
        pen.lineTo(x + arm, y + sign * arm);
      }
      pen.stroke();
    }

    // --- Moving ----------------------------------------------------------------------------------
    /** @param {number} ms @returns {boolean} */
    function step(ms) {
      if (!seen || !width) return false;
      if (left > 0) {
        left = Math.max(0, left - ms);
        const done = change ? 1 - left / change : 1;
        for (const edge of edges.values()) edge.now = edge.from + (edge.to - edge.from) * done;
        dirty = true;
      }
      const moves = running && !stillness.matches;
      if (moves) travel(ms);
      if (dirty || moves || flashes.length) draw();
      dirty = false;
      return left > 0 || moves || flashes.length > 0;
    }

    /** @param {number} ms */
    function travel(ms) {
      due -= ms;
      while (due <= 0) {
        due += 1000 / rate;
        if (frame.paths.length && dots.length < MOST_DOTS) {
          const path = frame.paths[next++ % frame.paths.length];
          const side = ((out++ % 3) - 1) * 0.3 * radius; // beside each other on a shared edge
          if (path.nodes.length > 1) dots.push({ path, step: 0, part: 0, side, lost: false });
          else if (path.nodes.length) flashes.push({ node: path.nodes[0], age: 0, good: false });
        }
      }
      dots = dots.filter((dot) => moved(dot, ms));
      flashes = flashes.filter((flash) => (flash.age += ms) < FLASH);
    }

    /** @param {Dot} dot @param {number} ms @returns {boolean} is it still on its way? */
    function moved(dot, ms) {
      const { nodes, correct } = dot.path;
      const edge = edgeOf(nodes[dot.step], nodes[dot.step + 1], false);
      dot.lost ||= !edge.legal;
      dot.part += ms / pace;
      if (dot.part < 1) return true;
      dot.part -= 1;
      dot.step += 1;
      if (dot.step < nodes.length - 1) return true;
      flashes.push({ node: nodes[dot.step], age: 0, good: correct });
      return false;
    }

    // --- Text ------------------------------------------------------------------------------------
    /** The edges as a table, once nothing has changed for a while. */
    function tell() {
      window.clearTimeout(reading);
      reading = window.setTimeout(() => {
        const rows = [...edges.values()].filter((edge) => edge.legal || edge.to > 0);
        const cells = rows.map(({ i, j, legal, to }) => [
          data.nodes[i].name,
          data.nodes[j].name + (legal ? "" : " (no edge)"),
          frame.probs.length ? `${Math.round(100 * to)} %` : "–",
        ]);
        const row = (/** @type {string[]} */ texts, /** @type {"th" | "td"} */ tag) => {
          const line = document.createElement("tr");
          line.append(...texts.map((text) => Object.assign(document.createElement(tag), { textContent: text })));
          return line;
        };
        const caption = document.createElement("caption");
        caption.textContent = `${options.label ?? "Graph"}: edges`;
        table.replaceChildren(
          caption,
          row(["from", "to", "share of paths"], "th"),
          ...cells.map((texts) => row(texts, "td")),
        );
      }, READ);
    }

    /** @param {number} node */
    function nameOf(node) {
      const roles = [[data.source, "source"], [data.target, "target"]];
      const role = roles.filter(([which]) => which === node).map(([, word]) => `, ${word}`);
      const on = data.edges.filter(([i]) => i === node).map(([, j]) => data.nodes[j].name);
      return `node ${data.nodes[node].name}${role.join("")}, leads to ${on.join(", ") || "nothing"}`;
    }

    // --- Choosing, drawing and cutting -------------------------------------------------------------
    function makeButtons() {
      const now = [...buttons.children].indexOf(/** @type {Element} */ (document.activeElement));
      buttons.replaceChildren(
        ...data.nodes.map((_, node) => {
          const button = document.createElement("button");
          button.type = "button";
          button.tabIndex = node === Math.max(now, 0) ? 0 : -1;
          button.setAttribute("aria-label", nameOf(node));
          button.title = data.nodes[node].name;
          return button;
        }),
      );
      if (now >= 0) /** @type {HTMLElement} */ (buttons.children[now])?.focus();
    }

    const WORDS = /** @type {Record<string, string>} */ ({
      choose: "now press the target",
      draw: "now press the node that the new edge leads to",
      cut: "now press the node that the edge to cut leads to",
    });

    /** @param {number} node */
    function press(node) {
      if (first < 0) {
        first = node;
        said.textContent = `From ${data.nodes[node].name}: ${WORDS[mode]}.`;
      } else if (first === node) forget();
      else {
        const [a, b] = [first, node];
        forget();
        act(a, b);
      }
      redraw();
    }

    function forget() {
      first = -1;
      pulled = null;
      said.textContent = "";
      redraw();
    }

    /** @param {number} a @param {number} b */
    function act(a, b) {
      if (mode === "choose") return onPick?.(a, b);
      const others = data.edges.filter(([i, j]) => i !== a || j !== b);
      const there = others.length < data.edges.length;
      const [from, to] = [data.nodes[a].name, data.nodes[b].name];
      if (there === (mode === "draw")) {
        said.textContent = there ? `${from} leads to ${to} already.` : `No edge leads from ${from} to ${to}.`;
      } else onEdges?.(there ? others : [...others, [a, b]]);
      return undefined;
    }

    /** @param {PointerEvent | MouseEvent} event @returns {Spot} */
    function pointOf(event) {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    }
    /** The node at a point, or -1. @param {Spot} point */
    const nodeAt = (point) => where.findIndex((node) => apart(node, point) < Math.max(radius, 12) + 4);

    /** @param {KeyboardEvent} event */
    function steer(event) {
      if (event.key === "Escape") return forget();
      const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
      const now = [...buttons.children].indexOf(/** @type {Element} */ (event.target));
      if (!way || now < 0) return undefined;
      event.preventDefault();
      const cost = where.map(([x, y]) => {
        const [dx, dy] = [x - where[now][0], y - where[now][1]];
        const ahead = dx * way[0] + dy * way[1];
        return ahead > 1 ? ahead + 2 * Math.abs(dx * way[1] + dy * way[0]) : Infinity;
      });
      const to = cost.indexOf(Math.min(...cost));
      if (cost[to] < Infinity) reach(to);
      return undefined;
    }
    /** @param {number} node */
    function reach(node) {
      [...buttons.children].forEach((button, k) => {
        /** @type {HTMLElement} */ (button).tabIndex = k === node ? 0 : -1;
      });
      /** @type {HTMLElement} */ (buttons.children[node]).focus();
    }

    function listen() {
      let dragged = false;
      buttons.addEventListener("keydown", steer);
      buttons.addEventListener("click", ({ target }) => {
        const node = [...buttons.children].indexOf(/** @type {Element} */ (target));
        if (node >= 0 && !dragged) press(node);
        dragged = false;
      });
      buttons.addEventListener("pointerdown", (event) => {
        const from = nodeAt(pointOf(event));
        if (from < 0) return;
        dragged = false;
        const move = (/** @type {PointerEvent} */ to) => {
          if (!dragged && nodeAt(pointOf(to)) === from) return;
          [first, pulled, dragged] = [from, pointOf(to), true];
          redraw();
        };
        const up = (/** @type {PointerEvent} */ to) => {
          window.removeEventListener("pointermove", move);
          if (!dragged) return;
          const end = to.type === "pointerup" ? nodeAt(pointOf(to)) : -1;
          forget();
          if (end >= 0 && end !== from) act(from, end);
        };
        window.addEventListener("pointermove", move);
        window.addEventListener("pointerup", up, { once: true });
        window.addEventListener("pointercancel", up, { once: true });
      });
      canvas.addEventListener("click", (event) => {
        if (mode !== "cut") return;
        const point = pointOf(event);
        const near = [...edges.values()].filter((edge) => edge.legal);
        const far = near.map((edge) => clearance(edge.curve, point));
        const place_ = far.indexOf(Math.min(...far));
        if (far[place_] < 12) act(near[place_].i, near[place_].j);
      });
    }

    // --- What a host calls -------------------------------------------------------------------------
    /** @param {GraphData} graph */
    function set(graph) {
      data = graph;
      [edges, dots, flashes] = [new Map(), [], []];
      where = [];
      for (const [i, j] of data.edges) edgeOf(i, j, true);
      forget();
      if (interactive) makeButtons();
      if (width) place();
      update({ ...frame, probs: [], paths: [] }, 0); // what passed another graph is no path of this one
    }

    /** @param {GraphFrame} shown @param {number} [ms] */
    function update(shown, ms = 300) {
      frame = shown;
      for (const edge of edges.values()) [edge.from, edge.to] = [edge.now, 0];
      for (const [i, j, p] of shown.probs) edgeOf(i, j, false).to = p;
      const travelled = new Set(dots.flatMap(({ path: { nodes } }) => nodes.slice(1).map((j, k) => `${nodes[k]}-${j}`)));
      for (const [key, edge] of edges) {
        if (!edge.legal && edge.to + edge.from === 0 && !travelled.has(key)) edges.delete(key);
      }
      change = stillness.matches ? 0 : ms;
      left = Math.max(change, 1e-9); // so that the next step takes the new widths
      tell();
      redraw();
    }

    /** @param {boolean} on */
    function run(on) {
      running = on;
      if (!on) [dots, flashes] = [[], []];
      redraw();
    }

    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", options.label ?? "Graph");
    buttons.className = "planrl-graph-nodes";
    said.className = "planrl-graph-said";
    said.setAttribute("role", "status");
    table.className = "planrl-graph-aloud";
    host.classList.add("planrl-graph");
    host.append(canvas, ...(interactive ? [buttons, said] : []), table);
    if (interactive) listen();
    dress();
    measure();
    set(data);
    const resized = new ResizeObserver(() => {
      if (host.clientWidth !== width || host.clientHeight !== height) measure();
    });
    const scrolled = new IntersectionObserver(([{ isIntersecting }]) => {
      seen = isIntersecting;
      if (seen) redraw();
    });
    const themed = new MutationObserver(dress);
    resized.observe(host);
    scrolled.observe(host);
    themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    stillness.addEventListener("change", redraw);

    return {
      update,
      run,
      set,
      mode(/** @type {string} */ name) {
        mode = name;
        forget();
      },
      remove() {
        for (const observer of [resized, scrolled, themed]) observer.disconnect();
        stillness.removeEventListener("change", redraw);
        window.clearTimeout(reading);
        busy.delete(step);
        for (const part of [canvas, buttons, said, table]) part.remove();
        host.classList.remove("planrl-graph");
      },
    };
  }

  return { create };
})();
