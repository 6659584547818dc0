"""Streams of batches for experiments: one half of an algorithm, named by dotted path.

A stream is called with a `Setup` and keyword arguments, its options, and yields batches. A reader's
own stream has the same arguments; it may leave out `size`, the number of rows in a batch.

A stream that keeps something from one batch to the next says so with `carries`: a training run with
such a stream cannot be stopped and resumed, because only the random number generator is saved.
Streams that `add_to` another one pass its options on.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from planrl.errors import InputError, whole
from planrl.experiments.datasets import Dataset
from planrl.experiments.named import function
from planrl.graphs import Graph, seeded
from planrl.models import PathModel
from planrl.sampling import Sampler, rollout
from planrl.streams import demonstrations, on_policy, repeat, replay
from planrl.tasks import (
    Batch,
    Reward,
    Task,
    Vocab,
    is_path,
    judged,
    outcome_reward,
    process_reward,
)

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

Stream = Iterator[Batch]
Made = TypeVar("Made", bound=Callable[..., Stream])
REWARDS: dict[str, Callable[..., Tensor]] = {"outcome": outcome_reward, "process": process_reward}
"""Name -> reward model. A reward may also be named by the dotted path of one's own function."""
FULL = 32  # bits of a weight that is not rounded


@dataclass(frozen=True)
class Setup:
    """What a stream is made from. `base` is the frozen model that the trained one started from."""

    dataset: Dataset
    model: PathModel
    base: PathModel
    rng: torch.Generator


def carries(what: str) -> Callable[[Made], Made]:
    """Mark a stream with what it keeps from batch to batch ("" for nothing)."""

    def mark(stream: Made) -> Made:
        stream.carries = what  # type: ignore[attr-defined]
        return stream

    return mark


def add_to(inner: Callable[..., Stream]) -> Callable[[Made], Made]:
    """Have the signature of a stream with `**options` name the options of the stream it adds to."""

    def join(stream: Made) -> Made:
        kinds = (Parameter.KEYWORD_ONLY,)
        theirs = [p for p in signature(inner).parameters.values() if p.kind in kinds]
        own = [p for p in signature(stream).parameters.values() if p.kind != Parameter.VAR_KEYWORD]
        stream.__signature__ = Signature([*own, *theirs])  # type: ignore[attr-defined]
        return stream

    return join


def reward_of(name: str, scale: float) -> Reward:
    """The reward model of this name, or at this dotted path, times `scale`."""
    if name not in REWARDS and ":" not in name:
        raise InputError(
            f"reward {name!r} is unknown: choose {' or '.join(REWARDS)}, or name a function of "
            "your own, my_module:my_reward"
        )
    if name in REWARDS:
        return lambda graph, tokens: REWARDS[name](graph, tokens, scale=scale)
    own = function(name)
    return lambda graph, tokens: own(graph, tokens) * scale


@carries("")
def demonstrated(setup: Setup, *, size: int = 128) -> Stream:
    """The demonstrated paths, drawn with replacement."""
    return demonstrations(setup.dataset.train, setup.dataset.paths, rng=setup.rng, size=size)


@carries("")
def half_demonstrated(setup: Setup, *, size: int = 128) -> Stream:
    """The demonstrated paths of every second training pair: the *old* pairs of `halved`."""
    return demonstrated(replace(setup, dataset=halved(setup.dataset)[0]), size=size)


@carries("")
def demonstrations_with_reward(
    setup: Setup, *, size: int = 128, reward: str = "process", reward_scale: float = 1.0
) -> Stream:
    """The demonstrated paths, which never take an illegal step, with their rewards."""
    task = replace(setup.dataset.train, reward=reward_of(reward, reward_scale))
    return demonstrations(task, setup.dataset.paths, rng=setup.rng, size=size)


