"""How learners are trained, as plain values: what is saved beside a result's settings.

Settings say how large and how long; learning rates, batch sizes, exploration and the scale of
rewards stand in an experiment's code. A result made with others is a stale one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from planrl.experiments.study import Learner, base_learner
from planrl.io.checkpoints import to_json
from planrl.rollouts import Sampler


def recipe(learners: Mapping[str, Learner], *, base_steps: int = 0) -> dict[str, Any]:
    """Algorithm, training and batch of each learner, and of the base they start from, if any.

    As JSON gives it back: lists for tuples, null for what is not finite.
    """
    whole = {"SFT base": base_learner(base_steps), **learners} if base_steps else learners
    page = {name: _of(learner) for name, learner in whole.items()}
    plain: dict[str, Any] = json.loads(to_json(page))
    return plain


def _of(learner: Learner) -> dict[str, Any]:
    found = {
        "algorithm": {"kind": type(learner.algorithm).__name__, **asdict(learner.algorithm)},
        "training": asdict(learner.training),
        "batch": learner.batch,
    }
    if learner.correction not in (None, "none"):  # neither changes a number
        found["correction"] = learner.correction
    return found if learner.stream is None else {**found, "stream": _named(learner.stream)}


def _named(stream: Any) -> dict[str, Any]:
    """A stream's function and what it was given ahead."""
    if not isinstance(stream, partial):
        return {"name": stream.__name__, "given": []}
    given = [_sampling(one) if isinstance(one, Sampler) else one for one in stream.args]
    return {"name": stream.func.__name__, "given": given}


def _sampling(sampler: Sampler) -> dict[str, Any]:
    """A sampler's options; one younger than saved results is left out where it is not used."""
    page = asdict(sampler)
    if page["stop_at_target"]:
        del page["stop_at_target"]
    return page
