"""Rollouts with few or wrong checks: rates, what is judged once, and the command line."""

import pytest
import torch

import planrl as pr
from planrl.__main__ import main
from planrl.experiments.algorithms import Algorithm
from planrl.experiments.checked_streams import checked_rollouts
from planrl.experiments.datasets import DatasetSettings, make_dataset
from planrl.experiments.streams import Setup

DATASET = make_dataset(DatasetSettings(nodes=12, edge_probability=0.4))
PATH = "planrl.experiments.checked_streams:checked_rollouts"


def batch_of(**options):
    model = pr.LogitTable(DATASET.train.vocab)
    setup = Setup(DATASET, model, model, pr.seeded(0, "rollouts"))
    return next(checked_rollouts(setup, size=4000, may_stop=False, **options))


def charged(batch):
    """What each drawn step was charged, and whether it is no edge."""
    current, step = batch.tokens[:, :-1][batch.chosen], batch.tokens[:, 1:][batch.chosen]
    target = batch.tokens[:, 1:2].expand_as(batch.chosen)[batch.chosen]
    node = (step < 12) & (current != target)
    paid = (step == target).float() - batch.reward[batch.chosen]
    return (
        paid[node],
        ~DATASET.graph.adjacency[current[node], step[node]],
        current[node],
        step[node],
    )


def test_without_errors_the_reward_is_the_process_reward():
    batch = batch_of()
    assert torch.equal(batch.reward, pr.process_reward(DATASET.graph, batch.tokens))
    right = batch_of(reward="outcome", reward_scale=3.0)
    assert torch.equal(
        right.reward.sum(1), 3.0 * pr.outcome_reward(DATASET.graph, right.tokens).sum(1)
    )


def test_edges_are_charged_at_the_rate_of_false_alarms_and_other_steps_unless_missed():
    paid, illegal, *_ = charged(batch_of(false_alarm=0.2, miss=0.3, checked=0.5))
    assert float(paid[~illegal].mean()) == pytest.approx(0.5 * 0.2, abs=0.02)
    assert float(paid[illegal].mean()) == pytest.approx(0.5 * 0.7, abs=0.02)


def test_fixed_checks_judge_a_pair_of_nodes_once_and_fresh_ones_do_not():
    for fixed in (True, False):
        paid, _, current, step = charged(batch_of(false_alarm=0.2, miss=0.3, fixed=fixed))
        pair = current * 12 + step
        count, sums = (
            torch.zeros(144).index_add(0, pair, x) for x in (torch.ones_like(paid), paid)
        )
        shares = sums[count > 20] / count[count > 20]
        assert bool(((shares == 0) | (shares == 1)).all()) is fixed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"reward": "mine"}, "reward='mine'"),
        ({"fixed": True, "votes": 3}, "judges each pair of nodes once"),
        ({"fixed": True, "reward": "outcome"}, "judges each pair of nodes once"),
        ({"votes": 2}, "votes=2 may tie"),
        ({"miss": 1.5}, "miss"),
    ],
)
def test_what_says_nothing_together_is_refused(options, words):
    with pytest.raises(pr.InputError, match=words):
        batch_of(**options)


def test_it_is_named_like_any_other_stream(tmp_path, capsys):
    assert not Algorithm("q", stream=PATH, false_alarm=0.1).foreign()
    command = f"train --out {tmp_path / 'run'} --algorithm q --nodes 12 --steps 2 --batch 8 --table"
    given = f"--stream {PATH} --option miss=0.1 --reward-scale 10"
    assert main([*command.split(), *given.split()]) == 0
    capsys.readouterr()
    assert main(["train", "--resume", str(tmp_path / "run"), "--steps", "4"]) != 0
    assert "random numbers of its checks" in capsys.readouterr().err