def sampled(
    setup: Setup,
    reward: Reward,
    *,
    size: int = 128,
    epsilon: float = 0.0,
    off_policy: bool = False,
    may_stop: bool = True,
    temperature: float = 1.0,
    greedy: bool = False,
) -> Stream:
    """Rollouts of the model, or of its frozen base if `off_policy`, with a reward model."""
    sampler = Sampler(
        temperature=temperature,
        epsilon=epsilon,
        greedy=greedy,
        may_stop=may_stop,
        max_tokens=setup.dataset.max_tokens,
    )
    task = replace(setup.dataset.train, reward=reward)
    policy = setup.base if off_policy else setup.model
    return on_policy(policy, task, rng=setup.rng, sampler=sampler, size=size)


@carries("")
@add_to(sampled)
def rollouts(
    setup: Setup, *, reward: str = "outcome", reward_scale: float = 1.0, **options: Any
) -> Stream:
    """Rollouts of the model or its base, sampled as the options say."""
    return sampled(setup, reward_of(reward, reward_scale), **options)


@carries("")
def own_rollouts(
    setup: Setup, *, size: int = 128, reward: str = "outcome", reward_scale: float = 1.0
) -> Stream:
    """Rollouts of the model itself at temperature 1, as policy gradient needs them."""
    return sampled(setup, reward_of(reward, reward_scale), size=size)


@carries("the last batch, for the epochs that it is still to be used in")
def grouped_rollouts(
    setup: Setup,
    *,
    size: int = 128,
    group: int = 8,
    epochs: int = 1,
    reward: str = "outcome",
    reward_scale: float = 1.0,
) -> Stream:
    """`group` rollouts of the model for each of size / group pairs, each batch `epochs` times.

    TRL calls them num_generations and num_iterations; verl rollout.n and ppo_epochs.
    """
    task = replace(setup.dataset.train, reward=reward_of(reward, reward_scale))
    batches = on_policy(
        setup.model,
        task,
        rng=setup.rng,
        sampler=Sampler(max_tokens=setup.dataset.max_tokens),
        size=size,
        group=group,
        record_probs=epochs > 1,
    )
    return repeat(batches, epochs)


MOST_EMPTY = 100  # rounds of expert iteration without a correct path


@carries(
    "the correct paths of the last round, for the batches that are still to be drawn from them"
)
def expert_rounds(
    setup: Setup, *, size: int = 128, per_pair: int = 10, batches: int = 100
) -> Stream:
    """Expert iteration: rounds of sampling from the model and SFT on what was correct.

    Each round samples `per_pair` paths for each training pair, keeps the correct ones and draws
    `batches` batches from them, for the loss `planrl.losses:sft`. A round without a correct path is
    sampled again; after 100 such rounds in a row it raises InputError. Source: expert iteration,
    ReST, STaR (arXiv 2203.14465).
    """
    task = setup.dataset.train
    whole(per_pair, "per_pair", least=1)
    whole(batches, "batches", least=1)
    pairs = task.pairs.repeat_interleave(per_pair, 0)
    sampler = Sampler(max_tokens=setup.dataset.max_tokens)
    empty = 0
    while empty < MOST_EMPTY:
        paths = rollout(setup.model, pairs, rng=setup.rng, sampler=sampler)
        kept = paths[is_path(task.graph, paths)]
        if len(kept):
            drawn = demonstrations(task, kept, rng=setup.rng, size=size)
            yield from (next(drawn) for _ in range(batches))
        empty = 0 if len(kept) else empty + 1
    raise InputError(
        f"{MOST_EMPTY} rounds in a row had no correct path among {len(pairs):,}: expert iteration "
        "has nothing to imitate. Start from a model that answers some questions, or sample more "
        "paths per pair (per_pair)"
    )


@carries("")
def demonstrated_paths_pay(setup: Setup, *, size: int = 128) -> Stream:
    """Rollouts of which only demonstrated paths have a return of 1, so nothing new is learnt."""
    return sampled(setup, demonstrated_reward(rows(setup.dataset.paths)), size=size)


