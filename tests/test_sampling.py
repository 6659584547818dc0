"""Samplers, and paths sampled from a model one by one."""

import math
from dataclasses import FrozenInstanceError
from types import SimpleNamespace

import pytest
import torch

import planrl as pr
from planrl.models import Chain
from planrl.tasks import Vocab


def table_for(graph, sharpness=20.0):
    """A table that knows the way: every correct next node is equally likely, nothing else is."""
    model = pr.LogitTable(Vocab(graph.n))
    with torch.no_grad():
        model.table[:, :, : graph.n] = sharpness * graph.correct.float()
        model.table[:, :, graph.n] = -sharpness
    return model


class Stepwise(pr.LogitTable):
    """The same table behind a decoder of another kind, which has to be asked step by step."""

    def decoder(self, tokens, length):
        chain = super().decoder(tokens, length)
        return SimpleNamespace(logits=chain.logits, push=chain.push, keep=chain.keep)


def test_walks_of_a_model_that_knows_the_way_are_right_answers(small_task):
    model = table_for(small_task.graph, 60.0)
    rollouts = pr.rollout(model, small_task.pairs, rng=pr.seeded(0, "walks"))
    assert pr.is_path(small_task.graph, rollouts).all()


def test_the_sampling_law_is_softmax_of_logits_over_temperature_mixed_with_uniform():
    logits = torch.tensor([[0.0, 1.0, 2.0, -1.0]])
    sampler = pr.Sampler(temperature=0.7, epsilon=0.2)
    probs = 0.8 * (logits[0] / 0.7).softmax(-1) + 0.2 / 4
    assert torch.allclose(sampler.probs(logits)[0], probs)
    drawn = sampler.draw(logits.expand(100_000, 4), pr.seeded(0, "draws"))
    share = drawn.bincount(minlength=4) / 100_000
    assert (share - probs).abs().sum() / 2 < 0.01  # total variation


def test_a_sampler_samples_at_temperature_1_without_detours_for_20_tokens():
    logits = torch.randn(3, 5, generator=pr.seeded(0, "logits"))
    assert torch.equal(pr.Sampler().probs(logits), logits.softmax(-1))
    model = pr.LogitTable(Vocab(3))
    with torch.no_grad():
        model.table[:, :, 0] = 60.0
    assert pr.rollout(model, torch.tensor([[0, 2]]), rng=pr.seeded(0, "w")).shape == (1, 20)


def test_a_cumulative_law_ends_at_exactly_1_so_that_no_number_falls_beyond_it():
    logits = torch.randn(50, 1000, generator=pr.seeded(0, "logits"))
    sampler = pr.Sampler()
    assert (sampler.probs(logits).cumsum(-1)[:, -1] < 1).any()
    assert (sampler.cumulative(logits)[:, -1] == 1).all()


@pytest.mark.parametrize("kind", [pr.LogitTable, Stepwise])
def test_a_token_of_no_chance_is_not_drawn_even_by_the_number_0(kind, monkeypatch):
    model = kind(Vocab(3))
    with torch.no_grad():
        model.table[..., 0] = -math.inf
        model.table[..., 2] = 60.0
    monkeypatch.setattr(torch, "rand", lambda *size, **_: torch.zeros(*size))
    rollouts = pr.rollout(model, torch.tensor([[0, 2]] * 4), rng=pr.seeded(0, "w"))
    assert (rollouts[:, 3] == 1).all()


@pytest.mark.parametrize("kind", [pr.LogitTable, Stepwise])
@pytest.mark.parametrize("settings", [{}, {"greedy": True}, {"greedy": True, "epsilon": 0.5}])
def test_nobody_walks_by_logits_that_are_no_numbers(kind, settings):
    model, sampler = kind(Vocab(3)), pr.Sampler(**settings)
    with torch.no_grad():
        model.table[2, 0, 1] = math.nan
    pairs = torch.tensor([[0, 2]] * 4)
    with pytest.raises(pr.InputError, match="not finite"):
        pr.rollout(model, pairs, rng=pr.seeded(0, "w"), sampler=sampler)
    with pytest.raises(pr.InputError, match="not finite"):
        pr.sample_distinct(model, pairs, 4, rng=pr.seeded(0, "w"), sampler=sampler)


