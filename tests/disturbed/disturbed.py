"""First weights disturbed by a relative error, as another processor's arithmetic disturbs training.

`PLANRL_DISTURB=1e-6 python -m pytest -m "not book"` runs the tests so: what they promise of trained
models must not rest on the last bits of one machine. Processes that tests start are disturbed, too
(`sitecustomize` beside this file). A book whose chapters are disturbed:
`PLANRL_DISTURB=1e-6 PYTHONPATH=$PWD/tests/disturbed make book`, from and to an empty `_build`.

The noise is a function of a weight's shape alone: models that are built alike stay alike. A table
of zeros stays one until its training starts, and the learners of a lab are disturbed at theirs.
"""

import functools
import importlib.abc
import importlib.util
import os
import sys
from pathlib import Path

SIZE = float(os.environ.get("PLANRL_DISTURB") or 0)
EXACT = {
    "trust/test_same_numbers.py": "its subject is the recorded numbers of undisturbed runs",
}
"""Tests that are left out when first weights are disturbed, and why."""


def disturbed(weight):
    """The weight times 1 + noise; where it is all zero, the noise itself."""
    import torch

    rng = torch.Generator().manual_seed(weight.numel())
    noise = SIZE * torch.randn(weight.shape, generator=rng).to(weight)
    return weight * (1 + noise) if weight.any() else noise


def _disturb(model, zeros):
    import torch

    with torch.no_grad():
        for weight in model.parameters():
            if not weight.is_meta and weight.is_floating_point() and bool(weight.any()) != zeros:
                weight.copy_(disturbed(weight))


def _of_transformer(module):
    plain = module.Transformer.__init__

    @functools.wraps(plain)
    def init(self, *given, **named):
        plain(self, *given, **named)
        _disturb(self, zeros=False)

    module.Transformer.__init__ = init


def _of_train(module):
    plain = module.train

    @functools.wraps(plain)
    def train(model, *given, done=0, **named):
        if done == 0:
            _disturb(model, zeros=True)
        return plain(model, *given, done=done, **named)

    module.train = train


def _of_labs(module):
    plain = module.Session._starts

    @functools.wraps(plain)
    def starts(self):
        return {name: disturbed(weight) for name, weight in plain(self).items()}

    module.Session._starts = starts


CHANGES = {
    "planrl.transformer.model": _of_transformer,
    "planrl.train": _of_train,
    "planrl.labs.session": _of_labs,
}


class _Finder(importlib.abc.MetaPathFinder):
    """Lets the other finders find a module, and changes it once it has been executed."""

    def find_spec(self, name, path=None, target=None):
        if name not in CHANGES:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                spec.loader.exec_module = _changing(name, spec.loader.exec_module)
                return spec
        return None


def _changing(name, execute):
    def execute_and_change(module):
        execute(module)
        CHANGES[name](module)

    return execute_and_change


_FINDER = _Finder()


def install():
    """Disturb what is imported from now on, here and in processes that are started."""
    assert not CHANGES.keys() & sys.modules.keys(), "planrl has been imported already"
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
    sys.meta_path.insert(0, _FINDER)
    current = str(Path(__file__).resolve().parent)
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if current not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [current, *paths]))