@carries("the last `capacity` batches")
@add_to(rollouts)
def replayed(setup: Setup, *, capacity: int = 100, **options: Any) -> Stream:
    """Rollouts from a buffer of the last `capacity` batches: one is added, a random one served."""
    return replay(rollouts(setup, **options), rng=setup.rng, capacity=capacity)


@carries("a copy of the model that is up to `renewed` updates old")
@add_to(rollouts)
def stale_rollouts(setup: Setup, *, renewed: int = 200, **options: Any) -> Stream:
    """Rollouts of a copy of the model that is renewed every `renewed` updates."""
    policy = copy.deepcopy(setup.model)
    for count, batch in enumerate(rollouts(replace(setup, model=policy), **options), 1):
        yield batch
        if count % renewed == 0:
            policy.load_state_dict(setup.model.state_dict())


@carries("")
@add_to(rollouts)
def rounded_rollouts(setup: Setup, *, bits: int = FULL, **options: Any) -> Stream:
    """Rollouts of the model with its weight matrices rounded to `bits` bits before each batch."""
    policy = copy.deepcopy(setup.model)
    batches = rollouts(replace(setup, model=policy), **options)
    while True:
        copy_rounded(setup.model, policy, bits)
        yield next(batches)


@carries("")
@add_to(sampled)
def wrongly_checked_rollouts(
    setup: Setup, *, share: float = 0.05, seed: int = 0, reward_scale: float = 1.0, **options: Any
) -> Stream:
    """Rollouts with a process reward that knows `mistaken` edges: that share of them is wrong."""
    known = mistaken(setup.dataset.graph, share, seeded(seed, f"mistakes {share}"))
    reward = reward_of("process", reward_scale)
    return sampled(setup, lambda graph, tokens: reward(known, tokens), **options)


@carries("")
@add_to(sampled)
def noisily_checked_rollouts(
    setup: Setup,
    *,
    share: float = 0.05,
    fresh: bool = True,
    reward_scale: float = 1.0,
    **options: Any,
) -> Stream:
    """Rollouts with a process reward whose edge checks are wrong with probability `share`."""
    seed = int(torch.randint(2**31, (), generator=setup.rng))
    noise = seeded(seed, f"{'fresh' if fresh else 'fixed'} noise")
    graph = setup.dataset.graph
    reward = noisy_process_reward(graph, share, noise, fresh=fresh, scale=reward_scale)
    return sampled(setup, reward, **options)


@carries("")
@add_to(sampled)
def trustingly_checked_rollouts(
    setup: Setup, *, reward_scale: float = 1.0, **options: Any
) -> Stream:
    """Rollouts with a process reward that takes each step of the data's chains for an edge.

    Where chains of calls leave their tool graph, these checks are wrong.
    """
    known = setup.dataset.claimed or setup.dataset.graph
    reward = reward_of("process", reward_scale)
    return sampled(setup, lambda graph, tokens: reward(known, tokens), **options)


def halved(dataset: Dataset) -> tuple[Dataset, Task, Task]:
    """The dataset with demonstrations of the old pairs only; the old and the new training pairs.

    Every second training pair is old, the others are new.
    """
    pairs = dataset.train.pairs
    old = torch.arange(len(pairs)) % 2 == 0
    known = torch.zeros(dataset.graph.n, dataset.graph.n, dtype=torch.bool)
    known[pairs[old, 0], pairs[old, 1]] = True
    paths = dataset.paths[known[dataset.paths[:, 0], dataset.paths[:, 1]]]
    tasks = [replace(dataset.train, pairs=pairs[some]) for some in (old, ~old)]
    return replace(dataset, train=tasks[0], paths=paths), tasks[0], tasks[1]


