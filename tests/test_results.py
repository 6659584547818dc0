"""What the packaged results show, seed by seed: the book's claims rest on them."""

import dataclasses

import pytest

from planrl.experiments import learners, store

PAGES = store.results("learners")


@pytest.fixture(params=PAGES, ids=lambda page: f"seed{page['settings']['seed']}")
def page(request):
    return request.param


def curve(page, name, key):
    return page["result"]["learners"][name][key]


def test_the_packaged_results_are_those_of_todays_settings():
    assert [page["settings"]["seed"] for page in PAGES] == [0, 1, 2]
    for page in PAGES:
        today = dataclasses.asdict(learners.Settings(seed=page["settings"]["seed"]))
        assert page["settings"] == {**today, "looks": list(today["looks"])}


def test_the_sft_base_is_good_but_not_saturated(page):
    base = curve(page, "policy gradient", "test_accuracy")[0]
    assert 0.70 <= base <= 0.90
    assert curve(page, "policy gradient", "train_diversity")[0] > 12


def test_policy_gradient_ends_right_and_with_one_way(page):
    assert curve(page, "policy gradient", "train_accuracy")[-1] > 0.97
    assert curve(page, "policy gradient", "train_diversity")[-1] < 1.5


def test_q_learning_with_process_reward_ends_right_and_diverse(page):
    assert curve(page, "Q-learning, process reward", "train_greedy")[-1] > 0.95
    assert curve(page, "Q-learning, process reward", "train_diversity")[-1] > 12


def test_q_learning_with_outcome_reward_loses_everything(page):
    assert curve(page, "Q-learning, outcome reward", "train_accuracy")[-1] < 0.05
    assert curve(page, "Q-learning, outcome reward", "test_accuracy")[-1] < 0.05


def test_a_seed_takes_less_than_fifteen_minutes_of_one_core(page):
    assert page["result"]["facts"]["cpu_seconds"] < 15 * 60
