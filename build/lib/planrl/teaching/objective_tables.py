"""What the chapter on objectives shows: stored results of the table, clocks, KL placements."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import torch

from planrl.claims.objectives import METHODS
from planrl.experiments import objectives as toy
from planrl.experiments import store
from planrl.figures import scatter
from planrl.objectives import advantages
from planrl.objectives.clock import curve, equal_groups, weight
from planrl.objectives.contexts import followed, reward_update

if TYPE_CHECKING:
    from torch import Tensor

Row = dict[str, Any]
OFF_LINE = {"ips": "IPS", "ucpo": "UCPO's idea"}
WORDS = {
    "k1_token": "k1, token's reward",
    "k1_path": "k1, path's return",
    "k2_loss": "k2, loss",
    "k3_corrected": "k3, loss, times ratio",
    "k3_loss": "k3, loss",
    "k1_loss": "k1, loss",
    "k2_token": "k2, token's reward",
    "k3_token": "k3, token's reward",
}
"""Estimator and placement of a KL penalty, in the order of the table."""
ENDS = {
    "k1_loss": "no pull: the line, and noise",
    "k2_token": "no pull near the base",
    "k3_token": "no pull: one answer",
    "k3_loss": "λ b / (λ + V - Q)",
}
DAPO = "DAPO, other groups drawn"
CLOCKS: dict[str, advantages.Advantage] = {
    "REINFORCE, RLOO": advantages.leave_one_out,
    "Dr. GRPO": advantages.centred,
    "GRPO": advantages.standardised,
    DAPO: advantages.standardised,
    "pass@8": partial(advantages.pass_at_k, k=8),
    "RFT": advantages.share_of_successes,
}


def stored() -> list[dict[str, Any]]:
    """The result of each stored seed of the experiment `objectives`, and its seed."""
    return [
        {**page["result"], "seed": page["settings"]["seed"]} for page in store.results("objectives")
    ]


def mean(part: str, name: str) -> float:
    """The mean of a number over the stored seeds."""
    return fmean(found[part][name] for found in stored())


def off_the_line() -> dict[str, list[float]]:
    """For each method and seed, KL(U_C || r) at accuracy 0.95 minus that of the exact curve."""
    found = {
        name: [one["one_curve"][f"{k}_off_curve"] for one in stored()]
        for k, name in METHODS.items()
    }
    for key, name in OFF_LINE.items():
        found[name] = [
            one["one_curve"]["start"] + one["one_curve"][f"{key}_rise"] - _on_line(one["seed"])
            for one in stored()
        ]
    return found


def _on_line(seed: int) -> float:
    told = curve(toy.a_base(seed), toy.CORRECT, [toy.REACHED], pieces=100)
    return float(toy.uneven(told.policy)[0])


def equal_accuracy(*, title: str) -> go.Figure:
    """The stored seeds of `off_the_line`, a row for each method; 0 is the curve."""
    found = off_the_line()
    means = ", ".join(f"{name} {fmean(values):+.2f}" for name, values in found.items())
    figure = scatter.dots(
        {name: {"one seed of the table": values} for name, values in found.items()},
        title=title,
        alt=f"KL(U_C || r) at accuracy 0.95 minus that of the curve, mean over seeds: {means}",
        x="KL(U_C || r) at accuracy 0.95 minus that of the exact curve, nats",
    )
    figure.add_vline(x=0, line={"dash": "dash", "width": 1, "color": "#7F7F7F"})
    return figure.update_layout(showlegend=False)


def clocks(accuracies: Sequence[float], group: int = 8) -> list[Row]:
    """weight(p) of each method at these accuracies: how fast it follows the one curve."""
    rows = []
    p = torch.tensor(accuracies, dtype=torch.float64)
    for name, advantage in CLOCKS.items():
        left_out = equal_groups(p, group) if name == DAPO else torch.zeros_like(p)
        found = (weight(advantage, p, group) / (1 - left_out)).tolist()
        pairs = zip(accuracies, found, strict=True)
        rows.append({"method": name} | {f"p = {p:g}": w for p, w in pairs})
    return rows


def placements() -> list[Row]:
    """Each KL estimator and placement: accuracy told and measured, gaps, unevenness. Means."""
    rows = []
    for key, words in WORDS.items():
        told = f"{key}_told" in stored()[0]["kl_placements"]
        dag = f"{key}_gap" in stored()[0]["on_a_dag"]
        at = partial(mean, "kl_placements")
        rows.append(
            {
                "estimator, placed in": words,
                "ends at": ENDS.get(key, "b exp(Q/λ)"),
                "accuracy, predicted": f"{at(f'{key}_told'):.3f}" if told else "none",
                "measured": f"{at(f'{key}_accuracy'):.3f}",
                "gap": f"{at(f'{key}_gap'):.3f}" if told else "none",
                "gap on a DAG": f"{mean('on_a_dag', f'{key}_gap'):.3f}" if dag else "not run",
                "KL(U_C || r)": f"{at(f'{key}_uneven'):.2f}",
            }
        )
    return rows


def condition() -> str:
    """What the table of placements was measured on, and what its gaps are."""
    return (
        f"RLOO, λ = 0.3, base accuracy 0.3; mean of {len(stored())} seeds of the table. Gaps: the "
        "largest difference of a probability from the prediction, and the total variation from it "
        "on a DAG of ten nodes"
    )


def with_reversed_k3(base: Tensor, value: Tensor, kl: float, updates: int = 20_000) -> Tensor:
    """Where expected updates lead with e^x - 1 - x in the loss, x = log(q / b), in place of k3.

    The expected gradient of this form is half that of the chi-squared divergence of q from b.
    """

    def update(policy: Tensor) -> Tensor:
        ratio = policy / base.double()
        pull = policy * (ratio - (policy * ratio).sum())
        return reward_update(policy, value) - kl * pull

    return followed(update, base, lr=0.2, updates=updates)
