import pytest
import torch

import planrl as pr


@pytest.fixture
def model(small_task):
    """A Transformer with a policy of its own: neither uniform nor certain."""
    config = pr.TransformerConfig(width=24, layers=2, heads=2)
    model = pr.Transformer(small_task.vocab, config, pr.seeded(0, "weights"))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(5)
    return model


@pytest.mark.parametrize("settings", [{}, {"epsilon": 0.2, "may_stop": False}, {"greedy": True}])
def test_every_pair_has_all_its_samples_and_no_walk_twice(model, small_task, settings):
    sampler = pr.Sampler(max_tokens=8, **settings)
    pairs = small_task.pairs[:30]
    rollouts = pr.sample_distinct(model, pairs, 50, rng=pr.seeded(0, "s"), sampler=sampler)
    assert torch.bincount(rollouts.pair, rollouts.count).tolist() == [50] * len(pairs)
    assert torch.equal(rollouts.tokens[:, :2], pairs[rollouts.pair])
    assert len(rollouts.tokens.unique(dim=0)) == len(rollouts.tokens)
    assert torch.equal(rollouts.pair, rollouts.pair.sort().values)
    if sampler.greedy:
        plain = pr.rollout(model, pairs, rng=pr.seeded(0, "s"), sampler=sampler)
        assert torch.equal(rollouts.tokens, plain)


def test_counted_walks_follow_the_law_of_plain_ones(model, small_task):
    """Total variation between the two samplers, next to that between two plain samples."""
    samples, sampler = 40_000, pr.Sampler(max_tokens=6, temperature=0.7)
    pair = small_task.pairs[:1]

    def plain(seed):
        many = pair.repeat(samples, 1)
        tokens = pr.rollout(model, many, rng=pr.seeded(seed, "plain"), sampler=sampler)
        found, count = tokens.unique(dim=0, return_counts=True)
        return dict(zip(map(tuple, found.tolist()), count.tolist(), strict=True))

    def apart(one, two):
        return sum(abs(one.get(w, 0) - two.get(w, 0)) for w in one | two) / 2 / samples

    rollouts = pr.sample_distinct(model, pair, samples, rng=pr.seeded(2, "d"), sampler=sampler)
    counted = dict(zip(map(tuple, rollouts.tokens.tolist()), rollouts.count.tolist(), strict=True))
    assert apart(counted, plain(0)) < 1.3 * apart(plain(1), plain(0))


def test_it_does_not_matter_how_many_pairs_are_drawn_together(model, small_task, monkeypatch):
    monkeypatch.setattr("planrl.sampling.CHUNK_OF_SAMPLES", 60)
    rollouts = pr.sample_distinct(model, small_task.pairs, 20, rng=pr.seeded(0, "s"))
    assert (torch.bincount(rollouts.pair, rollouts.count) == 20).all()


def test_walks_can_be_trained_on(model, small_task):
    rollouts = pr.sample_distinct(model, small_task.pairs[:5], 4, rng=pr.seeded(0, "s"))
    batch = small_task.batch(rollouts.tokens)
    pr.sft(model(batch.tokens[:, :-1]), batch).backward()


@pytest.mark.parametrize(
    ("pairs", "samples", "words"),
    [([[0, 99]], 3, "outside 0 .. 11"), ([[0, 1]], 0, "samples=0 .*at least 1")],
)
def test_bad_requests_are_refused(model, pairs, samples, words):
    with pytest.raises(pr.InputError, match=words):
        pr.sample_distinct(model, torch.tensor(pairs), samples, rng=pr.seeded(0, "s"))
