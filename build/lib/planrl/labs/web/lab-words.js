// @ts-check
/* What a lab says in words: of its settings, of recorded runs and of its own, of a training that goes on,
 * and of the lines it draws. It changes nothing. Loaded before lab.js. */

/** What there is to tell of.
 * @typedef {{lab: Lab, settings: Settings, run: ReturnType<typeof planrlLabTraining.create>["run"],
 *   recording: (chosen?: Settings) => Recording | null, recorded: boolean, untold: boolean, blocked: string,
 *   pinned: Settings | null, previous: {points: Point[], settings: Settings} | null, still: boolean}} Told
 *   recorded: there are recorded runs; untold: they are not of this pair; still: nothing may move by itself */
const planrlLabWords = (() => {
  "use strict";

  const GREY = "#7F7F7F";

  /** Settings in words; without `than`, those that differ from the usual ones.
   * @param {Lab} lab @param {Settings} shown @param {Settings} [than] */
  function settings(lab, shown, than) {
    const other = than ?? planrlLabState.defaults(lab);
    const told = lab.controls
      .filter(({ name }) => shown[name] !== other[name])
      .map(({ name, label, values, texts }) => `${label} ${texts[values.indexOf(shown[name])]}`);
    return told.join(", ") || (than ? "the same settings" : "usual settings");
  }

  /** Where the numbers come from before training. @param {Told} told */
  function recorded({ recorded: any, recording, untold }) {
    if (!any) return "Nothing has been trained yet: press Train.";
    const shown = recording();
    const what = untold ? "this pair" : "these settings";
    if (!shown) return `No recorded run for ${what}: train it here.`;
    if (shown.measured) return `Recorded runs: measured, ${shown.seeds} seeds.`;
    return "Recorded runs: interpolated between measured runs.";
  }

  /** What the lab does now. @param {Told} told */
  function state(told) {
    const { blocked, run } = told;
    if (blocked) return `${blocked} ${recorded(told)}`;
    if (run.failed) {
      const stale = run.step ? ` The numbers are those of update ${run.step}.` : "";
      return `Training stopped: ${run.failed}.${stale}`;
    }
    if (run.waits) return run.waits;
    if (run.wanted || run.underWay) return run.ready ? "Training." : "Loading.";
    const stopped = run.stopped && `Training stopped: ${run.stopped}.`;
    return `${stopped} ${paused(told)}`.trim();
  }

  /** @param {Told} told */
  function paused(told) {
    const { lab, run } = told;
    if (!run.step) return recorded(told);
    if (run.step % lab.screen.end) return `Paused at update ${run.step}.`;
    return `Paused at update ${run.step}, where this lab stops by itself. ${outside(told)}`.trim();
  }

  /** Where this run lies outside the range of the recorded ones. @param {Told} told */
  function outside({ lab, run, recording }) {
    const shown = run.step === lab.screen.end && !run.mixed ? recording() : null;
    if (!shown?.measured) return "";
    const found = lab.learners.flatMap(({ title }, k) =>
      lab.metrics
        .filter(({ name }) => {
          const curve = shown.curve(k, name);
          const value = run.points.at(-1)?.metrics[k][name] ?? NaN;
          const drawn = lab.bindings.some((b) => b.kind === "band" && b.learner === k && b.metric === name);
          const [low, high] = [curve?.low.at(-1) ?? -Infinity, curve?.high.at(-1) ?? Infinity];
          return drawn && (value < low - 0.001 || value > high + 0.001);
        })
        .map(({ label }) => (lab.learners.length > 1 ? `${label} (${title})` : label)),
    );
    return found.length ? `Outside the recorded range: ${found.join("; ")}.` : "";
  }

  /** The verdict on the first learner's values in the newest evaluation. @param {Told} told */
  function verdict({ lab, run }) {
    const place = run.step ? run.evaluations[0]?.metrics.failure : undefined;
    return place === undefined ? "" : (lab.verdicts?.[place] ?? "");
  }

  /** How far loading or training has come. @param {Told} told
   * @returns {{text: string, share: number, loading: boolean}} */
  function progress(told) {
    const { run, lab, recording, still } = told;
    const { end } = lab.screen;
    const loading = run.wanted > 0 && !run.ready && !run.failed;
    const goal = end * (Math.floor((run.step - (run.wanted ? 0 : 1)) / end) + 1) || end;
    if (!loading) {
      const rate = run.rate ? `, ${Number(run.rate.toPrecision(2))} updates a second` : "";
      const pace = run.wanted ? `Update ${run.step} of ${goal}${rate}.` : "";
      return { text: `${pace} ${verdict(told)}`.trim(), share: Math.min(1, run.step / goal), loading };
    }
    if (run.preparing) {
      const { done, of } = run.preparing;
      const text = `The base model learns this graph first: update ${done} of ${of}.`;
      return { text, share: done / of, loading };
    }
    const share = run.total ? run.bytes / run.total : 0;
    const total = run.total ? ` of ${(run.total / 1e6).toFixed(1)} MB` : "";
    const until = recording() && !still ? " A recorded run plays until then." : "";
    return { text: `${Math.floor(100 * share)} %${total}.${until}`, share, loading };
  }

  /** What is drawn besides the lines that the figure names. @param {Told} told @param {View} shown
   * @param {{table: boolean} | null} paths whether they are those of a table, if paths are drawn
   * @returns {Entry[]} */
  function legend(told, shown, paths) {
    return [...ofCurves(told, shown), ...(paths ? ofPaths(told, shown, paths.table) : [])];
  }

  /** @param {Told} told @param {View} shown @returns {Entry[]} */
  function ofCurves({ lab, run, pinned, previous, settings: now }, { recording, beside }) {
    const shared = { colour: GREY, dash: "", panels: new Set([0]) };
    const mean = run.step ? "" : ", lines: their mean";
    const range =
      recording && `shaded: recorded runs, 2nd to ${recording.seeds - 1}th of ${recording.seeds} seeds${mean}`;
    const found = range ? [{ ...shared, text: range, width: 0 }] : [];
    if (!beside) return found;
    const other = pinned ?? previous?.settings ?? now;
    const what = pinned ? "kept settings" : "previous run";
    return [...found, { ...shared, text: `thin: ${what} (${settings(lab, other, now)})`, width: 1.25 }];
  }

  /** @param {Told} told @param {View} shown @param {boolean} table its probabilities are those of all steps
   * @returns {Entry[]} */
  function ofPaths({ lab, run, blocked, settings: now }, { live, asked, recording, until, evaluations }, table) {
    const policy = live || asked ? null : recording?.policy(0, until);
    const at = lab.controls.find(({ name }) => policy && name in policy.at && policy.at[name] !== now[name]);
    const near = at && policy ? `, ${at.label} ${at.texts[at.values.indexOf(policy.at[at.name])]}` : "";
    const after = live ? `update ${run.step}` : "the base";
    const what = policy
      ? `recorded, seed ${policy.seed}, update ${policy.step}${near}`
      : evaluations.length ? after : blocked ? "needs training, which this page can't do" : "drawn when you train";
    const how = table ? "" : " (by probabilities of first steps)";
    const shared = { colour: GREY, dash: "", panels: new Set([-1]) };
    return [
      { ...shared, text: `share of paths that pass${how}: ${what}`, width: 5 },
      { ...shared, colour: "#B3261E", dash: "4 3", text: "no edge", width: 2 },
    ];
  }

  return { settings, recorded, state, progress, legend };
})();
