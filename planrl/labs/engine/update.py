"""What a lab computes at each update, as a pure function of tensors.

The rewards and losses are planrl's own. Everything a reader may move comes in as a tensor of one
number, all chance is made here (`chance`), and all shapes are fixed: so one function serves the
kernel, in torch, and the page, exported.
"""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError, shown
from planrl.labs.engine.models import TOKENS, VOCAB, Body
from planrl.labs.engine.rng import uniform
from planrl.labs.engine.sampling import SCALE, Values, drawn_by, ended, graph_of, picked
from planrl.losses import Loss, policy_gradient, q_learning
from planrl.tasks import PROMPT, Batch, judged, shaped_reward
from planrl.train import check_loss

if TYPE_CHECKING:
    from torch import Tensor

ROWS = 32  # walks in a batch; a smaller batch fills them with copies of itself
CLIP, BETAS = 1.0, (0.9, 0.999)  # as TrainConfig and torch's AdamW have them
KNOBS: dict[str, dict[str, float]] = {
    "sft": {"lr": 1, "batch": 32, "eps": 1e-5},
    "pg": {"lr": 1, "batch": 32, "eps": 1e-5, "temperature": 1, "kl": 0, "baseline": 0},
    "q": {
        "lr": 1, "batch": 32, "eps": 1e-5, "temperature": 1, "epsilon": 0.1, "off_policy": 0,
        "target": 1, "edge": 1, "cost": 0, "strict": 0, "discount": 1, "bounds": 1,
    },
}  # fmt: skip
"""What each algorithm lets one set, and its value unless told otherwise."""
OF_THE_LOSS = {"kl", "baseline", "discount", "bounds"}  # the other knobs act on walks and rewards


def _batch(algorithm: str, body: Body, given: Values) -> Tensor:
    """The update's rows of tokens [ROWS, TOKENS]: demonstrations, or walks of the model."""
    row = torch.arange(ROWS, device=given["params"].device) % given["batch"].long()
    seed, update = given["seed"], given["t"]
    if algorithm == "sft":
        return picked(given["rows"], given["row_count"], uniform(seed, update, 0, ROWS)[row])
    pairs = picked(given["pairs"], given["train_count"], uniform(seed, update, 1, ROWS)[row])
    number = uniform(seed, update, 2, ROWS, TOKENS - PROMPT)[row]
    one = torch.ones_like(given["lr"])
    if algorithm == "q":
        off = given["off_policy"]
        behaviour = given["params"] * (1.0 - off) + given["base"] * off
        options = {**given, "may_stop": 0.0 * one}
    else:
        behaviour, options = given["params"], {**given, "may_stop": one, "epsilon": 0.0 * one}
    rollouts = body.rollout(behaviour, VOCAB.prompt(pairs), drawn_by(number, options))
    return ended(rollouts)


def imitation(logits: Tensor, batch: Batch) -> Tensor:
    """`sft` without picking the chosen places out: how many there are must not shape a program."""
    logp = logits.log_softmax(-1).gather(-1, batch.tokens[:, 1:, None]).squeeze(-1)
    return -torch.where(batch.chosen, logp, 0.0).sum() / batch.chosen.float().sum()


def knobs_of(loss: Loss, algorithm: str) -> set[str]:
    """The knobs that a reader's own loss asks for, by the names of its arguments after the batch.

    Raises InputError for what can't be called with logits and a batch.
    """
    try:
        signature = inspect.signature(loss)
        taken = set(list(signature.parameters)[2:]) & KNOBS[algorithm].keys()
        signature.bind(None, None, **dict.fromkeys(taken))
    except (TypeError, ValueError):
        raise InputError(
            f"a loss is a function of logits and a batch, but {shown(loss)} was given: "
            "def mine(logits, batch): ..., after which knobs may follow by name, as kl=0"
        ) from None
    return taken


def _loss(algorithm: str, given: Values) -> Loss:
    if algorithm == "sft":
        return imitation
    if algorithm == "pg":
        # the temperature is one of the knobs, and what it does to the gradient is to be seen
        return partial(
            policy_gradient, kl=given["kl"], baseline=given["baseline"], correction="none"
        )
    wide = 1e6 * (1.0 - given["bounds"])
    worst = (given["target"] * (1.0 - given["strict"]) - given["edge"]) - given["cost"]
    high = SCALE * given["target"].clamp(min=0.0) + wide
    low = SCALE * worst - wide
    return partial(q_learning, discount=given["discount"], value_bounds=(low, high))


def update(algorithm: str, body: Body, given: Values, own: Loss | None = None) -> Values:
    """One update: the new state, the loss, the batch's mean return and its share of right walks.

    `own` is a reader's loss, to be used in the place of the algorithm's.
    """
    graph = graph_of(given["adjacency"])
    with torch.no_grad():
        tokens = _batch(algorithm, body, given)
        read, right = tokens[:, :-1], judged(graph, tokens)[0]
        if algorithm == "q":
            names = ("target", "edge", "cost", "strict")
            reward = SCALE * shaped_reward(graph, tokens, **{name: given[name] for name in names})
        else:
            reward = shaped_reward(graph, tokens, edge=0.0, strict=1.0)
        frozen = body.logits(given["base"], read) if algorithm == "pg" else None
        batch = Batch(VOCAB.chosen(tokens), reward, tokens, frozen)
    loss = _loss(algorithm, given)
    if own is not None:
        loss = partial(own, **{name: given[name] for name in knobs_of(own, algorithm)})

    def of_weights(weights: Tensor) -> Tensor:
        value = loss(body.logits(weights, read), batch)
        if own is None:
            return value
        check_loss(value)
        return value.reshape(())

    gradient, value = torch.func.grad_and_value(of_weights)(given["params"])
    norm = gradient.square().sum().sqrt()
    gradient = gradient * (CLIP / norm.clamp(min=CLIP))
    params, m, v = adam(gradient, given, body.lr)
    return {
        "params": params, "m": m, "v": v, "loss": value, "gradient_norm": norm,
        "reward": reward.sum(1).mean(), "right": right.float().mean(),
    }  # fmt: skip


def adam(gradient: Tensor, given: Values, usual: float) -> tuple[Tensor, Tensor, Tensor]:
    """AdamW without weight decay; `lr` is in multiples of the `usual` one.

    `eps` comes in as a tensor: an exporter may drop a small constant as if it were zero.
    """
    first, second = BETAS
    m = first * given["m"] + (1.0 - first) * gradient
    v = second * given["v"] + (1.0 - second) * gradient.square()
    steps = given["t"] + 1.0
    root = (v / (1.0 - second**steps)).sqrt() + given["eps"]
    lr = given["lr"] * usual
    return given["params"] - lr * (m / (1.0 - first**steps)) / root, m, v
