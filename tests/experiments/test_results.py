"""What the packaged results show, seed by seed: the book's claims rest on them."""

import pytest

from planrl.experiments import store

DAG = {figure: store.results(figure, of="dag") for figure in ("fig2", "fig3")}
BLOCKS = {figure: store.results(figure, of="blocksworld") for figure in ("fig2", "fig3")}
Q = "Q-learning, process reward"


def ends(pages, name, key, place=-1):
    """One number a seed."""
    return [page["result"]["learners"][name][key][place] for page in pages]


@pytest.mark.parametrize("name", store.EXPERIMENTS)
def test_every_packaged_result_is_of_todays_settings(name):
    if name == "costs":
        return  # what it measures is time; it is not made anew with every change
    for tier in ("full", "quick"):
        for job in store.jobs([name], tier=tier):
            path = store.FOLDER / job.path.rpartition("/")[2]
            assert not path.exists() or store.is_there(job), f"{path.name}: settings have changed"


def test_no_packaged_result_is_of_no_experiment():
    known = {
        job.path
        for name in store.EXPERIMENTS
        for tier in store.TIERS
        for job in store.jobs([name], tier=tier)
    }
    others = {path.name for path in store.FOLDER.glob("*.json") if str(path) not in known}
    assert others <= {"speed.json", *map(store.file_name, store.ON_DATA)}


@pytest.mark.parametrize("study", store.ON_DATA, ids=lambda study: study.label)
def test_a_packaged_result_on_data_that_are_not_shipped_is_of_todays_settings(study):
    path = store.FOLDER / store.file_name(study)
    assert not path.exists() or store.is_there(store.Job(study=study, path=str(path)))


def test_the_package_stays_small():
    assert sum(path.stat().st_size for path in store.FOLDER.glob("*.json")) < 12e6


def mean(values):
    return sum(values) / len(values)


def share(values, holds):
    """Of the seeds for which it holds."""
    return mean([float(holds(value)) for value in values])


def test_the_sft_base_is_good_but_not_saturated():
    for pages in (DAG["fig2"], BLOCKS["fig2"]):
        bases = ends(pages, "policy gradient", "test_accuracy", 0)
        assert share(bases, lambda base: 0.65 <= base <= 0.9) >= 0.8
        assert mean(ends(pages, "policy gradient", "train_diversity", 0)) > 9


def test_policy_gradient_ends_right_and_with_one_way_on_the_dag():
    assert mean(ends(DAG["fig2"], "policy gradient", "train_accuracy")) > 0.97
    assert mean(ends(DAG["fig2"], "policy gradient", "train_diversity")) < 1.5


def test_q_learning_with_process_reward_ends_right_and_diverse():
    assert mean(ends(DAG["fig3"], Q, "train_greedy")) > 0.95
    assert share(ends(DAG["fig3"], Q, "train_greedy"), lambda right: right > 0.5) == 1.0  # no ruin
    assert mean(ends(DAG["fig3"], Q, "train_diversity")) > 10


def test_q_learning_with_outcome_reward_loses_everything():
    for pages in (DAG["fig3"], BLOCKS["fig3"]):
        for part in ("train", "test"):
            found = ends(pages, "Q-learning, outcome reward", f"{part}_accuracy")
            assert mean(found) < 0.05
            assert share(found, lambda right: right < 0.05) >= 0.8


def test_a_figure_takes_less_than_fifteen_minutes_of_one_core_a_seed():
    for pages in (*DAG.values(), *BLOCKS.values()):
        for page in pages:
            assert sum(page["result"]["facts"]["cpu_seconds"].values()) < 15 * 60