@pytest.mark.parametrize("kind", [pr.LogitTable, Stepwise])
def test_walks_are_those_of_their_generator_and_greedy_ones_ask_it_nothing(kind):
    model, pairs = kind(Vocab(4)), torch.tensor([[0, 3]] * 20)
    one, two = (pr.rollout(model, pairs, rng=pr.seeded(0, "w")) for _ in range(2))
    assert torch.equal(one, two)
    rng = pr.seeded(0, "w")
    before = rng.get_state()
    pr.rollout(model, pairs, rng=rng, sampler=pr.Sampler(greedy=True))
    assert torch.equal(rng.get_state(), before)


@pytest.mark.parametrize(
    "sampler", [pr.Sampler(may_stop=False, epsilon=0.3), pr.Sampler(may_stop=False, greedy=True)]
)
def test_a_walker_that_may_not_stop_never_draws_end(sampler):
    logits = torch.tensor([[0.0, 1.0, 9.0]]).expand(5000, 3)
    drawn = sampler.draw(logits, pr.seeded(0, "draws"))
    assert (drawn < 2).all()
    probs = sampler.probs(logits[:1])[0]
    assert probs[2] == 0
    assert probs.sum() == pytest.approx(1)
    share = drawn.bincount(minlength=3) / 5000
    assert (share - probs).abs().max() < 0.03


def test_greedy_takes_the_best_token_and_epsilon_still_explores():
    logits = torch.tensor([[0.0, 3.0, 2.9]])
    greedy, curious = pr.Sampler(greedy=True), pr.Sampler(greedy=True, epsilon=0.3)
    assert greedy.draw(logits, pr.seeded(0, "d")).tolist() == [1]
    drawn = curious.draw(logits.expand(9000, 3), pr.seeded(0, "d"))
    assert (drawn != 1).float().mean() == pytest.approx(0.2, abs=0.02)


def test_cached_walks_follow_the_models_own_law(small_task, sharp_transformer):
    """Dropping finished rows and caching keys must not change what is drawn."""
    model = sharp_transformer(5)
    greedy = pr.Sampler(greedy=True, max_tokens=10)
    rollouts = pr.rollout(model, small_task.pairs, rng=pr.seeded(0, "w"), sampler=greedy)
    target = rollouts[:, 1]
    next_node = model(rollouts[:, :-1]).argmax(-1)
    chosen = small_task.vocab.chosen(rollouts) & (rollouts[:, :-1] != target[:, None])
    assert torch.equal(rollouts[:, 1:][chosen], next_node[chosen])


def test_a_walk_ends_at_its_target_at_end_or_at_its_longest():
    graph = pr.chain(4)
    model = pr.LogitTable(Vocab(4))
    with torch.no_grad():
        model.table[3, 0, 3] = model.table[2, 0, 4] = model.table[1, 0, 0] = 50.0
    pairs = torch.tensor([[0, 3], [0, 2], [0, 1]])
    rollouts = pr.rollout(model, pairs, rng=pr.seeded(0, "w"), sampler=pr.Sampler(max_tokens=6))
    assert graph.n == 4
    assert rollouts.tolist() == [[0, 3, 0, 3, 4, 4], [0, 2, 0, 4, 4, 4], [0, 1, 0, 0, 0, 0]]


