"""The book's exercises: each takes what a reader wrote, tries it, and names the likely mistake."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from planrl.evaluate import evaluate
from planrl.graphs import Graph, chain, diamond, random_dag, seeded
from planrl.models import LogitTable
from planrl.objectives import Loss, policy_gradient, sft
from planrl.paths import sample_paths
from planrl.rollouts import demonstrations, on_policy
from planrl.tasks import Task, all_pairs
from planrl.theory import sft_optimum
from planrl.train import TrainConfig, train


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and what it says to the reader."""

    right: bool
    text: str

    def __repr__(self) -> str:
        return ("Right. " if self.right else "Not yet. ") + self.text

    def _repr_html_(self) -> str:
        kind = "planrl-right" if self.right else "planrl-wrong"
        return f'<p class="planrl-verdict {kind}">{html.escape(repr(self))}</p>'


def _ask(function: Callable[..., Any], *given: Any) -> tuple[Any, Verdict | None]:
    """What the reader's function returns, or the verdict on why it returns nothing of use."""
    try:
        answer = function(*given)
    except Exception as error:  # the reader's code may raise anything; it is told what
        return None, Verdict(False, f"Your function raised {type(error).__name__}: {error}")
    if answer is None or answer is Ellipsis:
        return None, Verdict(False, "Your function returned nothing yet: write its body.")
    return answer, None


def reachability(function: Callable[[Tensor], Any]) -> Verdict:
    """Try function(adjacency [N, N]) -> reachability [N, N], target first."""
    graphs = [chain(4), diamond(2), random_dag(15, 0.2, seeded(0, "graph"))]
    for graph in [*graphs, Graph(3, [(0, 1), (1, 0), (1, 2)])]:
        answer, wrong = _ask(function, graph.adjacency.clone())
        if wrong:
            return wrong
        table, n = torch.as_tensor(answer).bool(), graph.n
        told = f"On the graph with edges {list(graph.edges)[:4]}"
        if table.shape != (n, n):
            return Verdict(False, f"{told}: expected a table {n} x {n}, got {list(table.shape)}.")
        if torch.equal(table, graph.reachability):
            continue
        if torch.equal(table, graph.reachability.T):
            hint = "your table has the source first; R[target, from] has the target first."
        elif torch.equal(table | torch.eye(n, dtype=torch.bool), graph.reachability):
            hint = "every node reaches itself: the diagonal is true."
        elif not (table & ~graph.reachability).any():
            hint = "some longer paths are missing: go on until nothing new is reached."
        else:
            hint = "it says that some nodes are reached that no path leads to."
        return Verdict(False, f"{told}: {hint}")
    return Verdict(True, "Four graphs, one with a cycle, all agree with graph.reachability.")


def path_count(function: Callable[[Tensor, int, int], Any]) -> Verdict:
    """Try function(adjacency, source, target) -> number of different paths."""
    for graph in (chain(4), diamond(3), random_dag(10, 0.4, seeded(0, "graph"))):
        truth = graph.count_paths()
        for source, target in all_pairs(graph).pairs.tolist():
            answer, wrong = _ask(function, graph.adjacency.clone(), source, target)
            if wrong:
                return wrong
            wanted = int(truth[target, source])
            if int(answer) != wanted:
                hint = ""
                if int(answer) == 1:
                    hint = " Sum over all next nodes, do not stop at the first that leads there."
                elif int(answer) == 0:
                    hint = " At the target itself there is one path: the empty one."
                told = f"From {source} to {target} on edges {list(graph.edges)[:5]}"
                return Verdict(False, f"{told}: expected {wanted}, got {int(answer)}.{hint}")
    return Verdict(True, "Three graphs, every pair: the counts agree with graph.count_paths().")


def frequencies(function: Callable[[Tensor, int, int, int], Any]) -> Verdict:
    """Try function(rows, target, here, vocabulary size) -> the law SFT ends at (Theorem 3.1)."""
    task = all_pairs(random_dag(9, 0.45, seeded(1, "graph")))
    rows = sample_paths(task, 3, seeded(0, "paths"))
    truth, size = sft_optimum(task, rows), task.vocab.size
    for target, here in (~truth[..., 0].isnan()).nonzero().tolist():
        answer, wrong = _ask(function, rows.clone(), target, here, size)
        if wrong:
            return wrong
        law = torch.as_tensor(answer).float()
        if law.shape != (size,):
            return Verdict(False, f"Expected {size} probabilities, got shape {list(law.shape)}.")
        if torch.allclose(law, truth[target, here], atol=1e-4):
            continue
        hint = "compare your counts with the rows themselves, printed by task.vocab.show(rows)."
        if abs(float(law.sum()) - 1) > 1e-3:
            hint = "the numbers do not sum to 1: divide the counts by their sum."
        elif (law > 0).sum() > (truth[target, here] > 0).sum():
            hint = "you count too much: only rows with this target, only steps after the prompt."
        return Verdict(False, f"For target {target} at node {here}: {hint}")
    return Verdict(True, "For every target and node the law is the one SFT ends at.")


