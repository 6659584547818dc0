"""One update of a lab's learner, as a pure function of tensors.

Rewards and losses are planrl's own. Each number that a reader may change comes in as a tensor of
one number, all random numbers come from `rng`, and all shapes are fixed. So one function serves the
kernel, in torch, and the page, exported.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError, shown
from planrl.labs.engine.algorithms import Algorithm
from planrl.labs.engine.models import VOCAB, FunctionalModel
from planrl.labs.engine.sampling import Values, graph_of
from planrl.losses import Loss, chosen_log_probs
from planrl.tasks import Batch, judged
from planrl.train import check_loss

if TYPE_CHECKING:
    from torch import Tensor

CLIP, BETAS = 1.0, (0.9, 0.999)  # as TrainConfig and torch's AdamW have them


def update(
    algorithm: Algorithm, model: FunctionalModel, given: Values, own: Loss | None = None
) -> Values:
    """New values of what the learner carries, and what the update was made of.

    That is the loss, the norm of its gradient, the mean return, the share of correct paths, and
    the batch itself: its token rows `paths` and what each row earned. `own` is a reader's loss,
    which is used in place of the algorithm's.
    """
    graph = graph_of(given["adjacency"])
    with torch.no_grad():
        tokens = algorithm.stream.rows(model, given)
        read, correct = tokens[:, :-1], judged(graph, tokens)[0]
        reward = algorithm.reward(graph, tokens, given)
        frozen = model.logits(given[algorithm.frozen], read) if algorithm.frozen else None
        batch = Batch(VOCAB.chosen(tokens), reward, tokens, frozen)
        if drew := algorithm.stream.behaviour:
            drawn_with = chosen_log_probs(model.logits(given[drew], read), batch)
            batch = replace(batch, log_probs=drawn_with)
    loss = algorithm.loss(given)
    if own is not None:
        loss = partial(own, **{name: given[name] for name in options_of(own, algorithm)})

    def of_weights(weights: Tensor) -> Tensor:
        value = loss(model.logits(weights, read), batch)
        if own is None:
            return value
        check_loss(value)
        return value.reshape(())

    gradient, value = torch.func.grad_and_value(of_weights)(given["params"])
    norm = gradient.square().sum().sqrt()
    gradient = gradient * (CLIP / norm.clamp(min=CLIP))
    made = adam(gradient, given, model.lr)
    told = {
        "loss": value,
        "gradient_norm": norm,
        "reward": reward.sum(1).mean(),
        "right": correct.float().mean(),
        "paths": tokens.float(),
        "earned": reward.sum(1),
    }
    return {**made, **told, **algorithm.follow({**given, "params": made["params"]})}


def options_of(loss: Loss, algorithm: Algorithm) -> set[str]:
    """The algorithm's options that a reader's loss names among its arguments after the batch.

    Raises InputError for anything that cannot be called with logits and a batch.
    """
    try:
        signature = inspect.signature(loss)
        taken = set(list(signature.parameters)[2:]) & algorithm.options.keys()
        signature.bind(None, None, **dict.fromkeys(taken))
    except (TypeError, ValueError):
        raise InputError(
            f"a loss is a function of logits and a batch, but {shown(loss)} was given: "
            "def mine(logits, batch): ..., after which options may follow by name, as kl=0"
        ) from None
    return taken


def adam(gradient: Tensor, given: Values, usual: float) -> Values:
    """One step of AdamW without weight decay; `lr` is a multiple of the `usual` learning rate.

    `eps` comes in as a tensor, because an exporter may drop a small constant as if it were zero.
    """
    first, second = BETAS
    m = first * given["m"] + (1.0 - first) * gradient
    v = second * given["v"] + (1.0 - second) * gradient.square()
    steps = given["t"] + 1.0
    root = (v / (1.0 - second**steps)).sqrt() + given["eps"]
    lr = given["lr"] * usual
    return {"params": given["params"] - lr * (m / (1.0 - first**steps)) / root, "m": m, "v": v}