@pytest.mark.parametrize("kind", ["table", "step by step", "greedy", "counted"])
def test_a_walk_that_is_not_stopped_at_its_target_goes_on_until_the_model_says_end(kind):
    """To 1 it runs past the target, to 2 it ends there, to 3 it passes and comes back."""
    model = Stepwise(Vocab(4)) if kind == "step by step" else pr.LogitTable(Vocab(4))
    with torch.no_grad():
        for target, current, next_node in [
            *((1, 0, 1), (1, 1, 3), (1, 3, 4)),
            *((2, 0, 2), (2, 2, 4)),
            *((3, 0, 3), (3, 3, 3)),
        ]:
            model.table[target, current, next_node] = 60.0
    pairs = torch.tensor([[0, 1], [0, 2], [0, 3]])
    sampler = pr.Sampler(max_tokens=7, stop_at_target=False, greedy=kind == "greedy")
    rng = pr.seeded(0, "w")
    if kind == "counted":
        rollouts = pr.sample_distinct(model, pairs, 5, rng=rng, sampler=sampler).tokens
    else:
        rollouts = pr.rollout(model, pairs, rng=rng, sampler=sampler)
    assert rollouts.tolist() == [
        [0, 1, 0, 1, 3, 4, 4],
        [0, 2, 0, 2, 4, 4, 4],
        [0, 3, 0, 3, 3, 3, 3],
    ]
    assert pr.is_path(pr.fork(3), rollouts).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("rows", "going", "asked"),
    [
        (100, 84, 84),
        (100, 86, 100),
        (100, 40, 40),  # most of a large batch goes on as it is
        (33, 27, 27),
        (32, 20, 32),
        (32, 13, 13),
        (10, 5, 10),
        (10, 4, 4),  # a small one for longer
    ],
)
def test_finished_walks_are_dropped_once_they_are_many(rows, going, asked):
    """Some arrive at once, some give up at once, the others stand still until the end."""
    model, seen, told_more = Stepwise(Vocab(4)), [], []
    with torch.no_grad():
        model.table[1, 0, 1] = model.table[2, 0, 4] = model.table[3, 0, 0] = 60.0
    decoder = model.decoder

    def watched(tokens, length):
        inner = decoder(tokens, length)

        def logits():
            seen.append(len(inner.logits()))
            return inner.logits()

        def push(following):
            told_more.append(len(following))
            inner.push(following)

        return SimpleNamespace(logits=logits, push=push, keep=inner.keep)

    model.decoder = watched
    pairs = torch.tensor([[0, 3]] * going + [[0, 1], [0, 2]] * rows)[:rows]
    pairs = pairs[torch.randperm(rows, generator=pr.seeded(0, "order"))]
    for sampler in (pr.Sampler(max_tokens=6), pr.Sampler(max_tokens=6, greedy=True)):
        rollouts = pr.rollout(model, pairs, rng=pr.seeded(0, "w"), sampler=sampler)
        assert rollouts.shape == (rows, 6)
        told = {1: [0, 1, 0, 1, 4, 4], 2: [0, 2, 0, 4, 4, 4], 3: [0, 3, 0, 0, 0, 0]}
        assert rollouts.tolist() == [told[target] for target in pairs[:, 1].tolist()]
        assert seen == [rows, asked, asked]
        assert told_more == [asked, asked]  # nothing is asked after the last token
        seen.clear()
        told_more.clear()
    pr.rollout(model, pairs[pairs[:, 1] != 3], rng=pr.seeded(0, "w"))
    assert len(seen) == 1


def test_a_small_table_is_asked_once_for_all_its_laws(monkeypatch):
    """As soon as there are no more than 8 cells for each row; else step by step."""
    asked = []
    logits = Chain.logits
    monkeypatch.setattr(Chain, "logits", lambda chain: asked.append(1) or logits(chain))
    for nodes, rows, at_once in ((4, 2, True), (5, 3, False), (5, 4, True)):
        asked.clear()
        pairs = torch.tensor([[0, 1]] * rows)
        pr.rollout(pr.LogitTable(Vocab(nodes)), pairs, rng=pr.seeded(0, "w"))
        assert bool(asked) != at_once


