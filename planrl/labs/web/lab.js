// @ts-check
/* Makes the live labs of a page: their controls, buttons and words. The recorded runs and the state
 * in the URL are in lab-state.js, the drawing in lab-figure.js, the worker in lab-training.js, and
 * what is said of a host that can't be trained from in lab-hosting.js. */
(() => {
  "use strict";

  const FRAME = 50; // milliseconds between two drawings, at least
  const SLACK = 8; // of them, half a frame of the screen: the next one would be too late
  const PRESS = 50; // updates of one press of Train where nothing may move by itself
  const ERRORS = 3; // errors of a pasted graph that are told
  const EXAMPLE = "home park\nhome shop\npark school\nshop school\nschool library";
  const drawable = "Plotly" in window && "planrlPlotlyTemplate" in window;
  const stillness = window.matchMedia("(prefers-reduced-motion: reduce)");

  /** Why nothing can be trained here, or "". */
  function obstacle() {
    if (location.protocol === "file:") {
      return "Training in the page needs a web server (make serve); this page is a file.";
    }
    const newer = "Any browser of 2023 or later can, unless a setting or a policy forbids it.";
    if (!("Worker" in window)) {
      return `This browser can't train in the page: it lacks workers (Worker). ${newer}`;
    }
    // The smallest program with an instruction of WebAssembly SIMD in it.
    const simd = "AGFzbQEAAAABBQFgAAF7AwIBAAoKAQgAQQD9D/1iCw==";
    const program = Uint8Array.from(atob(simd), (letter) => letter.charCodeAt(0));
    const able = typeof WebAssembly === "object" && WebAssembly.validate(program);
    return able
      ? ""
      : `This browser can't train in the page: it lacks WebAssembly SIMD. ${newer}`;
  }

  /** @template {keyof HTMLElementTagNameMap} T
   * @param {T} tag @param {Record<string, any>} [properties] also attributes
   * @param {(Node | string)[]} children @returns {HTMLElementTagNameMap[T]} */
  function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name.includes("-") || name === "role") element.setAttribute(name, value);
      else Object.assign(element, { [name]: value });
    }
    element.append(...children);
    return element;
  }

  /** @param {string} name @param {(Node | string)[]} children */
  const box = (name, ...children) => make("div", { className: `planrl-lab-${name}` }, ...children);

  /** Change an element's text; a live region must not speak when nothing changed.
   * @param {Element} element @param {string} text */
  function say(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  /** @param {HTMLElement} host */
  function start(host) {
    const json = host.querySelector("script[type='application/json']")?.textContent ?? "{}";
    /** @type {Lab} */
    const lab = JSON.parse(json);
    const root = new URL(host.dataset.live ?? "", document.baseURI);
    const blocked = obstacle();
    const numbers = (lab.recorded ?? []).map(planrlLabState.unpack);
    const query = new URLSearchParams(location.search);
    const asked = query.get("lab") === lab.name;
    const read = planrlLabState.read(lab, asked ? query : new URLSearchParams(host.dataset.state));
    let { settings, own } = read;
    let note = ""; // what the reader's last action did, where it is not plain to see
    const { run, ...training } = planrlLabTraining.create(root, order, show);

    // --- What the page holds ----------------------------------------------------------------
    const id = (/** @type {string} */ name) => `${host.id}-${name}`;
    const button = (/** @type {string} */ text, /** @type {() => void} */ onclick) =>
      make("button", { type: "button", onclick }, text);
    const alerting = (/** @type {string} */ name) =>
      make("p", { className: "planrl-lab-alert", role: "alert", id: id(name) });

    const plot = make("div", {
      className: "planrl-lab-plot",
      role: "group", // not "img": it holds plotly's button
      "aria-label": "Figure; its numbers are in the table at the lab's end",
    });
    const status = make("span", { role: "status", id: id("status") });
    const counter = make("span", { className: "planrl-lab-counter" });
    const alert = alerting("alert");
    const train = button("Train", press);
    const once = button("One step", () => go(1));
    const copied = make("textarea", { readOnly: true, rows: 5, "aria-label": "Text to copy" });
    const presets = make("select", { id: id("preset"), onchange: choosePreset });
    const why = make("p", { className: "planrl-lab-why", id: id("why") });
    const edgesWrong = alerting("edges-wrong");
    const edgeList = make("textarea", {
      id: id("edges"),
      rows: 6,
      spellcheck: false,
      value: EXAMPLE,
      "aria-describedby": `${id("edges-how")} ${id("edges-wrong")}`,
    });
    const ownPanel = box("own");
    const caption = make("caption");
    const rows = make("tbody");
    /** @type {(() => void)[]} each puts the settings into one control */
    const shows = [];

    function build() {
      const { layout, narrow } = lab.figure;
      const height = layout.height ?? 450;
      plot.style.setProperty("--height", `${height}px`);
      plot.style.setProperty("--tall", `${narrow?.height ?? height}px`);
      plot.hidden = !drawable;
      copied.hidden = true;
      for (const control of [train, once]) {
        control.disabled = blocked !== "";
        control.setAttribute("aria-describedby", status.id);
      }
      const others = [
        button("Reset", reset),
        button("Copy as planrl", copySnippet),
        button("Copy link", copyLink),
      ];
      host.querySelector(".planrl-lab-body")?.append(
        plot,
        make("p", { className: "planrl-lab-status" }, status, " ", counter),
        alert,
        box("buttons", train, once, ...others),
        copied,
        box("controls", ...makePresets(), ...lab.controls.map(makeControl)),
        ownPanel,
        makeMeanings(),
        makeNumbers(),
      );
      if (lab.own) fillOwnPanel(lab.own);
      host.classList.add("planrl-lab-live"); // hides the text for readers without JavaScript
    }

    function makePresets() {
      if (!lab.presets?.length) return [];
      presets.append(make("option", { value: "" }, "your own settings"));
      for (const { name, title } of lab.presets) {
        presets.append(make("option", { value: name }, title));
      }
      presets.setAttribute("aria-describedby", why.id);
      const row = box("control", make("label", { htmlFor: presets.id }, "Try"), presets, why);
      row.classList.add("planrl-lab-preset");
      return [row];
    }

    /** @param {Control} control */
    function makeControl({ name, label, meaning, kind, values, texts, unit }) {
      const told = texts.map((text) => (unit ? `${text} ${unit}` : text));
      const shared = {
        id: id(name),
        ...(meaning && { "aria-describedby": id(`${name}-meaning`) }),
      };
      const place = () => values.indexOf(settings[name]);
      const choosing = (/** @type {number} */ chosen) => choose(name, values[chosen]);
      const row = box("control", make("label", { htmlFor: shared.id }, label));
      row.classList.add(`planrl-lab-${kind}`);

      if (kind === "choice") {
        const select = make("select", shared, ...told.map((text) => make("option", {}, text)));
        select.onchange = () => choosing(select.selectedIndex);
        shows.push(() => (select.selectedIndex = place()));
        row.append(select);
      } else if (kind === "switch") {
        const check = make("input", { ...shared, type: "checkbox" });
        check.onchange = () => choosing(Number(check.checked));
        shows.push(() => (check.checked = place() === 1));
        row.append(check);
      } else {
        const range = make("input", { ...shared, type: "range", max: values.length - 1 });
        const output = make("output");
        range.oninput = () => choosing(Number(range.value));
        shows.push(() => {
          range.value = `${place()}`;
          range.setAttribute("aria-valuetext", told[place()]);
          output.textContent = told[place()];
        });
        row.append(range, output);
      }
      return row;
    }

    function makeMeanings() {
      const meanings = make("dl");
      for (const { name, label, meaning, restarts } of lab.controls) {
        if (!meaning) continue;
        const text = restarts ? `${meaning} A change starts the training again.` : meaning;
        const words = make("dd", { id: id(`${name}-meaning`) }, text);
        meanings.append(make("dt", {}, label), words);
      }
      const title = make("summary", {}, "What the controls do");
      return make("details", { className: "planrl-lab-meanings" }, title, meanings);
    }

    function makeNumbers() {
      const names = ["learner", ...lab.metrics.map((metric) => metric.label)];
      const heads = names.map((name) => make("th", { scope: "col" }, name));
      const table = make("table", {}, caption, make("thead", {}, make("tr", {}, ...heads)), rows);
      const scroller = box("numbers", table); // wider than a phone: reachable with the keyboard
      scroller.tabIndex = 0;
      scroller.setAttribute("role", "group");
      scroller.setAttribute("aria-label", "The numbers of the figure");
      return scroller;
    }

    /** @param {{nodes: number, edges: number}} limits */
    function fillOwnPanel({ nodes, edges }) {
      const how =
        `One edge a line: a b, a -> b or a,b. At most ${nodes} nodes and ${edges} edges. ` +
        "The pair that is shown goes from the first word to the last.";
      ownPanel.append(
        make("label", { htmlFor: edgeList.id }, "Edges of your own graph"),
        make("p", { id: id("edges-how") }, how),
        edgeList,
        edgesWrong,
        box("buttons", button("Use this graph", useOwn)),
      );
      if (!own) return;
      const { labels } = own;
      const lines = own.edges.map((edge) => edge.map((node) => labels[node]).join(" "));
      edgeList.value = lines.join("\n");
    }

    // --- Settings -----------------------------------------------------------------------------
    /** @param {string} name @param {Value} value */
    function choose(name, value) {
      if (name === "graph" && value === "own") own ??= planrlLabState.graph(lab, EXAMPLE).labGraph;
      const control = lab.controls.find((c) => c.name === name);
      change({ ...settings, [name]: value }, control?.restarts ? control.label : "");
    }

    function choosePreset() {
      const preset = lab.presets?.find((p) => p.name === presets.value);
      if (preset) change({ ...planrlLabState.defaults(lab), ...preset.settings }, "preset");
    }

    function useOwn() {
      const { labGraph, errors } = planrlLabState.graph(lab, edgeList.value);
      const told = errors.slice(0, ERRORS);
      if (errors.length > ERRORS) told.push(`And ${errors.length - ERRORS} more.`);
      say(edgesWrong, told.join("\n"));
      edgeList.setAttribute("aria-invalid", `${errors.length > 0}`);
      if (!labGraph) return;
      own = labGraph;
      change({ ...settings, graph: "own" }, "graph");
    }

    /** @param {Settings} chosen @param {string} restarting what a running learner can't follow */
    function change(chosen, restarting) {
      settings = chosen;
      note = "";
      say(alert, "");
      try {
        history.replaceState(history.state, "", link());
      } catch {
        // A page opened as a file may not write its address; the link can still be copied.
      }
      if (!restarting) training.follow();
      else {
        if (run.step || run.wanted) note = `New ${restarting.toLowerCase()}: started again.`;
        training.restart();
      }
      show();
    }

    const stateText = () => planrlLabState.write(lab, settings, own);

    /** The page's address with the state in it. */
    function link() {
      const address = new URL(location.href);
      const text = stateText();
      address.search = `lab=${encodeURIComponent(lab.name)}${text && `&${text}`}`;
      return address.href;
    }

    const graphName = () => `${settings.graph ?? Object.keys(lab.graphs)[0]}`;
    const labGraph = () => (graphName() === "own" && own) || lab.graphs[graphName()];

    /** What the worker is to train. @returns {Order} */
    function order() {
      const model = `${settings.model ?? Object.keys(lab.bases)[0]}`;
      const { n, edges, question } = labGraph();
      /** @type {Record<string, number>} */
      const common = {};
      for (const [name, value] of Object.entries(settings)) {
        if (typeof value === "number") common[name] = value;
      }
      return {
        model,
        seed: Number(settings.seed ?? 0),
        share: lab.share,
        // A reader's own graph has no base that is ready: the worker makes one.
        base: {
          ...lab.bases[model],
          file: graphName() === "own" ? "" : `programs/bases/${graphName()}-${settings.seed}.f32`,
        },
        every: lab.every,
        labGraph: { n, edges, question },
        learners: lab.learners.map(({ algorithm, start: from, options }) => ({
          algorithm,
          start: from,
          options: { ...common, ...options },
        })),
      };
    }

    // --- Buttons ------------------------------------------------------------------------------
    function press() {
      if (run.wanted) go(0);
      else go(stillness.matches ? PRESS : Infinity);
    }

    /** @param {number} updates */
    function go(updates) {
      note = "";
      training.go(updates);
      show();
    }

    function reset() {
      note = "";
      run.wanted = 0;
      training.restart();
      show();
    }

    /** @param {string} text @param {string} done */
    async function copy(text, done) {
      copied.hidden = true;
      note = done;
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        copied.value = text;
        copied.hidden = false;
        copied.select();
        note = "Copy the selected text.";
      }
      show();
    }

    const copyLink = () => copy(link(), "Link copied.");

    function copySnippet() {
      const quoted = (/** @type {string} */ text) => `'${text.replace(/[\\']/g, "\\$&")}'`;
      const steps = run.step || (lab.recorded?.[0]?.steps.at(-1) ?? 100);
      const text = lab.snippet
        .replaceAll("{name!r}", () => quoted(lab.name))
        .replaceAll("{state!r}", () => quoted(stateText()))
        .replaceAll("{steps}", `${steps}`);
      const mixed = "Python copied, with the last settings; they were others earlier in this run.";
      copy(text, run.mixed ? mixed : "Python copied.");
    }

    // --- Showing ------------------------------------------------------------------------------
    const recording = () => planrlLabState.recording(lab, numbers, settings);

    /** Everything but the figure and the numbers, which are drawn when their time comes. */
    function show() {
      for (const put of shows) put();
      const preset = lab.presets?.find((p) => {
        const all = Object.entries({ ...planrlLabState.defaults(lab), ...p.settings });
        return all.every(([name, value]) => settings[name] === value);
      });
      presets.value = preset?.name ?? "";
      say(why, preset?.why ?? "");
      ownPanel.hidden = settings.graph !== "own";
      say(train, run.wanted ? "Pause" : run.failed ? "Start again" : "Train");
      say(status, `${note} ${describe()}`.trim());
      plot.classList.toggle("planrl-lab-stale", run.failed !== "" && run.step > 0);
      redraw();
    }

    function describe() {
      if (blocked) return `${blocked} ${describeRecorded()}`;
      if (run.failed) {
        const stale = run.step ? ` The numbers are those of update ${run.step}.` : "";
        return `Training stopped: ${run.failed}.${stale}`;
      }
      if (training.started() && !run.ready) return "Loading.";
      if (run.wanted) return "Training.";
      return run.step ? `Paused at update ${run.step}.` : describeRecorded();
    }

    /** The verdict on the first learner's values in the newest evaluation. */
    function verdict() {
      const place = run.step ? run.evaluations[0]?.metrics.failure : undefined;
      return place === undefined ? "" : (lab.verdicts?.[place] ?? "");
    }

    function describeRecorded() {
      if (!numbers.length) return "Nothing has been trained yet: press Train.";
      const shown = recording();
      if (!shown) return "No recorded run for these settings: train it here.";
      if (shown.measured) return `Recorded runs: measured, ${shown.seeds} seeds.`;
      return "Recorded runs: interpolated between measured runs.";
    }

    let frame = 0;
    let earliest = 0;
    function redraw() {
      if (!frame) frame = requestAnimationFrame(tick);
    }
    function tick() {
      frame = 0;
      const begun = performance.now();
      if (begun < earliest - SLACK) return redraw();
      draw();
      const took = performance.now() - begun;
      earliest = begun + Math.max(FRAME, 1.5 * took); // a slow machine has time left for its reader
    }

    function draw() {
      const loaded = `${(run.bytes / 1e6).toFixed(1)} MB so far`;
      const rate = run.rate ? `, ${Number(run.rate.toPrecision(2))} updates a second` : "";
      const pace = run.wanted ? `Update ${run.step}${rate}.` : "";
      say(counter, training.started() && !run.ready ? loaded : `${pace} ${verdict()}`.trim());
      drawNumbers();
      if (!drawable || !plot.clientWidth) return;
      // A pair without a path is not shown: the worker says which pair is.
      const question = planrlLabState.answered(labGraph()) ? labGraph().question : [];
      planrlLabFigure.draw(plot, lab, {
        labGraph: { ...labGraph(), question: run.question ?? question },
        live: run.step > 0,
        points: run.points,
        evaluations: run.evaluations,
        shapes: run.shapes,
        recording: run.mixed ? null : recording(),
        usual: lab.controls.every((c) => !c.restarts || settings[c.name] === c.default),
      });
    }

    function drawNumbers() {
      const recorded = run.step ? null : recording();
      const last = run.points.at(-1);
      const stale = run.failed && run.step ? " (no longer live)" : "";
      const here = `After ${run.step} updates in this page${stale}`;
      say(caption, recorded ? `Recorded, after ${recorded.steps.at(-1)} updates` : here);
      const lines = lab.learners.map((learner, i) => {
        const cells = lab.metrics.map(({ name }) => {
          const value = recorded ? recorded.curve(i, name)?.mean.at(-1) : last?.metrics[i][name];
          const known = value !== undefined && Number.isFinite(value);
          return make("td", {}, known ? `${Number(value.toPrecision(3))}` : "–");
        });
        return make("tr", {}, make("th", { scope: "row" }, learner.name), ...cells);
      });
      rows.replaceChildren(...lines);
    }

    build();
    show();
    say(alert, read.refused.join("\n")); // now that it is there, it is read aloud
    if (asked) host.scrollIntoView();
    new ResizeObserver(redraw).observe(plot);
    const theme = { attributeFilter: ["data-theme"] };
    new MutationObserver(redraw).observe(document.documentElement, theme);
    window.addEventListener("planrl:redraw", draw); // for paper: at once
  }

  document.querySelectorAll(".planrl-lab").forEach((host) => {
    start(/** @type {HTMLElement} */ (host));
  });
})();
