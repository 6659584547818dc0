"""The cheat sheet: each objective and each penalty, its names in TRL and verl, and where it leads.

Names of options stand here, once. Weights, ends and what happens to several correct answers are
computed from the objectives themselves, at one context: four answers, of which three are correct
with probabilities 0.15, 0.10 and 0.05 in the base.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import torch

from planrl.objectives import advantages
from planrl.objectives.advantages import Advantage, bare
from planrl.objectives.clock import equal_groups, weight
from planrl.objectives.contexts import answers_left
from planrl.objectives.fixed_points import CONTINUUM, NOISE, Limit, fixed_point
from planrl.objectives.penalties import Entropy, Kl
from planrl.objectives.policy import (
    DAPO,
    DR_GRPO,
    GRPO,
    GSPO,
    IPS,
    PPO,
    REINFORCE,
    RFT,
    RLOO,
    Objective,
)

BASE = torch.tensor([0.15, 0.10, 0.05, 0.70], dtype=torch.float64)
CORRECT = torch.tensor([True, True, True, False])
VALUE = CORRECT.double()
LAMBDA = 0.3  # of the penalties in the sheet
GROUP = 8
Options = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of the sheet: an objective, and the options that make it in TRL and in verl."""

    name: str
    objective: Objective
    trl: Options = field(default_factory=dict)
    verl: Options = field(default_factory=dict)
    note: str = ""


def _actor(**options: str) -> Options:
    return {f"actor_rollout_ref.actor.{name}": value for name, value in options.items()}


_GRPO = {"algorithm.adv_estimator": "grpo"}
_STD = "algorithm.norm_adv_by_std_in_grpo"
METHODS = (
    Entry(name="REINFORCE", objective=REINFORCE, note="no baseline"),
    Entry(
        name="RLOO",
        objective=RLOO,
        trl={"RLOOConfig": ""},
        verl={"algorithm.adv_estimator": "rloo"},
    ),
    Entry(
        name="GRPO",
        objective=GRPO,
        trl={"loss_type": "grpo", "scale_rewards": "group"},
        verl={**_GRPO, _STD: "true", **_actor(loss_agg_mode="seq-mean-token-mean")},
        note="spares long wrong answers",
    ),
    Entry(
        name="Dr. GRPO",
        objective=DR_GRPO,
        trl={"loss_type": "dr_grpo", "scale_rewards": "none"},
        verl={**_GRPO, _STD: "false", **_actor(loss_agg_mode="seq-mean-token-sum-norm")},
    ),
    Entry(
        name="DAPO",
        objective=DAPO,
        trl={"loss_type": "dapo", "scale_rewards": "group", "epsilon_high": "0.28"},
        verl={
            **_GRPO,
            _STD: "true",
            **_actor(loss_agg_mode="token-mean", clip_ratio_high="0.28"),
            "algorithm.filter_groups.enable": "true",
        },
        note="numbers with verl's filter; TRL leaves no group out, so there GRPO's count",
    ),
    Entry(
        name="GSPO",
        objective=GSPO,
        trl={"loss_type": "grpo", "importance_sampling_level": "sequence"},
        verl={**_GRPO, **_actor(**{"policy_loss.loss_mode": "gspo"})},
    ),
    Entry(
        name="PPO-clip",
        objective=PPO,
        verl={"algorithm.adv_estimator": "gae"},
        note="with an exact critic; a learnt one adds its errors",
    ),
    Entry(
        name="pass@k",
        objective=Objective(advantage=partial(advantages.pass_at_k, k=GROUP)),
        verl={"algorithm.adv_estimator": "grpo_passk"},
        note="k = 8 in the numbers; verl: k = rollout.n, times a constant",
    ),
    Entry(name="RFT", objective=RFT, note="SFT on fresh correct samples"),
    Entry(name="IPS", objective=IPS, note="return over probability"),
)


def _with(kl: Kl | None = None, entropy: Entropy | None = None) -> Objective:
    return replace(RLOO, kl=kl, entropy=entropy)


