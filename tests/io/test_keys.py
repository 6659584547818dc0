"""What a stored run is known by: code that is edited is other code, wherever it is reached."""

import importlib
import subprocess
import sys

import pytest

from planrl.experiments.sweeps import sweep
from planrl.io.keys import fingerprint

PROGRAM = {
    "program.py": """
import enum, functools, logging, re
from dataclasses import dataclass
from pathlib import Path
import numpy as np
import torch
import planrl as pr
import lib.helpers as helpers
from lib.helpers import halved, Scale

RATE = 0.1
WEIGHTS = torch.tensor([1.0, 2.0])
TABLE = np.arange(3)
NAMES = {"a", "b", "c"}
GRAPH = pr.diamond(2)
LAYER = torch.nn.Linear(1, 1, bias=False)
torch.nn.init.constant_(LAYER.weight, 4.0)
log = logging.getLogger("x")
tripled = functools.partial(halved, factor=3)

class Kind(enum.Enum):
    ONE = 1

def closed(by):
    def inner(x):
        return x + by
    return inner

shifted = closed(5)

@functools.cache
def cached(x):
    return x - 7

@dataclass(frozen=True)
class Settings:
    seed: int = 0

    @property
    def twice(self):
        return 2 * self.seed

def helper(x, power=2):
    return x ** power

def run(settings):
    # a comment
    from lib.helpers import late
    log.info("x")
    assert re.match("a", "a") and "a" in {"a", "b"} and Kind.ONE and Path
    made = Scale(2)
    return [helper(settings.twice), halved(1), helpers.deep.f(1), tripled(2), shifted(1),
            cached(1), made.of(3), float(WEIGHTS.sum()), int(TABLE.sum()), len(NAMES), late(),
            [k * RATE for k in range(2)], GRAPH.n, LAYER.weight.item()]

def unused():
    return 17
""",
    "lib/__init__.py": "",
    "lib/helpers.py": """
from lib import deep

def halved(x, factor=1):
    return x / 2 * factor

def late():
    return 11

class Scale:
    most = 9
    def __init__(self, by):
        self.by = by
    def of(self, x):
        return min(x * self.by, self.most)
""",
    "lib/deep.py": "def f(x):\n    return x + 13\n",
}


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Write the program with one text of it replaced, and import it as a new process would."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(old="", new=""):
        assert not old or any(old in text for text in PROGRAM.values())
        for name, text in PROGRAM.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.replace(old, new) if old else text)
        for name in ("program", "lib", "lib.helpers", "lib.deep"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module("program")

    yield write
    for name in ("program", "lib", "lib.helpers", "lib.deep"):
        sys.modules.pop(name, None)


def known_by(module):
    code, unknown = fingerprint(module.run, module.Settings)
    assert unknown == ()
    return code


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("made = Scale(2)", "made = Scale(3)"),
        ("x ** power", "x ** power + 1"),
        ("power=2", "power=3"),
        ("2 * self.seed", "3 * self.seed"),
        ("x / 2", "x / 3"),
        ("factor=3", "factor=4"),
        ("x + 13", "x + 14"),
        ("closed(5)", "closed(6)"),
        ("x + by", "x - by"),
        ("x - 7", "x - 8"),
        ("most = 9", "most = 8"),
        ("x * self.by", "x + self.by"),
        ("RATE = 0.1", "RATE = 0.2"),
        ("[1.0, 2.0]", "[1.0, 3.0]"),
        ("arange(3)", "arange(4)"),
        ('"b", "c"}', '"b", "d"}'),
        ("return 11", "return 12"),
        ("diamond(2)", "diamond(3)"),
        ("4.0", "5.0"),
        ("ONE = 1", "ONE = 2"),
        ("k * RATE", "k + RATE"),
        ('"a" in {"a", "b"}', '"a" in {"a", "d"}'),
    ],
)
def test_code_that_is_edited_is_other_code(old, new, program):
    before = known_by(program())
    assert known_by(program(old, new)) != before
    assert known_by(program()) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [("# a comment", "# another one\n"), ("return 17", "return 18"), ("\n\n", "\n\n\n")],
)
def test_comments_blank_lines_and_what_is_not_reached_are_no_edit(old, new, program):
    before = known_by(program())
    assert known_by(program(old, new)) == before


def test_another_process_knows_the_same_code(program, tmp_path):
    """Sets and hashes of names come in another order there, and code from a cache of Python's."""
    code = (
        "import sys, planrl.io.keys as keys\n"
        "for _ in range(2):\n"  # bytecode is written first, and then read
        "    for name in [n for n in sys.modules if n.split('.')[0] in ('program', 'lib')]:\n"
        "        del sys.modules[name]\n"
        "    import program\n"
        "    print(keys.fingerprint(program.run, program.Settings)[0])\n"
    )
    wanted = known_by(program())
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [wanted, wanted]


def test_a_store_runs_an_edited_function_again_and_keeps_what_was_there(program, tmp_path):
    def values():
        results = sweep(module.run, [module.Settings(seed=1)], store=tmp_path / "store", n_jobs=1)
        return [(result.value[0], result.fresh) for result in results]

    module = program()
    assert values() == [(4, True)]
    module = program("x ** power", "x ** power + 1")
    assert values() == [(5, True)]
    assert values() == [(5, False)]
    module = program()
    assert values() == [(4, False)]


def test_what_cannot_be_hashed_is_named_in_a_warning(program, tmp_path):
    module = program("GRAPH = pr.diamond(2)", "GRAPH = torch.Generator()")
    with pytest.warns(UserWarning, match=r"program.run uses GRAPH \(Generator\)"):
        sweep(module.run, [module.Settings()], store=tmp_path / "store")
    sweep(module.run, [module.Settings()])  # nothing is stored: nothing to warn of
