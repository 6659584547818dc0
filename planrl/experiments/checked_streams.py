"""Rollouts whose rewards come from checks that are few or wrong, for any algorithm and model.

    python -m planrl train --out run --algorithm q --reward process \\
        --stream planrl.experiments.checked_streams:checked_rollouts --option false_alarm=0.1
"""

from __future__ import annotations

from typing import Any

import torch

from planrl.errors import InputError
from planrl.experiments.streams import Setup, Stream, add_to, carries, sampled
from planrl.graphs import seeded
from planrl.objectives.noisy import Checks, checked_reward, judged_graph, outcome_checked_reward


@carries("the random numbers of its checks")
@add_to(sampled)
def checked_rollouts(
    setup: Setup,
    *,
    reward: str = "process",
    reward_scale: float = 1.0,
    checked: float = 1.0,
    false_alarm: float = 0.0,
    miss: float = 0.0,
    votes: int = 1,
    corrected: bool = False,
    fixed: bool = False,
    **options: Any,
) -> Stream:
    """Rollouts rewarded by checks of each step (`reward` "process") or of whole paths ("outcome").

    A step is checked with probability `checked`. A check takes an edge for illegal with probability
    `false_alarm` and lets a step that is no edge pass with probability `miss`; the majority of
    `votes` checks counts, and with `corrected` the verdict is made unbiased. With `fixed` each pair
    of nodes is judged once and for all. Source: `planrl.objectives.noisy`. Raises InputError for
    options that say nothing together.
    """
    checks = Checks(
        checked=checked, false_alarm=false_alarm, miss=miss, votes=votes, corrected=corrected
    )
    seed = int(torch.randint(2**31, (), generator=setup.rng))
    noise = seeded(seed, "checks")
    if reward not in ("process", "outcome"):
        raise InputError(
            f"reward={reward!r}: checks are of each step, process, or of paths, outcome"
        )
    if fixed and (reward == "outcome" or votes > 1 or corrected):
        raise InputError(
            "fixed=True judges each pair of nodes once: it needs reward='process', votes=1 and "
            "corrected=False, since more votes would say the same and nothing averages out"
        )
    if reward == "outcome":
        return sampled(setup, outcome_checked_reward(checks, noise, scale=reward_scale), **options)
    judge = judged_graph(setup.dataset.graph, checks, seeded(seed, "judged")) if fixed else None
    made = Checks(checked=checked) if fixed else checks
    return sampled(setup, checked_reward(made, noise, scale=reward_scale, judge=judge), **options)