def mistaken(graph: Graph, share: float, rng: torch.Generator) -> Graph:
    """The graph with a share of its edges removed and as many non-edges added.

    Pairs are added in the order of the nodes, so that no cycle appears.
    """
    if not 0.0 <= share < 1.0:
        raise InputError(f"share={share} was given: a share of the edges is from 0 to below 1")
    count = round(share * len(graph.edges))
    edge = graph.adjacency
    absent = (~edge).triu(1)
    known = edge.clone()
    for candidates, becomes in ((edge, False), (absent, True)):
        found = candidates.nonzero()
        some = found[torch.randperm(len(found), generator=rng)[:count]]
        known[some[:, 0], some[:, 1]] = becomes
    return Graph(graph.n, known.nonzero().tolist())


def rounded(weight: Float[Tensor, "O I"], bits: int) -> Float[Tensor, "O I"]:
    """Each row rounded to 2**bits - 1 evenly spaced values, symmetric about 0 (bits=32: as is)."""
    if bits == FULL:
        return weight
    if not 2 <= bits <= 16:
        raise InputError(f"bits is 2 .. 16, or {FULL} for no rounding; {bits} was given")
    most = 2 ** (bits - 1) - 1
    step = weight.abs().amax(-1, keepdim=True).clamp(min=1e-12) / most
    scaled: Tensor = torch.round(weight / step)
    return scaled.mul(step)


def copy_rounded(model: PathModel, policy: PathModel, bits: int) -> None:
    """Give `policy` the parameters of `model`, its matrices rounded to `bits` bits."""
    state = model.state_dict()
    policy.load_state_dict({k: rounded(v, bits) if v.ndim == 2 else v for k, v in state.items()})


def rows(tokens: Int[Tensor, "B L"]) -> list[bytes]:
    """Each row up to its first END, as bytes: equal paths give equal bytes whatever the padding."""
    if not len(tokens):
        return []
    end = int(tokens.max())  # a complete path ends with END, the largest token
    lengths = (tokens != end).sum(1).tolist()
    table = tokens.numpy().astype("<i2")
    return [row[:length].tobytes() for row, length in zip(table, lengths, strict=True)]


def demonstrated_reward(known: Collection[bytes]) -> Reward:
    """The outcome reward, paid only for the correct paths that are among the `known` rows."""
    paid = frozenset(known)

    def reward(graph: Graph, tokens: Tensor) -> Tensor:
        earned: Tensor = outcome_reward(graph, tokens)
        right = judged(graph, tokens)[0].nonzero().squeeze(1)
        fresh = [row not in paid for row in rows(tokens[right])]
        earned[right[torch.tensor(fresh, dtype=torch.bool)]] = 0.0
        return earned

    return reward


def noisy_process_reward(
    graph: Graph, share: float, rng: torch.Generator, *, fresh: bool, scale: float = 10.0
) -> Reward:
    """The process reward with edge checks that are wrong with probability `share`.

    With `fresh` noise every check is wrong independently of all others. Otherwise the noise is
    fixed: for each ordered pair of nodes it is decided once whether its check is wrong. Where an
    edge is judged to be none its step earns -scale; where a non-edge passes its step earns 0.
    """
    n = graph.n
    wrong = torch.rand(n + 1, n + 1, generator=rng) < share
    wrong[n, :] = wrong[:, n] = False  # END is no node: giving up is always noticed

    def reward(known: Graph, tokens: Tensor) -> Float[Tensor, "B T"]:
        earned: Tensor = process_reward(known, tokens, scale=scale)
        current, next_node = tokens[:, :-1], tokens[:, 1:]
        if fresh:
            flipped = torch.rand(current.shape, generator=rng) < share
            flipped &= (current != n) & (next_node != n)
        else:
            flipped = wrong[current, next_node]
        flipped &= Vocab(n).chosen(tokens)
        legal = known.legal[current, next_node]
        return torch.where(flipped, earned + torch.where(legal, -scale, scale), earned)

    return reward