def test_a_table_is_not_walked_on_when_all_walks_are_over(monkeypatch):
    """All end with their second step; every fourth place it is looked whether all have ended."""
    drawn, searchsorted = [], torch.searchsorted
    monkeypatch.setattr(
        torch, "searchsorted", lambda *a, **k: drawn.append(1) or searchsorted(*a, **k)
    )
    model = pr.LogitTable(Vocab(3))
    with torch.no_grad():
        model.table[2, 0, 1] = model.table[2, 1, 2] = 60.0
    rollouts = pr.rollout(model, torch.tensor([[0, 2]] * 4), rng=pr.seeded(0, "w"))
    assert rollouts.tolist() == [[0, 2, 0, 1, 2, 3]] * 4
    assert rollouts.view(-1).tolist() == [0, 2, 0, 1, 2, 3] * 4  # row after row in memory
    assert len(drawn) == 2


@pytest.mark.parametrize("kind", [pr.LogitTable, Stepwise])
def test_a_walk_that_comes_back_to_its_source_goes_on(kind):
    model, arrived = kind(Vocab(2)), []
    with torch.no_grad():
        model.table[1, 0] = torch.tensor([0.7, 0.3, 0.0]).log()
    for seed in range(20):
        (path,) = pr.rollout(model, torch.tensor([[0, 1]]), rng=pr.seeded(seed, "w")).tolist()
        steps = path[3 : path.index(2)] if 2 in path else path[3:]
        assert steps[:-1] == [0] * (len(steps) - 1)
        assert steps[-1] == 1 or len(path) == 20
        arrived.append(len(steps))
    assert max(arrived) > 2


def test_many_rows_walk_as_well_as_few_and_the_model_is_left_alone(small_task, make_model):
    model = make_model(small_task.vocab)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    pairs = small_task.pairs.repeat(60, 1)
    assert len(pairs) > 1024
    rollouts = pr.rollout(model, pairs, rng=pr.seeded(0, "w"))
    assert torch.equal(rollouts[:, :2], pairs)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_extreme_settings_that_mean_something_are_taken():
    assert pr.Sampler(temperature=1e-6).temperature == 1e-6
    assert pr.Sampler(epsilon=1.0).epsilon == 1
    assert pr.Sampler(max_tokens=4).max_tokens == 4
    assert pr.Sampler(max_tokens=10_000).max_tokens == 10_000


