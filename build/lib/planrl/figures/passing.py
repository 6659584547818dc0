"""What a picture of a graph shows as the width of its edges: the share of paths that pass each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from planrl.errors import InputError, number, whole
from planrl.graphs import Graph
from planrl.models import PathModel, check_device
from planrl.sampling import Sampler
from planrl.tasks import PROMPT, Vocab

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor


def edge_use(graph: Graph, tokens: Int[Tensor, "B L"]) -> Float[Tensor, "N N"]:
    """The share of these paths that step from each node to each other, [current, next]."""
    vocab = Vocab(graph.n)
    vocab.check(tokens)
    chosen = vocab.chosen(tokens) & (tokens[:, 1:] != vocab.end)
    use = torch.zeros(graph.n, graph.n)
    steps = tokens[:, :-1][chosen], tokens[:, 1:][chosen]
    return use.index_put_(steps, torch.ones(int(chosen.sum())), accumulate=True) / len(tokens)


@torch.inference_mode()
def passing_probs(
    model: PathModel,
    source: int,
    target: int,
    *,
    sampler: Sampler | None = None,
    least: float = 1e-5,
) -> Float[Tensor, "N N"]:
    """The probability that a path from source to target passes each step, [current, next].

    The model's probabilities are added up over all beginnings of paths; nothing is sampled. A step
    counts once for each path, also where a path takes it twice. Beginnings less likely than `least`
    are left out, which can only make values smaller.
    """
    sampler, end = sampler or Sampler(), model.vocab.end
    pair = torch.tensor([[whole(source, "source"), whole(target, "target")]])
    check_device(model)
    model.vocab.check_pairs(pair)
    if not 0.0 < number(least, "least") < 1.0:
        raise InputError(f"least is a probability inside (0, 1), but {least} was given")
    tokens, mass = model.vocab.prompt(pair), torch.ones(1)
    decoder = model.decoder(tokens, sampler.max_tokens)
    passed = torch.zeros(end, end)
    for length in range(PROMPT, sampler.max_tokens):
        probs = mass[:, None] * sampler.probs(decoder.logits())
        row, token = (probs >= least).nonzero().T
        mass, current = probs[row, token], tokens[row, -1]
        before = tokens[row, PROMPT - 1 : -1] == current[:, None]
        again = (before & (tokens[row, PROMPT:] == token[:, None])).any(1)
        new = ~again & (token != end)
        passed.index_put_((current[new], token[new]), mass[new], accumulate=True)
        going = ~sampler.ends(token, tokens[row, 1], end)
        row, token, mass = row[going], token[going], mass[going]
        if not len(row) or length == sampler.max_tokens - 1:
            break
        tokens = torch.cat([tokens[row], token[:, None]], 1)
        decoder.keep(row)
        decoder.push(token)
    return passed
