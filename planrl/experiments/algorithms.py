"""An algorithm is a loss and a stream of batches, each named by dotted path, with their options.

`ALGORITHMS` is the table of the library's own: name -> loss, stream. Their options are the keyword
arguments of the two functions, so an option that a loss or a stream gains is one of the algorithm's
at once. An option goes to each of the two functions that takes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import torch

from planrl import losses, objectives
from planrl.errors import InputError, shown
from planrl.experiments import checked_streams, streams
from planrl.experiments.datasets import Dataset
from planrl.experiments.named import (
    ANYTHING,
    Option,
    as_options,
    check_value,
    function,
    keywords,
    options_today,
    today,
)
from planrl.experiments.named import with_defaults as filled
from planrl.experiments.streams import Setup
from planrl.losses import Loss
from planrl.sampling import Sampler
from planrl.tasks import Batch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Kind:
    """An algorithm of the library: the paths of its loss and its stream.

    `presets` are options with another default than their function's. `base_for` is the option that,
    where it is not 0, has the loss read the logits of the frozen base.
    """

    loss: str
    stream: str
    presets: Mapping[str, Any] = field(default_factory=dict)
    base_for: str = ""


STREAMS = "planrl.experiments.streams"
ALGORITHMS = {
    "sft": Kind(loss="planrl.losses:sft", stream=f"{STREAMS}:demonstrated"),
    "pg": Kind(
        loss="planrl.losses:policy_gradient", stream=f"{STREAMS}:own_rollouts", base_for="kl"
    ),
    "q": Kind(
        loss="planrl.experiments.algorithms:q_learning",
        stream=f"{STREAMS}:rollouts",
        presets={"may_stop": False},
    ),
}
"""Name -> loss and stream."""
OPTIONS = {
    "kl": Option(
        least=0.0,
        help="weight lambda of the KL penalty towards the model that the run started from",
    ),
    "baseline": Option(help="subtract the batch's mean return from each return"),
    "reward": Option(
        help="outcome: a correct path earns 1; process: each step is rewarded by itself; "
        "my_module:my_reward: a function of your own"
    ),
    "reward_scale": Option(
        least=0.0, help="what a correct path earns; the process reward's penalty is as large"
    ),
    "discount": Option(
        least=0.0, most=1.0, help="factor per step on the value of the next node, from 0 to 1"
    ),
    "epsilon": Option(
        least=0.0,
        most=1.0,
        help="probability that a sampled step is a uniformly random node, from 0 to 1",
    ),
    "off_policy": Option(help="sample paths from the model that the run started from"),
    "value_bounds": Option(help="clip target values to this range, in units of --reward-scale"),
}
"""The options that the command line offers, with their help and ranges."""


@losses.checked(value_bounds=losses.check_bounds)
def q_learning(
    logits: Float[Tensor, "B T V"],
    batch: Batch,
    *,
    discount: float = 1.0,
    value_bounds: tuple[float, float] = (0.0, 1.0),
    reward_scale: float = 1.0,
) -> Float[Tensor, ""]:
    """`planrl.losses.q_learning` with value bounds in units of the reward scale.

    With both rewards of the library the values of the best policy are from 0 to the reward scale.
    """
    low, high = value_bounds
    return losses.q_learning(
        logits, batch, discount=discount, value_bounds=(low * reward_scale, high * reward_scale)
    )


@losses.checked()
def reinforce_to_go(logits: Float[Tensor, "B T V"], batch: Batch) -> Float[Tensor, ""]:
    """REINFORCE whose weight of a step is the sum of the rewards from it on, minus their mean.

    So with process reward a step is charged for its own and later errors, not for earlier ones. The
    mean is over all drawn steps of the batch; END at the target, which is written, has no weight.
    Source: REINFORCE with the reward to go and a baseline (Williams 1992; Sutton et al. 2000).
    """
    logp = losses.chosen_log_probs(losses.differentiable(logits, batch), batch)
    to_go, drawn = batch.reward.flip(1).cumsum(1).flip(1), losses.drawn_steps(batch)
    advantage = torch.where(drawn, to_go - to_go[drawn].mean(), 0.0)
    return -(advantage * logp).sum() / len(logp)


@cache
def own_paths() -> frozenset[str]:
    """The dotted paths of all losses and streams of the library."""
    table = [path for kind in ALGORITHMS.values() for path in (kind.loss, kind.stream)]
    return frozenset(
        [*table, "planrl.losses:q_learning", f"{__name__}:{reinforce_to_go.__name__}"]
        + [f"planrl.objectives:{name}" for name in objectives.__all__ if name.islower()]
        + [
            f"{module.__name__}:{name}"
            for module in (streams, checked_streams)
            for name, one in vars(module).items()
            if getattr(one, "__module__", "") == module.__name__ and hasattr(one, "carries")
        ]
    )


def options_of(loss: str, stream: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of a loss and of a stream with their defaults; both are imported."""
    return keywords(function(loss), 2), keywords(function(stream), 1)