def teach(rows: Any) -> Verdict:
    """Train a table on 0 -> 1 -> 2 with the reader's walks added; can it now go from 0 to 2?"""
    graph = chain(3)
    if rows is Ellipsis or not rows:
        return Verdict(False, "No walk was given: add one, as a list of nodes such as [0, 1].")
    walks = [[0, 1], [1, 2], *[list(map(int, row)) for row in rows]]
    for walk in walks:
        steps = list(pairwise(walk))
        if len(walk) < 2 or not set(steps) <= set(graph.edges):
            return Verdict(False, f"{walk} is no walk on 0 -> 1 -> 2.")
    filled = [[w[0], w[-1], *w, *[3] * (4 - len(w))] for w in walks]
    task = all_pairs(graph)
    shown = demonstrations(task, torch.tensor(filled), rng=seeded(0, "batches"), size=None)
    model = LogitTable(task.vocab)
    for _ in train(model, shown, sft, TrainConfig(steps=300, lr=0.1)):
        pass
    asked = Task(graph, torch.tensor([[0, 2]]))
    accuracy = float(evaluate(model, asked, rng=seeded(0, "probe"), samples=200).accuracy)
    if accuracy > 0.9:
        return Verdict(True, f"Asked for 0 to 2, it is now right {accuracy:.0%} of the time: what "
                             "was missing is not an edge but a row with this target.")  # fmt: skip
    return Verdict(False, f"Asked for 0 to 2 it is right {accuracy:.0%} of the time: rows about "
                          "other targets teach it nothing of this one.")  # fmt: skip


def _walked() -> tuple[Task, LogitTable, Any]:
    task = all_pairs(random_dag(10, 0.4, seeded(0, "graph")))
    model = LogitTable(task.vocab)
    with torch.no_grad():
        model.table[:, :, :10] += 2.0 * task.graph.correct
    return task, model, next(on_policy(model, task, rng=seeded(0, "walks"), size=256))


def baseline(loss: Loss) -> Verdict:
    """Try the reader's policy gradient with the batch's mean return as baseline."""
    _, model, batch = _walked()

    def gradient(given: Loss) -> Tensor:
        (slope,) = torch.autograd.grad(given(model(batch.tokens[:, :-1]), batch), model.table)
        return slope

    answer, wrong = _ask(lambda: gradient(loss))
    if wrong:
        return wrong
    plain = gradient(policy_gradient)
    wanted = gradient(lambda logits, given: policy_gradient(logits, given, baseline=True))
    if torch.allclose(answer, wanted, atol=1e-6):
        return Verdict(True, "Same gradient as policy_gradient(..., baseline=True).")
    if torch.allclose(answer, plain, atol=1e-6):
        return Verdict(False, "That is the plain policy gradient: nothing is subtracted yet.")
    if torch.allclose(answer, -wanted, atol=1e-6):
        return Verdict(False, "The sign is turned round: a loss is made smaller.")
    ratio = float((answer * wanted).sum() / wanted.square().sum())
    if torch.allclose(answer, ratio * wanted, atol=1e-6):
        return Verdict(False, f"Right direction, but {ratio:.3g} times too large: divide by the "
                              "number of walks.")  # fmt: skip
    return Verdict(False, "Subtract the mean over walks of the *return*, a walk's summed rewards.")


def keeps_diversity(loss: Loss, *, steps: int = 400) -> Verdict:
    """Train with the reader's loss and with the plain one; are there more ways, and as right?"""
    task, scores = _walked()[0], []
    for given in (policy_gradient, loss):
        model = LogitTable(task.vocab)
        walks = on_policy(model, task, rng=seeded(0, "walks"))
        run = train(model, walks, given, TrainConfig(steps=steps, lr=0.1))
        _, wrong = _ask(lambda run=run: [record.step for record in run])
        if wrong:
            return wrong
        scores.append(evaluate(model, task, rng=seeded(0, "probe"), samples=50))
    plain, yours = (float(score.diversity.mean()) for score in scores)
    accuracy = float(scores[1].accuracy.mean())
    told = (f"With your loss {yours:.2f} different right paths a question (plain: {plain:.2f}), "
            f"accuracy {accuracy:.2f}.")  # fmt: skip
    if accuracy < 0.85:
        return Verdict(False, f"{told} The bonus drowns the reward: make it smaller.")
    if yours < 1.2 * plain:
        return Verdict(False, f"{told} That is hardly more: does your bonus *reward* entropy?")
    return Verdict(True, told)
