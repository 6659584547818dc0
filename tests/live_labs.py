"""What the tests of labs share: what a lab draws, and programs that fail when told."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import planrl.labs

WEB = Path(planrl.labs.__file__).parent / "web"
needs_node = pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")
DRAW = """
const read = require("fs").readFileSync;
const style = { getPropertyValue: () => "", fontFamily: "" };
const page = { documentElement: null, body: null };
const window = { matchMedia: () => ({ matches: false }), planrlPlotlyTemplate: { layout: {} } };
const load = new Function("window", "document", "getComputedStyle",
  read(`${process.argv[1]}/lab-figure.js`, "utf8") + "; return planrlLabFigure");
const { lab, graph, evaluations, shapes, points, able } = JSON.parse(read(0, "utf8"));
const number = (v) => v ?? NaN; // JSON has no NaN
for (const { matrices } of evaluations) {
  for (const name of Object.keys(matrices)) {
    matrices[name] = Float32Array.from(matrices[name], number);
  }
}
for (const { metrics } of points) {
  for (const one of metrics) for (const name of Object.keys(one)) one[name] = number(one[name]);
}
const view = { labGraph: graph, live: points.length > 0, points, shapes, recording: null, until: 0,
  evaluations, beside: null, usual: true, asked: false, able };
const script = load(window, page, () => style);
const most = Math.max(...lab.figure.data.map(script.panelOf));
const panels = script.figures(lab, view, Array(most + 1).fill({ width: 400, height: 300 }));
const next = panels.map(() => 0);
const traces = lab.figure.data.map((trace) => {
  const panel = script.panelOf(trace);
  return panels[panel].data[next[panel]++];
});
const words = panels.map(({ layout }) => layout.annotations.map(({ text }) => text));
process.stdout.write(JSON.stringify({ traces, words }));
"""


def drawn(session, *, graph=None, points=(), trained=True, able=True, **replaced):
    """The traces of a lab's figure as its scripts fill them in, and the words in each panel.

    `replaced` holds tensors of the first learner's evaluation that are shown instead of its own.
    """
    evaluations = session.evaluate() if trained else []
    found = [{k: v for k, v in one.items() if not isinstance(v, float)} for one in evaluations]
    for name, value in replaced.items():
        found[0][name] = value
    asked = {
        "lab": session.lab.to_json(),
        "graph": graph or session.lab_graph.to_json(),
        "evaluations": [
            {"metrics": {}, "matrices": {k: v.flatten().tolist() for k, v in one.items()}}
            for one in found
        ],
        "shapes": {k: list(v.shape) for k, v in found[0].items()} if found else {},
        "points": list(points),
        "able": able,
    }
    told = json.loads(in_node(DRAW, json.dumps(asked).replace("NaN", "null")))
    return told["traces"], told["words"]


def in_node(script, text):
    """What a script writes that is given the folder of the labs' scripts, and a text to read."""
    done = subprocess.run(
        ["node", "-e", script, WEB], input=text, text=True, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def seen(evaluations):
    return [
        {k: v for k, v in evaluation.items() if isinstance(v, float)} for evaluation in evaluations
    ]


def same(one, other):
    """Do two sessions measure the same of every learner? A prediction that neither has is the same."""
    return repr(seen(one.evaluate())) == repr(seen(other.evaluate()))


class Failing:
    """Programs as they are, until told to fail."""

    def __init__(self, error):
        self.error, self.on = error, False

    def __call__(self, program, given):
        if self.on and program.name.endswith("-pg"):
            raise self.error
        return {key: value.detach() for key, value in program.run(given).items()}
