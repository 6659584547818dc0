"""Claims about trained Transformers, on the paper's two graphs; measured by fig2 and fig3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from planrl.claims.regime_numbers import across, fall_after_peak
from planrl.claims.verdict import Claim, Condition, Results
from planrl.experiments.paper import LAMBDAS

if TYPE_CHECKING:
    from torch import Tensor

INF = float("inf")
Q, OFF = "Q-learning, process reward", "Q-learning, process reward, off-policy"
PG, SFT = "policy gradient", "continual SFT"
GRAPHS = {"dag": "random DAG, {nodes} nodes", "blocksworld": "Blocksworld, {blocks} blocks"}


def _curve(results: Results, learner: str, key: str) -> list[float]:
    figure = "fig3" if learner.startswith("Q") else "fig2"
    values: list[float] = results[figure]["learners"][learner][key]
    return values


def at_end(learner: str, key: str) -> Callable[[Results], float]:
    """The last evaluation's value."""
    return lambda results: _curve(results, learner, key)[-1]


def gained(learner: str, key: str) -> Callable[[Results], float]:
    """The last evaluation's value minus the first's."""
    return lambda results: _curve(results, learner, key)[-1] - _curve(results, learner, key)[0]


def fallen(learner: str, key: str) -> Callable[[Results], float]:
    """How far the last evaluation is below the best one."""
    return lambda results: max(_curve(results, learner, key)) - _curve(results, learner, key)[-1]


def between(one: str, other: str, key: str) -> Callable[[Results], float]:
    """The last evaluation's value of one learner minus another's."""
    return lambda results: _curve(results, one, key)[-1] - _curve(results, other, key)[-1]


def kept(learner: str, key: str) -> Callable[[Results], float]:
    """The last evaluation's value over the first's."""
    return lambda results: _curve(results, learner, key)[-1] / _curve(results, learner, key)[0]


def follows_lambda(key: str) -> Callable[[Results], float]:
    """The rank correlation (Spearman) of lambda with the last value, over fig2's lambdas."""

    def of(results: Results) -> float:
        ends = [_curve(results, name, key)[-1] for name in LAMBDAS]
        ranks = torch.stack([_ranks(list(LAMBDAS.values())), _ranks(ends)])
        return float(torch.corrcoef(ranks)[0, 1])

    return of


def _ranks(values: list[float]) -> Tensor:
    """Their places in ascending order; equal ones share the mean of theirs."""
    row = torch.tensor(values, dtype=torch.float64)
    below, same = (row[None] < row[:, None]).sum(1), (row[None] == row[:, None]).sum(1)
    return below + (same - 1) / 2


def after_peak(learner: str, key: str) -> Callable[..., list[float]]:
    """For each seed, how far the end is below the evaluation that is best for the other seeds."""

    def of(results: Sequence[Results]) -> list[float]:
        return fall_after_peak(learner, key, [one["fig2"] for one in results])

    found: Callable[..., list[float]] = across(of)
    return found


def _scaled(learner: str, key: str) -> Callable[[Results], float]:
    """The last evaluation's value per unit of reward (rewards are times 10)."""
    return lambda results: _curve(results, learner, key)[-1] / 10.0


def _conditions(
    value: Callable[..., Any],
    low: float = -INF,
    high: float = INF,
    *,
    needs: tuple[str, ...] = ("fig2",),
    only: str = "",
    what: str = "",
) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            graph=graph,
            name=what,
            model="Transformer, 1 layer, 1 head",
            needs=needs,
            value=value,
            of=of,
            low=low,
            high=high,
        )
        for of, graph in GRAPHS.items()
        if not only or of == only
    )


def _both(
    value: Callable[[str], Callable[..., Any]],
    low: float = -INF,
    high: float = INF,
    *,
    on: str = "test",
    needs: tuple[str, ...] = ("fig2",),
    what: str = "",
) -> tuple[Condition, ...]:
    """Accuracy on training or test pairs, both ways: answers sampled at temperature 1, and
    greedy ones. They tell different stories. `value` makes a number of the accuracy's key."""
    return tuple(
        condition
        for how, key in (("sampled", f"{on}_accuracy"), ("greedy", f"{on}_greedy"))
        for condition in _conditions(value(key), low, high, needs=needs, what=what + how)
    )


def _discounted(
    value: Callable[..., Callable[[Results], float]], *rest: str
) -> Callable[[Results], float]:
    """The value of plain Q-learning on the DAG, of the discounted one on Blocksworld."""

    def of(results: Results) -> float:
        names = results["fig3"]["learners"]
        renamed = [
            f"{name}, discount 0.9" if f"{name}, discount 0.9" in names else name for name in rest
        ]
        return value(*renamed)(results)

    return of