_IN_LOSS = _actor(use_kl_loss="true")
_TYPE = "actor_rollout_ref.actor.kl_loss_type"
_REWARD = "algorithm.use_kl_in_reward"
PENALTIES = (
    Entry(name="no penalty", objective=RLOO, trl={"beta": "0"}, verl=_actor(use_kl_loss="false")),
    Entry(
        name="k2 in the loss",
        objective=_with(Kl(weight=LAMBDA, estimator="k2")),
        verl={**_IN_LOSS, _TYPE: "mse"},
    ),
    Entry(
        name="k3 in the loss, times the ratio",
        objective=_with(Kl(weight=LAMBDA, corrected=True)),
        trl={"beta": "> 0", "use_bias_correction_kl": "true"},
        note="TRL's default since 1.16",
    ),
    Entry(
        name="k3 in the loss",
        objective=_with(Kl(weight=LAMBDA)),
        trl={"beta": "> 0", "use_bias_correction_kl": "false"},
        verl={**_IN_LOSS, _TYPE: "low_var_kl"},
        note="TRL's only form before 1.16",
    ),
    Entry(
        name="k1 in the loss",
        objective=_with(Kl(weight=LAMBDA, estimator="k1")),
        verl={**_IN_LOSS, _TYPE: "kl"},
    ),
    Entry(
        name="k1 in the return of the path",
        objective=_with(Kl(weight=LAMBDA, estimator="k1", placement="path")),
        trl={"RLOOConfig": "", "beta": "> 0"},
        verl={_REWARD: "true", "algorithm.kl_penalty": "kl"},
    ),
    Entry(
        name="k2 in the return of the path",
        objective=_with(Kl(weight=LAMBDA, estimator="k2", placement="path")),
        verl={_REWARD: "true", "algorithm.kl_penalty": "mse"},
    ),
    Entry(
        name="k3 in the return of the path",
        objective=_with(Kl(weight=LAMBDA, placement="path")),
        verl={_REWARD: "true", "algorithm.kl_penalty": "low_var_kl"},
    ),
    Entry(
        name="entropy bonus in the loss",
        objective=_with(entropy=Entropy(weight=LAMBDA)),
        trl={"entropy_coef": "> 0"},
        verl=_actor(entropy_coeff="> 0"),
    ),
)
ENTRIES = {entry.name: entry for entry in (*METHODS, *PENALTIES)}
FORMULAS: dict[Advantage, str] = {
    advantages.own_return: "1",
    advantages.leave_one_out: "1",
    advantages.minus_batch_mean: "1",
    advantages.centred: "(G - 1) / G",
    advantages.standardised: "about 1 / sqrt(p (1 - p))",
    advantages.pass_at_k: "k (1 - p)^(k - 1)",
    advantages.share_of_successes: "(1 - (1 - p)^G) / p",
    advantages.inverse_probability: "does not apply",
}
"""weight(p) in words; exactly, it is `clock.weight`."""


def formula(entry: Entry) -> str:
    """weight(p), the factor of grad p in the expected update."""
    words = FORMULAS[bare(entry.objective.advantage)]
    return f"{words} / (1 - p^G - (1 - p)^G)" if entry.objective.filtered else words


def weight_at(entry: Entry, p: float, group: int = GROUP) -> float | None:
    """weight(p) as a number; None where the update isn't a multiple of grad p."""
    advantage = bare(entry.objective.advantage)
    if advantage is advantages.inverse_probability:
        return None
    if advantage is advantages.minus_batch_mean:
        return 1.0  # in a large batch
    kept = 1 - float(equal_groups(p, group)) if entry.objective.filtered else 1.0
    return float(weight(entry.objective.advantage, torch.tensor([p]), group)[0]) / kept


def ends(entry: Entry) -> Limit:
    """Where the objective leads at the sheet's context, starting from its base."""
    return fixed_point(entry.objective, BASE, VALUE, group=GROUP)


def diversity(limit: Limit, base: torch.Tensor = BASE, correct: torch.Tensor = CORRECT) -> str:
    """What happens to several correct answers, told from where an objective leads."""
    if limit.policy is None:
        if limit.says.startswith(NOISE):
            return "fewer along the line, then one by drift"
        return "fewer along the line" if limit.says == CONTINUUM else "not held"
    share, start = (q[correct] / q[correct].sum() for q in (limit.policy, base))
    if torch.allclose(share, torch.full_like(share, 1 / len(share)), atol=1e-6):
        return "equal shares"
    return "the base's ratios" if torch.allclose(share, start, atol=1e-6) else "other ratios"


def reached(limit: Limit) -> tuple[float, float] | None:
    """Accuracy and effective number of correct answers at the end, where that is one policy."""
    if limit.policy is None:
        return None
    return float(limit.policy[CORRECT].sum()), float(answers_left(limit.policy, CORRECT))
