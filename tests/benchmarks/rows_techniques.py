"""What each technique gains: the same work with it and with it undone, and what was tried in vain.

A technique is undone by putting a plain piece of code in the place of ours while the peer runs.
What is named *tried* is not in the library: there ours is the library, the peer the attempt.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, partial
from importlib import import_module
from unittest.mock import patch

import torch
from harness import Row, Work
from rows_train import LR, Found, apart, gradients
from setting import SAMPLER, Dataset
from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention

import planrl as pr
from planrl import sampling
from planrl.transformer import block as blocks
from planrl.transformer import model as transformer
from planrl.transformer.kernels import Packing
from planrl.transformer.kv_cache import _CachedDecoder

loop = import_module("planrl.train")  # planrl.train itself is the function in it
Check = Callable[[], tuple[bool, str]]
Undoing = Callable[[], AbstractContextManager[object]]


def everywhere(tokens: torch.Tensor, end: int, first: int) -> tuple[Packing, Packing]:
    """As if every place that is not filling chose something."""
    live = tokens != end
    live[:, :first] = True
    return Packing.of(live), Packing.of(live)


def padded_attention(
    q: torch.Tensor, kv: torch.Tensor, asking: Packing, asked: Packing, heads: int
) -> torch.Tensor:
    """Attention by torch's own function, on rectangles filled with zeros."""
    query = asking.pad(q).unflatten(-1, (heads, -1)).transpose(1, 2)
    key, value = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in asked.pad(kv).chunk(2, -1))
    long, length = key.shape[2], query.shape[2]
    mask = torch.ones(length, long, dtype=torch.bool).tril(long - length)
    seen = scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return asking.pack(seen.transpose(1, 2).flatten(2))


def torch_norm(model: pr.PathModel, largest: float | None) -> float:
    """The gradient's norm by torch's own function."""
    return float(torch.nn.utils.clip_grad_norm_(model.parameters(), largest or torch.inf))


@contextmanager
def without_inference_mode() -> Iterator[None]:
    """Roll-outs of ordinary tensors that merely need no gradient."""
    plain = sampling._rollout.__wrapped__  # type: ignore[attr-defined]
    with patch.object(sampling, "_rollout", torch.no_grad()(plain)):
        yield


@contextmanager
def unshared() -> Iterator[None]:
    """Every walk's own first keys and values, computed one by one."""
    plain = _CachedDecoder._read

    def read(self: _CachedDecoder, tokens: torch.Tensor, *, choosing: bool) -> torch.Tensor:
        x = self.model.tokens.weight[tokens] + self.model.positions.weight[self.at]
        for layer, block in enumerate(self.model._blocks()):
            h = block.norm_1(x)
            first = self.stores[layer].add(block.keys_values(h))
            rows = torch.arange(first, first + len(tokens))
            self.pointers[min(layer, 1), :, self.at] = rows
            if layer == self.model.config.layers - 1 and not choosing:
                break
            x = self._finished(layer, x, block.queries(h))
        self.at += 1
        return x

    _CachedDecoder._read = read
    try:
        yield
    finally:
        _CachedDecoder._read = plain


