import itertools
import math
from dataclasses import replace
from functools import partial

import pytest
import torch

import planrl as pr

ALGORITHMS = {
    "sft": (pr.sft, None),
    "policy gradient": (pr.policy_gradient, None),
    "policy gradient with a KL penalty": (partial(pr.policy_gradient, kl=0.1), 0),
    "Q-learning": (pr.q_learning, None),
    "Q-learning with a target network": (pr.q_learning, 5),
}


def a_run(task, model, name, steps=12, size=16):
    loss, refresh = ALGORITHMS[name]
    if name == "sft":
        paths = pr.sample_paths(task, 2, pr.seeded(0, "paths"))
        batches = pr.demonstrations(task, paths, rng=pr.seeded(0, "batches"), size=size)
    else:
        batches = pr.on_policy(model, task, rng=pr.seeded(0, "walks"), size=size)
    return pr.train(model, batches, loss, pr.TrainConfig(steps=steps, lr=1e-2, refresh=refresh))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_loss_trains_every_model_and_the_same_seed_gives_the_same_bits(
    name, make_model, small_task
):
    one, two = make_model(small_task.vocab), make_model(small_task.vocab)
    first = list(a_run(small_task, one, name, steps=6))  # a copy of the model is renewed once
    assert [record.step for record in first] == list(range(1, 7))
    assert all(math.isfinite(record.loss) for record in first)
    assert first == list(a_run(small_task, two, name, steps=6))
    for key, value in one.state_dict().items():
        assert torch.equal(value, two.state_dict()[key])


# In trust/test_same_numbers.py every algorithm is disturbed, and by more.
@pytest.mark.parametrize("name", [*ALGORITHMS][2::2])
def test_measuring_a_run_does_not_change_it(name, make_model, small_task):
    plain, watched = make_model(small_task.vocab), make_model(small_task.vocab)
    measure = pr.watch(watched, {"all": small_task}, rng=pr.seeded(0, "probe"), samples=4)
    unprobed = list(a_run(small_task, plain, name, steps=6))
    probed = list(pr.probe(a_run(small_task, watched, name, steps=6), measure, every=3))
    assert [(r.step, r.loss, r.reward) for r in probed] == [
        (r.step, r.loss, r.reward) for r in unprobed
    ]
    assert [r.step for r in probed if r.measured] == [3, 6]
    for key, value in plain.state_dict().items():
        assert torch.equal(value, watched.state_dict()[key])


def test_policy_gradient_learns_the_way_from_scratch():
    task = pr.all_pairs(pr.random_dag(8, 0.4, pr.seeded(0, "graph")))
    model = pr.LogitTable(task.vocab)
    rollouts = pr.on_policy(model, task, rng=pr.seeded(0, "walks"))
    run = list(pr.train(model, rollouts, pr.policy_gradient, pr.TrainConfig(steps=400, lr=0.1)))
    assert run[0].reward < 0.4
    assert run[-1].reward > 0.9


def test_a_run_without_end_stops_when_nobody_asks_and_until_stops_it():
    task = pr.all_pairs(pr.diamond(2))
    model = pr.LogitTable(task.vocab)
    rollouts = pr.on_policy(model, task, rng=pr.seeded(0, "walks"))
    endless = pr.train(model, rollouts, pr.policy_gradient)
    assert len(list(itertools.islice(endless, 3))) == 3
    stopped = list(pr.until(endless, lambda record: record.step >= 7))
    assert stopped[-1].step == 7


def test_a_list_of_batches_is_a_stream_that_ends(small_task):
    model = pr.LogitTable(small_task.vocab)
    paths = pr.sample_paths(small_task, 1, pr.seeded(0, "paths"))
    batches = iter([small_task.batch(paths)] * 3)
    assert len(list(pr.train(model, batches, pr.sft))) == 3


