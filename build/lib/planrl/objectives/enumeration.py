"""Expected gradients by exact enumeration: every group of paths, with its probability.

For one source-target pair with few paths, the expectation of any loss over the groups that the
policy draws is a finite sum. It knows nothing of formulas, so it is what formulas are tested by.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError, whole
from planrl.losses import Loss
from planrl.models import PathModel
from planrl.sampling import Sampler, log_probs
from planrl.tasks import PROMPT, Batch, Source, Task, is_path, parameter_state

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

MOST_ROWS = 20_000
MOST_GROUPS = 200_000


def every_path(task: Task, *, max_tokens: int = 6) -> Int[Tensor, "M L"]:
    """Every row that sampling can make for a task of one pair, right or wrong.

    Raises InputError for several pairs, and for more than 20,000 rows.
    """
    if len(task.pairs) != 1:
        raise InputError(f"paths are enumerated for one pair, this task has {len(task.pairs)}")
    source, target = task.pairs[0].tolist()
    end, size = task.vocab.end, whole(max_tokens, "max_tokens", least=PROMPT + 1)
    done: list[tuple[int, ...]] = []
    going: list[tuple[int, ...]] = [(source, target, source)]
    for _ in range(size - PROMPT):
        longer = [(*row, token) for row in going for token in range(task.vocab.size)]
        done += [row for row in longer if row[-1] in (target, end)]
        going = [row for row in longer if row[-1] not in (target, end)]
        if len(done) + len(going) > MOST_ROWS:
            raise InputError(
                f"this pair has more than {MOST_ROWS:,} rows of {size} tokens: take a smaller "
                "graph, or fewer tokens"
            )
    rows = [(*row, *[end] * (size - len(row))) for row in done + going]
    return torch.tensor(rows)


def path_probs(
    model: PathModel, tokens: Int[Tensor, "M L"], *, max_tokens: int = 6
) -> Float[Tensor, " M"]:
    """The probability of each of these rows under the model's policy, in double precision."""
    sampler = Sampler(max_tokens=max_tokens)
    return log_probs(model, tokens, sampler).double().sum(1).exp()


def success(model: PathModel, task: Task, *, max_tokens: int = 6) -> float:
    """The probability that a path for the task's one pair is correct."""
    rows = every_path(task, max_tokens=max_tokens)
    probs = path_probs(model, rows, max_tokens=max_tokens)
    return float(probs[is_path(task.graph, rows)].sum())


def expected_gradient(
    loss: Loss,
    model: PathModel,
    task: Task,
    *,
    group: int = 1,
    max_tokens: int = 6,
    frozen: PathModel | None = None,
) -> list[Tensor]:
    """The expected gradient of a loss by each parameter, over all groups of `group` paths.

    The step from the target into END is written, not drawn: what a loss does with it is in there,
    too. Raises InputError for more than 200,000 groups.
    """
    rows = every_path(task, max_tokens=max_tokens)
    probs = path_probs(model, rows, max_tokens=max_tokens)
    rows, probs = rows[probs > 0], probs[probs > 0]
    found = whole(group, "group", least=1)
    if math.comb(len(rows) + found - 1, found) > MOST_GROUPS:
        raise InputError(
            f"{len(rows)} possible paths make more than {MOST_GROUPS:,} groups of {group}: take a "
            "smaller graph or smaller groups"
        )
    logits = model(rows[:, :-1])
    batch = task.batch(rows)
    reference = None if frozen is None else frozen(rows[:, :-1]).detach()
    batch = replace(
        batch,
        reward=batch.reward.to(logits.dtype),
        frozen=reference,
        source=Source(model, parameter_state(model)),
    )
    total = torch.zeros((), dtype=logits.dtype)
    for members, probability in _groups(probs, found):
        total = total + probability * loss(logits[members], _some(batch, members))
    return list(torch.autograd.grad(total, list(model.parameters())))


def _groups(probs: Tensor, size: int) -> Iterator[tuple[list[int], float]]:
    """Every multiset of so many possible paths, and its probability."""
    log_probs = probs.log().tolist()
    for members in combinations_with_replacement(range(len(log_probs)), size):
        orders = math.lgamma(size + 1) - sum(
            math.lgamma(times + 1) for times in Counter(members).values()
        )
        yield list(members), math.exp(orders + sum(log_probs[one] for one in members))


def _some(batch: Batch, rows: list[int]) -> Batch:
    """These rows of a batch."""
    return replace(
        batch,
        chosen=batch.chosen[rows],
        reward=batch.reward[rows],
        tokens=batch.tokens[rows],
        frozen=None if batch.frozen is None else batch.frozen[rows],
    )
