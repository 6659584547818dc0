"""The labs, one in each file: what can be set, which learners train, what the figure shows.

imitation, policy_gradient   one learner each
rewards                      Q-learning under rewards of the reader's, and what can go wrong
race                         four learners that start from one base
blocks                       Blocksworld
objectives                   any two of GRPO's family on one question

A lab is made when it is asked for. What a preset says is asserted in
tests/labs/test_live_presets.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from planrl.errors import InputError, shown
from planrl.labs.catalogue.blocks import blocks_lab
from planrl.labs.catalogue.imitation import imitation_lab
from planrl.labs.catalogue.objectives import objectives_lab
from planrl.labs.catalogue.policy_gradient import policy_gradient_lab
from planrl.labs.catalogue.race import race_lab
from planrl.labs.catalogue.rewards import rewards_lab
from planrl.labs.spec.lab import Lab

CATALOGUE: Mapping[str, Callable[[], Lab]] = {
    "race": race_lab,
    "imitation": imitation_lab,
    "policy-gradient": policy_gradient_lab,
    "rewards": rewards_lab,
    "blocks": blocks_lab,
    "objectives": objectives_lab,
}


def labs() -> dict[str, Lab]:
    """All labs by name."""
    return {name: make() for name, make in CATALOGUE.items()}


def lab_named(name: str) -> Lab:
    """The lab of this name. Raises InputError if there is none."""
    if not isinstance(name, str) or name not in CATALOGUE:
        raise InputError(f"no lab is called {shown(name)}; there are: {', '.join(CATALOGUE)}")
    return CATALOGUE[name]()
