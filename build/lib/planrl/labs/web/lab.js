// @ts-check
/* Makes an element a live lab, in a page (lab-page.js) or in a notebook (lab-notebook.js). The recorded
 * runs and the state in a link are in lab-state.js, the figure in lab-figure.js, lab-panels.js and
 * lab-paths.js, the controls in lab-controls.js, what trains in lab-training.js, the words in lab-words.js and
 * (for one update) lab-step.js, and what is said of a host that can't be trained from in lab-hosting.js. */

/** What a lab stands in.
 * @typedef {{blocked: string, address: Address | null, where: string, trainer: Place}} Surroundings
 *   blocked: why nothing can be trained, or ""; where: the place in which training takes place, in words
 * @typedef {{asked: URLSearchParams, link: (query: string) => string, write: (link: string) => void}} Address
 *   of a page: what it asks for, a link with another state, and a way to write that into the address
 */
const planrlLab = (() => {
  "use strict";

  const FRAME = 50; // milliseconds between two drawings, at least
  const SLACK = 8; // of them, half a frame of the screen: the next one would be too late
  const PRESS = 50; // updates of one press of Train where nothing may move by itself
  const NEAR = "600px"; // a lab so far from the screen gets ready
  const REPLAY = 3000; // milliseconds in which a recorded run is played
  const EXAMPLE = "home park\nhome shop\npark school\nshop school\nschool library";
  const { make, box, say, button, control, edgesOf, meanings, numbersOf, presets } = planrlLabControls;
  const stillness = window.matchMedia("(prefers-reduced-motion: reduce)");

  /** Make an element a lab. @param {HTMLElement} host @param {Lab} lab @param {Surroundings} around
   * @returns {() => void} ends it */
  function start(host, lab, { blocked, address, where, trainer }) {
    const drawable = () => "Plotly" in window && "planrlPlotlyTemplate" in window; // it may come later
    const numbers = (lab.recorded ?? []).map(planrlLabState.unpack);
    const asked = address?.asked.get("lab") === lab.name;
    const query = asked ? address?.asked : new URLSearchParams(host.dataset.state);
    const read = planrlLabState.read(lab, query);
    let { settings, own, pair } = read;
    let note = ""; // what the reader's last action did, where it is not plain to see
    let played = -1; // when the recorded run began to be played
    /** @type {{points: Point[], settings: Settings} | null} */
    let previous = null; // the run before this one
    /** @type {Settings | null} */
    let pinned = null; // settings that are trained beside those of the controls
    const { run, ...training } = planrlLabTraining.create(trainer, order, show);
    const { end } = lab.screen;

    // --- What the page holds ----------------------------------------------------------------
    const id = (/** @type {string} */ name) => `${host.id}-${name}`;
    const panels = planrlLabPanels.create(lab, host.id, () => redraw());
    const paths = panels.graph && planrlLabPaths.create(panels.graph, lab, choosePair, useEdges);
    const status = make("span", { role: "status", id: id("status") });
    const counter = make("span", { className: "planrl-lab-counter" });
    const progress = make("progress", { max: 1, value: 0, "aria-label": "Progress" });
    const alert = make("p", { className: "planrl-lab-alert", role: "alert", id: id("alert") });
    const train = button("play", "Train", press, "always");
    const once = button("step", "One step", () => go(1, 1), "always");
    const beside = button("beside", "Compare", pin, "always");
    const copied = make("textarea", { readOnly: true, rows: 5, "aria-label": "Text to copy" });
    const chips = presets(lab, (preset) => {
      change({ ...planrlLabState.defaults(lab), ...preset.settings }, "preset");
    });
    const why = make("p", { className: "planrl-lab-why", id: id("why") });
    const differs = make("p", { className: "planrl-lab-differs" });
    const explained = box("step");
    const formulas = box("formulas");
    const edgeList = edgesOf(lab, id, EXAMPLE, useOwn);
    const numberTable = numbersOf(lab);
    const controls = lab.controls.map((one) => ({
      ...control(one, id, (value) => choose(one.name, value)),
      name: one.name,
    }));

    let arrange = () => {};

    function build() {
      copied.hidden = true;
      for (const { element } of [train, once]) {
        element.disabled = blocked !== "";
        element.setAttribute("aria-describedby", status.id);
      }
      const again = button("reset", "Reset", () => reset(), "always");
      const shared = [
        ...(address ? [button("link", "Copy link", () => copy(link(), "Link copied."), "wordless")] : []),
        button("code", "Copy as planrl", copySnippet, "wordless"),
        ...(drawable() || !address ? [button("picture", "Picture", savePicture, "wordless")] : []),
      ];
      const group = (/** @type {string} */ name, /** @type {string} */ title, /** @type {{element: HTMLElement}[]} */ tools) => {
        const row = box(name, ...tools.map(({ element }) => element));
        row.setAttribute("role", "group");
        row.setAttribute("aria-label", title);
        return row;
      };
      const bar = box("bar", group("toolbar", "Training", [train, once, again, beside]));
      const passOn = group("share", "To pass on", shared);
      // On a phone these stand below the curves, so they come there for the keyboard, too.
      arrange = () => {
        const below = getComputedStyle(bar).display === "contents";
        if (passOn.parentElement === (below ? formulas.parentElement : bar)) return;
        if (below) formulas.before(passOn);
        else bar.append(passOn);
      };
      const front = [...lab.screen.controls, ...lab.screen.more].map((name) => controls.find((one) => one.name === name));
      const rare = controls.filter((one) => !front.includes(one));
      const said = make("p", { className: "planrl-lab-status" }, status, " ", counter);
      said.classList.toggle("planrl-lab-long", Boolean(lab.verdicts?.length));
      const intro = host.querySelector(".planrl-lab-intro") ?? "";
      host.querySelector(".planrl-lab-body")?.append(
        intro,
        bar,
        chips.row,
        said,
        progress,
        alert,
        copied,
        panels.stage,
        panels.legend,
        box("controls", ...front.flatMap((one) => (one ? [one.row] : []))),
        formulas,
        explained,
        why,
        differs,
        fold("More settings", box("controls", ...rare.map(({ row }) => row)), edgeList.element),
        numberTable.element,
        meanings(lab.controls, id),
      );
      if (own) edgeList.write(textOf(own.edges, own));
      host.classList.add("planrl-lab-live"); // hides the text for readers without JavaScript
      arrange();
    }

    /** @param {string} title @param {HTMLElement[]} children */
    const fold = (title, ...children) =>
      make("details", { className: "planrl-lab-fold" }, make("summary", {}, title), ...children);

    // --- Settings -----------------------------------------------------------------------------
    /** @param {string} name @param {Value} value */
    function choose(name, value) {
      if (name === "graph" && value === "own") own ??= planrlLabState.graph(lab, EXAMPLE).labGraph;
      const chosen = lab.controls.find((c) => c.name === name);
      change({ ...settings, [name]: value }, chosen?.restarts ? chosen.label : "");
      if (!chosen || chosen.restarts || !run.step || run.wanted) return;
      // Nothing that is drawn changes: without a word the control would seem dead.
      note = `${chosen.label} ${chosen.texts[chosen.values.indexOf(value)]} acts from the next update: press ${further()}.`;
      show();
    }

    function useOwn() {
      const { labGraph: made, errors } = planrlLabState.graph(lab, edgeList.read());
      edgeList.refuse(errors);
      if (!made) return;
      own = made;
      change({ ...settings, graph: "own" }, "graph");
    }

    /** Show another pair. What is trained stays the same, unless it is this one question. @param {number} source @param {number} target */
    function choosePair(source, target) {
      const { labels, edges } = labGraph();
      const [from, to] = [labels[source], labels[target]];
      const there = planrlLabState.answered({ ...labGraph(), question: [source, target] });
      note = there ? `Paths from ${from} to ${to}.` : `No path leads from ${from} to ${to}: choose another pair.`;
      if (there && edges.length) {
        pair = [source, target];
        remark();
        if (!lab.ofQuestion) training.look();
        else {
          reset(note); // another question is trained
          previous = null; // of the question before
        }
      }
      show();
    }

    /** Edges by the names of a graph's nodes, as a reader writes them. @param {number[][]} edges @param {LabGraph} of */
    const textOf = (edges, { labels }) => edges.map((edge) => edge.map((node) => labels[node]).join(" ")).join("\n");

    /** Go on with these edges, as a graph of the reader's own. @param {number[][]} edges */
    function useEdges(edges) {
      const before = labGraph();
      const names = (/** @type {number[]} */ nodes) => nodes.map((node) => before.labels[node]);
      const text = textOf(edges, before);
      const { labGraph: made, errors } = planrlLabState.graph(lab, text);
      if (!made) {
        note = errors[0];
        return show();
      }
      const lost = before.labels.filter((label) => !made.labels.includes(label));
      made.layers = made.labels.map((label) => before.layers[before.labels.indexOf(label)]); // none jumps
      const shown = names(view().labGraph.question).map((label) => made.labels.indexOf(label));
      const kept = shown.length === 2 && !shown.includes(-1) && planrlLabState.answered({ ...made, question: shown });
      own = made;
      edgeList.write(text);
      change({ ...settings, graph: "own" }, "graph", kept ? shown : null);
      if (lost.length) note = `${note} No edge is left at ${lost.join(", ")}: no longer in the graph.`.trim();
      if (!kept) note = `${note} No path was left for the pair: another one is shown.`.trim();
      return show();
    }

    /** @param {Settings} chosen @param {string} restarting what a running learner can't follow
     * @param {number[] | null} [shown] the pair, if the graph is another one */
    function change(chosen, restarting, shown = null) {
      if (restarting) remember();
      if (chosen.graph !== settings.graph || chosen.graph === "own" && restarting === "graph") pair = shown;
      settings = chosen;
      if (pinned) pinned = { ...pinned, ...restarts(settings) };
      note = "";
      say(alert, "");
      remark();
      if (!restarting) training.follow();
      else {
        if (run.step || run.wanted) note = `New ${restarting.toLowerCase()}: started again.`;
        if (run.wanted) run.wanted = end;
        training.restart();
      }
      show();
    }

    /** Write the state into the page's address. */
    const remark = () => address?.write(link());

    /** Of these settings those that both sides share. @param {Settings} all */
    function restarts(all) {
      const names = lab.controls.filter((one) => one.restarts).map((one) => one.name);
      return Object.fromEntries(names.map((name) => [name, all[name]]));
    }

    /** Keep this run's curves, to be drawn behind the next one's. */
    function remember() {
      if (run.step) previous = { points: run.points, settings };
    }

    /** Keep these settings: the next ones are trained, or shown, beside them. */
    function pin() {
      pinned = pinned ? null : settings;
      remember();
      note = pinned ? "These settings are kept: now change a control." : "";
      if (run.wanted) run.wanted = end;
      training.restart();
      show();
    }

    const stateText = () => planrlLabState.write(lab, settings, own, pair);

    /** The page's address with the state in it. */
    function link() {
      const text = stateText();
      return address?.link(`lab=${encodeURIComponent(lab.name)}${text && `&${text}`}`) ?? "";
    }

    const graphName = () => `${settings.graph ?? Object.keys(lab.graphs)[0]}`;
    const labGraph = () => planrlLabState.shownGraph(lab, settings, own);

    /** What the worker is to train. @returns {Order} */
    function order() {
      const model = `${settings.model ?? Object.keys(lab.bases)[0]}`;
      const { n, edges, question } = labGraph();
      const both = pinned ? [settings, pinned] : [settings];
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
        shown: pair,
        evaluation: lab.evaluation,
        links: both.map((one) => planrlLabState.write(lab, one, own, pair)),
        learners: both.flatMap((one) =>
          lab.learners.map((learner) => ({
            algorithm: learner.algorithm,
            start: learner.start,
            options: planrlLabState.options(learner, one),
          })),
        ),
      };
    }

    // --- Buttons ------------------------------------------------------------------------------
    /** @param {MouseEvent} event */
    function press({ detail }) {
      if (detail > 1) return; // of a double click, which asks for one thing
      if (run.wanted) return go(0, 1);
      const left = end - (run.failed ? 0 : (run.step + run.underWay) % end);
      if (stillness.matches) go(Math.min(PRESS, left), PRESS);
      else go(left, lab.every);
    }

    /** @param {number} updates @param {number} most updates between two drawings */
    function go(updates, most) {
      note = "";
      if (updates && !run.ready && !stillness.matches) played = performance.now();
      training.go(updates, most);
      show();
    }

    function reset(said = "") {
      remember();
      note = said;
      run.wanted = 0;
      training.restart();
      show();
    }

    async function savePicture() {
      const title = host.querySelector(".planrl-lab-title")?.textContent ?? lab.name;
      const done = run.step ? `after ${run.step} updates` : planrlLabWords.recorded(known());
      const words = `${planrlLabWords.settings(lab, settings)} · ${done} · planrl, arXiv 2509.22613`;
      try {
        await planrlLabPanels.picture(lab, view(), legendOf(view()), title, words, paths?.canvases() ?? []);
        note = "Picture saved.";
      } catch (error) {
        note = `No picture: ${error instanceof Error ? error.message : error}.`;
      }
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

    function copySnippet() {
      const quoted = (/** @type {string} */ text) => `'${text.replace(/[\\']/g, "\\$&")}'`;
      const steps = run.step || end;
      const text = lab.snippet
        .replaceAll("{name!r}", () => quoted(lab.name))
        .replaceAll("{state!r}", () => quoted(stateText()))
        .replaceAll("{steps}", `${steps}`);
      const mixed = "Python copied, with the last settings; they were others earlier in this run.";
      copy(text, run.mixed ? mixed : "Python copied.");
    }

    // --- Showing ------------------------------------------------------------------------------
    /** Is another pair shown than the graph's own? */
    const asksOther = () => pair !== null && `${pair}` !== `${labGraph().question}`;
    /** Is another question trained than the one of which runs are recorded and presets tell? */
    const untold = () => lab.ofQuestion && asksOther();
    const recording = (chosen = settings) => (untold() ? null : planrlLabState.recording(lab, numbers, chosen));

    /** What there is to tell of. @returns {Told} */
    function known() {
      const { matches: still } = stillness;
      return { lab, settings, run, recording, recorded: numbers.length > 0, untold: untold(), blocked, pinned, previous, still };
    }

    /** What the legend says besides the lines' names. @param {View} shown */
    function legendOf(shown) {
      const ofPaths = paths && { table: Boolean(lab.bases[order().model]?.output) };
      return planrlLabWords.legend(known(), shown, ofPaths);
    }

    /** Everything but the figure and the numbers, which are drawn when their time comes. */
    function show() {
      for (const { name, show: put } of controls) put(settings[name]);
      const preset = lab.presets?.find((p) => {
        const all = Object.entries({ ...planrlLabState.defaults(lab), ...p.settings });
        return all.every(([name, value]) => settings[name] === value);
      });
      chips.show(preset);
      say(why, (!untold() && preset?.why) || "");
      why.hidden = !why.textContent;
      // It is about the graph whose runs are recorded.
      const usual = settings.graph === planrlLabState.defaults(lab).graph;
      say(differs, (usual && lab.differs[`${settings.model}`]) || "");
      differs.hidden = !differs.textContent;
      edgeList.element.hidden = settings.graph !== "own";
      explainFormulas();
      if (run.wanted) train.show("pause", "Pause");
      else train.show("play", further());
      beside.element.setAttribute("aria-pressed", `${pinned !== null}`);
      say(status, `${note} ${planrlLabWords.state(known())}`.trim());
      panels.stage.classList.toggle("planrl-lab-stale", run.failed !== "" && run.step > 0);
      redraw();
    }

    /** What a press of the first button does while training pauses. */
    function further() {
      if (run.failed) return "Start again";
      return run.step && run.step % end === 0 ? "Continue" : "Train";
    }

    /** The formula of each learner, with the parts marked in which they differ. */
    function explainFormulas() {
      const said = lab.learners.map((learner) => planrlLabState.formula(learner, settings));
      formulas.hidden = said.every((parts) => !parts.length);
      const lines = said.map((parts, k) => {
        const differ = parts.map((part, i) => said.some((other) => other[i] !== part));
        const words = parts.map((part, i) => (part && differ[i] ? make("mark", {}, part) : part));
        const name = make("strong", {}, lab.learners[k].title);
        name.style.color = planrlLabFigure.inTheme(planrlLabPaths.colourOf(lab, k));
        const between = (/** @type {number} */ i) => (parts[i].startsWith(",") ? "" : " ");
        return make("p", {}, name, ...words.flatMap((part, i) => (part ? [between(i), part] : [])));
      });
      formulas.replaceChildren(...lines);
    }

    /** How far a recorded run has been played; all of it, if it is not being played. */
    function replayed() {
      const last = recording()?.steps.at(-1) ?? 0;
      if (played < 0 || !run.wanted || run.step) return last;
      return Math.min(last, (last * (performance.now() - played)) / REPLAY);
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
      tellProgress();
      drawNumbers();
      explainStep();
      panels.stage.hidden = panels.legend.hidden = !drawable() && !paths;
      if (!panels.stage.clientWidth) return;
      const shown = view();
      panels.explain(legendOf(shown));
      paths?.show(planrlLabPaths.sidesOf(lab, shown, keptPaths(shown.until)), shown.labGraph, run.wanted > 0);
      if (drawable()) planrlLabFigure.draw(panels.plots, lab, shown);
      if (shown.until < (shown.recording?.steps.at(-1) ?? 0)) redraw(); // it is being played
    }

    /** What there is to be seen. @returns {View} */
    function view() {
      const until = replayed();
      // A pair without a path is not shown: the worker says which pair is.
      const usual = planrlLabState.answered(labGraph()) ? labGraph().question : [];
      const evaluated = !pair || `${run.question}` === `${pair}`; // otherwise it is of another pair
      return {
        labGraph: { ...labGraph(), question: pair ?? run.question ?? usual },
        asked: asksOther(),
        able: blocked === "",
        live: run.step > 0,
        points: run.points,
        evaluations: evaluated ? run.evaluations : [],
        shapes: run.shapes,
        recording: run.mixed ? null : recording(),
        until,
        beside: besideCurves(until),
        usual: lab.controls.every((c) => !c.restarts || settings[c.name] === c.default),
      };
    }

    /** The kept settings as a view of the paths has them. @param {number} until */
    function keptPaths(until) {
      if (!pinned) return null;
      const kept = pair ? null : recording(pinned);
      const title = `kept: ${planrlLabWords.settings(lab, pinned, settings)}`;
      return { title, policies: (/** @type {number} */ k) => kept?.policy(k, until) ?? null };
    }

    function tellProgress() {
      const { text, share, loading } = planrlLabWords.progress(known());
      say(counter, text);
      progress.value = share;
      progress.classList.toggle("planrl-lab-loading", loading);
    }

    /** The curves of the settings that are kept, or else of the previous run.
     * @param {number} until @returns {View["beside"]} */
    function besideCurves(until) {
      const line = (/** @type {Point[]} */ points, /** @type {number} */ k, /** @type {string} */ name) => ({
        x: points.map(({ step }) => step),
        y: points.map(({ metrics }) => metrics[k]?.[name] ?? NaN),
      });
      if (pinned && run.step) {
        return (k, name) => line(run.points, k + lab.learners.length, name);
      }
      if (pinned) {
        const kept = recording(pinned);
        return (k, name) => {
          const curve = kept?.curve(k, name);
          const shown = kept?.steps.filter((step) => step <= until) ?? [];
          return curve ? { x: shown, y: curve.mean.slice(0, shown.length) } : null;
        };
      }
      const { points } = previous ?? {};
      return points ? (k, name) => line(points, k, name) : null;
    }

    let told = -1; // the update that is explained
    function explainStep() {
      const at = run.made && !run.wanted ? run.step : -1;
      if (at === told) return;
      told = at;
      const graph = { ...labGraph(), question: pair ?? run.question ?? labGraph().question };
      const parts = at < 0 ? [] : planrlLabStep.explain(lab, graph, run);
      explained.replaceChildren(
        ...parts.flatMap(({ title, lines }) => [
          make("h4", {}, `Update ${at}, ${title}`),
          make("ul", {}, ...lines.map((line) => make("li", {}, line))),
        ]),
      );
      explained.hidden = !parts.length;
    }

    function drawNumbers() {
      const live = run.step > 0;
      const stale = run.failed && run.step ? " (no longer live)" : "";
      const here = `After ${run.step} update${run.step === 1 ? "" : "s"} in this ${where}${stale}`;
      const lines = (/** @type {Recording | null} */ from, /** @type {number} */ shift, /** @type {string} */ kept) =>
        lab.learners.map(({ title }, k) => ({
          title: title + kept,
          value: (/** @type {string} */ name) =>
            from ? from.curve(k, name)?.mean.at(-1) : run.points.at(-1)?.metrics[k + shift]?.[name],
        }));
      const shown = live ? null : recording();
      const title = shown ? `Recorded, after ${shown.steps.at(-1)} updates` : here;
      const all = lines(shown, 0, "");
      if (pinned) {
        const kept = `, kept: ${planrlLabWords.settings(lab, pinned, settings)}`;
        all.push(...lines(live ? null : recording(pinned), lab.learners.length, kept));
      }
      numberTable.show(title, all);
    }

    /** Get ready when the reader comes near, unless they save data. */
    function prepareWhenNear() {
      const { connection } = /** @type {any} */ (navigator);
      if (blocked || connection?.saveData || !("IntersectionObserver" in window)) return;
      const watch = new IntersectionObserver(
        (seen) => {
          if (!seen.some(({ isIntersecting }) => isIntersecting)) return;
          watch.disconnect();
          training.prepare();
        },
        { rootMargin: NEAR },
      );
      watch.observe(host);
    }

    build();
    show();
    say(alert, read.refused.join("\n")); // now that it is there, it is read aloud
    if (asked) host.scrollIntoView();
    const sizes = new ResizeObserver(() => {
      arrange();
      redraw();
    });
    for (const plot of panels.plots) if (plot) sizes.observe(plot);
    prepareWhenNear();
    const themes = new MutationObserver(() => {
      explainFormulas();
      redraw();
    });
    themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    window.addEventListener("planrl:redraw", draw); // for paper: at once
    return () => {
      training.end();
      sizes.disconnect();
      themes.disconnect();
      window.removeEventListener("planrl:redraw", draw);
    };
  }

  return { start };
})();