def test_a_loss_that_is_not_finite_stops_before_it_does_harm(small_task):
    model = pr.LogitTable(small_task.vocab)
    paths = pr.sample_paths(small_task, 1, pr.seeded(0, "paths"))
    calls = itertools.count(1)

    def breaks(logits, batch):
        return pr.sft(logits, batch) * (float("nan") if next(calls) == 3 else 1.0)

    batches = pr.demonstrations(small_task, paths, rng=pr.seeded(0, "b"))
    run = pr.train(model, batches, breaks, pr.TrainConfig(lr=0.5))
    next(run), next(run)
    before = model.table.detach().clone()
    with pytest.raises(pr.TrainingError, match=r"step 3: loss nan.*lr=0.5.*parameters of step 2"):
        next(run)
    assert torch.equal(model.table, before)


def test_the_frozen_copy_is_the_start_for_refresh_0_and_follows_for_refresh_n(small_task):
    seen = []

    def spy(logits, batch):
        seen.append((batch.frozen - logits.detach()).abs().max().item())
        return pr.sft(logits, batch)

    paths = pr.sample_paths(small_task, 1, pr.seeded(0, "paths"))
    for refresh in (0, 2):
        model = pr.LogitTable(small_task.vocab)
        batches = pr.demonstrations(small_task, paths, rng=pr.seeded(0, "b"), size=None)
        list(pr.train(model, batches, spy, pr.TrainConfig(steps=4, refresh=refresh)))
    assert seen[0] == 0
    assert 0 < seen[1] < seen[2] < seen[3]  # the start is left further and further behind
    assert [gap == 0 for gap in seen[4:]] == [True, False, True, False]


def with_own_optimizer(config):
    model = pr.LogitTable(pr.Vocab(3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return pr.train(model, iter([]), pr.sft, config, optimizer=optimizer)


@pytest.mark.parametrize("config", [pr.TrainConfig(steps=2), pr.TrainConfig(lr=0.1, clip=None)])
def test_an_optimizer_of_ones_own_goes_with_settings_that_are_its_own(config):
    assert list(with_own_optimizer(config)) == []


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: pr.TrainConfig(steps=0), "steps=0 .* at least 1"),
        (lambda: pr.TrainConfig(lr=-1.0), "lr is the learning rate"),
        (lambda: pr.TrainConfig(lr=float("inf")), "lr=inf was given"),
        (lambda: pr.TrainConfig(weight_decay=-0.1), "weight_decay"),
        (lambda: pr.TrainConfig(clip=0.0), "clip must be positive"),
        (lambda: pr.TrainConfig(refresh=-1), "refresh=-1"),
        (lambda: pr.probe(iter(()), dict, every=0), "every=0 .*at least 1"),
        (
            lambda: pr.train(pr.LogitTable(pr.Vocab(3)).to("meta"), iter([]), pr.sft),
            "the device 'meta'",
        ),
        (lambda: with_own_optimizer(pr.TrainConfig(lr=0.5)), r"lr=0.5 has no effect .* is 0.1"),
        (
            lambda: with_own_optimizer(pr.TrainConfig(weight_decay=0.5)),
            "weight_decay=0.5 has no effect",
        ),
    ],
)
def test_bad_settings_are_refused(build, words):
    with pytest.raises(pr.InputError, match=words):
        build()


def test_a_given_reference_needs_refresh_0(small_task):
    model = pr.LogitTable(small_task.vocab)
    with pytest.raises(pr.InputError, match="refresh=0"):
        pr.train(model, iter([]), pr.sft, frozen=model)


def test_a_wrong_reward_in_a_batch_made_by_hand_is_named_instead_of_the_learning_rate(small_task):
    model = pr.LogitTable(small_task.vocab)
    batch = next(pr.on_policy(model, small_task, rng=pr.seeded(0, "paths"), size=4))
    nan = replace(batch, reward=batch.reward * torch.nan, source=None)
    with pytest.raises(pr.TrainingError, match="reward of the batch is not finite"):
        next(pr.train(model, iter([nan]), pr.policy_gradient))
    short = replace(batch, source=None)
    object.__setattr__(short, "reward", batch.reward[:, 0])  # tests check types, a reader may not
    with pytest.raises(pr.InputError, match=r"reward of shape \[4\]: expected \[4, "):
        next(pr.train(model, iter([short]), pr.policy_gradient))