CLAIMS = (
    Claim(
        id="2-continual-sft-test",
        statement="Continual SFT does not raise test accuracy.",
        source="Sec. 4.2, Fig. 2a",
        measured="test accuracy at the end minus that of the base",
        conditions=_both(lambda key: gained(SFT, key), high=0.0),
    ),
    Claim(
        id="2-pg-test",
        statement="Policy gradient raises test accuracy.",
        source="Sec. 4.2, Fig. 2a",
        measured="test accuracy at the end minus that of the base",
        conditions=_both(lambda key: gained(PG, key), low=0.0),
    ),
    Claim(
        id="2-pg-over-sft",
        statement="Policy gradient ends above continual SFT on held-out pairs.",
        source="Takeaway 2, Fig. 2a",
        measured="test accuracy at the end, policy gradient minus continual SFT",
        conditions=_both(lambda key: between(PG, SFT, key), low=0.0),
    ),
    Claim(
        id="2-pg-train",
        statement="Policy gradient reaches and keeps a training accuracy of 1.",
        source="Theorem 4.2, Fig. 2b",
        measured="training accuracy at the end",
        conditions=_both(lambda key: at_end(PG, key), low=0.97, on="train"),
    ),
    Claim(
        id="2-pg-collapse",
        statement="Without a KL penalty the correct paths of a pair collapse to one path.",
        source="Theorem 4.3, Fig. 2c",
        measured="distinct correct paths among 100 samples a training pair, at the end",
        conditions=_conditions(at_end(PG, "train_diversity"), high=1.5),
    ),
    Claim(
        id="2-pg-test-falls",
        statement="Policy gradient's test accuracy falls below its best evaluation.",
        source="Fig. 2a",
        measured="best test accuracy minus the last one",
        conditions=_both(lambda key: fallen(PG, key), low=0.01),
    ),
    Claim(
        id="2-pg-peak",
        statement="Policy gradient's test accuracy falls again after a peak.",
        source="Fig. 2a",
        measured="test accuracy at the evaluation after the start that is best for the other "
        "seeds, minus the mean of the last three evaluations",
        conditions=_both(lambda key: after_peak(PG, key), low=0.01),
    ),
    Claim(
        id="2-kl-diversity",
        statement="A KL penalty (lambda 0.1) keeps more different answers.",
        source="Theorem 4.4, Fig. 2c",
        measured="distinct correct paths of 100, with the penalty minus without, at the end",
        conditions=_conditions(between("policy gradient + KL", PG, "train_diversity"), low=1.0),
    ),
    Claim(
        id="2-kl-ratios",
        statement="With a KL penalty (lambda 0.1) the base's ratios among correct next nodes stay.",
        source="Theorem 4.4",
        measured="KL(U_C || policy), the divergence of the policy from uniform on the correct next "
        "nodes, in nats: at the end minus the base",
        conditions=_conditions(gained("policy gradient + KL", "kl_to_uniform"), high=0.1),
    ),
    Claim(
        id="2-kl-price",
        statement="The penalty is paid for in training accuracy.",
        source="Theorem 4.4, Fig. 2b",
        measured="training accuracy, with the penalty minus without, at the end",
        conditions=_both(
            lambda key: between("policy gradient + KL", PG, key), high=0.0, on="train"
        ),
    ),
    Claim(
        id="2-kl-order",
        statement="The larger lambda, the more different answers and the less accuracy.",
        source="Theorem 4.4",
        measured="rank correlation of lambda (0, 1e-4, 1e-3, 1e-2, 1e-1) with the value at the "
        "end on training pairs: different answers, accuracy",
        conditions=(
            *_conditions(follows_lambda("train_diversity"), low=0.0, what="different answers"),
            *_both(follows_lambda, high=0.0, on="train", what="accuracy, "),
        ),
    ),
    Claim(
        id="3-outcome",
        statement="Q-learning with outcome reward alone loses everything.",
        source="Theorem 5.1, Fig. 3a",
        measured="accuracy at the end",
        conditions=tuple(
            condition
            for on, what in (("train", "training, "), ("test", "test, "))
            for condition in _both(
                lambda key: at_end("Q-learning, outcome reward", key),
                high=0.05,
                on=on,
                needs=("fig3",),
                what=what,
            )
        ),
    ),
    Claim(
        id="3-on-off",
        statement="Off-policy Q-learning is about as good as on-policy.",
        source="Sec. 5, Fig. 3a",
        measured="test accuracy at the end, off-policy minus on-policy (on Blocksworld, discount "
        "0.9)",
        conditions=_both(
            lambda key: _discounted(between, OFF, Q, key), low=-0.05, high=0.05, needs=("fig3",)
        ),
    ),
    Claim(
        id="3-q-over-pg",
        statement="Process-reward Q-learning is at or above policy gradient on held-out pairs.",
        source="Fig. 3a",
        measured="test accuracy at the end, Q-learning (on Blocksworld, discount 0.9; its samples "
        "are drawn by its values times 10) minus policy gradient",
        conditions=_both(
            lambda key: _discounted(between, Q, PG, key), low=0.0, needs=("fig2", "fig3")
        ),
    ),
    Claim(
        id="3-q-diversity",
        statement="Q-learning keeps the diversity of the base.",
        source="Takeaway 6, Fig. 3b",
        measured="distinct correct paths of 100 on training pairs, at the end over the base's "
        "(on Blocksworld, discount 0.9)",
        conditions=_conditions(_discounted(kept, Q, "train_diversity"), low=1.0, needs=("fig3",)),
    ),
    Claim(
        id="1-q-adjacency",
        statement="Q-learning's weights hold the adjacency better than policy gradient's.",
        source="Fig. 1",
        measured="AUC of the read-out W^M' against A, Q-learning without discount minus policy "
        "gradient",
        conditions=_conditions(between(Q, PG, "adjacency_auc"), low=0.0, needs=("fig2", "fig3")),
    ),
    Claim(
        id="1-pg-adjacency",
        statement="Policy gradient's weights hold the adjacency better than SFT's.",
        source="Fig. 1",
        measured="AUC of the read-out W^M' against A, policy gradient minus continual SFT",
        conditions=_conditions(between(PG, SFT, "adjacency_auc"), low=0.0),
    ),
    Claim(
        id="4-one-value",
        statement="The logits of a context's correct next nodes converge to one common value.",
        source="Theorem 5.2, Fig. 4",
        measured="standard deviation among them, per unit of reward, Q-learning without discount, "
        "at the end",
        conditions=_conditions(_scaled(Q, "spread_of_right"), high=0.1, needs=("fig3",)),
    ),
)
