"""Source-target pairs on a graph, the paths between them as rows of tokens, and their rewards.

A row reads `s t s a b ... t END`: source s, target t, then a path that starts again at s and ends
with t. Node v is token v. END follows the last node and pads the row. A row of L tokens has
T = L - 1 steps, step m from token m to token m + 1. The first two steps are the prompt, the steps
after it up to the first END are *chosen*. A reward is a function of the graph and a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch

from planrl.errors import InputError, number, shown, whole
from planrl.graphs import MOST_NODES, Graph

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor


@runtime_checkable
class LegalSteps(Protocol):
    """What judging a path needs of a graph; a `Graph` has it."""

    @property
    def n(self) -> int:
        """The number of nodes."""

    @property
    def legal(self) -> Bool[Tensor, "V V"]:
        """Which steps follow an edge; no step from or to END does."""


Reward = Callable[[Graph, "Tensor"], "Tensor"]
"""(graph, tokens [B, L]) -> reward of each step [B, T]."""
PROMPT = 3  # tokens that are given, not chosen: s t s


@dataclass(frozen=True)
class Vocab:
    """The tokens of a graph of `n_nodes` nodes: the nodes themselves, then END."""

    n_nodes: int

    def __post_init__(self) -> None:
        whole(self.n_nodes, "n_nodes", least=1, most=MOST_NODES)

    @property
    def end(self) -> int:
        """The token that ends a path, and pads its row."""
        return self.n_nodes

    @property
    def size(self) -> int:
        """How many tokens there are (V)."""
        return self.n_nodes + 1

    def prompt(self, pairs: Int[Tensor, "B 2"]) -> Int[Tensor, "B 3"]:
        """The prompt `s t s` of each pair (s, t)."""
        return pairs[:, [0, 1, 0]]

    def chosen(self, tokens: Int[Tensor, "B L"]) -> Bool[Tensor, "B T"]:
        """Which steps are chosen: those after the prompt, up to the step into END."""
        chosen = (tokens[:, :-1] == self.end).cumsum(1) == 0
        chosen[:, : PROMPT - 1] = False
        return chosen

    def check(self, tokens: Tensor, *, least: int = 0) -> None:
        """Raise InputError unless these are rows of this vocabulary, of `least` tokens or more."""
        if tokens.ndim != 2 or tokens.dtype != torch.int64 or tokens.device.type != "cpu":
            raise InputError(
                f"tokens is {list(tokens.shape)} of {tokens.dtype} on {tokens.device}:"
                " expected rows [B, L] of int64 on the CPU"
            )
        if tokens.shape[1] < least:
            raise InputError(
                f"rows of {tokens.shape[1]} tokens were given, but a row starts with the prompt "
                f"`s t s`, {PROMPT} tokens"
            )
        low, high = tokens.aminmax() if tokens.numel() else (0, 0)
        if low < 0 or high >= self.size:
            row, index = ((tokens < 0) | (tokens >= self.size)).nonzero()[0].tolist()
            raise InputError(
                f"row {row} holds token {int(tokens[row, index])} at position {index}, but this "
                f"vocabulary has the nodes 0 .. {self.n_nodes - 1} and END = {self.end}"
            )

    def check_prompts(self, tokens: Tensor) -> None:
        """Raise InputError unless these are rows of this vocabulary that begin with a prompt."""
        self.check(tokens, least=PROMPT)
        if (tokens[:, 1] == self.end).any():
            raise InputError(f"the target of a row is END = {self.end}: it must be a node")

    def check_pairs(self, pairs: Any) -> None:
        """Raise InputError unless these are rows (source, target) of nodes, at least one."""
        given, n = "", self.n_nodes
        if isinstance(pairs, torch.Tensor):
            kind = pairs.dtype == torch.int64 and pairs.device.type == "cpu"
            if kind and pairs.ndim == 2 and pairs.shape[1] == 2 and len(pairs):
                outside = ((pairs < 0) | (pairs >= n)).any(1)
                if not outside.any():
                    return
                bad = tuple(pairs[outside][0].tolist())
                raise InputError(f"pair {bad} names a node outside 0 .. {n - 1}")
            given = f"{list(pairs.shape)} of {pairs.dtype} on {pairs.device}"
        raise InputError(
            f"pairs is {given or shown(pairs)}: expected at least one row (source, target) of "
            "int64 on the CPU"
        )

    def show(self, tokens: Int[Tensor, "B L"], labels: Sequence[str] = ()) -> list[str]:
        """Each row as text, without its padding: `0 3 0 2 3 END`."""
        names = [*(labels or map(str, range(self.n_nodes))), "END"]
        lines = []
        for row in tokens.tolist():
            stop = row.index(self.end) + 1 if self.end in row else len(row)
            lines.append(" ".join(names[v] for v in row[:stop]))
        return lines


@dataclass(frozen=True)
class Batch:
    """Paths as a loss sees them. `frozen` holds the logits of a frozen copy of the model.

    `source` says which policy drew them (None where that is not known, as in a batch made by hand).
    `log_probs` is the log-probability of each drawn token under that policy, 0 elsewhere.
    """

    chosen: Bool[Tensor, "B T"]
    reward: Float[Tensor, "B T"]
    tokens: Int[Tensor, "B L"]
    frozen: Float[Tensor, "B T V"] | None = None
    log_probs: Float[Tensor, "B T"] | None = None
    source: Source | None = field(default=None, repr=False)


def _legal(graph: LegalSteps, tokens: Tensor) -> Tensor:
    """Whether each step follows an edge; steps from or into END do not.  # [B, T]"""
    return graph.legal[tokens[:, :-1], tokens[:, 1:]]


