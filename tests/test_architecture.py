"""The rules of the house: imports go one way, heavy libraries stay where they belong."""

import ast
import subprocess
import sys
from pathlib import Path

import planrl

ROOT = Path(planrl.__file__).parent
# each layer may import those above it in this list, and its own line's modules not at all
LAYERS = [
    ["errors", "fused", "style", "experiments.meters"],
    ["checked", "reading", "provenance"],
    ["weights"],
    ["folders"],
    ["graphs"],
    [
        "blocksworld.states",
        "blocksworld.expressions",
        "blocksworld.operators",
        "blocksworld.search",
    ],
    ["blocksworld.plans", "blocksworld.formulas", "blocksworld.grounding", "blocksworld.estimate"],
    ["blocksworld.strips"],
    ["blocksworld.pddl_files", "blocksworld.recognise"],
    ["blocksworld.__init__"],
    ["blocksworld"],
    ["tasks"],
    ["models", "theory", "paths"],
    ["transformer", "sampling"],
    ["rollouts"],
    ["graphml", "distinct", "plain", "nanogpt", "foreign", "node_names", "text_rows"],
    ["edge_lines", "node_link"],
    ["edge_lists"],
    ["formats"],
    ["prompts"],
    ["objectives", "evaluate"],
    ["train"],
    ["checkpoints", "plots", "planes", "experiments.worlds", "keys"],
    ["experiments.algorithms"],
    ["controls", "pictures", "widgets", "exercises.asking", "sweeps", "experiments.runs"],
    [
        "exercises.graphs",
        "exercises.layers",
        "exercises.imitation",
        "exercises.policy",
        "exercises.values",
        "exercises.blocks",
    ],
    ["exercises.diversity"],
    ["experiments.costs"],
    ["experiments.study"],
    ["experiments.recipes"],
    ["experiments.fig2", "experiments.fig3", "experiments.kl_flow", "experiments.quantised"],
    ["experiments.theorems_policy"],
    ["experiments.theorems_value"],
    [
        "experiments.theorems",
        "experiments.conditions",
        "experiments.choices",
        "experiments.beyond",
        "experiments.falsify",
        "experiments.imitation",
        "cluster",
    ],
    ["experiments.store"],
    ["claims.judge", "experiments.bands"],
    ["claims.exact", "claims.trained", "claims.imitated", "claims.conditional"],
    ["claims.__init__"],
    ["claims"],
    ["evidence", "exercises.methods"],
    ["exercises.__init__"],
    ["exercises"],
    ["redrawn", "block_pictures", "seed_pictures"],
    ["choosing", "tabulated"],
    ["live.chance", "live.settings"],
    ["live.controls"],
    ["live.bodies"],
    ["live.walking", "live.worlds"],
    ["live.looks", "live.questions", "live.steps"],
    ["live.programs", "live.drawing"],
    ["live.labs"],
    ["live.workshop"],
    ["live.catalogue"],
    ["live.onnx", "live.session", "live.filling"],
    ["live.export", "live.recorded", "live.panel"],
    ["live.page", "live.host"],
    ["live.__init__"],
    ["live"],
    ["commands.files"],
    [
        "commands.train",
        "commands.evaluate",
        "commands.paths",
        "commands.inspect",
        "commands.rows",
        "commands.plan",
        "commands.reproduce",
        "commands.claims",
        "commands.export",
    ],
    ["__main__", "__init__", "experiments.__init__", "commands.__init__"],
]
ONLY = {"plotly": {"plots", "planes", "style", "pictures", "controls", "widgets", "redrawn", "block_pictures", "seed_pictures",
                   "live.drawing", "live.labs", "live.panel"},
        "ipywidgets": {"widgets", "live.panel"},
        "onnx": {"live.export"}, "onnxscript": {"live.export"}, "onnxruntime": {"live.onnx"},

        "tqdm": {"commands.train", "commands.reproduce", "commands.plan"}, "safetensors": {"checkpoints", "weights"}, "joblib": {"sweeps", "cluster"}}  # fmt: skip


def modules():
    for path in ROOT.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield name, ast.parse(path.read_text())


PLACED = {f"planrl.{name}" for names in LAYERS for name in names}


def imported(tree):
    """Every module a tree imports; of a package, the modules that are taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in PLACED else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_imports_go_one_way():
    level = {name: k for k, names in enumerate(LAYERS) for name in names}
    for name, tree in modules():
        assert name in level, f"{name} has no place in LAYERS"
        for other in imported(tree):
            inner = other.removeprefix("planrl.")
            if other.startswith("planrl.") and inner in level:
                assert level[inner] < level[name], f"{name} imports {inner}"


def test_heavy_libraries_are_imported_where_they_belong_only():
    for name, tree in modules():
        for other in imported(tree):
            allowed = ONLY.get(other.split(".")[0])
            assert allowed is None or name in allowed, f"{name} imports {other}"


def test_importing_planrl_loads_no_optional_library_and_prints_nothing():
    code = ("import sys, planrl; print(sorted({'plotly', 'ipywidgets', 'IPython',"
            " 'joblib'} & set(sys.modules)))")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr == ""


def test_modules_stay_small():
    for path in ROOT.rglob("*.py"):
        lines = len(path.read_text().splitlines())
        assert lines <= 300, f"{path.name} has {lines} lines: split it"


def test_the_library_never_uses_the_global_random_state():
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr != "manual_seed" or name == "graphs", name
