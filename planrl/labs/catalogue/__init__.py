"""The labs, one in each file: what can be set, which learners train, what the figure shows.

imitation, policy_gradient   one learner each
rewards                      Q-learning under rewards of the reader's, and what can go wrong
race                         four learners that start from one base
blocks                       Blocksworld
objectives                   any two objectives on one question

Each file has a function `lab` and `GRIDS`, its recorded runs; policy_gradient.py holds the lab
policy-gradient, and a new file is a new lab. A lab is made when it is asked for. What a preset says
is asserted in tests/labs/test_live_presets.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pkgutil import iter_modules

from planrl.errors import InputError, shown
from planrl.labs.engine.algorithms import ALGORITHMS, Algorithm
from planrl.labs.engine.programs import Program, programs, updates_of
from planrl.labs.spec.lab import Grid, Lab

_FILES = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
CATALOGUE: dict[str, Callable[[], Lab]] = {
    file.__name__.rpartition(".")[2].replace("_", "-"): file.lab for file in _FILES
}
GRIDS: Mapping[str, Grid] = {name: grid for file in _FILES for name, grid in file.GRIDS.items()}
"""What is recorded, by the name of its file; a lab may have several."""


def labs() -> dict[str, Lab]:
    """All labs by name."""
    return {name: make() for name, make in CATALOGUE.items()}


def lab_named(name: str) -> Lab:
    """The lab of this name. Raises InputError if there is none."""
    if not isinstance(name, str) or name not in CATALOGUE:
        raise InputError(f"no lab is called {shown(name)}; there are: {', '.join(CATALOGUE)}")
    return CATALOGUE[name]()


def all_programs() -> dict[str, Program]:
    """The programs of all labs, by name. Raises InputError if two algorithms share a name."""
    own: dict[str, Algorithm] = {}
    made: dict[str, Program] = {}
    for lab in labs().values():
        for name, algorithm in lab.own_algorithms.items():
            if name in ALGORITHMS or own.get(name, algorithm) != algorithm:
                raise InputError(
                    f"two algorithms are called {shown(name)}: rename that of {lab.name}"
                )
            own[name] = algorithm
        made.update(updates_of(lab.own_algorithms, lab.models))
    return {**programs(), **made}
