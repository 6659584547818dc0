"""Exercises on what a model stores: attention, its read-out, a table filled by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from planrl.evaluate import evaluate
from planrl.graphs import Graph, chain, diamond, random_dag, seeded
from planrl.models import LogitTable
from planrl.tasks import Vocab, all_pairs
from planrl.teaching.exercises.checks import Feedback, ask, tensor_of
from planrl.transformer import Transformer, TransformerConfig


def attention_share(function: Callable[[Tensor, Tensor], Any]) -> Feedback:
    """Try function(attention [B, L, L], going [B, L]) -> mean weight on the target."""
    attention, going = _random_attention()
    given, wrong = ask(tensor_of(function), attention.clone(), going.clone())
    if wrong:
        return wrong
    if given.numel() != 1:
        return Feedback(
            False,
            f"Expected one number, got shape {list(given.shape)}: average over "
            "all positions where `going` holds, over all rows together.",
        )
    mistakes = {
        "that is the weight on position 0, the source. The target is token 1 of a row.": attention[
            ..., 0
        ][going].mean(),
        "you average over every position: use only those where `going` holds.": attention[
            ..., 1
        ].mean(),
        "the last index is what is attended *to*: attention[row, from, to].": attention[:, 1][
            going
        ].mean(),
        "you average over rows first, so short paths weigh too much: use one mean.": (
            (attention[..., 1] * going).sum(1) / going.sum(1)
        ).mean(),
        "that is a sum: divide by the number of positions where `going` holds.": attention[..., 1][
            going
        ].sum(),
    }
    if torch.isclose(given, attention[..., 1][going].mean(), atol=1e-5):
        return Feedback(True, "That is the mean share of attention on the target.")
    for hint, value in mistakes.items():
        if torch.isclose(given, value, atol=1e-5):
            return Feedback(False, f"Got {float(given):.3f}: {hint}")
    return Feedback(
        False,
        f"Got {float(given):.3f}, expected {attention[..., 1][going].mean():.3f}:"
        " take the mean of attention[..., 1] where `going` holds.",
    )


def _random_attention() -> tuple[Tensor, Tensor]:
    """The attention of six rows of seven tokens, and where their paths are still under way."""
    rng = seeded(0, "attention")
    rows, length = 6, 7
    score = torch.randn(rows, length, length, generator=rng)
    future = torch.ones(length, length).triu(1).bool()
    attention = score.masked_fill(future, -torch.inf).softmax(-1)
    positions, ends = torch.arange(length), torch.tensor([4, 5, 6, 4, 7, 5])
    return attention, (positions >= 2) & (positions < ends[:, None])


def readout(function: Callable[[Transformer], Any]) -> Feedback:
    """Try function(model) -> W^M' [N, N], ALPINE's read-out of the adjacency, without norms."""
    n = 9
    model = Transformer(Vocab(n), TransformerConfig(width=16), seeded(0, "weights"))
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.mul_(12.0)  # large enough that every part changes the table
            else:
                weight.copy_(1 + 0.2 * torch.randn(weight.shape, generator=seeded(0, "norms")))
        truth = model.readout(norms=False).adjacency
        normed = model.readout().adjacency
        embedding, block = model.tokens.weight, model.blocks[0]
        fed = block.feed_forward(embedding)  # type: ignore[operator]
        mistakes = {
            "the token's own embedding is missing: a layer *adds* to its input.": fed @ embedding.T,
            "the feed-forward part is missing: add block.feed_forward(x).": embedding @ embedding.T,
            "you kept the layer norms. ALPINE's formula leaves them out.": normed,
            "rows and columns are exchanged: row j belongs to the current node j.": truth.T,
        }
        table, wrong = ask(tensor_of(function), model)
    if wrong:
        return wrong
    if table.shape == (n + 1, n + 1):
        return Feedback(False, "Your table contains END, too: keep the first N rows and columns.")
    if table.shape != (n, n):
        return Feedback(False, f"Expected a table {n} x {n}, got {list(table.shape)}.")
    near = 1e-3 * float(truth.abs().max())
    if torch.allclose(table, truth, atol=near):
        return Feedback(True, "Your table is model.readout(norms=False).adjacency.")
    for hint, value in mistakes.items():
        if torch.allclose(table, value[:n, :n], atol=near):
            return Feedback(False, f"Almost: {hint}")
    return Feedback(
        False,
        "The table differs from model.readout(norms=False).adjacency: take "
        "x = model.tokens.weight, add block.feed_forward(x), and compare with "
        "every embedding by `@ x.T`.",
    )


def lift(function: Callable[[Tensor, Tensor, Tensor], Any]) -> Feedback:
    """Try function(attended [V], logits [V], correct [V]) -> what attention adds to the lead.

    The lead is the highest logit of a correct next token minus the highest of a wrong one.
    """
    attended = torch.tensor([0.4, 2.5, -1.0, 0.9, 3.6, -0.2])
    logits = torch.tensor([3.1, 2.2, -0.5, 4.0, 1.0, 0.3])
    correct = torch.tensor([True, True, False, False, False, True])
    given, wrong = ask(tensor_of(function), attended.clone(), logits.clone(), correct.clone())
    if wrong:
        return wrong
    if given.numel() != 1:
        return Feedback(False, f"Expected one number, got shape {list(given.shape)}.")
    right, other = 0, 3  # the correct and the wrong token with the highest logits
    truth = attended[right] - attended[other]
    mistakes = {
        "that is the other way round: the correct token's part minus the wrong one's.": -truth,
        "that is the whole lead: choose the two tokens by `logits`, then subtract what "
        "`attended` holds for them.": logits[right] - logits[other],
        "you chose the tokens by `attended`: the model chooses by the whole `logits`.": (
            attended[correct].max() - attended[~correct].max()
        ),
        "that is the correct token's part alone: subtract the wrong one's.": attended[right],
        "you averaged: take the one token with the highest logit of each kind.": (
            attended[correct].mean() - attended[~correct].mean()
        ),
    }
    if torch.isclose(given, truth, atol=1e-5):
        return Feedback(True, "That is what attention adds to the lead of the correct token.")
    for hint, value in mistakes.items():
        if torch.isclose(given, value, atol=1e-5):
            return Feedback(False, f"Got {float(given):.3f}: {hint}")
    return Feedback(
        False,
        f"Got {float(given):.3f}, expected {float(truth):.3f}: find the correct and the wrong "
        "token with the highest logits, and subtract their parts of `attended`.",
    )


def fill(function: Callable[[Tensor, Tensor], Any]) -> Feedback:
    """Try function(A, R) -> logits [target, current, next] that plan; END is the last next."""
    for graph in (chain(4), diamond(3), random_dag(12, 0.3, seeded(0, "graph"))):
        given, n = (graph.adjacency.clone(), graph.reachability.clone()), graph.n
        table, wrong = ask(tensor_of(function), *given)
        if wrong:
            return wrong
        if table.shape != (n, n, n + 1):
            return Feedback(
                False,
                f"Expected logits [{n}, {n}, {n + 1}] (END is one more token), "
                f"got {list(table.shape)}.",
            )
        if not table.isfinite().all():
            return Feedback(False, "Some logits are not finite: use large numbers, not infinity.")
        mistake = _misstep(graph, table)
        if mistake:
            return Feedback(False, f"On the graph with edges {list(graph.edges)[:4]}: {mistake}")
        task = all_pairs(graph)
        model = LogitTable(task.vocab)
        with torch.no_grad():
            model.table.copy_(table)
        scores = evaluate(model, task, rng=seeded(0, "walks"), samples=100)
        if float(scores.accuracy.mean()) < 0.99:
            return Feedback(
                False,
                "The most probable step is correct everywhere, but only "
                f"{scores.accuracy.mean():.0%} of sampled paths are correct: the differences "
                "between logits are too small. Multiply the logits.",
            )
    return Feedback(
        True, "The table gives correct paths for every question of three graphs, untrained."
    )


def _misstep(graph: Graph, table: Tensor) -> str:
    """What is wrong with the most probable step in the first context where it is wrong."""
    source, target = (
        graph.reachability.T.nonzero()
    ).T  # every pair with a path, target itself included
    best = table[target, source].argmax(-1)
    for i, j, k in zip(target.tolist(), source.tolist(), best.tolist(), strict=True):
        where = f"with target {i} at node {j}, your most probable token is"
        if i == j:
            if k != graph.n:
                return f"at the target {i} your most probable token is {k}. Choose END there."
        elif k == graph.n:
            return f"{where} END, but the path has not reached the target."
        elif not graph.correct[i, j, k]:
            if graph.adjacency[j, k]:
                return f"{where} {k}: this is an edge, but no path leads from {k} to {i}. Use R."
            if graph.reachability[i, k]:
                return f"{where} {k}: it reaches {i}, but {j} has no edge to it. Use A."
            return f"{where} {k}. Check the order: table[target, current, next], R[target, from]."
    return ""
