"""The training loop, as a generator of records: one `next` is one gradient step and one `Step`.

A chapter writes list(run), a widget takes one step at a time, and to stop is to take no more steps.
Wrappers of the generator do what callbacks would do: `probe` measures, `until` stops.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch.autograd.graph import increment_version

from planrl.errors import InputError, TrainingError, check_fields, number, shown, whole
from planrl.losses import Loss, check_options
from planrl.models import PathModel, check_device
from planrl.tasks import Batch

Measured = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train: AdamW with learning rate `lr`, gradient norm clipped at `clip` (None: not).

    `steps=None` has no end. `refresh` keeps a frozen copy of the model for losses that want its
    logits: 0 as it began (a KL reference), n renewed each n steps (a target network), None no copy.
    """

    steps: int | None = None
    lr: float = 1e-2
    weight_decay: float = 0.0
    clip: float | None = 1.0
    refresh: int | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if self.steps is not None:
            whole(self.steps, "steps", least=1)
        if not number(self.lr, "lr") > 0:
            raise InputError(f"lr is the learning rate, a positive number; {self.lr} was given")
        number(self.weight_decay, "weight_decay", least=0.0)
        if self.clip is not None and not self.clip > 0:
            raise InputError(f"clip must be positive, or None for no clipping; {self.clip} given")
        if self.refresh is not None:
            whole(self.refresh, "refresh", least=0)


@dataclass(frozen=True)
class Step:
    """One update. `step` counts updates done so far, from 1; `reward` is the batch's mean return.

    `measured` is what a `probe` measured after this update, if it did.
    """

    step: int
    loss: float
    reward: float
    measured: Measured | None = None


Run = Generator[Step, None, None]
"""A run: each `next` is one update, and its record. It is spent once."""


def adamw(model: PathModel, config: TrainConfig) -> torch.optim.Optimizer:
    """The optimizer `train` makes if it is not given one."""
    return torch.optim.AdamW(
        model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True
    )


def train(
    model: PathModel,
    batches: Iterator[Batch],
    loss: Loss,
    config: TrainConfig | None = None,
    *,
    optimizer: torch.optim.Optimizer | None = None,
    frozen: PathModel | None = None,
    done: int = 0,
) -> Run:
    """A run: each `next` takes a batch, does one update of `model` in place and yields its Step.

    `frozen` is the reference to use instead of a copy of `model` (it needs refresh=0). To go on
    with an interrupted run, give its optimizer and the number of updates `done`.
    A batch from a stream is told which model is trained, so that an on-policy loss can refuse the
    paths of another. Raises TrainingError, before the update, when loss or gradient is not finite.
    """
    config = config or TrainConfig()
    check_device(model)
    check_options(loss)
    if optimizer is not None:
        _refuse_unused(config, optimizer)
    if frozen is not None and config.refresh != 0:
        raise InputError("frozen is a fixed reference: it needs TrainConfig(refresh=0)")
    if config.refresh is not None and frozen is None:
        frozen = copy.deepcopy(model)
    return _run(model, batches, loss, config, optimizer or adamw(model, config), frozen, done)


def _run(
    model: PathModel,
    batches: Iterator[Batch],
    loss: Loss,
    config: TrainConfig,
    optimizer: torch.optim.Optimizer,
    frozen: PathModel | None,
    done: int,
) -> Run:
    step = done
    while config.steps is None or step < config.steps:
        batch = next(batches, None)
        if batch is None:
            return
        if frozen is not None and config.refresh and step % config.refresh == 0:
            frozen.load_state_dict(model.state_dict())
        batch = _completed(batch, model, frozen)
        logits = model(batch.tokens[:, :-1])
        value = loss(logits, batch)
        check_loss(value)
        for parameter in model.parameters():
            parameter.grad = None
        value.backward()
        loss_value, norm = float(value.detach()), clip_gradient(model, config.clip)
        step += 1
        if not math.isfinite(loss_value + norm):
            cure = _cause(logits, batch)
            raise TrainingError(
                f"step {step}: loss {loss_value}, gradient norm {norm}, with {config}. The "
                f"model keeps its parameters of step {step - 1}; {cure}"
            )
        optimizer.step()
        increment_version(model.parameters())  # which a fused optimizer leaves to us
        yield Step(step, loss_value, float(batch.reward.sum(1).mean()))


