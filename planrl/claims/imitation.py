"""Claims about what imitation makes of a Transformer; measured by the experiment `imitation`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from planrl.claims.verdict import Claim, Condition, Results

SIZES = {
    "1x1": "1 layer, 1 head",
    "1x4": "1 layer, 4 heads",
    "2x1": "2 layers, 1 head",
    "4x1": "4 layers, 1 head",
    "4x4": "4 layers, 4 heads",
}
INF = float("inf")
DAG = "random DAG, {nodes} nodes"


def _columns(results: Results) -> Mapping[str, Any]:
    """What was measured of the model, one value for each evaluation."""
    columns: Mapping[str, Any] = results["imitation"]["learners"]["SFT"]
    return columns


def _measured(key: str, condition: int = -1) -> Callable[[Results], float]:
    return lambda results: float(_columns(results)[key][condition])


def _unseen(results: Results) -> float:
    """Where true but unobserved reachability stands between none (0) and observed (1)."""
    seen = {key: values[-1] for key, values in _columns(results).items()}
    floor = seen["reachability_unreachable"]
    unseen = seen["reachability_unobserved"] - floor
    return float(unseen / (seen["reachability_observed"] - floor))


def _by_degree(key: str) -> Callable[[Results], float]:
    """Accuracy on pairs of degree 0 minus that on those of degree 2 and more."""

    def of(results: Results) -> float:
        table = _columns(results)["test_by_degree"][-1]
        far = [row for degree, row in table.items() if int(degree) >= 2]
        pairs = sum(row["pairs"] for row in far)
        return float(table["0"][key] - sum(row[key] * row["pairs"] for row in far) / pairs)

    return of


def _condition(
    value: Callable[[Results], float], name: str = "", *, low: float = -INF, high: float = INF
) -> Condition:
    return Condition(
        graph=DAG,
        name=name,
        model=f"Transformer, {SIZES['1x1']}",
        needs=("imitation",),
        of="1x1",
        value=value,
        low=low,
        high=high,
    )


def _sizes(key: str, *, low: float) -> tuple[Condition, ...]:
    """Each size at the same first evaluation, and the paper's size at its last one, too."""
    return (
        *(
            Condition(
                graph=DAG,
                name="at the first evaluation",
                model=f"Transformer, {words}",
                needs=("imitation",),
                of=size,
                value=_measured(key, 0),
                low=low,
            )
            for size, words in SIZES.items()
        ),
        _condition(_measured(key), "at the last evaluation", low=low),
    )


CLAIMS = (
    Claim(
        id="3.1-transformer",
        statement="A Transformer's probabilities follow the demonstrated frequencies.",
        source="Theorem 3.1",
        measured="over (target, current) shown at least 10 times: correlation of softmax with "
        "N_ijk / N_ij, and of logits with log N_ijk within a cell",
        conditions=(
            _condition(_measured("ratio_correlation"), "softmax and frequency", low=0.9),
            _condition(_measured("log_count_correlation"), "logit and log count", low=0.5),
        ),
    ),
    Claim(
        id="3.1-counts",
        statement="Within a context, logits order next nodes by how often they were demonstrated.",
        source="Theorem 3.1",
        measured="over (target, current) shown at least 10 times: correlation of logits with log "
        "N_ijk, each context's mean taken off; a planner who knows no frequency has 0",
        conditions=(_condition(_measured("log_count_correlation"), low=0.5),),
    ),
    Claim(
        id="3.1-edges",
        statement="The weights hold which edges were shown.",
        source="Sec. 3, ALPINE",
        measured="AUC of the read-out W^M' against A; gap between its means over edges and others",
        conditions=(
            _condition(_measured("adjacency_auc"), "AUC", low=0.8),
            _condition(_measured("adjacency_gap"), "gap", low=1.0),
        ),
    ),
    Claim(
        id="3.1-spurious",
        statement="They hold spurious edges, too.",
        source="Fig. 1",
        measured="share of the pairs that are no edge and are rated above the median edge",
        conditions=(_condition(_measured("spurious_edges"), low=0.01),),
    ),
    Claim(
        id="3.1-rare",
        statement="Edges that are rarely shown are under-weighted.",
        source="Sec. 3.2",
        measured="correlation of an edge's rating in W^M' with the log of how often it was shown",
        conditions=(_condition(_measured("rare_edges"), low=0.3),),
    ),
    Claim(
        id="3.1-transitivity",
        statement="Reachability that was not shown is not learnt.",
        source="Sec. 3.2, ALPINE",
        measured="read-out W^V' of true but unobserved reachability, 0 being its mean over what "
        "can't be reached and 1 that over what was observed",
        conditions=(_condition(_unseen, high=0.25),),
    ),
    Claim(
        id="3.1-degrees",
        statement="So pairs further from what was shown are solved worse.",
        source="Sec. 3.2, ALPINE",
        measured="test accuracy on pairs of degree 0 minus that of degree 2 and more",
        conditions=(
            _condition(_by_degree("accuracy"), "sampled", low=0.1),
            _condition(_by_degree("greedy"), "greedy", low=0.02),
        ),
    ),
    Claim(
        id="A3.1-explained",
        statement="The next logits depend on the target and the current node alone.",
        source="Assumption 3.1",
        measured="share of the logits' variance that (target, current) explains, over contexts "
        "that differ in what came before, nodes or their number; variance within a group of n "
        "contexts over n - 1",
        conditions=_sizes("explained_adjusted", low=0.9),
    ),
    Claim(
        id="A3.1-attention",
        statement="Attention rests on the target.",
        source="Assumption 3.1",
        measured="mean weight on the target's place in the last layer",
        conditions=_sizes("attention_on_target", low=0.5),
    ),
)
