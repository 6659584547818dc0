"""The table of a lab's algorithms: each is a stream plus a loss, with their options and state.

The training step, the exported programs, both hosts, the recordings and the page's worker read this
table, and nothing of it is written a second time. An algorithm of a single lab stands in the lab's
own file, and its learner names it: `LabLearner(trains=...)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import torch

from planrl.labs.engine.models import NODES, TOKENS, VOCAB, FunctionalModel
from planrl.labs.engine.rng import uniform
from planrl.labs.engine.sampling import (
    SCALE,
    TracedGraph,
    Values,
    drawn_by,
    ended,
    picked,
    sampling_temperature,
    soft_maximum,
)
from planrl.losses import Loss, policy_gradient, q_learning
from planrl.tasks import PROMPT, Batch, shaped_reward

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 32  # paths in a batch; a smaller batch is repeated until there are so many
OPTIMISER: Mapping[str, float] = {"lr": 1, "batch": 32, "eps": 1e-5}
"""Options of all: a multiple of the model's learning rate, paths in a batch, Adam's eps."""


@dataclass(frozen=True)
class Carried:
    """A tensor that an update hands to the next one.

    Before the first update it is the weights that the learner starts from, or filled with `fill`.
    It has one number for each weight unless it has another `shape`.
    """

    fill: float | None = None
    shape: tuple[int, ...] | None = None


ADAM: Mapping[str, Carried] = {"params": Carried(), "m": Carried(0.0), "v": Carried(0.0)}
"""What every algorithm carries: weights and Adam's two moments."""
BASE: Mapping[str, Carried] = {"base": Carried()}
"""The weights that a learner started from, frozen."""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """Where the rows of an update come from.

    `rows` gives tokens [ROWS, TOKENS]. `reads` names what it reads of `DATA`, and `options` its own
    options with their default values. Only if `may_stop` may the model emit END before the target.
    `behaviour` names the carried weights that draw the rows, if they are not those that learn: the
    batch then has the log-probabilities that its tokens were drawn with.
    """

    rows: Callable[[FunctionalModel, Values], Tensor]
    reads: tuple[str, ...]
    options: Mapping[str, float] = field(default_factory=dict)
    may_stop: bool = True
    behaviour: str = ""


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """How a learner trains: a stream, a reward, a loss, their options, and what it carries.

    `loss` makes the loss for given options. If `frozen` names carried weights, the loss finds their
    logits in the batch. `carries` names the tensors that an update hands to the next one. An update
    returns new values of "params", "m" and "v", and of what `follow` returns; it is given all
    inputs of the update, and its new "params".
    """

    stream: Stream
    reward: Callable[[TracedGraph, Tensor, Values], Tensor]
    reward_options: Mapping[str, float] = field(default_factory=dict)
    loss: Callable[[Values], Loss]
    loss_options: Mapping[str, float] = field(default_factory=dict)
    frozen: str = ""
    carries: Mapping[str, Carried] = field(default_factory=lambda: {**ADAM, **BASE})
    follow: Callable[[Values], Values] = lambda given: {}

    @property
    def options(self) -> dict[str, float]:
        """All options with their default values, in the order of a program's inputs."""
        return {**OPTIMISER, **self.stream.options, **self.reward_options, **self.loss_options}


def begun(algorithm: Algorithm, weights: Tensor) -> Values:
    """What a learner carries before its first update, if it starts from these weights."""
    return {
        name: weights
        if carried.fill is None
        else weights.new_full(carried.shape or weights.shape, carried.fill)
        for name, carried in algorithm.carries.items()
    }


def _rows(given: Values) -> Tensor:
    """Which of the batch's rows each of the ROWS rows repeats."""
    return torch.arange(ROWS, device=given["params"].device) % given["batch"].long()


def demonstrated(model: FunctionalModel, given: Values) -> Tensor:
    """Rows drawn from the demonstrations."""
    row = _rows(given)
    number = uniform(given["seed"], given["t"], 0, ROWS)[row]
    return picked(given["rows"], given["row_count"], number)


def _sampled(
    model: FunctionalModel, given: Values, options: Callable[[Tensor], tuple[Tensor, Values]]
) -> Tensor:
    """Paths for random training pairs, sampled with the weights and settings of `options(one)`."""
    row, seed, update = _rows(given), given["seed"], given["t"]
    pairs = picked(given["pairs"], given["train_count"], uniform(seed, update, 1, ROWS)[row])
    number = uniform(seed, update, 2, ROWS, TOKENS - PROMPT)[row]
    weights, settings = options(torch.ones_like(given["lr"]))
    return ended(model.rollout(weights, VOCAB.prompt(pairs), drawn_by(number, settings)))


def on_policy(model: FunctionalModel, given: Values) -> Tensor:
    """Paths sampled from the model that learns; it may end a path early."""

    def options(one: Tensor) -> tuple[Tensor, Values]:
        return given["params"], {**given, "may_stop": one, "epsilon": 0.0 * one}

    return _sampled(model, given, options)