def technique_rows(dataset: Dataset) -> list[Row]:
    """Each technique, and each attempt."""
    size, task = dataset.size, dataset.train_task

    @cache
    def fine_tuning() -> pr.Run:
        rows = pr.demonstrations(
            task, dataset.demonstrations, rng=pr.seeded(0, "rows"), size=size.batch
        )
        return pr.train(dataset.fresh(), rows, pr.sft, pr.TrainConfig(lr=LR))

    def updates(count: int, run: Callable[[], pr.Run], undone: Undoing = nullcontext) -> Work:
        with undone():
            for _ in range(count):
                next(run())
        return Work(count)

    def same_update(undone: Undoing) -> tuple[bool, str]:
        batch = task.batch(dataset.demonstrations[: size.batch])
        mine = gradients(dataset.fresh(), batch, pr.sft)
        with undone():
            theirs: Found = gradients(dataset.fresh(), batch, pr.sft)
        return apart(mine, theirs, 2e-6)

    def step(name: str, undone: Undoing, **more: object) -> Row:
        return Row(
            name=f"{name}, SFT step",
            ours=lambda: updates(5, fine_tuning),
            peer=lambda: updates(5, fine_tuning, undone),
            check=lambda: same_update(undone),
            peer_name="the same without it",
            **more,
        )

    questions = cache(lambda: dataset.questions(size.walks))
    rng = pr.seeded(0, "walks")

    def walk(undone: Undoing = nullcontext, model: pr.PathModel | None = None) -> None:
        with undone():
            pr.rollout(model or dataset.base, questions(), rng=rng, sampler=SAMPLER)

    def same_rollouts(undone: Undoing) -> tuple[bool, str]:
        greedy = pr.Sampler(greedy=True, max_tokens=SAMPLER.max_tokens)
        mine = pr.rollout(dataset.base, questions(), rng=rng, sampler=greedy)
        with undone():
            theirs = pr.rollout(dataset.base, questions(), rng=rng, sampler=greedy)
        width = max(mine.shape[1], theirs.shape[1])
        fill = partial(torch.nn.functional.pad, value=dataset.task.vocab.end)
        both = [fill(x, (0, width - x.shape[1])) for x in (mine, theirs)]
        unlike = int((both[0] != both[1]).any(1).sum())
        return unlike == 0, f"{len(mine) - unlike} of {len(mine)} greedy walks are the same"

    def rolling(name: str, undone: Undoing) -> Row:
        return Row(
            name=f"{name}, roll-out",
            ours=walk,
            peer=lambda: walk(undone),
            check=lambda: same_rollouts(undone),
            peer_name="the same without it",
        )

    by_tanh = partial(patch.object, blocks, "gelu", partial(gelu, approximate="tanh"))
    return [
        step(
            "prompt's places choose nothing",
            partial(patch.object, transformer, "_packed", everywhere),
        ),
        step(
            "attention without filling",
            partial(patch.object, transformer, "attend", padded_attention),
        ),
        step("GELU by a sigmoid", by_tanh),
        step(
            "gradient norm in few calls", partial(patch.object, loop, "clip_gradient", torch_norm)
        ),
        rolling("first keys and values shared", unshared),
        rolling("finished walks dropped", partial(patch.object, sampling, "DROP", 0.0)),
        rolling("GELU by a sigmoid", by_tanh),
        rolling("inference mode", without_inference_mode),
        *tried(dataset, walk, questions),
    ]