def judged(graph: LegalSteps, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Which rows are correct paths [B], and which step of each goes from target to END [B, T].

    The rows are not checked: they must be rows of this graph's tokens.
    """
    chosen, into_end = Vocab(graph.n).chosen(tokens), tokens[:, 1:] == graph.n
    arrived = chosen & into_end & (tokens[:, :-1] == tokens[:, 1:2])
    wrong = (chosen & ~into_end & ~_legal(graph, tokens)).any(1) | (tokens[:, 0] != tokens[:, 2])
    return arrived.any(1) & ~wrong, arrived


def is_path(graph: Graph, tokens: Int[Tensor, "B L"]) -> Bool[Tensor, " B"]:
    """Whether each row is a correct path: `s t s ... t END`, every step an edge."""
    Vocab(graph.n).check(tokens, least=PROMPT)
    return judged(graph, tokens)[0]


def outcome_reward(
    graph: Graph, tokens: Int[Tensor, "B L"], *, scale: float = 1.0
) -> Float[Tensor, "B T"]:
    """`scale` at the step into the target of a correct path; 0 elsewhere and in other rows."""
    Vocab(graph.n).check(tokens, least=PROMPT)
    right, arrived = judged(graph, tokens)
    reward = torch.zeros(arrived.shape)
    reward[:, :-1] = (arrived[:, 1:] & right[:, None]) * scale
    return reward


def process_reward(
    graph: Graph, tokens: Int[Tensor, "B L"], *, scale: float = 1.0
) -> Float[Tensor, "B T"]:
    """scale * (1[next = target] - 1[(current, next) is no edge]) at every chosen step.

    END before the target counts as an illegal step; END at the target costs nothing.
    """
    Vocab(graph.n).check(tokens, least=PROMPT)
    return shaped_reward(graph, tokens, target=scale, edge=scale)


def shaped_reward(
    graph: LegalSteps,
    tokens: Int[Tensor, "B L"],
    *,
    target: float | Tensor = 1.0,
    edge: float | Tensor = 1.0,
    cost: float | Tensor = 0.0,
    strict: float | Tensor = 0.0,
) -> Float[Tensor, "B T"]:
    """target * 1[next = target] - edge * 1[(current, next) is no edge] - cost at chosen steps.

    `strict` is the share of `target` that is paid for correct paths only: with 1, and nothing else
    charged, this is the outcome reward; with 0 and target = edge, the process reward. The step
    from the target to END costs nothing.
    """
    chosen, right = Vocab(graph.n).chosen(tokens), judged(graph, tokens)[0][:, None]
    current, next_node = tokens[:, :-1], tokens[:, 1:]
    done = (current == tokens[:, 1:2]) & (next_node == graph.n)
    arrives = (next_node == tokens[:, 1:2]).float() * (1.0 - strict * (~right).float())
    illegal = (~_legal(graph, tokens) & ~done).float()
    return (target * arrives - edge * illegal - cost * (~done).float()) * chosen


@dataclass(frozen=True)
class Task:
    """Source-target pairs on one graph, and the reward of a path."""

    graph: Graph
    pairs: Int[Tensor, "M 2"]
    reward: Reward = field(default=outcome_reward)

    def __post_init__(self) -> None:
        pairs = self.pairs
        self.vocab.check_pairs(pairs)
        source, target = pairs.T
        useless = (source == target) | ~self.graph.reachability[target, source]
        if useless.any():
            bad = pairs[useless][0].tolist()
            why = "has source = target" if bad[0] == bad[1] else "has no path"
            raise InputError(
                f"pair {tuple(bad)} {why} ({int(useless.sum())} of {len(pairs)} pairs are like "
                "that): take pairs from all_pairs(graph)"
            )

    @property
    def vocab(self) -> Vocab:
        """The tokens of this task's graph."""
        return Vocab(self.graph.n)

    def batch(self, tokens: Int[Tensor, "B L"]) -> Batch:
        """These rows with their chosen steps and the reward of each step."""
        self.vocab.check(tokens)
        reward = self.reward(self.graph, tokens)
        _check_reward(self.reward, reward, [len(tokens), tokens.shape[1] - 1])
        return Batch(self.vocab.chosen(tokens), reward, tokens)


def _check_reward(function: Reward, reward: Any, shape: list[int]) -> None:
    """Raise InputError unless a reward function returned a finite number for each step."""
    if not isinstance(reward, torch.Tensor):
        bad = shown(reward)
    elif list(reward.shape) != shape:
        bad = f"a tensor of shape {list(reward.shape)}"
    elif not reward.is_floating_point():
        bad = f"a tensor of {reward.dtype}"
    elif not reward.isfinite().all():
        row, step = (~reward.isfinite()).nonzero()[0].tolist()
        bad = f"{float(reward[row, step])} at step {step} of row {row}"
    else:
        return
    inner = getattr(function, "func", function)  # of a functools.partial
    name = getattr(inner, "__name__", type(inner).__name__)
    raise InputError(
        f"the reward function {name} returned {bad}: expected finite floating-point numbers of "
        f"shape {shape}, one for each step of each row of tokens"
    )


def all_pairs(graph: Graph, reward: Reward = outcome_reward) -> Task:
    """Every pair that has a path: all (s, t), s != t, such that s can reach t."""
    reach = graph.reachability.clone().fill_diagonal_(False)
    return Task(graph, reach.T.nonzero(), reward)


def split(
    task: Task, fraction: float, rng: torch.Generator, *, force_edges: bool = False
) -> tuple[Task, Task]:
    """Train and test task: a random `fraction` of the pairs, with every target, and the rest.

    With `force_edges` the pairs that are edges all go to train, and `fraction` is of the others.
    """
    if not 0.0 < number(fraction, "fraction") < 1.0:
        raise InputError(f"fraction is the share of pairs for training, inside (0, 1): {fraction}")
    pairs = task.pairs[torch.randperm(len(task.pairs), generator=rng)]
    source, target = pairs.T
    rank = torch.ones(len(pairs))
    seen = torch.zeros(task.graph.n, dtype=torch.bool)
    for row, t in enumerate(target.tolist()):  # the first pair of each target goes to train
        if not seen[t]:
            rank[row], seen[t] = 0.0, True
    edge = task.graph.adjacency[source, target] & force_edges
    rank[edge] = -1.0
    size = int(edge.sum()) + round(fraction * int((~edge).sum()))
    size = max(size, int((rank < 1).sum()))
    train = torch.zeros(len(pairs), dtype=torch.bool)
    train[rank.argsort(stable=True)[:size]] = True
    if train.all():
        raise InputError(
            f"this split leaves no test pair: {len(pairs)} pairs, {size} needed for training "
            "(each target needs one): take a smaller fraction or a larger graph"
        )
    return replace(task, pairs=pairs[train]), replace(task, pairs=pairs[~train])


def parameter_state(model: Any) -> tuple[tuple[int, int], ...]:
    """A mark of a model's parameters that changes whenever torch changes them in place.

    Fused optimizers are the exception: after their step `train` tells torch of the change.
    """
    return tuple((p.data_ptr(), 0 if p.is_inference() else p._version) for p in model.parameters())


@dataclass(frozen=True)
class Source:
    """Which model drew the paths of a batch, and how: so a loss can tell whether it is on-policy.

    On-policy is what the model that is trained drew, with its present parameters, from
    softmax(logits). `policy` is that model (None: they were demonstrated) and `parameters` the
    `parameter_state` it had. `sampling` names the options by which the sampler departs from
    softmax(logits); `covers` is False if it leaves out tokens that have a probability; `may_stop`
    and `stop_at_target` are the sampler's own. `learner` is the model that is being trained, where
    `train` has said so.
    """

    policy: Any
    parameters: tuple[tuple[int, int], ...] = ()
    sampling: str = ""
    covers: bool = True
    may_stop: bool = True
    stop_at_target: bool = True
    learner: Any = None

    def off_policy(self, stops: bool) -> str:
        """Why these paths are not the policy's own; "" if nothing says so.

        `stops` says whether the policy that is trained may end a path before its target.
        """
        if self.policy is None:
            return "its rows are demonstrations, the model did not draw them"
        forced = "may_stop=False" if stops and not self.may_stop else ""
        if self.sampling or forced:
            sampler = ", ".join(filter(None, (self.sampling, forced)))
            return f"its paths were drawn with Sampler({sampler})"
        if self.learner is not None and self.learner is not self.policy:
            return "its paths were drawn from another model than the one that is trained"
        if self.parameters != parameter_state(self.policy):
            return "its paths were drawn before the model's parameters were last changed"
        return ""

    def leaves_out(self, stops: bool) -> str:
        """Which of the policy's paths can't be among these, so that no weights help; "" if none."""
        if self.policy is None:
            return "all but the demonstrated ones"
        if not self.covers:
            return "all but the most likely ones (greedy=True)"
        return "those that end before the target (may_stop=False)" * (stops and not self.may_stop)
