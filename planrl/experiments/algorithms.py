"""An algorithm from plain settings: its loss, the stream of batches it learns from, its sampler."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import partial

import torch

from planrl.errors import InputError, check_fields, number, shown
from planrl.experiments.datasets import Dataset
from planrl.losses import Loss, check_bounds, policy_gradient, q_learning, sft
from planrl.models import PathModel
from planrl.sampling import Sampler
from planrl.streams import demonstrations, on_policy
from planrl.tasks import Batch, Reward, Task, outcome_reward, process_reward

REWARDS = {"outcome": outcome_reward, "process": process_reward}
USES: dict[str, tuple[str, ...]] = {
    "sft": (),
    "pg": ("kl", "baseline", "reward", "reward_scale"),
    "q": ("reward", "reward_scale", "discount", "epsilon", "off_policy", "value_bounds"),
}
"""Algorithm -> the options that act on it; any other one is refused."""


def refuse_unused(algorithm: str, option: str, given: str) -> None:
    """Raise InputError, showing it as `given`, for an option that does nothing for an algorithm."""
    users = [name for name, used in USES.items() if option in used]
    if algorithm not in users:
        raise InputError(
            f"{given} goes with the algorithm {' or '.join(users)}, not with {algorithm}: leave it "
            "out"
        )


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """A loss and the walks it learns from. `name` is sft, pg or q; the rest as the loss says.

    With both rewards the best policy's values are between 0 (a step straight to the target pays its
    own fine) and `reward_scale`; Q-learning believes none outside `value_bounds`, times that scale.
    `off_policy` lets the model the run started from, rather than the learning one, walk.
    """

    name: str
    kl: float = 0.0
    baseline: bool = False
    reward: str = "outcome"
    reward_scale: float = 1.0
    discount: float = 1.0
    epsilon: float = 0.0
    off_policy: bool = False
    value_bounds: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        check_fields(self)
        number(self.kl, "kl")
        number(self.reward_scale, "reward_scale", least=0.0)
        for name in ("discount", "epsilon"):
            number(getattr(self, name), name, least=0.0, most=1.0)
        if self.name not in USES:
            raise InputError(f"algorithm {self.name!r} is unknown: choose sft, pg or q")
        if self.reward not in REWARDS:
            raise InputError(f"reward {self.reward!r} is unknown: choose {' or '.join(REWARDS)}")
        if not self.kl >= 0.0:
            raise InputError(
                f"kl is the penalty's weight lambda, at least 0, but {self.kl} was given"
            )
        check_bounds(self.value_bounds)
        object.__setattr__(self, "value_bounds", tuple(self.value_bounds))  # a saved run has a list
        for entry in fields(Algorithm):
            value = getattr(self, entry.name)
            if entry.name != "name" and value != entry.default:
                refuse_unused(self.name, entry.name, f"{entry.name}={shown(value)}")

    def loss(self, correction: str | None = None) -> Loss:
        """The loss as a function of logits and batch; `correction` is policy gradient's."""
        if self.name == "pg":
            return partial(
                policy_gradient, baseline=self.baseline, kl=self.kl, correction=correction
            )
        if correction is not None:
            raise InputError(f"correction={correction!r} goes with the algorithm pg, not with "
                             f"{self.name}: leave it out")  # fmt: skip
        if self.name == "sft":
            return sft
        low, high = self.value_bounds
        return partial(
            q_learning,
            discount=self.discount,
            value_bounds=(low * self.reward_scale, high * self.reward_scale),
        )

    def stream(
        self, dataset: Dataset, model: PathModel, start: PathModel, rng: torch.Generator, size: int
    ) -> Iterator[Batch]:
        """The batches it learns from."""
        task = self.task(dataset)
        if self.name == "sft":
            return demonstrations(task, dataset.paths, rng=rng, size=size)
        behaviour = start if self.off_policy else model
        return on_policy(
            behaviour, task, rng=rng, sampler=self.sampler(dataset, self.epsilon), size=size
        )

    def task(self, dataset: Dataset) -> Task:
        """The training questions with its reward."""
        reward: Reward = partial(REWARDS[self.reward], scale=self.reward_scale)
        return replace(dataset.train, reward=reward)

    def sampler(self, dataset: Dataset, epsilon: float = 0.0) -> Sampler:
        """How its models walk; one trained by Q-learning chooses among nodes and cannot give up."""
        return Sampler(epsilon=epsilon, may_stop=self.name != "q", max_tokens=dataset.max_tokens)
