"""What the text of the chapter on soft values says of the stored seeds and of its own runs."""

from dataclasses import replace

import pytest

from planrl.claims import verdicts
from planrl.experiments import soft as study
from planrl.objectives.soft_values import soft_optimum
from planrl.teaching import soft_figures as figures

CHAPTER = "14_both"


def diverse(graph, key):
    return figures.mean(graph, f"diversity_{key}")


def test_ten_seeds_are_stored_with_nine_temperatures():
    assert [page["study"]["seed"] for page in figures.pages()] == list(range(10))
    assert figures.temperatures()[0] == 3.0
    assert figures.temperatures()[-1] == 0.25
    assert len(figures.temperatures()) == 9


def test_soft_q_learning_keeps_more_than_policy_gradient_everywhere():
    for graph in figures.GRAPHS:
        assert diverse(graph, "soft") > diverse(graph, "pg") + 1, graph


def test_policy_gradient_hardly_ever_reaches_an_accuracy_of_099():
    runs = [one for graph in figures.GRAPHS for one in figures.values(graph, "diversity_pg")]
    assert len(runs) == 30
    assert sum(one > 0 for one in runs) <= 3


def test_against_q_learning_it_is_ahead_on_the_dag_and_behind_on_blocksworld():
    assert diverse("dag", "soft") > 1.1 * diverse("dag", "q")
    assert 0 < diverse("digraph", "soft") / diverse("digraph", "q") - 1 < 0.1, "hardly more"
    assert diverse("blocksworld", "soft") < 0.95 * diverse("blocksworld", "q")


def test_nearly_all_samples_at_temperature_1_are_correct_and_q_learnings_are_fewer_on_blocksworld():
    for graph in figures.GRAPHS:
        assert figures.mean(graph, "sampled_soft") > 0.99
    assert figures.mean("blocksworld", "sampled_q") < 0.95
    assert figures.mean("blocksworld", "sampled_pg") < 0.5, "fewer than half"


def test_q_learnings_exact_values_are_as_accurate_with_soft_q_learnings_rewards():
    small, large = study.SCALE, study.SETTINGS["blocksworld"].penalty
    assert figures.exact_q_learning(small) == pytest.approx(
        figures.mean("blocksworld", "sampled_q"), abs=0.01
    )
    assert figures.exact_q_learning(large) > 0.999
    assert figures.rewards() == (
        "rewards of Q-learning 10, of soft Q-learning 15 (random DAG), 25 (random digraph), "
        "25 (Blocksworld)"
    )


def test_no_soft_value_exceeds_the_reward_at_the_target_where_it_is_bounded():
    setting = study.SETTINGS["digraph"]
    for seed in range(10):
        graph = replace(setting.dataset, seed=seed).make().graph
        log_z = soft_optimum(graph, cost=setting.cost, penalty=setting.penalty).log_z
        assert float(log_z.max()) == 0, "the target's own; the reward is added to it"


def test_both_kinds_of_q_learning_come_to_accuracy_1_with_several_paths_left():
    for graph in figures.GRAPHS:
        for method in (figures.SOFT, figures.Q):
            line = figures.curve(graph, method)
            assert float(line[line[:, 0] > 0.9985, 1].max()) > 5, (graph, method)
        assert float(figures.curve(graph, figures.PG)[:, 0].max()) < 0.95


def test_soft_q_learning_is_sampled_hotter_and_q_learning_colder_on_blocksworld():
    at = dict(zip(figures.temperatures(), figures.curve("blocksworld", figures.SOFT), strict=True))
    assert float(at[2.2][0]) < 0.99 < float(at[1.6][0])
    at = dict(zip(figures.temperatures(), figures.curve("blocksworld", figures.Q), strict=True))
    assert float(at[1.0][0]) < 0.99 < float(at[0.7][0])


def test_uniform_next_nodes_are_not_the_most_diverse():
    soft, u_c, most = (figures.mean("dag", f"entropy_{key}") for key in ("soft", "u_c", "most"))
    assert u_c + 0.1 < soft <= most


def test_the_failures_that_the_text_tells_are_the_verdicts():
    found = {one.claim.id: one.told for one in verdicts(["soft-more-diverse-than-q-blocks"])}
    assert set(found.values()) == {"fails"}
    assert [one.told for one in verdicts(["consistency-is-slow-with-cycles"])] == ["fails"]


def test_the_figures_name_their_graphs_and_their_seeds():
    figure = figures.at_equal_accuracy(title="t")
    assert [trace.name for trace in figure.data] == list(figures.KEYS)
    assert "10 seeds" in figure.layout.title.subtitle.text
    slider = figures.temperature_curves(title="t")
    assert [frame.name for frame in slider.frames] == list(figures.GRAPHS.values())
    assert len(figures.by_seed()) == 90


@pytest.mark.book
def test_the_live_runs_show_what_the_text_says(ran):
    at_one = {name: points[4][1] for name, points in ran.curves.items()}
    assert at_one["soft Q-learning"] > 0.99
    assert at_one["base"] < at_one["policy gradient"] < at_one["soft Q-learning"]
    assert max(point[1] for point in ran.curves["policy gradient"]) < 0.99
    table = {(row["step cost"], row["penalty"]): row for row in ran.rows}
    assert table[1.73, 25]["accuracy"] < 0.5
    assert table[2, 8]["accuracy"] < table[2, 25]["accuracy"] - 0.02
    assert 0.5 < ran.illegal < 0.6, "more than half"
    distances = ran.blocks.distances()[ran.apart].double().mean()
    assert table[2, 25]["steps"] < 2 * float(distances), "fewer than twice the shortest"