def usual_options(name: str, loss: str = "", stream: str = "") -> dict[str, Any]:
    """All options of an algorithm with their defaults, but for the number of rows in a batch."""
    kind = ALGORITHMS[name]
    of_loss, of_stream = options_of(loss or kind.loss, stream or kind.stream)
    usual = {**of_stream, **of_loss}
    usual.pop("size", None)
    return {**usual, **{name: v for name, v in kind.presets.items() if name in usual}}


def refuse_unused(algorithm: str, option: str, given: str) -> None:
    """Raise InputError, showing it as `given`, for an option that does nothing for an algorithm."""
    users = [name for name in ALGORITHMS if option in usual_options(name)]
    if algorithm not in users:
        goes = f"goes with the algorithm {' or '.join(users)}" if users else "is no option"
        raise InputError(f"{given} {goes}, not with {algorithm}: leave it out")


@dataclass(frozen=True, init=False)
class Algorithm:
    """One of the library's algorithms, or one with a loss or a stream of your own.

    `name` is one of `ALGORITHMS`. `loss` and `stream` replace the algorithm's own functions by
    those at the dotted paths given. All other keyword arguments are options of the two functions;
    `options` holds those that differ from their defaults. With `trusted=False`, for settings that
    somebody else wrote, no function is imported that is not the library's own.
    """

    name: str
    loss: str
    stream: str
    options: Mapping[str, Any]
    trusted: bool = field(compare=False, repr=False)

    def __init__(
        self,
        name: str,
        *,
        loss: str = "",
        stream: str = "",
        options: Mapping[str, Any] | None = None,
        trusted: bool = True,
        **more: Any,
    ) -> None:
        if not isinstance(name, str) or name not in ALGORITHMS:
            raise InputError(f"algorithm {shown(name)} is unknown: choose {', '.join(ALGORITHMS)}")
        for path in (loss, stream):
            if not isinstance(path, str):
                raise InputError(f"{shown(path)} names no function: write my_module:my_function")
        kind = ALGORITHMS[name]
        values: dict[str, Any] = {
            "name": name,
            "loss": today(loss) or kind.loss,
            "stream": today(stream) or kind.stream,
            "options": {**options_today(loss, as_options(options)), **more},
            "trusted": trusted,
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)
        if trusted or not self.foreign():
            object.__setattr__(self, "options", self._checked())

    def foreign(self) -> list[str]:
        """The paths of functions that are not the library's own: code of the user's."""
        reward = self.options.get("reward", "")
        named = [self.loss, self.stream, *([reward] if ":" in str(reward) else [])]
        return [path for path in named if path not in own_paths()]

    def refuse_foreign(self) -> None:
        """Raise InputError if functions must be imported whose names nobody here has given."""
        if not self.trusted and self.foreign():
            raise InputError(
                f"these settings name code that is not planrl's: {', '.join(self.foreign())}. It "
                "is imported only if you name it yourself, with --loss, --stream or --reward "
                "beside --resume, or resume(folder, own=[...])"
            )

    def _checked(self) -> dict[str, Any]:
        usual, found = self.usual(), {}
        for name, value in self.options.items():
            if name not in usual:
                refuse_unused(self.name, name, f"{name}={shown(value)}")
                raise InputError(
                    f"{name}={shown(value)} is no option of {self.loss} or {self.stream}: "
                    f"these have {', '.join(usual) or 'none'}"
                )
            found[name] = check_value(name, value, usual[name], OPTIONS.get(name))
        if "reward" in usual:
            streams.reward_of(found.get("reward", usual["reward"]), 1.0)
        lacking = [name for name, value in filled(found, usual).items() if value is ANYTHING]
        if lacking:
            raise InputError(f"{self.loss} or {self.stream} needs {', '.join(lacking)}: give it")
        taken = options_of(self.loss, self.stream)[0]
        of_loss = {name: value for name, value in found.items() if name in taken}
        losses.check_options(partial(function(self.loss), **of_loss))
        return {name: value for name, value in found.items() if value != usual[name]}

    def usual(self) -> dict[str, Any]:
        """All options with their defaults."""
        self.refuse_foreign()
        return usual_options(self.name, self.loss, self.stream)

    def plain(self) -> dict[str, Any]:
        """The algorithm as plain values, each option with the value that holds."""
        return {**self.given(), "options": filled(self.options, self.usual())}

    def given(self) -> dict[str, Any]:
        """The algorithm as plain values, with the options that differ from their defaults."""
        return {
            "name": self.name,
            "loss": self.loss,
            "stream": self.stream,
            "options": dict(self.options),
        }

    def option(self, name: str) -> Any:
        """The value of an option; None if the algorithm has no such option."""
        return self.options.get(name, self.usual().get(name))

    def but(self, *, stream: str = "", **options: Any) -> Algorithm:
        """The same algorithm with other options, and with another stream if one is given."""
        path = stream or self.stream
        return replace(self, stream=path, options={**self.options, **options})

    @property
    def reads_base(self) -> bool:
        """Whether the loss reads the logits of the frozen base."""
        name = ALGORITHMS[self.name].base_for
        return bool(name and self.option(name))

    @property
    def carries(self) -> str | None:
        """What the stream keeps from batch to batch; "" for nothing, None if it does not say."""
        self.refuse_foreign()
        said: str | None = getattr(function(self.stream), "carries", None)
        return said

    @property
    def not_resumed(self) -> str:
        """Why a saved run of it cannot be gone on with; "" if it can."""
        if (kept := self.carries) == "":
            return ""
        how = f"keeps {kept}" if kept else 'does not say what it keeps (stream.carries = "")'
        return (
            f"its stream {self.stream} {how}, and a saved run holds only model, optimizer and "
            "random numbers"
        )

    def make_loss(self) -> Loss:
        """The loss as a function of logits and batch."""
        taken = options_of(self.loss, self.stream)[0]
        chosen = {k: v for k, v in filled(self.options, self.usual()).items() if k in taken}
        return partial(function(self.loss), **chosen)

    def make_stream(self, setup: Setup, size: int = 128) -> Iterator[Batch]:
        """The batches that the model is trained on, of `size` rows each."""
        taken = options_of(self.loss, self.stream)[1]
        chosen = {k: v for k, v in filled(self.options, self.usual()).items() if k in taken}
        if "size" in taken:
            chosen["size"] = size
        elif size != 128:
            raise InputError(
                f"batch={size} does nothing beside {self.stream}, which makes the batches: leave "
                "it out"
            )
        batches: Iterator[Batch] = function(self.stream)(setup, **chosen)
        return batches

    def sampler(self, dataset: Dataset | None = None) -> Sampler:
        """How paths are sampled from its models: an evaluation's temperature is 1.

        A model of Q-learning chooses among nodes only: it may not emit END before the target.
        """
        usual = ALGORITHMS[self.name].presets.get("may_stop", True)
        longest = Sampler.max_tokens if dataset is None else dataset.max_tokens
        return Sampler(may_stop=self.options.get("may_stop", usual), max_tokens=longest)
