"""What the text of the chapter on history says of the stored seeds and of its own runs."""

import pytest

from planrl.claims import verdicts
from planrl.teaching import history_figures as figures

CHAPTER = "16_history"


def test_ten_seeds_are_stored():
    assert [page["study"]["seed"] for page in figures.pages()] == list(range(10))


def test_all_methods_answer_nearly_all_questions_greedily():
    for method in figures.METHODS:
        assert figures.mean(method, "greedy") > 0.97, method


def test_after_sft_and_policy_gradient_the_key_is_not_looked_for_and_after_q_learning_it_is():
    assert 0.4 < figures.mean("SFT", "without_key") < 0.6, "as a coin would"
    assert figures.mean("more SFT", "without_key") < 0.65
    for how in ("", ", baseline", ", process reward"):
        assert figures.mean(f"policy gradient{how}", "without_key") < 0.6, how
    for method in ("Q-learning", "Q-learning, no random steps"):
        assert figures.mean(method, "without_key") > 0.9


def test_after_paths_with_the_key_nearly_all_go_on():
    for method in figures.METHODS:
        least = 0.8 if method == "SFT on paths that turn" else 0.95
        assert figures.mean(method, "with_key") > least, method


def test_sft_keeps_its_direction_and_paths_that_turn_teach_most_of_the_fact():
    right, left = (figures.mean("SFT", f"on_after_{way}") for way in ("right", "left"))
    assert right - left > 0.4
    assert figures.mean("SFT on paths that turn", "without_key") > 0.75


def test_the_predictions_hold():
    ids = ["corridor-answered", "corridor-sft-blind", "corridor-direction", "corridor-q-reads"]
    ids += ["corridor-baseline", "corridor-checks-help", "corridor-turns-teach"]
    assert {one.told for one in verdicts(ids)} == {"holds"}


@pytest.mark.book
def test_the_live_runs_show_what_the_text_says(ran):
    assert ran.right["logit table"][0] == 0.0
    assert 0.1 < ran.right["logit table"][1] < 0.5
    assert ran.right["Transformer"][0] > 0.99
    on = ran.onward.float()
    assert float(on[ran.to_right].mean()) > 0.7
    assert float(on[~ran.to_right].mean()) < 0.5
    assert len(ran.source) == 15
    assert 5 < int(ran.turned.sum()) < 60, "few paths turn"
    assert int(ran.saved.sum()) <= 0.2 * int(ran.turned.sum()), "and these fail"