def test_a_sampler_is_made_by_name_and_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        pr.Sampler().epsilon = 0.1
    with pytest.raises(TypeError):
        pr.Sampler(0.7)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda t: pr.Sampler(temperature=9e-7), "temperature=9e-07"),
        (lambda t: pr.Sampler(temperature=math.inf), "temperature=inf"),
        (lambda t: pr.Sampler(epsilon=-0.1), "epsilon=.*at most 1"),
        (lambda t: pr.Sampler(max_tokens=True), "expected a whole number"),
        (lambda t: pr.Sampler(may_stop=False, stop_at_target=False), "leave one of them out"),
        (lambda t: pr.Sampler(max_tokens=10_001), "max_tokens=10001"),
        (
            lambda t: pr.rollout(
                pr.LogitTable(t.vocab), torch.tensor([[0, 12]]), rng=pr.seeded(0, "")
            ),
            "0 .. 11",
        ),
        (
            lambda t: pr.rollout(
                pr.LogitTable(t.vocab), torch.tensor([[-1, 3]]), rng=pr.seeded(0, "")
            ),
            "0 .. 11",
        ),
        (
            lambda t: pr.rollout(
                pr.LogitTable(t.vocab), torch.zeros(0, 2, dtype=torch.long), rng=pr.seeded(0, "")
            ),
            "at least one row",
        ),
        (
            lambda t: t.vocab.check_pairs(torch.tensor([0, 1])),
            r"\[2\] of torch.int64",
        ),
        (lambda t: t.vocab.check_pairs(torch.tensor([[0, 1, 0]])), r"\[1, 3\]"),
        (lambda t: t.vocab.check_pairs(torch.tensor([[0.0, 1.0]])), "float32"),
        (
            lambda t: next(
                pr.on_policy(pr.LogitTable(t.vocab), t, rng=pr.seeded(0, ""), size=1_000_001)
            ),
            "size",
        ),
        (
            lambda t: next(
                pr.on_policy(pr.LogitTable(t.vocab), t, rng=pr.seeded(0, ""), size=True)
            ),
            "size=True",
        ),
        (
            lambda t: next(
                pr.demonstrations(t, torch.tensor([[0, 1, 0, 1, 12]]), rng=pr.seeded(0, ""), size=0)
            ),
            "size",
        ),
        (lambda t: next(pr.replay(iter([]), rng=pr.seeded(0, ""), capacity=True)), "capacity=True"),
        (lambda t: pr.Sampler(temperature=0.0), r"temperature=0.0 cannot be sampled from.*greedy"),
        (lambda t: pr.Sampler(temperature=float("nan")), "temperature=nan"),
        (lambda t: pr.Sampler(epsilon=1.5), "epsilon=.*at most 1"),
        (lambda t: pr.Sampler(max_tokens=3), "max_tokens=3 .*at least 4"),
        (
            lambda t: pr.Sampler(greedy=True, temperature=2.0),
            "temperature=2.0 says nothing beside greedy=True",
        ),
        (
            lambda t: pr.rollout(pr.LogitTable(t.vocab).to("meta"), t.pairs, rng=pr.seeded(0, "")),
            "the device 'meta', and planrl runs on the CPU",
        ),
        (
            lambda t: pr.rollout(pr.LogitTable(t.vocab), t.pairs.to("meta"), rng=pr.seeded(0, "")),
            "int64 on the CPU",
        ),
        (
            lambda t: pr.rollout(
                pr.LogitTable(t.vocab), torch.tensor([[0, 99]]), rng=pr.seeded(0, "")
            ),
            "0 .. 11",
        ),
        (
            lambda t: next(pr.on_policy(pr.LogitTable(t.vocab), t, rng=pr.seeded(0, ""), size=0)),
            "size",
        ),
        (
            lambda t: next(
                pr.demonstrations(t, torch.tensor([[0, 1, 0, 77]]), rng=pr.seeded(0, ""))
            ),
            "token 77",
        ),
        (
            lambda t: next(
                pr.demonstrations(t, torch.zeros(0, 5, dtype=torch.long), rng=pr.seeded(0, ""))
            ),
            "at least one row",
        ),
        (lambda t: next(pr.replay(iter([]), rng=pr.seeded(0, ""), capacity=0)), "capacity"),
    ],
)
def test_bad_settings_are_refused(build, words, small_task):
    with pytest.raises(pr.InputError, match=words):
        build(small_task)


def test_a_table_walked_all_at_once_follows_the_law_of_one_walked_step_by_step():
    """A small table takes a road of its own; Stepwise, and a larger table, the general one."""
    tables = [kind(Vocab(5)) for kind in (pr.LogitTable, Stepwise)]
    with torch.no_grad():
        for model in tables:
            model.table.normal_(generator=pr.seeded(0, "table"))
    pairs, sampler = torch.tensor([[0, 4]]).repeat(24_000, 1), pr.Sampler(max_tokens=7, epsilon=0.1)

    def shares(model, seed):
        tokens = pr.rollout(model, pairs, rng=pr.seeded(seed, "walks"), sampler=sampler)
        key = (tokens * 6 ** torch.arange(7)).sum(1)
        found, count = key.unique(return_counts=True)
        return dict(zip(found.tolist(), (count / 24_000).tolist(), strict=True))

    def apart(one, two):
        return sum(abs(one.get(w, 0) - two.get(w, 0)) for w in one | two) / 2

    at_once, again = (shares(tables[0], seed) for seed in (0, 1))
    assert apart(at_once, shares(tables[1], 2)) < 1.3 * apart(at_once, again)
