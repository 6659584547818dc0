"""The labs, one in each file: what can be set, which learners train, what the figure shows.

imitation, policy_gradient   one learner each
rewards                      Q-learning under rewards of the reader's, and what can go wrong
race                         four learners that start from one base
blocks                       Blocksworld

What a preset says beside it is asserted in tests/labs/test_live_presets.py.
"""

from __future__ import annotations

from planrl.labs.catalogue.blocks import _blocks
from planrl.labs.catalogue.imitation import _imitation
from planrl.labs.catalogue.policy_gradient import _policy_gradient
from planrl.labs.catalogue.race import _race
from planrl.labs.catalogue.rewards import rewards_lab
from planrl.labs.spec.lab import Lab


def labs() -> dict[str, Lab]:
    """All labs by name."""
    made = (_race(), _imitation(), _policy_gradient(), rewards_lab(), _blocks())
    return {lab.name: lab for lab in made}
