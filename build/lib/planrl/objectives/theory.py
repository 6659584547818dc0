"""What the mathematics predicts, computed exactly, and checks of a run against it.

Theorem 3.1  SFT's stable point: softmax f(i, j)[k] = N_ijk / sum_k' N_ijk', with N_ijk how
             often the data steps j -> k when the target is i.
Theorem 4.3  KL(U_C || q) between the uniform distribution on the correct next nodes and the policy.
Theorem 5.2  Process reward: f*(i, j)[k] = A[j, k] + R[i, k] - 1, on a DAG from any start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError, number, whole
from planrl.graphs import MOST_CUBE, MOST_NODES, Graph, check_size
from planrl.tasks import PROMPT, Task, Vocab

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor


def step_counts(vocab: Vocab, tokens: Int[Tensor, "M L"]) -> Float[Tensor, "N N V"]:
    """N[i, j, k]: how often these rows step j -> k on the path to i, END among the k."""
    vocab.check_prompts(tokens)
    check_size(vocab.n_nodes, MOST_CUBE, "counting steps by target")
    chosen = vocab.chosen(tokens)
    target = tokens[:, 1:2].expand_as(chosen)[chosen]
    current, next_node = tokens[:, :-1][chosen], tokens[:, 1:][chosen]
    counts = torch.zeros(vocab.n_nodes, vocab.n_nodes, vocab.size)
    one = torch.ones(len(current))
    return counts.index_put_((target, current, next_node), one, accumulate=True)


def sft_optimum(task: Task, tokens: Int[Tensor, "M L"]) -> Float[Tensor, "N N V"]:
    """The limit of SFT on these rows, probabilities [target, current, next]; nan without data.

    Source: Theorem 3.1.
    """
    counts = step_counts(task.vocab, tokens)
    return counts / counts.sum(-1, keepdim=True)


def optimal_q(
    task: Task, *, discount: float = 1.0, start: float | Tensor = 0.0, sweeps: int = 10_000
) -> Float[Tensor, "N N V"]:
    """The fixed point of Q-learning's update, [target, current, next], from `start` by iteration.

    `start` is one number or a table of them. Each step earns what the task's reward gives a path of
    that single step. nan where the current node is the target: nothing is chosen there.
    On a DAG with process reward this is A + R - 1 from any start (Theorem 5.2); with directed
    cycles or outcome reward it depends on `start` (Theorem 5.1).
    """
    number(discount, "discount", least=0.0, most=1.0)
    whole(sweeps, "sweeps", least=1)
    n = task.graph.n
    check_size(n, MOST_CUBE, "optimal_q")
    target, current, next_node = torch.cartesian_prod(*[torch.arange(m) for m in (n, n, n + 1)]).T
    rows = torch.stack([current, target, current, next_node, torch.full_like(current, n)], 1)
    earned = task.reward(task.graph, rows)[:, PROMPT - 1].view(n, n, n + 1)
    q = torch.as_tensor(start, dtype=torch.float32).expand(n, n, n + 1)
    same = torch.eye(n, dtype=torch.bool)
    for _ in range(sweeps):
        value = q[..., :n].amax(-1).masked_fill(same, 0.0)  # [target, next]; 0 once there
        value = torch.cat([value, torch.zeros(n, 1)], 1)  # and after END
        updated = earned + discount * value[:, None, :]
        if torch.equal(updated, q):
            break
        q = updated
    else:
        raise InputError(
            f"no fixed point after {sweeps} sweeps: a cycle of this graph earns for ever; "
            f"use a discount below 1 (discount={discount} was given)"
        )
    q = q.clone()
    q[same] = torch.nan
    return q


def process_optimum(graph: Graph) -> Float[Tensor, "N N N"]:
    """Theorem 5.2's closed form A[j, k] + R[i, k] - 1 as a tensor [target, current, next]."""
    check_size(graph.n, MOST_CUBE, "process_optimum")
    return graph.adjacency.float()[None] + graph.reachability[:, None] - 1.0


def kl_to_uniform(graph: Graph, logits: Float[Tensor, "N N V"]) -> Float[Tensor, "N N"]:
    """KL(U_C || q) of every (target, current), in nats; nan where no next node is correct.

    U_C is uniform on the correct next nodes, q = softmax(logits). Source: Theorem 4.3.
    """
    number = graph.correct.sum(-1)
    logq = logits.log_softmax(-1)[..., : graph.n]
    cross = torch.where(graph.correct, -logq, 0.0).sum(-1) / number  # 0 / 0 = nan where C is empty
    kl = cross - number.log()
    return kl.masked_fill(torch.eye(graph.n, dtype=torch.bool), torch.nan)


def kl_drift(policy: Float[Tensor, " C"], lr: float) -> float:
    """How much one update of size `lr` raises KL(U_C || q) in expectation, to second order.

    (lr^2 / 2) ||diag(q) - q q^T||^2 for a policy q whose choices are all correct: the update
    f + lr (e_k - q), k drawn from q, is 0 on average, and the KL is convex in f.
    Multiply `lr` by what scales such an update: 1 - c for the constant baseline c, and lambda for
    k1 in the loss, whose updates are of this kind anywhere. Source: Theorem 4.3, our derivation.
    """
    spread = policy.diag() - torch.outer(policy, policy)
    return float(lr**2 / 2 * spread.square().sum())


def collapse_times(
    choices: int, *, lr: float, batch: int = 1, runs: int = 100, rng: torch.Generator
) -> Float[Tensor, " R"]:
    """After how many updates each of `runs` policies gives one of its choices probability 0.99.

    All choices are correct and equally likely at first; an update averages over `batch` draws.
    """
    whole(choices, "choices", least=1, most=MOST_NODES)
    whole(batch, "batch", least=1)
    number(lr, "lr", least=1e-6)
    logits = torch.zeros(whole(runs, "runs", least=1), choices)
    times, step = torch.zeros(runs), 0
    while (times == 0).any():
        policy, step = logits.softmax(-1), step + 1
        times[(times == 0) & (policy.amax(-1) >= 0.99)] = step
        drawn = torch.multinomial(policy, batch, replacement=True, generator=rng)
        share = torch.zeros_like(logits).scatter_add_(1, drawn, torch.ones(runs, batch)) / batch
        logits = logits + lr * (share - policy)
    return times


@dataclass(frozen=True)
class Check:
    """A claim that held: the largest gap between prediction and observation."""

    claim: str
    gap: float
    tolerance: float
    compared: int

    def __str__(self) -> str:
        return (
            f"holds: {self.claim}\n  largest gap {self.gap:.2g} over {self.compared:,} values "
            f"(allowed: {self.tolerance:g})"
        )


def check(
    claim: str, *, predicted: Tensor | float, observed: Tensor | float, tolerance: float
) -> Check:
    """The largest |predicted - observed|, nan predictions left out.

    Raises AssertionError, naming the claim and the gap, when it is above the tolerance.
    """
    number(tolerance, "tolerance", least=0.0)
    try:
        difference = torch.as_tensor(predicted) - torch.as_tensor(observed)
    except (RuntimeError, TypeError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise InputError(
            f"{claim!r} compares numbers or tensors of one shape, predicted and observed: {said}"
        ) from None
    told = ~torch.as_tensor(predicted).isnan().expand_as(difference)
    if not told.any():
        raise InputError(f"nothing to check for {claim!r}: every prediction is nan")
    gap = float(difference[told].abs().max())
    result = Check(claim, gap, tolerance, int(told.sum()))
    if not gap <= tolerance:
        raise AssertionError(f"does not hold: {claim}: gap {gap:.3g}, allowed {tolerance:g}")
    return result
