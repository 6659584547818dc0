import itertools

import pytest
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


def test_walks_of_a_model_that_knows_the_way_are_right_answers(small_task):
    model = table_for(small_task.graph, 60.0)
    walks = pr.rollout(model, small_task.pairs, rng=pr.seeded(0, "walks"))
    assert pr.is_path(small_task.graph, walks).all()


def test_the_sampling_law_is_softmax_of_logits_over_temperature_mixed_with_uniform():
    logits = torch.tensor([[0.0, 1.0, 2.0, -1.0]])
    sampler = pr.Sampler(temperature=0.7, epsilon=0.2)
    law = 0.8 * (logits[0] / 0.7).softmax(-1) + 0.2 / 4
    assert torch.allclose(sampler.law(logits)[0], law)
    drawn = sampler.draw(logits.expand(100_000, 4), pr.seeded(0, "draws"))
    share = drawn.bincount(minlength=4) / 100_000
    assert (share - law).abs().sum() / 2 < 0.01  # total variation


@pytest.mark.parametrize("sampler", [pr.Sampler(may_stop=False, epsilon=0.3),
                                     pr.Sampler(may_stop=False, greedy=True)])  # fmt: skip
def test_a_walker_that_may_not_stop_never_draws_end(sampler):
    logits = torch.tensor([[0.0, 1.0, 9.0]]).expand(5000, 3)
    drawn = sampler.draw(logits, pr.seeded(0, "draws"))
    assert (drawn < 2).all()
    law = sampler.law(logits[:1])[0]
    assert law[2] == 0
    assert law.sum() == pytest.approx(1)
    share = drawn.bincount(minlength=3) / 5000
    assert (share - law).abs().max() < 0.03


def test_greedy_takes_the_best_token_and_epsilon_still_explores():
    logits = torch.tensor([[0.0, 3.0, 2.9]])
    greedy, curious = pr.Sampler(greedy=True), pr.Sampler(greedy=True, epsilon=0.3)
    assert greedy.draw(logits, pr.seeded(0, "d")).tolist() == [1]
    drawn = curious.draw(logits.expand(9000, 3), pr.seeded(0, "d"))
    assert (drawn != 1).float().mean() == pytest.approx(0.2, abs=0.02)


def test_cached_walks_follow_the_models_own_law(small_task):
    """Dropping finished rows and caching keys must not change what is drawn."""
    config = pr.TransformerConfig(width=24)
    model = pr.Transformer(small_task.vocab, config, pr.seeded(0, "weights"))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(5)
    greedy = pr.Sampler(greedy=True, max_tokens=10)
    walks = pr.rollout(model, small_task.pairs, rng=pr.seeded(0, "w"), sampler=greedy)
    target = walks[:, 1]
    following = model(walks[:, :-1]).argmax(-1)
    chosen = small_task.vocab.chosen(walks) & (walks[:, :-1] != target[:, None])
    assert torch.equal(walks[:, 1:][chosen], following[chosen])


def test_a_walk_ends_at_its_target_at_end_or_at_its_longest():
    graph = pr.chain(4)
    model = pr.LogitTable(Vocab(4))
    with torch.no_grad():
        model.table[3, 0, 3] = model.table[2, 0, 4] = model.table[1, 0, 0] = 50.0
    pairs = torch.tensor([[0, 3], [0, 2], [0, 1]])
    walks = pr.rollout(model, pairs, rng=pr.seeded(0, "w"), sampler=pr.Sampler(max_tokens=6))
    assert graph.n == 4
    assert walks.tolist() == [[0, 3, 0, 3, 4, 4], [0, 2, 0, 4, 4, 4], [0, 1, 0, 0, 0, 0]]


def test_many_rows_walk_as_well_as_few_and_the_model_is_left_alone(small_task, make_model):
    model = make_model(small_task.vocab)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    pairs = small_task.pairs.repeat(60, 1)
    assert len(pairs) > 1024
    walks = pr.rollout(model, pairs, rng=pr.seeded(0, "w"))
    assert torch.equal(walks[:, :2], pairs)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


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


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda t: pr.Sampler(temperature=0.0), r"temperature=0.0 cannot be sampled from.*greedy"),
        (lambda t: pr.Sampler(temperature=float("nan")), "temperature=nan"),
        (lambda t: pr.Sampler(epsilon=1.5), "epsilon is a probability"),
        (lambda t: pr.Sampler(max_tokens=3), "no room to walk"),
        (lambda t: pr.rollout(pr.LogitTable(t.vocab), torch.tensor([[0, 99]]), rng=pr.seeded(0, "")), "0 .. 11"),
        (lambda t: next(pr.on_policy(pr.LogitTable(t.vocab), t, rng=pr.seeded(0, ""), size=0)), "size"),
        (lambda t: next(pr.demonstrations(t, torch.tensor([[0, 1, 0, 77]]), rng=pr.seeded(0, ""))), "token 77"),
        (lambda t: next(pr.demonstrations(t, torch.zeros(0, 5, dtype=torch.long), rng=pr.seeded(0, ""))), "at least one row"),
        (lambda t: next(pr.replay(iter([]), rng=pr.seeded(0, ""), capacity=0)), "capacity"),
    ],
)  # fmt: skip
def test_bad_settings_are_refused(build, words, small_task):
    with pytest.raises(pr.InputError, match=words):
        build(small_task)


def test_a_table_walked_all_at_once_follows_the_law_of_one_walked_step_by_step():
    """A small table takes a road of its own; a larger one, of the same law, the general one."""
    model = pr.LogitTable(Vocab(5))
    with torch.no_grad():
        model.table.normal_(generator=pr.seeded(0, "table"))
    sampler = pr.Sampler(max_tokens=7, epsilon=0.1)

    def shares(size, seed):
        pairs = torch.tensor([[0, 4]]).repeat(size, 1)
        rng = pr.seeded(seed, "walks")
        rows = [pr.rollout(model, pairs, rng=rng, sampler=sampler) for _ in range(24_000 // size)]
        tokens = torch.cat([torch.nn.functional.pad(r, (0, 7 - r.shape[1]), value=5) for r in rows])
        key = (tokens * 6 ** torch.arange(7)).sum(1)
        return dict(zip(*(x.tolist() for x in key.unique(return_counts=True)), strict=True))

    def apart(one, two):
        return sum(abs(one.get(w, 0) - two.get(w, 0)) for w in one | two) / 48_000

    at_once, stepwise = shares(24_000, 0), shares(3, 1)  # 25 cells: more than 8 x 3
    assert apart(at_once, stepwise) < 1.3 * apart(at_once, shares(24_000, 2))
