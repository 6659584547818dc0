"""Roll-outs: planrl's walks next to `generate` of Hugging Face and of a plain GPT."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache

import peers_hf
import peers_plain
import torch
from harness import Row, Work
from setting import MAX_TOKENS, SAMPLER, Dataset, distance, expected_distance

import planrl as pr

NEW = MAX_TOKENS - 3
GREEDY = pr.Sampler(greedy=True, max_tokens=MAX_TOKENS)
SAME = 1e-10  # in double precision, where rounding hides nothing


def same_rollouts(mine: torch.Tensor, theirs: torch.Tensor, end: int) -> int:
    """How many rows differ, whatever the filling's width."""
    width = max(mine.shape[1], theirs.shape[1])
    wide = [torch.nn.functional.pad(x, (0, width - x.shape[1]), value=end) for x in (mine, theirs)]
    return int((wide[0] != wide[1]).any(1).sum())


def sampled_law(dataset: Dataset) -> tuple[bool, str]:
    """Whether the first token that roll-outs draw for one question follows the model's softmax."""
    draws, one = dataset.size.draws, pr.Sampler(max_tokens=4)
    some = dataset.questions(100, "one question")
    with torch.no_grad():
        all_probs = dataset.base(some[:, [0, 1, 0]])[:, 2].double().softmax(-1)
    widest = int(
        (all_probs * all_probs.log()).sum(1).argmin()
    )  # the law with the most to get wrong
    pairs, probs = some[[widest]].expand(draws, 2), all_probs[widest]
    drawn = pr.rollout(dataset.base, pairs, rng=pr.seeded(0, "draws"), sampler=one)[:, 3]
    gap = distance(torch.bincount(drawn, minlength=len(probs)), probs)
    due = expected_distance(probs, draws)
    return gap <= 1.5 * due, (
        f"{draws:,} drawn next tokens are {gap:.4f} (total variation) from softmax, "
        f"{due:.4f} expected of true draws"
    )


def compare(
    dataset: Dataset,
    net: torch.nn.Module,
    read: Callable[[torch.nn.Module, torch.Tensor], torch.Tensor],
    walks: Callable[[torch.Tensor], torch.Tensor],
) -> tuple[bool, str]:
    """Whether a peer has our logits on given rows and our greedy walks, and we draw rightly.

    Logits have to be the same in double precision. In single both are about 1e-5 off the exact
    ones, by rounding alone, so there the gap is told and decides nothing.
    """
    end, rows = dataset.task.vocab.end, dataset.walks(512)
    chosen, given = dataset.task.vocab.chosen(rows), rows[:, :-1]
    with torch.no_grad():
        exact = read(copy.deepcopy(net).double(), given)[chosen]
        double, single = (m(given)[chosen] for m in (dataset.fresh().double(), dataset.base))
        theirs = read(net, given)[chosen]
    same, off, peer_off, apart = (
        float((x - y).abs().max())
        for x, y in ((double, exact), (single, exact), (theirs, exact), (single, theirs))
    )
    pairs = dataset.questions(dataset.size.walks)
    mine = pr.rollout(dataset.base, pairs, rng=pr.seeded(0, "greedy"), sampler=GREEDY)
    unlike = same_rollouts(mine, walks(pairs), end)
    lawful, how = sampled_law(dataset)
    return same <= SAME and unlike == 0 and lawful, (
        f"logits differ by {same:.1e} in double precision, by {apart:.1e} in single (from the "
        f"exact ones ours by {off:.1e}, the peer's by {peer_off:.1e}); "
        f"{len(pairs) - unlike} of {len(pairs)} greedy walks "
        f"are identical; {how}"
    )


def rollout_rows(dataset: Dataset) -> list[Row]:
    """The rows about roll-outs."""
    size, end = dataset.size, dataset.task.vocab.end
    rng = pr.seeded(0, "our walks")
    hf = cache(lambda: peers_hf.gpt2(dataset.base))
    plain = cache(lambda: peers_plain.Gpt(dataset.base))
    questions = cache(dataset.questions)

    def ours(count: int) -> Callable[[], Work]:
        def side() -> Work:
            pr.rollout(dataset.base, questions(count), rng=rng, sampler=SAMPLER)
            return Work(count)

        return side

    def hugging_face(count: int, *, cached: bool = True) -> Callable[[], Work]:
        def side() -> Work:
            peers_hf.rollouts(hf(), questions(count), NEW, cached=cached)
            return Work(count)

        return side

    def nano() -> Work:
        peers_plain.generate(plain(), questions(size.walks), NEW)
        return Work(size.walks)

    def check_hf() -> tuple[bool, str]:
        return compare(
            dataset,
            hf(),
            lambda net, rows: net(rows, use_cache=False).logits,
            lambda pairs: peers_hf.rollouts(hf(), pairs, NEW, greedy=True),
        )

    def check_plain() -> tuple[bool, str]:
        return compare(
            dataset,
            plain(),
            lambda net, rows: net(rows),
            lambda pairs: peers_plain.cut(
                peers_plain.generate(plain(), pairs, NEW, greedy=True), end
            ),
        )

    stops = (
        "the peer too ends a walk at its target, by a StoppingCriteria (so nothing is spent on "
        "saying END there), and stops when all have ended"
    )
    transformers = {"unit": "walks/s", "needs": ("transformers",), "check": check_hf}
    return [
        Row(
            name=f"roll-out B={size.walks} vs HF",
            ours=ours(size.walks),
            peer=hugging_face(size.walks),
            peer_name="transformers generate, cache",
            goal=5.0,
            note=stops,
            **transformers,
        ),
        Row(
            name=f"roll-out B={size.few_rollouts} vs HF",
            ours=ours(size.few_rollouts),
            peer=hugging_face(size.few_rollouts),
            peer_name="transformers generate, cache",
            note=stops,
            **transformers,
        ),
        Row(
            name=f"roll-out B={size.walks} vs HF without cache",
            ours=ours(size.walks),
            peer=hugging_face(size.walks, cached=False),
            peer_name="transformers generate, no cache",
            rounds=3,
            **transformers,
        ),
        Row(
            name=f"roll-out B={size.walks} vs plain GPT",
            ours=ours(size.walks),
            peer=nano,
            check=check_plain,
            peer_name="plain torch generate: no cache, no stop",
            unit="walks/s",
            rounds=3,
        ),
    ]
