// @ts-check
/* The panels of a lab's figure on its page: one is large, the others stand beside it, or behind tabs
 * where there is no room. A panel is an element of its own, so that it may hold something else than a
 * plot. Loaded after lab-figure.js, and before lab.js. */

/** @typedef {{text: string, colour: string, dash: string, width: number, panels: Set<number>}} Entry
 *   of a legend; a shaded one has no width; of the panels, PATHS is the one in which paths travel */
const planrlLabPanels = (() => {
  "use strict";

  /** @type {Record<string, string>} what plotly calls a line, as SVG writes it */
  const DASHES = { dot: "2 3", dash: "7 4", dashdot: "7 3 2 3", longdash: "11 4", longdashdot: "11 3 2 3" };
  const PATHS = -1;
  const SVG = "http://www.w3.org/2000/svg";
  const PICTURE = { width: 620, height: 400, scale: 2, head: 64, foot: 64 }; // of one panel, in pixels

  /** @param {string} tag @param {Record<string, string | number>} attributes */
  function svg(tag, attributes) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, `${value}`);
    return element;
  }

  /** @param {Lab} lab @param {string} id @param {() => void} changed another panel is in front */
  function create(lab, id, changed) {
    const stage = document.createElement("div");
    stage.className = "planrl-lab-stage";
    stage.style.setProperty("--beside", `${Math.max(1, lab.panels.length - 1)}`);
    const legend = document.createElement("ul");
    legend.className = "planrl-lab-legend";
    let front = lab.screen.panel;
    const panels = lab.panels.map(({ title, plot: number }, place) => {
      const panel = document.createElement("div");
      panel.className = "planrl-lab-panel";
      const head = document.createElement("button");
      Object.assign(head, { type: "button", className: "planrl-lab-tab", textContent: title });
      head.id = `${id}-tab-${place}`;
      head.onclick = () => {
        choose(place);
        changed();
      };
      const plot = document.createElement("div");
      plot.className = "planrl-lab-plot";
      plot.setAttribute("role", "group");
      const where = number === null ? "" : "; its numbers are in the table at the lab's end";
      plot.setAttribute("aria-label", `${title}${where}`);
      panel.append(head, plot);
      stage.append(panel);
      return { panel, head, plot, number };
    });

    /** @param {number} place */
    function choose(place) {
      front = place;
      panels.forEach(({ panel, head }, i) => {
        panel.classList.toggle("planrl-lab-front", i === front);
        head.setAttribute("aria-pressed", `${i === front}`);
      });
    }

    /** What the lines mean, each once. @param {Entry[]} more than the figure's own */
    function explain(more) {
      const tabs = getComputedStyle(stage).display === "flex"; // the others are not seen
      const { number } = panels[front];
      const shown = entries(lab).filter((one) => !tabs || one.panels.has(number ?? -1));
      const also = more.filter((one) => !tabs || one.panels.has(PATHS) === (number === null));
      legend.replaceChildren(...[...shown, ...also].map(item));
    }

    choose(front);
    const plots = /** @type {(HTMLElement | null)[]} */ ([]); // by their numbers in the figure
    for (const { plot, number } of panels) if (number !== null) plots[number] = plot;
    const graph = panels.find(({ number }) => number === null)?.plot ?? null;
    const others = Array.from(plots, (plot) => plot ?? null);
    return { stage, legend, plots: others, graph, explain };
  }

  /** What the figure's lines mean, each once. @param {Lab} lab */
  function entries(lab) {
    /** @type {Map<string, Entry>} */
    const found = new Map();
    const drawn = lab.figure.data.filter((trace) =>
      lab.panels.some(({ plot }) => plot === planrlLabFigure.panelOf(trace)),
    );
    for (const trace of drawn) {
      if (trace.showlegend !== false && trace.name && !found.has(trace.name)) found.set(trace.name, entry(trace));
    }
    for (const trace of drawn) found.get(trace.name)?.panels.add(planrlLabFigure.panelOf(trace)); // it may be in several
    return [...found.values()];
  }

  /** @param {any} trace @returns {Entry} */
  function entry(trace) {
    const { color, dash } = trace.line ?? {};
    return {
      text: trace.name,
      colour: color ?? trace.marker?.color ?? "#7F7F7F",
      dash: DASHES[dash] ?? "",
      width: trace.type === "bar" ? 10 : 2.5,
      panels: new Set([planrlLabFigure.panelOf(trace)]),
    };
  }

  /** @param {Entry} entry */
  function item({ text, colour, dash, width }) {
    const element = document.createElement("li");
    const swatch = svg("svg", { width: 28, height: 12, "aria-hidden": "true" });
    const stroke = planrlLabFigure.inTheme(colour);
    if (width) {
      const line = { x1: 0, y1: 6, x2: 28, y2: 6, stroke, "stroke-width": width };
      swatch.append(svg("line", { ...line, "stroke-dasharray": dash }));
    } else swatch.append(svg("rect", { width: 28, height: 12, fill: stroke, "fill-opacity": 0.35 }));
    element.append(swatch, text);
    return element;
  }

  /** Save all panels as one picture: the lab's title above, the legend and some words below.
   * @param {Lab} lab @param {View} view @param {Entry[]} more than the figure's own legend
   * @param {string} title @param {string} words @param {HTMLCanvasElement[]} graphs that paths travel on */
  async function picture(lab, view, more, title, words, graphs) {
    const { width, height, scale, head, foot } = PICTURE;
    const count = Math.max(...lab.panels.map(({ plot }) => plot ?? 0)) + 1;
    const drawn = planrlLabFigure.figures(lab, view, Array(count).fill({ width, height }));
    const canvas = document.createElement("canvas");
    canvas.width = lab.panels.length * width * scale;
    canvas.height = (height + head + foot) * scale;
    const pen = canvas.getContext("2d");
    if (!pen) throw new Error("this browser draws no pictures");
    const page = getComputedStyle(document.body);
    const write = (/** @type {string} */ text, /** @type {number} */ x, /** @type {number} */ y, font = "14px") => {
      pen.fillStyle = page.color;
      pen.font = `${font} ${page.fontFamily}`;
      pen.fillText(text, x, y, lab.panels.length * width - x - 16);
      return pen.measureText(text).width;
    };
    pen.scale(scale, scale);
    pen.fillStyle = page.backgroundColor;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    write(title, 16, 28, "600 20px");
    for (const [i, { title: name, plot }] of lab.panels.entries()) {
      write(name, i * width + 40, head - 8, "600 14px");
      if (plot === null) {
        paste(pen, graphs, { x: i * width, y: head, width, height });
        continue;
      }
      const image = new Image();
      const { Plotly } = /** @type {any} */ (window);
      image.src = await Plotly.toImage(drawn[plot], { format: "png", width, height, scale });
      await image.decode();
      pen.drawImage(image, i * width, head, width, height);
    }
    let x = 16;
    for (const { text, colour, dash, width: thick } of [...entries(lab), ...more]) {
      pen.strokeStyle = planrlLabFigure.inTheme(colour);
      pen.globalAlpha = thick ? 1 : 0.25;
      pen.lineWidth = thick || 12;
      pen.setLineDash(dash.split(" ").map(Number).filter(Boolean));
      pen.beginPath();
      pen.moveTo(x, head + height + 18);
      pen.lineTo(x + 28, head + height + 18);
      pen.stroke();
      pen.globalAlpha = 1;
      x += 56 + write(text, x + 34, head + height + 22, "12px");
    }
    write(words, 16, head + height + 48);
    const link = document.createElement("a");
    link.href = canvas.toDataURL("image/png");
    link.download = `planrl-${lab.name}.png`;
    link.click();
  }

  /** Put the graphs side by side into a rectangle, two in a row.
   * @param {CanvasRenderingContext2D} pen @param {HTMLCanvasElement[]} graphs
   * @param {{x: number, y: number, width: number, height: number}} room */
  function paste(pen, graphs, { x, y, width, height }) {
    const across = graphs.length > 1 ? 2 : 1;
    const [w, h] = [width / across, height / Math.ceil(graphs.length / across)];
    graphs.forEach((graph, k) => {
      if (!graph.width || !graph.height) return;
      const scale = Math.min((w - 16) / graph.width, (h - 8) / graph.height);
      const [left, top] = [x + (k % across) * w + 8, y + Math.floor(k / across) * h + 4];
      pen.drawImage(graph, left, top, graph.width * scale, graph.height * scale);
    });
  }

  return { create, picture };
})();