def tried(
    dataset: Dataset, walk: Callable[..., None], questions: Callable[[], torch.Tensor]
) -> list[Row]:
    """What is not in the library, since it did not pay; on the same roll-outs and layers."""
    size, width = dataset.size, dataset.base.config.width
    rng = pr.seeded(0, "tried")
    x = torch.randn(size.walks, width, generator=rng)
    weight = torch.randn(4 * width, width, generator=rng) / width**0.5
    whole = [torch.randint(-127, 128, t.shape, generator=rng).to(torch.int8) for t in (x, weight)]
    halves = [x.bfloat16(), weight.bfloat16()]
    compiled = cache(lambda: torch.compile(dataset.fresh().blocks[0].feed_forward))
    shorter = cache(lambda: copy.deepcopy(dataset.base).bfloat16())

    def times(work: Callable[[], object]) -> Work:
        for _ in range(20):
            work()
        return Work(20)

    def plain() -> Work:
        return times(lambda: linear(x, weight))

    def close(found: Callable[[], torch.Tensor], wanted: torch.Tensor, most: float) -> Check:
        def check() -> tuple[bool, str]:
            off = float((found().float() - wanted).abs().max() / wanted.abs().max())
            return off <= most, f"results differ by {off:.1e} of the largest (at most {most:.0e})"

        return check

    def feed() -> Work:
        with torch.no_grad():
            return times(lambda: dataset.base.blocks[0].feed_forward(x))

    def compiled_feed() -> Work:
        with torch.no_grad():
            return times(lambda: compiled()(x))

    def same_logits() -> tuple[bool, str]:
        rows = dataset.walks(size.few_rollouts)[:, :-1]
        with torch.no_grad():
            return close(lambda: shorter()(rows), dataset.base(rows), 5e-2)()

    def product() -> torch.Tensor:
        return torch._int_mm(whole[0], whole[1].T).float()

    def same_feed() -> tuple[bool, str]:
        with torch.no_grad():
            return close(lambda: compiled()(x), dataset.base.blocks[0].feed_forward(x), 1e-5)()

    norm = dataset.base.blocks[0].norm_1.weight.detach() * 1.5
    folded_weight = weight * norm

    def normed() -> torch.Tensor:
        return linear(layer_norm(x, (width,), norm), weight)

    def folded() -> torch.Tensor:
        return linear(layer_norm(x, (width,)), folded_weight)

    @cache
    def optimisers() -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
        return by_tensor(), flat()

    def by_tensor() -> torch.optim.Optimizer:
        """The library's optimiser, for parameters whose gradients are all 0.01."""
        parameters = [torch.nn.Parameter(p.detach().clone()) for p in dataset.base.parameters()]
        for parameter in parameters:
            parameter.grad = torch.full_like(parameter, 0.01)
        return torch.optim.AdamW(parameters, lr=LR, weight_decay=0.0, fused=True)

    def flat() -> torch.optim.Optimizer:
        """The same, all parameters in one tensor."""
        whole = torch.cat([p.detach().flatten() for p in dataset.base.parameters()])
        parameter = torch.nn.Parameter(whole)
        parameter.grad = torch.full_like(parameter, 0.01)
        return torch.optim.AdamW([parameter], lr=LR, weight_decay=0.0, fused=True)

    def same_weights() -> tuple[bool, str]:
        ends = []
        for optimiser in (by_tensor(), flat()):
            optimiser.step()
            ends.append(torch.cat([p.flatten() for p in optimiser.param_groups[0]["params"]]))
        return close(lambda: ends[0], ends[1], 1e-7)()

    return [
        Row(
            name="tried: one flat tensor of weights, AdamW's part of a step",
            ours=lambda: times(optimisers()[0].step),
            peer=lambda: times(optimisers()[1].step),
            peer_name="fused AdamW of one tensor",
            check=same_weights,
        ),
        Row(
            name="tried: layer norm's scale folded into the projection",
            ours=lambda: times(normed),
            peer=lambda: times(folded),
            peer_name="norm without a scale, scaled weights",
            check=close(folded, normed(), 1e-5),
        ),
        Row(
            name="tried: bfloat16, the layer's largest product",
            ours=plain,
            peer=lambda: times(lambda: linear(*halves)),
            peer_name="bfloat16 product",
            check=close(lambda: linear(*halves), linear(x, weight), 2e-2),
        ),
        Row(
            name="tried: bfloat16 model, roll-out",
            ours=walk,
            peer=lambda: walk(model=shorter()),
            peer_name="the same weights in bfloat16",
            check=same_logits,
        ),
        Row(
            name="tried: int8, the layer's largest product",
            ours=plain,
            peer=lambda: times(lambda: torch._int_mm(whole[0], whole[1].T)),
            peer_name="int8 product, rescaling left out",
            check=close(product, whole[0].float() @ whole[1].float().T, 1e-6),
        ),
        Row(
            name="tried: torch.compile, feed-forward part",
            ours=feed,
            peer=compiled_feed,
            peer_name="compiled; without the time it takes to compile",
            check=same_feed,
            lacks="" if size.whole and shutil.which("g++") else "absent: needs g++, and no --quick",
        ),
    ]