def _completed(batch: Batch, model: PathModel, frozen: PathModel | None) -> Batch:
    """The batch with the frozen model's logits, and with the model that is trained on it."""
    if frozen is not None:
        with torch.no_grad():
            batch = replace(batch, frozen=frozen(batch.tokens[:, :-1]))
    if batch.source is not None:
        batch = replace(batch, source=replace(batch.source, learner=model))
    if batch.reward.shape != batch.chosen.shape:
        raise InputError(
            f"the batch has a reward of shape {list(batch.reward.shape)}: expected "
            f"{list(batch.chosen.shape)}, one number for each step, as `chosen` has"
        )
    return batch


def check_loss(value: torch.Tensor) -> None:
    """Raise InputError unless a reader's own loss returned one number with a gradient."""
    good = isinstance(value, torch.Tensor) and value.numel() == 1 and value.requires_grad
    if not good or not value.is_floating_point():
        raise InputError(
            f"a loss returns one number as a tensor made of the logits, but {shown(value)} came: "
            "end it with .mean() or .sum(), without .item() or .detach()"
        )


def _cause(logits: torch.Tensor, batch: Batch) -> str:
    """What made a loss infinite or nan, as far as the batch shows it, and what to do."""
    if not batch.reward.isfinite().all():
        return "the reward of the batch is not finite: correct the function that computes it"
    taken = logits.detach().gather(-1, batch.tokens[:, 1:, None]).squeeze(-1)
    wrong = batch.chosen & (taken == -math.inf)
    if not wrong.any():
        return "try a smaller lr or reward scale"
    row, position = wrong.nonzero()[0].tolist()
    current, next_node = batch.tokens[row, position : position + 2].tolist()
    end = next_node == logits.shape[-1] - 1
    step = f"{current} to {'END' if end else next_node}"
    return (
        f"row {row} of the batch steps from {step} on the path to {int(batch.tokens[row, 1])}, and "
        "the model forbids that step (its logit is -inf): leave such rows out, or allow the step"
    )


def _refuse_unused(config: TrainConfig, optimizer: torch.optim.Optimizer) -> None:
    """Raise InputError for a setting that an optimizer made elsewhere does not have."""
    for name in ("lr", "weight_decay"):
        value = getattr(config, name)
        theirs = [group.get(name) for group in optimizer.param_groups]
        if value != getattr(TrainConfig, name) and value not in theirs:
            raise InputError(
                f"{name}={value} has no effect beside an optimizer of your own, whose {name} is "
                f"{shown(theirs[0])}: leave it out of TrainConfig"
            )


def clip_gradient(model: PathModel, largest: float | None) -> float:
    """The gradient's norm; a gradient longer than `largest` is scaled down to that length."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    if not gradients:
        raise InputError(
            "the loss does not depend on the model's parameters: compute it from logits"
        )
    norms = torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients])
    norm = float(torch.linalg.vector_norm(norms))
    if largest is not None and norm > largest:
        for gradient in gradients:
            gradient.mul_(largest / norm)
    return norm


def probe(run: Run, measure: Callable[[], Measured], every: int = 100) -> Run:
    """The same run, with what `measure()` returns put into every `every`-th record."""
    whole(every, "every", least=1)
    return (
        replace(record, measured=measure()) if record.step % every == 0 else record
        for record in run
    )


def until(run: Run, stop: Callable[[Step], bool]) -> Run:
    """The same run, ended after the first record for which `stop(record)` is true."""
    for record in run:
        yield record
        if stop(record):
            return