def exploring(model: FunctionalModel, given: Values) -> Tensor:
    """Paths of nodes alone, sampled with exploration from the learning model or from its base."""

    def options(one: Tensor) -> tuple[Tensor, Values]:
        off = given["off_policy"]
        behaviour = given["params"] * (1.0 - off) + given["base"] * off
        settings = {"may_stop": 0.0 * one, "temperature": sampling_temperature(given)}
        return behaviour, {**given, **settings}

    return _sampled(model, given, options)


DEMONSTRATIONS = Stream(rows=demonstrated, reads=("rows", "row_count"))
ON_POLICY = Stream(rows=on_policy, reads=("pairs", "train_count"), options={"temperature": 1})
EXPLORING = Stream(
    rows=exploring,
    reads=("pairs", "train_count"),
    options={"temperature": 1, "epsilon": 0.1, "off_policy": 0, "soft": 0},
    may_stop=False,
)


def outcome(graph: TracedGraph, tokens: Tensor, given: Values) -> Tensor:
    """The outcome reward: 1 at the step into the target of a correct path."""
    return shaped_reward(graph, tokens, edge=0.0, strict=1.0)


SHAPED: Mapping[str, float] = {"target": 1, "edge": 1, "cost": 0, "strict": 0}
CHECKS: Mapping[str, float] = {"checked": 1, "false_alarm": 0, "miss": 0}


def shaped(graph: TracedGraph, tokens: Tensor, given: Values) -> Tensor:
    """SCALE times the reward that a reader shapes, where checks of steps are few or wrong.

    It is `shaped_reward`, but `edge` is charged where a check says that a step is illegal. See
    `planrl.objectives.noisy` for what the options `checked`, `false_alarm` and `miss` mean.
    """
    part = partial(shaped_reward, graph, tokens)
    arrives = part(target=given["target"], edge=0.0, strict=given["strict"])
    illegal, step = -part(target=0.0), -part(target=0.0, edge=0.0, cost=1.0)
    draw = uniform(given["seed"], given["t"], 8, 2, ROWS, TOKENS - 1)[:, _rows(given)]
    wrong = draw[0] < torch.where(illegal > 0.5, given["miss"], given["false_alarm"])
    verdict = (illegal - wrong.float()).abs() * (draw[1] < given["checked"]).float()
    return SCALE * (arrives - given["edge"] * verdict * step - given["cost"] * step)


def imitation(logits: Tensor, batch: Batch) -> Tensor:
    """`sft` without selecting the chosen positions: their number must not shape a program."""
    logp = logits.log_softmax(-1).gather(-1, batch.tokens[:, 1:, None]).squeeze(-1)
    return -torch.where(batch.chosen, logp, 0.0).sum() / batch.chosen.float().sum()


def policy_gradient_loss(given: Values) -> Loss:
    """Policy gradient; the temperature is not corrected, since readers shall see what it does."""
    return partial(policy_gradient, kl=given["kl"], baseline=given["baseline"], correction="none")


def q_learning_loss(given: Values) -> Loss:
    """Q-learning that bootstraps values within what the rewards allow, unless `bounds` is 0.

    If `soft` is above 0, it is soft Q-learning at this temperature: the next value is a soft
    maximum, which exceeds the reward at most by `soft` times the log of the number of paths.
    """
    wide = 1e6 * (1.0 - given["bounds"])
    worst = (given["target"] * (1.0 - given["strict"]) - given["edge"]) - given["cost"]
    high = SCALE * given["target"].clamp(min=0.0) + wide  # first, as in the exported programs
    high = high + SCALE * given["soft"] * MOST_PATHS
    low = SCALE * worst - wide
    hard = partial(q_learning, discount=given["discount"], value_bounds=(low, high))
    return partial(_softly, hard, given["soft"])


MOST_PATHS = (TOKENS - PROMPT) * math.log(NODES)
"""Log of how many paths a row can hold: what soft values may have above the reward, over `soft`."""


def _softly(hard: Loss, soft: Tensor, logits: Tensor, batch: Batch) -> Tensor:
    """Q-learning with the soft maximum of the next logits in the place of each of them."""
    read = logits.detach()
    value = soft_maximum(read[..., :-1], SCALE * soft)[..., None]
    return hard(logits, replace(batch, frozen=torch.where(soft > 0.0, value, read)))


ALGORITHMS: Mapping[str, Algorithm] = {
    "sft": Algorithm(
        stream=DEMONSTRATIONS, reward=outcome, loss=lambda given: imitation, carries=ADAM
    ),
    "pg": Algorithm(
        stream=ON_POLICY,
        reward=outcome,
        loss=policy_gradient_loss,
        loss_options={"kl": 0, "baseline": 0},
        frozen="base",
    ),
    "q": Algorithm(
        stream=EXPLORING,
        reward=shaped,
        reward_options={**SHAPED, **CHECKS},
        loss=q_learning_loss,
        loss_options={"discount": 1, "bounds": 1},
    ),
}
