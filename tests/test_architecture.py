"""The rules of the house: imports go one way, heavy libraries stay where they belong."""

import ast
import subprocess
import sys
from pathlib import Path

import planrl

ROOT = Path(planrl.__file__).parent
# Each layer may import those above it in this list and itself. A name stands for a module, or for
# a folder and all that is in it but what is named elsewhere.
LAYERS = [
    ["errors"],
    ["graphs", "tasks", "models", "transformer", "sampling", "streams", "losses", "train"],
    ["evaluate"],
    ["objectives"],
    ["io"],
    ["experiments.alpine", "experiments.named", "experiments.sweeps"],
    ["domains"],
    ["figures"],
    ["labs.engine"],
    ["labs.spec"],
    ["labs.catalogue"],
    ["labs.own_loss", "labs.session"],
    ["labs.notebook", "labs.page"],
    ["labs"],
    ["experiments"],
    ["claims"],
    ["teaching"],
    ["cli"],
    ["__init__", "__main__"],
]
APART = {"experiments": "labs", "claims": "labs", "teaching": "labs"}
"""Layers that stand below others in the list and yet import nothing of them."""
ONLY = {
    "plotly": {"figures", "teaching", "labs.spec", "labs.notebook"},
    "ipywidgets": {"teaching"},
    "anywidget": {"labs.notebook"},
    "onnx": {"labs.page"},
    "onnxscript": {"labs.page"},
    "onnxruntime": {"labs.page"},
    "tqdm": {"cli"},
    "safetensors": {"io"},
    "joblib": {"experiments.sweeps"},
}
"""Library -> the only folders and modules that import it."""


def modules():
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield (
            ".".join(parts[:-1] if parts[1:] and parts[-1] == "__init__" else parts),
            ast.parse(path.read_text()),
        )


TREES = dict(modules())
LEVELS = {name: level for level, names in enumerate(LAYERS) for name in names}


def layer(module):
    """The name in LAYERS that a module belongs to."""
    parts = module.split(".")
    prefixes = (".".join(parts[:k]) for k in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if prefix in LEVELS), None)


def executed(tree):
    """The nodes of a tree but those for type checkers only."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            todo += ast.iter_child_nodes(node)


def imported(tree):
    """Every module a tree imports; of a package, the modules that are taken from it."""
    for node in executed(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner.removeprefix("planrl.") in TREES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def own(tree):
    """The modules of planrl that a tree imports."""
    for other in imported(tree):
        if other.startswith("planrl."):
            yield other.removeprefix("planrl.")


def test_imports_go_one_way():
    for name, tree in TREES.items():
        here = layer(name)
        assert here is not None, f"{name} has no place in LAYERS"
        for other in own(tree):
            there = layer(other)
            assert there == here or LEVELS[there] <= LEVELS[here], f"{name} imports {other}"
            assert not there.startswith(APART.get(here, "/")), f"{name} imports {other}"


def test_no_imports_go_in_a_circle():
    needs = {name: set(own(tree)) - {name} for name, tree in TREES.items()}
    while free := {name for name, others in needs.items() if not others & needs.keys()}:
        needs = {name: others for name, others in needs.items() if name not in free}
    assert not needs, f"among these modules imports go in a circle: {sorted(needs)}"


def test_the_door_is_small():
    files = {path.stem for path in ROOT.glob("*.py")} - {"__main__"}
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert len(files) <= 12, sorted(files)
    assert len(folders) <= 10, sorted(folders)
    assert len(LAYERS) <= 20


def test_heavy_libraries_are_imported_where_they_belong_only():
    for name, tree in TREES.items():
        for other in imported(tree):
            allowed = ONLY.get(other.split(".")[0])
            assert allowed is None or layer(name) in allowed, f"{name} imports {other}"


def test_importing_planrl_loads_no_optional_library_and_prints_nothing():
    code = (
        "import sys, planrl; print(sorted({'plotly', 'ipywidgets', 'IPython',"
        " 'joblib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr == ""


def test_modules_stay_small():
    for path in ROOT.rglob("*.py"):
        lines = len(path.read_text().splitlines())
        assert lines <= 400, f"{path.name} has {lines} lines: split it"


def test_the_library_never_uses_the_global_random_state():
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr != "manual_seed" or name == "graphs", name
