// @ts-check
/* Draws the figures that book/_ext/figures.py wrote into the page, in the page's own colours, and
 * lets native controls drive them. What is shown is a function of three things, the frame, the
 * guess and the theme: every change draws the figure anew from its JSON, so no change can be lost. */

/**
 * @typedef {{data?: any[], layout?: any, traces?: number[]}} Frame
 * @typedef {{question: string, min: number, max: number, step: number, start: number,
 *   unit?: string, traces: number[], annotations?: number[], axis?: string, axis_id?: string,
 *   answer: string, finding: string}} Prediction
 * @typedef {{data: any[], layout: any, ink: number[], frames?: Frame[], labels: string[],
 *   prefix: string, suffix: string, active: number, duration: number,
 *   predict?: Prediction, narrow?: any}} Figure
 */
(() => {
  "use strict";

  const PHONE = 560; // narrower plots get smaller type and the legend below
  const Plotly = /** @type {any} */ (window).Plotly;
  const template = /** @type {any} */ (window).planrlPlotlyTemplate;
  const { planrlInTheme: inTheme } = /** @type {any} */ (window); // live/theme.js
  const stillness = window.matchMedia("(prefers-reduced-motion: reduce)");
  const touch = window.matchMedia("(pointer: coarse)");

  /** @param {any} value */
  const isObject = (value) =>
    value !== null && typeof value === "object" && !Array.isArray(value) && !("bdata" in value);

  /** `base` with `change` laid over it; arrays and plotly's encoded arrays are taken whole.
   * @param {any} base @param {any} change @returns {any} */
  function merge(base, change) {
    if (!isObject(base) || !isObject(change)) return change;
    const merged = { ...base };
    for (const [key, value] of Object.entries(change)) merged[key] = merge(base[key], value);
    return merged;
  }

  /** The page's colours, as its stylesheet has them now. */
  function theme() {
    const page = getComputedStyle(document.documentElement);
    const colour = (/** @type {string} */ name, /** @type {string} */ otherwise) =>
      page.getPropertyValue(name).trim() || otherwise;
    return {
      ink: colour("--pst-color-text-base", "#222"),
      muted: colour("--pst-color-text-muted", "#666"),
      grid: colour("--planrl-grid", "#ddd"),
      guess: colour("--planrl-guess", "#b3261e"),
      page: colour("--pst-color-background", "#fff"),
      font: getComputedStyle(document.body).fontFamily,
    };
  }

  /** The shared template in the page's colours.
   * @param {ReturnType<typeof theme>} colours @param {boolean} narrow */
  function themedTemplate(colours, narrow) {
    const axis = {
      gridcolor: colours.grid,
      linecolor: colours.grid,
      zerolinecolor: colours.grid,
      tickfont: { color: colours.muted },
    };
    return merge(template, {
      layout: {
        font: { color: colours.ink, family: colours.font, size: narrow ? 11 : 13 },
        xaxis: axis,
        yaxis: axis,
        shapedefaults: { line: { color: colours.ink } },
        annotationdefaults: { arrowcolor: colours.ink },
      },
    });
  }

  /** A trace whose lines, marker outlines and text are in the page's text colour.
   * @param {any} trace @param {string} ink */
  function inInk(trace, ink) {
    const inked = { ...trace, textfont: { ...trace.textfont, color: ink } };
    inked.line = { ...trace.line, color: ink };
    if (trace.marker) inked.marker = merge(trace.marker, { line: { color: ink } });
    if (trace.error_y) inked.error_y = { ...trace.error_y, color: ink };
    return inked;
  }

  /** Error bars that have no colour of their own, in the page's.
   * @param {any} trace @param {string} ink */
  function barred(trace, ink) {
    if (!trace.error_y || trace.error_y.color) return trace;
    return { ...trace, error_y: { ...trace.error_y, color: ink } };
  }

  /** Break the axes' titles, and the names of plots, where plotly would let them run out of the
   * figure. @param {any} layout @param {boolean} narrow */
  function wrapTitles(layout, narrow) {
    const letter = narrow ? 6.8 : 8; // pixels, about
    for (const name of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
      const axis = layout[name];
      const text = axis.title?.text;
      if (!text || /<br>/.test(text)) continue;
      const [from, to] = axis.domain ?? [0, 1];
      const side = name[0] === "x" ? layout.width - 70 : layout.height - 60;
      layout[name] = merge(axis, { title: { text: wrapped(text, ((to - from) * side) / letter) } });
    }
    if (!narrow) return;
    layout.annotations = (layout.annotations ?? []).map((/** @type {any} */ note) =>
      note.font?.size > 12 ? merge(note, { font: { size: 12 } }) : note,
    );
  }

  /** What to change where plotly, having laid the figure out, has less room for titles, for the
   * names of categories and for sentences above the plot than they take. @param {any} drawn
   * @param {any} given @param {any[]} notes @param {boolean} narrow @returns {any} */
  function broken(drawn, given, notes, narrow) {
    const letter = narrow ? 7.2 : 8.7;
    /** @type {any} */
    const change = {};
    for (const name of Object.keys(drawn).filter((key) => /^[xy]axis\d*$/.test(key))) {
      const { title, _length: room, type, _categories: categories = [] } = drawn[name];
      const asked = given[name]?.title?.text ?? "";
      const fits = room / letter + 1;
      const longest = Math.max(
        ...`${title.text}`.split("<br>").map((/** @type {string} */ line) => line.length),
      );
      if (asked && !/<br>/.test(asked) && longest > fits) {
        change[name] = { title: { text: wrapped(asked, fits) } };
      }
      if (type !== "category" || !narrow || given[name]?.ticktext) continue;
      const most = name[0] === "x" ? Math.max(room / categories.length / 6, 8) : 24;
      const ticktext = categories.map((/** @type {any} */ one) =>
        wrapped(`${one}`.replaceAll("<br>", " "), most),
      );
      if (ticktext.some((/** @type {string} */ one) => one.includes("<br>"))) {
        const tickvals = categories.map((/** @type {any} */ _, /** @type {number} */ i) => i);
        change[name] = { ...change[name], tickvals, ticktext, tickmode: "array" };
      }
    }
    const most = drawn._size.w / (narrow ? 6 : 7) + 2; // letters of a sentence above the plot
    const long = (/** @type {any} */ note) =>
      note.xref === "paper" &&
      note.x === 0 &&
      note.text.split("<br>").some((/** @type {string} */ line) => line.length > most);
    if (notes.some(long)) {
      change.annotations = notes.map((note) =>
        long(note) ? { ...note, text: wrapped(note.text.replaceAll("<br>", " "), most) } : note,
      );
    }
    return change;
  }

  /** Forget the margins and the angles of labels of the last drawing. Plotly would begin with them
   * and stop where no more than a pixel is missing, so that the same state would be drawn in two
   * ways: a figure that had another width for a moment would stay a pixel off.
   * @param {any} drawn plotly's full layout, if there is one @returns {void} */
  function forget(drawn = {}) {
    const kept = ["_size", "_pushmargin", "_reservedMargin", "_tickAngles", "_prevTickAngles"];
    const axes = Object.keys(drawn).filter((key) => /^[xy]axis\d*$/.test(key));
    for (const part of [drawn, ...axes.map((name) => drawn[name])]) {
      for (const name of kept) delete part[name];
    }
  }

  /** @param {string} text @param {number} length */
  function wrapped(text, length) {
    const lines = [""];
    for (const word of text.split(" ")) {
      const line = lines[lines.length - 1];
      if (line && line.length + word.length + 1 > length) lines.push(word);
      else lines[lines.length - 1] = line ? `${line} ${word}` : word;
    }
    return lines.join("<br>");
  }

  /** `xaxis2` for `x2`, as a layout calls it. @param {string} id */
  const axisName = (id) => `${id[0]}axis${id.slice(1)}`;

  /** @param {HTMLElement} host */
  function start(host) {
    const find = (/** @type {string} */ selector) => host.querySelector(selector);
    const plot = /** @type {any} */ (find(".plotly-plot"));
    /** @type {Figure} */
    const figure = JSON.parse(find("script[type='application/json']")?.textContent ?? "{}");
    const predict = figure.predict;
    /** @type {string | undefined} the theme of the last drawing */
    let drawnIn;
    const state = {
      frame: figure.active,
      guess: predict?.start ?? 0,
      revealed: !predict,
      /** @type {Record<string, number[]>} axes that must not move */
      ranges: {},
    };

    /** The traces and the layout as the state has them, in the figure's own colours.
     * @param {boolean} narrow */
    function current(narrow) {
      let { data, layout } = structuredClone({ data: figure.data, layout: figure.layout });
      if (narrow && figure.narrow) layout = merge(layout, structuredClone(figure.narrow));
      const frame = structuredClone(figure.frames?.[state.frame]); // plotly writes into its input
      frame?.data?.forEach((change, i) => {
        const trace = frame.traces?.[i] ?? i;
        data[trace] = merge(data[trace], change);
      });
      if (frame?.layout) layout = merge(layout, frame.layout);
      if (predict && !state.revealed) {
        // Invisible but there: the axes and the room of the legend are those of the full figure.
        data = data.map((/** @type {any} */ trace, /** @type {number} */ i) =>
          predict.traces.includes(i)
            ? {
                ...trace,
                opacity: 0,
                hoverinfo: "skip",
                name: `<span style="color:rgba(0,0,0,0)">${trace.name ?? ""}</span>`,
              }
            : trace,
        );
        const annotations = (layout.annotations ?? []).map(
          (/** @type {any} */ note, /** @type {number} */ i) =>
            predict.annotations?.includes(i) ? { ...note, visible: false } : note,
        );
        layout = { ...layout, annotations };
      }
      return { data, layout };
    }

    /** The line at the guess, and its name, added to a layout.
     * @param {any} layout @param {ReturnType<typeof theme>} colours */
    function addGuess(layout, colours) {
      const along = predict?.axis === "x" ? "x" : "y"; // the axis the guess is read on
      const across = along === "x" ? "y" : "x";
      const id = predict?.axis_id ?? along;
      const partner = layout[axisName(id)]?.anchor;
      const where = {
        [`${along}ref`]: id,
        [`${across}ref`]: `${partner && partner !== "free" ? partner : across} domain`,
      };
      const line = {
        ...where,
        type: "line",
        [`${along}0`]: state.guess,
        [`${along}1`]: state.guess,
        [`${across}0`]: 0,
        [`${across}1`]: 1,
        line: { color: colours.guess, width: 2, dash: "dash" },
      };
      const log = layout[axisName(id)]?.type === "log"; // annotations count in powers of ten there
      const name = {
        ...where,
        [along]: log ? Math.log10(state.guess) : state.guess,
        [across]: 0.01,
        xanchor: "left",
        yanchor: "bottom",
        yshift: 2,
        text: "your guess",
        showarrow: false,
        font: { color: colours.guess },
        bgcolor: colours.page,
        borderpad: 1,
        opacity: 0.9,
      };
      layout.shapes = [...(layout.shapes ?? []), line];
      layout.annotations = [...(layout.annotations ?? []), name];
    }

    function draw() {
      const width = plot.clientWidth;
      if (!width) return; // folded away; the observer below calls again
      drawnIn = document.documentElement.dataset.theme;
      const colours = theme();
      const narrow = width < PHONE;
      const shown = current(narrow);
      const data = inTheme(shown.data).map((/** @type {any} */ trace, /** @type {number} */ i) =>
        figure.ink.includes(i) ? inInk(trace, colours.ink) : barred(trace, colours.ink),
      );
      /** @type {any} */
      const layout = merge(inTheme(shown.layout), {
        template: shown.layout.template ?? themedTemplate(colours, narrow),
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        width,
        height: plot.clientHeight,
        uirevision: "kept", // zoom and hidden traces survive a new frame
        dragmode: touch.matches ? false : (shown.layout.dragmode ?? "zoom"),
      });
      layout.margin = margins(layout, narrow);
      const under = narrow || (layout.legend?.y ?? 1) < 0;
      if (under && data.length > 1 && layout.showlegend !== false) {
        // At the figure's foot. A place given in plot heights would depend on the last drawing's
        // margins, so that the same state could be drawn in two ways.
        const below = { orientation: "h", x: 0, xanchor: "left", y: 0, yanchor: "bottom" };
        layout.legend = { ...layout.legend, ...below, yref: "container" };
      }
      wrapTitles(layout, narrow);
      for (const [name, range] of Object.entries(state.ranges)) {
        layout[name] = { ...layout[name], range, autorange: false };
      }
      if (predict) addGuess(layout, colours);
      const config = {
        displayModeBar: touch.matches ? false : "hover",
        displaylogo: false,
        modeBarButtons: [["toImage"]],
        showSendToCloud: false,
        plotlyServerURL: "",
        typesetMath: false,
      };
      forget(plot._fullLayout);
      Plotly.react(plot, data, layout, config);
      const tight = broken(plot._fullLayout, shown.layout, layout.annotations ?? [], narrow);
      if (Object.keys(tight).length) {
        forget(plot._fullLayout);
        Plotly.react(plot, data, merge(layout, tight), config);
      }
      // The figure's name and description say it better than loose labels read one by one.
      plot.querySelectorAll("svg.main-svg").forEach((/** @type {Element} */ svg) => {
        svg.setAttribute("aria-hidden", "true");
      });
    }

    /** The title stands in the caption, so the room plotly keeps for it is not needed.
     * @param {any} layout @param {boolean} narrow */
    function margins(layout, narrow) {
      const above = (/** @type {any} */ item) => item && (item.y ?? 0) >= 1;
      const crowded =
        above(layout.legend) ||
        (layout.annotations ?? []).some(
          (/** @type {any} */ note) => `${note.yref}`.startsWith("paper") && above(note),
        );
      const given = layout.margin ?? {};
      return {
        ...given,
        t: crowded ? Math.min(given.t ?? 48, 48) : 24,
        l: narrow ? 44 : (given.l ?? 64),
        r: narrow ? Math.min(given.r ?? 12, 48) : (given.r ?? 24),
        b: given.b ?? 48,
      };
    }

    /** Keep every axis where the full figure has it, with room for all guesses. */
    function holdAxes() {
      const along = predict?.axis === "x" ? "x" : "y";
      const asked = axisName(predict?.axis_id ?? along);
      const drawn = plot._fullLayout; // where plotly keeps the ranges it has worked out
      for (const name of Object.keys(drawn).filter((key) => /^[xy]axis\d*$/.test(key))) {
        const axis = drawn[name];
        if (!axis.range || figure.layout[name]?.range) continue;
        let [low, high] = axis.range;
        if (name === asked && predict && axis.type !== "category" && low < high) {
          const [least, most] = [predict.min, predict.max].map((v) =>
            axis.type === "log" ? Math.log10(v) : v,
          );
          const room = 0.04 * (Math.max(high, most) - Math.min(low, least));
          low = Math.min(low, least - room);
          high = Math.max(high, most + room);
        }
        state.ranges[name] = [low, high];
      }
    }

    if (predict) wirePrediction(predict);
    if (figure.frames) wireFrames(figure);
    draw();
    if (predict) {
      holdAxes();
      draw();
    }
    // A page says its theme again when it is loaded, and a folded figure is not drawn.
    const outdated = () =>
      plot.clientWidth !== plot.layout?.width || document.documentElement.dataset.theme !== drawnIn;
    const follow = () => outdated() && draw();
    new ResizeObserver(follow).observe(plot);
    new MutationObserver(follow).observe(document.documentElement, {
      attributeFilter: ["data-theme"],
    });
    window.addEventListener("planrl:redraw", draw);

    /** @param {Figure} figure */
    function wireFrames(figure) {
      const choice = /** @type {HTMLInputElement | HTMLSelectElement} */ (find(".plotly-frame"));
      const output = /** @type {HTMLOutputElement | null} */ (find(".plotly-frames output"));
      const play = /** @type {HTMLButtonElement | null} */ (find(".plotly-play"));
      const last = figure.labels.length - 1;
      let timer = 0;

      /** @param {number} frame */
      function show(frame) {
        state.frame = frame;
        choice.value = `${frame}`;
        if (output) {
          const text = `${figure.prefix}${figure.labels[frame]}${figure.suffix}`;
          choice.setAttribute("aria-valuetext", text);
          output.textContent = text;
        }
        draw();
      }
      function stop() {
        window.clearInterval(timer);
        timer = 0;
        name();
      }
      /** With reduced motion nothing moves by itself: each press is one frame. */
      function name() {
        if (play) play.textContent = stillness.matches ? "Next" : timer ? "Pause" : "Play";
      }
      function tick() {
        if (state.frame >= last) return stop();
        show(state.frame + 1);
        if (state.frame >= last) stop();
      }
      play?.addEventListener("click", () => {
        if (timer) return stop();
        if (state.frame >= last) show(0);
        else if (stillness.matches) show(state.frame + 1);
        if (stillness.matches) return;
        timer = window.setInterval(tick, figure.duration);
        name();
      });
      choice.addEventListener("input", () => {
        stop();
        show(Number(choice.value));
      });
      stillness.addEventListener("change", stop);
      choice.value = `${state.frame}`; // a browser may restore another one after a reload
      name();
    }

    /** @param {Prediction} predict */
    function wirePrediction(predict) {
      const slider = /** @type {HTMLInputElement} */ (find(".plotly-guess"));
      const output = /** @type {HTMLOutputElement} */ (find(".plotly-predict output"));
      const button = /** @type {HTMLButtonElement} */ (find(".plotly-reveal"));
      const answer = /** @type {HTMLElement} */ (find(".plotly-answer"));
      const frames = /** @type {HTMLElement | null} */ (find(".plotly-frames"));
      const unit = predict.unit ? ` ${predict.unit}` : "";

      function tell() {
        output.textContent = `${slider.value}${unit}`;
        slider.setAttribute("aria-valuetext", output.textContent);
      }
      slider.addEventListener("input", () => {
        state.guess = Number(slider.value);
        tell();
        draw();
      });
      button.addEventListener("click", () => {
        state.revealed = !state.revealed;
        slider.disabled = state.revealed;
        button.textContent = state.revealed ? "Guess again" : "Show what happened";
        answer.replaceChildren();
        if (state.revealed) {
          const words = document.createElement("p");
          words.textContent = predict.answer;
          answer.innerHTML = predict.finding; // written and escaped by figures.py
          answer.append(words);
        }
        if (frames) frames.hidden = !state.revealed;
        const names = state.revealed ? `${host.id}-title ${host.id}-alt` : `${host.id}-title`;
        host.setAttribute("aria-labelledby", names);
        draw();
      });
      slider.value = `${predict.start}`;
      slider.disabled = false;
      tell();
    }
  }

  if (Plotly && template) {
    document.querySelectorAll(".plotly-figure").forEach((host) => {
      start(/** @type {HTMLElement} */ (host));
    });
  } else {
    document.documentElement.classList.add("plotly-missing"); // the descriptions are shown instead
  }

  // Paper is white: print in the light theme, and in the width the paper gives.
  let before = "";
  const redraw = () => window.dispatchEvent(new Event("planrl:redraw"));
  window.addEventListener("beforeprint", () => {
    before = document.documentElement.dataset.theme ?? "";
    document.documentElement.dataset.theme = "light";
    document.documentElement.classList.add("planrl-printing");
    redraw();
  });
  window.addEventListener("afterprint", () => {
    document.documentElement.classList.remove("planrl-printing");
    document.documentElement.dataset.theme = before;
    redraw();
  });
})();
