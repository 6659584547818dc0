"""Soft Q-learning on the Transformer, in the regimes A, C and E, beside the regimes' own learners.

soft_methods.toml was committed before any run of the experiment `soft-methods`.
"""

from __future__ import annotations

from functools import partial

from planrl.claims import regime_numbers as of
from planrl.claims.predicted import Sentence, claims, read_predictions
from planrl.claims.regime_numbers import GREEDY, PG, SAMPLED, Q

SOFT, SAME = "soft Q-learning", "Q-learning, same rewards"
ALONE, BESIDE = ("soft-methods",), ("soft-methods", "regimes")
DERIVED = "our derivation"
PATHS = "train_diversity"


def _paths(other: str) -> dict[str, of.Number]:
    return {
        f"minus {other}": lambda result: of.end(result, SOFT, PATHS) - of.end(result, other, PATHS)
    }


SENTENCES = {
    "soft-methods-sampled": Sentence(
        "Sampled at temperature 1, soft Q-learning is more accurate than Q-learning with rewards "
        "of 10 on graphs with cycles.",
        DERIVED,
        {"": partial(of.difference, SOFT, Q, SAMPLED)},
        BESIDE,
    ),
    "soft-methods-same-rewards": Sentence(
        "With rewards as large, Q-learning is as accurate at temperature 1 as soft Q-learning.",
        "our control",
        {"": partial(of.difference, SOFT, SAME, SAMPLED)},
        ALONE,
    ),
    "soft-methods-over-pg": Sentence(
        "Sampled at temperature 1, soft Q-learning is at or above policy gradient on Blocksworld.",
        DERIVED,
        {"": partial(of.difference, SOFT, PG, SAMPLED)},
        BESIDE,
    ),
    "soft-methods-greedy": Sentence(
        "Greedily, soft Q-learning is at or above Q-learning and policy gradient.",
        DERIVED,
        {f"minus {other}": partial(of.difference, SOFT, other, GREEDY) for other in (Q, PG)},
        BESIDE,
    ),
    "soft-methods-equal-paths": Sentence(
        "At an equal number of correct paths, soft Q-learning is at or above Q-learning and policy "
        "gradient.",
        DERIVED,
        {f"minus {other}": partial(of.smallest_lead, SOFT, other) for other in (SAME, PG)},
        BESIDE,
    ),
    "soft-methods-diversity": Sentence(
        "Soft Q-learning keeps more correct paths: on the random DAG than Q-learning, on "
        "Blocksworld than policy gradient.",
        DERIVED,
        _paths(Q),
        BESIDE,
        {"C": _paths(PG)},
    ),
    "soft-methods-off-policy": Sentence(
        "Soft Q-learning can learn from the base's rollouts.",
        DERIVED,
        {"": partial(of.difference, f"{SOFT}, off-policy", SOFT, GREEDY)},
        ALONE,
    ),
    "soft-methods-stale": Sentence(
        "Soft Q-learning can learn from stale rollouts.",
        DERIVED,
        {"": partial(of.difference, f"{SOFT}, stale rollouts", SOFT, GREEDY)},
        ALONE,
    ),
    "soft-methods-balance": Sentence(
        "Trajectory balance, which is told of whole paths only, is less accurate than soft "
        "Q-learning.",
        DERIVED,
        {"": partial(of.difference, "trajectory balance", SOFT, SAMPLED)},
        ALONE,
    ),
    "soft-methods-consistency": Sentence(
        "Path consistency over one step is as accurate as soft Q-learning where there are cycles.",
        DERIVED,
        {"": partial(of.difference, "path consistency", SOFT, SAMPLED)},
        ALONE,
    ),
}
"""Id of a prediction -> the sentence it is about."""

PREDICTIONS = read_predictions("soft_methods.toml")
"""The entries of soft_methods.toml."""
CLAIMS = claims(SENTENCES, PREDICTIONS)
"""A claim for each sentence."""
