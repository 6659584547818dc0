"""KL penalties and entropy bonuses: the estimator, and where it is placed.

Write q for the policy, b for the base and x = log(q[k] / b[k]) at the drawn token k.

    k1   x                      unbiased for KL(q || b); its own gradient is 0 on average
    k2   x^2 / 2                its gradient is that of KL(q || b)
    k3   1/e^x - 1 + x          unbiased for KL(q || b); its own gradient is that of KL(b || q)

In the *loss* the estimate is differentiated. In the reward of its *token*, or summed over the path
in the *return*, it is a number like any reward, and the gradient is that of the log-probabilities.
`corrected` multiplies the estimate in the loss by the importance ratio, which is 1 on-policy but
has a gradient: the expected gradient is then that of KL(q || b) for every unbiased estimator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError, shown
from planrl.losses import Number

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor

Estimator = Callable[["Tensor"], "Tensor"]
"""log(q[k] / b[k]) of each drawn token -> an estimate of the KL divergence there."""


def k1(x: Tensor) -> Tensor:
    """The log-ratio itself. verl: kl_loss_type="kl"."""
    return x


def k2(x: Tensor) -> Tensor:
    """Half of its square. verl: kl_loss_type="mse"."""
    return x.square() / 2


def k3(x: Tensor) -> Tensor:
    """1/e^x - 1 + x, which is never negative. TRL: GRPOConfig(beta); verl: "low_var_kl"."""
    return (-x).exp() - 1 + x


ESTIMATORS: dict[str, Estimator] = {"k1": k1, "k2": k2, "k3": k3}


@dataclass(frozen=True)
class Terms:
    """What is added to the returns, to the advantage of each step, and to the loss of each step."""

    path: Tensor | float = 0.0  # [B]
    token: Tensor | float = 0.0  # [B, T]
    loss: Tensor | float = 0.0  # [B, T]

    def __add__(self, other: Terms) -> Terms:
        return Terms(self.path + other.path, self.token + other.token, self.loss + other.loss)


def in_loss(penalty: Tensor) -> Terms:
    """The penalty of each step is differentiated."""
    return Terms(loss=penalty)


def in_token(penalty: Tensor) -> Terms:
    """The penalty of each step counts against the advantage of that step alone."""
    return Terms(token=-penalty.detach())


def in_path(penalty: Tensor) -> Terms:
    """The sum over the path counts against its return, before advantages are computed."""
    return Terms(path=-penalty.detach().sum(1))


PLACEMENTS: dict[str, Callable[[Tensor], Terms]] = {
    "loss": in_loss, "token": in_token, "path": in_path,
}  # fmt: skip
"""Where a penalty goes. TRL's GRPO: loss; TRL's RLOO, and verl's use_kl_in_reward with a group
estimator: path; verl's use_kl_loss: loss."""


@dataclass(frozen=True, kw_only=True)
class Kl:
    """A KL penalty towards the frozen base: its weight (lambda, TRL's beta), estimator, placement.

    `corrected` is TRL's use_bias_correction_kl, for the placement "loss".
    """

    weight: Number
    estimator: str = "k3"
    placement: str = "loss"
    corrected: bool = False

    def __post_init__(self) -> None:
        check_name(self.estimator, "estimator", ESTIMATORS)
        check_name(self.placement, "placement", PLACEMENTS)
        if self.corrected and self.placement != "loss":
            raise InputError(
                f'corrected=True weighs an estimate in the loss, not placement="{self.placement}": '
                "leave it out"
            )

    def terms(
        self,
        log_ratio: Float[Tensor, "B T"],
        drawn: Bool[Tensor, "B T"],
        ratio: Float[Tensor, "B T"],
    ) -> Terms:
        """The penalty at the drawn steps, where it is placed."""
        found = ESTIMATORS[self.estimator](torch.where(drawn, log_ratio, 0.0))
        penalty = self.weight * (found * ratio if self.corrected else found)
        return PLACEMENTS[self.placement](torch.where(drawn, penalty, 0.0))


@dataclass(frozen=True, kw_only=True)
class Entropy:
    """A bonus for the entropy of the choices: its weight, and the placement.

    In the loss it is the exact entropy at each visited node. In the reward of its token, or in the
    return of the path, it is -log q of the drawn tokens.
    """

    weight: Number
    placement: str = "loss"

    def __post_init__(self) -> None:
        check_name(self.placement, "placement", PLACEMENTS)

    def terms(
        self, logits: Float[Tensor, "B T V"], logp: Float[Tensor, "B T"], drawn: Bool[Tensor, "B T"]
    ) -> Terms:
        """Minus the bonus at the drawn steps, where it is placed."""
        negative = ENTROPIES[self.placement](logits, logp)
        return PLACEMENTS[self.placement](torch.where(drawn, self.weight * negative, 0.0))


def _negative_entropy(logits: Tensor, logp: Tensor) -> Tensor:
    """sum_k q_k log q_k; a choice of probability 0 adds nothing."""
    log_q = logits.log_softmax(-1)
    finite = torch.where(log_q == -torch.inf, 0.0, log_q)
    return (log_q.exp() * finite).sum(-1)


def _of_drawn(logits: Tensor, logp: Tensor) -> Tensor:
    return logp


ENTROPIES = {"loss": _negative_entropy, "token": _of_drawn, "path": _of_drawn}


def check_name(given: str, name: str, table: Mapping[str, object]) -> None:
    """Raise InputError unless a table has what was given for the option of this name."""
    if given not in table:
        raise InputError(f"{name}={shown(given)} is unknown: choose {', '.join(table)}")
