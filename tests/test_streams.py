"""Streams of batches: demonstrations, rollouts of the model of that moment, replay."""

import itertools
from dataclasses import replace

import torch

import planrl as pr
from planrl.tasks import Vocab


def table_for(graph, sharpness=20.0):
    """A table that knows the way: every correct next node is equally likely, nothing else is."""
    model = pr.LogitTable(Vocab(graph.n))
    with torch.no_grad():
        model.table[:, :, : graph.n] = sharpness * graph.correct.float()
        model.table[:, :, graph.n] = -sharpness
    return model


def test_demonstrations_serve_given_rows_trimmed_to_the_longest(small_task):
    paths = pr.sample_paths(small_task, 2, pr.seeded(0, "paths"))
    known = set(small_task.vocab.show(paths))
    for batch in itertools.islice(
        pr.demonstrations(small_task, paths, rng=pr.seeded(0, "b"), size=3), 20
    ):
        assert set(small_task.vocab.show(batch.tokens)) <= known
        assert (batch.tokens[:, -1] == small_task.vocab.end).all()
        assert (batch.tokens[:, -2] != small_task.vocab.end).any()
        assert batch.reward.shape == batch.chosen.shape
    everything = next(pr.demonstrations(small_task, paths, rng=pr.seeded(0, "b"), size=None))
    assert torch.equal(everything.tokens, paths)


def test_a_drawn_batch_is_the_given_rows_batch_row_by_row(small_task):
    """What was chosen and earned stays with its row, and rows are drawn, not served in order."""
    paths = pr.sample_paths(small_task, 2, pr.seeded(0, "paths"))
    task = replace(small_task, reward=pr.process_reward)
    batches = [next(pr.demonstrations(task, paths, rng=pr.seeded(seed, "b"))) for seed in (0, 0, 1)]
    for batch in batches:
        again = task.batch(batch.tokens)
        assert len(batch.tokens) == 64
        assert torch.equal(batch.chosen, again.chosen)
        assert torch.equal(batch.reward, again.reward)
    assert torch.equal(batches[0].tokens, batches[1].tokens)
    assert not torch.equal(batches[0].tokens[:, :3], batches[2].tokens[:, :3])


def test_a_batch_may_be_one_row(small_task):
    paths = pr.sample_paths(small_task, 1, pr.seeded(0, "paths"))
    shown = pr.demonstrations(small_task, paths, rng=pr.seeded(0, "b"), size=1)
    walked = pr.on_policy(
        pr.LogitTable(small_task.vocab), small_task, rng=pr.seeded(0, "w"), size=1
    )
    assert len(next(shown).tokens) == len(next(walked).tokens) == 1


def test_on_policy_asks_64_drawn_questions_and_passes_the_sampler_on(small_task):
    model = table_for(small_task.graph, 60.0)
    shown = lambda **given: next(  # noqa: E731
        pr.on_policy(model, small_task, rng=pr.seeded(0, "w"), **given)
    )
    batch = shown()
    assert len(batch.tokens) == 64
    assert len(batch.tokens[:, :2].unique(dim=0)) > 20
    assert torch.equal(shown().tokens, batch.tokens)
    assert shown(sampler=pr.Sampler(max_tokens=4)).tokens.shape == (64, 4)


def test_walks_of_a_stream_can_be_trained_on(small_task, make_model):
    model = make_model(small_task.vocab)
    batch = next(pr.on_policy(model, small_task, rng=pr.seeded(0, "w")))
    pr.policy_gradient(model(batch.tokens[:, :-1]), batch, baseline=True).backward()


def test_on_policy_walks_are_the_models_of_that_moment(small_task):
    model = pr.LogitTable(small_task.vocab)
    batches = pr.on_policy(model, small_task, rng=pr.seeded(0, "w"), size=200)
    assert next(batches).reward.sum() < 100
    model.load_state_dict(table_for(small_task.graph, 60.0).state_dict())
    assert next(batches).reward.sum() == 200


def test_replay_serves_old_batches_again_within_its_capacity():
    numbered = iter([object() for _ in range(50)])
    served = list(pr.replay(numbered, rng=pr.seeded(0, "replay"), capacity=5))
    assert len(served) == 50
    assert len(set(served)) < 50


def test_replay_serves_any_of_the_last_batches_and_forgets_older_ones():
    for capacity in (1, 4):
        served = list(pr.replay(iter(range(200)), rng=pr.seeded(0, "replay"), capacity=capacity))
        ages = [now - batch for now, batch in enumerate(served)]
        assert set(ages) == set(range(capacity))
    one, two = (list(pr.replay(iter(range(5000)), rng=pr.seeded(0, "r"))) for _ in range(2))
    assert one == two
    ages = [now - batch for now, batch in enumerate(one)]
    assert set(ages) == set(range(100))
