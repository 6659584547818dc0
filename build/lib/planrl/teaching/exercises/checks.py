"""The feedback of an exercise, and the functions that run a reader's code."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from planrl.graphs import random_dag, seeded
from planrl.losses import Loss
from planrl.models import LogitTable
from planrl.streams import on_policy
from planrl.tasks import Batch, Task, all_pairs


@dataclass(frozen=True)
class Feedback:
    """Whether a reader's answer is right, and the text that the reader sees."""

    right: bool
    text: str

    def __repr__(self) -> str:
        return ("Right. " if self.right else "Not yet. ") + self.text

    def _repr_html_(self) -> str:
        kind = "planrl-right" if self.right else "planrl-wrong"
        return f'<p class="planrl-verdict {kind}">{html.escape(repr(self))}</p>'


def ask(function: Callable[..., Any], *given: Any) -> tuple[Any, Feedback | None]:
    """Return what the reader's function returns, or feedback that says why it returned nothing."""
    try:
        answer = function(*given)
    except Exception as error:  # the reader's code may raise anything
        return None, Feedback(False, f"Your function raised {type(error).__name__}: {error}")
    if answer is None or answer is Ellipsis:
        return None, Feedback(False, "Your function returned nothing yet: write its body.")
    return answer, None


def tensor_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with its answer converted to a tensor of floats, if it returns one."""

    def converted(*given: Any) -> Any:
        answer = function(*given)
        if answer is None or answer is Ellipsis:
            return answer
        return torch.as_tensor(answer).detach().float()

    return converted


def sampled_batch(base: float = 2.0) -> tuple[Task, LogitTable, Batch]:
    """A task on ten nodes, a table right about half of the time, and a batch of its rollouts.

    The reward is given at the last step of each path only.
    """
    task = all_pairs(random_dag(10, 0.4, seeded(0, "graph")))
    model = LogitTable(task.vocab)
    with torch.no_grad():
        model.table[:, :, :10] += base * task.graph.correct
    return task, model, next(on_policy(model, task, rng=seeded(0, "walks"), size=256))


def gradient(loss: Loss, model: LogitTable, batch: Batch) -> Tensor:
    """The gradient of a loss on the whole table."""
    (slope,) = torch.autograd.grad(loss(model(batch.tokens[:, :-1]), batch), model.table)
    return slope


def tried(loss: Loss, model: LogitTable, batch: Batch) -> tuple[Tensor, Feedback | None]:
    """The gradient of the reader's loss, or feedback that says why there is none."""
    value, wrong = ask(loss, model(batch.tokens[:, :-1]), batch)
    if not wrong:
        found, wrong = ask(lambda: torch.autograd.grad(value, model.table)[0])
    return (torch.zeros(0), wrong) if wrong else (found, None)


def compare(
    answer: Tensor, wanted: Tensor, right: str, mistakes: dict[str, Tensor], otherwise: str
) -> Feedback:
    """Right if these agree; otherwise the text of the mistake that has this gradient, or a hint."""

    def same(other: Tensor) -> bool:
        return torch.allclose(answer, other, atol=1e-6, rtol=1e-4)

    if same(wanted):
        return Feedback(True, right)
    for text, other in mistakes.items():
        if same(other):
            return Feedback(False, text)
    if same(-wanted):
        return Feedback(False, "The sign is reversed: training minimises the loss.")
    ratio = float((answer * wanted).sum() / wanted.square().sum())
    if abs(ratio) > 1e-6 and same(ratio * wanted):
        return Feedback(
            False,
            f"The direction is right, but the gradient is {ratio:.3g} times too large: divide by "
            "the number of paths.",
        )
    return Feedback(False, otherwise)


def numbers(function: Callable[..., Any], *given: Any) -> tuple[Tensor, Feedback | None]:
    """The answer of the reader's function as a tensor, or feedback that says why it is none."""
    answer, wrong = ask(function, *given)
    if wrong:
        return torch.zeros(0), wrong
    found, wrong = ask(lambda: torch.as_tensor(answer).detach().double())
    return (torch.zeros(0), wrong) if wrong else (found, None)
