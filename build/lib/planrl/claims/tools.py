"""Claims about chains of tool calls, on the shipped tools and on UltraTool's.

The sentences and bounds are those of `planrl.experiments.tools.PREDICTIONS`, committed before the
first run of the study. On UltraTool the same bounds are asked, committed before any run on it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from planrl.claims.verdict import Claim, Condition, Registered, Results
from planrl.experiments.tools import PREDICTIONS, Prediction

END = "at the end of training, sampled at temperature 1"
GRAPHS = {"seed": "42 tools of an everyday assistant", "ultratool": "260 tools of UltraTool"}
"""Beginning of a result's label -> the tool graph that it was measured on."""
COMMITTED = {
    "seed": datetime(2026, 11, 30, 4, 6, 30, tzinfo=UTC),
    "ultratool": datetime(2026, 11, 30, 7, 45, 0, tzinfo=UTC),
}
"""When the bounds for a graph were committed."""
AGAIN = "The bounds are those for the assistant's tools; no run on UltraTool had been made."
MEASURED = {
    "frequencies": (
        "Theorem 3.1",
        "total variation from the demonstrated frequencies, of the uniform choice among correct "
        "tools minus that of the base; contexts shown five times or more",
    ),
    "rare-edges": (
        "our reading of Theorem 3.1",
        "share of the demonstrated probability that steps over edges get, edges used ten times or "
        "more minus edges used once; the base",
    ),
    "new-chains": (
        "Takeaway 2",
        f"different correct chains met in training and not demonstrated, {END}",
    ),
    "diversity": (
        "Theorem 4.3",
        f"distinct correct chains in 100 samples of a training pair, base minus policy gradient, "
        f"{END}",
    ),
    "edges-once": (
        "Theorem 5.2",
        "AUC of edges used once against non-edges by f[k, j, k], Q-learning minus policy gradient",
    ),
    "edges-never": (
        "Theorem 5.3",
        "AUC of edges never used against non-edges by f[k, j, k], Q-learning minus policy gradient",
    ),
    "unasked-pairs": (
        "Sec. 5",
        "greedy accuracy on pairs that no chain joins, Q-learning minus policy gradient",
    ),
    "discount": (
        "our reading of Theorem 5.2",
        "greedy accuracy on training pairs, Q-learning with discount 0.9 minus Q-learning without",
    ),
}
"""Name of a prediction -> who says it, and what is measured."""


def _of(value: Callable[..., float]) -> Callable[[Results], float]:
    return lambda results: value(results["tools"])


def _registered(one: Prediction) -> dict[str, Registered]:
    reasons = {"seed": one.reason, "ultratool": AGAIN}
    return {
        of: Registered(committed=COMMITTED[of], reason=reason) for of, reason in reasons.items()
    }


CLAIMS = tuple(
    Claim(
        id=f"tools-{one.name}",
        statement=one.claim,
        source=MEASURED[one.name][0],
        measured=MEASURED[one.name][1],
        conditions=tuple(
            Condition(
                graph=graph,
                model="Transformer, 1 layer, 1 head",
                needs=("tools",),
                of=of,
                value=_of(one.value),
                low=one.low,
                high=one.high,
            )
            for of, graph in GRAPHS.items()
        ),
        registered=_registered(one),
    )
    for one in PREDICTIONS
)
"""A claim for each prediction."""
