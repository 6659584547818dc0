"""What the page of the ladder says of its table."""

import pytest

from planrl.domains import EXAMPLES
from planrl.experiments import store
from planrl.teaching import ladder


@pytest.fixture(scope="module")
def graphs():
    return ladder.ladder_graphs()


@pytest.fixture(scope="module")
def shares(graphs):
    return ladder.shares(graphs)


def test_the_ladder_goes_from_all_cycles_to_none(graphs):
    rows = ladder.structure_rows(graphs)
    assert {row["problem"] for row in rows} == {*EXAMPLES, ladder.TOOLS} - {"peg-5"}
    kinds = [row["Theorem 5.2"] for row in rows]
    assert kinds == sorted(
        kinds, key=["blind to the target", "tells components apart", "exact"].index
    )
    assert rows[-1]["problem"] == "peg-4"
    assert rows[-1]["largest component"] == 1
    assert all(row["largest component"] == row["states"] for row in rows[:6])


def test_without_cycles_no_discount_is_needed_and_with_them_one_is(graphs, shares):
    kinds = {row["problem"]: row["Theorem 5.2"] for row in ladder.structure_rows(graphs)}
    for name, share in shares["Q-learning, greedy"].items():
        if kinds[name] == "exact":
            assert share == pytest.approx(100, abs=0.01)
        if kinds[name] == "blind to the target":
            assert share < 20
        assert shares["Q-learning, discount 0.9, greedy"][name] == pytest.approx(100, abs=0.01)


def test_soft_q_learning_arrives_sampled_and_q_learning_with_a_discount_does_not_always(shares):
    assert min(shares["soft Q-learning, sampled"].values()) > 99.9
    assert min(shares["Q-learning, discount 0.9, sampled"].values()) < 40


def test_a_row_for_each_graph_has_all_learners(graphs, shares):
    rows = ladder.share_rows(shares)
    assert [row["problem"] for row in rows] == list(graphs)
    assert all(list(row)[1:] == list(ladder.POLICIES) for row in rows)


def test_the_table_of_trained_models_has_what_is_stored_and_says_of_how_many_seeds():
    rows = ladder.trained_rows()
    assert [row["problem"] for row in rows] == list(ladder.PROBLEMS)
    for row in rows:
        found = ladder.trained(row["problem"])
        assert row["seeds"] == len(found)
        for words, key in ladder.TRAINED.items():
            if not found:
                assert row[words] == "–"
                continue
            mean = 100 * sum(one[key] for one in found) / len(found)
            assert float(row[words].split(" (")[0]) == pytest.approx(mean, abs=0.51)


def test_exact_percentages_stand_in_brackets_except_for_policy_gradient(monkeypatch):
    one = dict.fromkeys(ladder.TRAINED.values(), 0.5) | {"sampled_soft_told": 1.0}
    monkeypatch.setattr(ladder, "trained", lambda problem: [one, one | {"sampled_soft": 0.7}])
    row = ladder.trained_rows()[0]
    assert row["soft Q-learning, sampled"] == "60 (100)"
    assert row["policy gradient, sampled"] == "50"
    assert row["seeds"] == 2


def test_up_to_four_thousand_states_every_part_takes_seconds_and_the_tables_grow_fastest():
    small, *_, large = store.results("state-costs")[0]["result"]["rows"]
    assert (small["nodes"], large["nodes"]) == (81, 4051)
    seconds = {name: part["cpu_seconds"] for name, part in large["parts"].items()}
    assert max(seconds.values()) < 11
    assert seconds["states"] < 0.1
    assert max(seconds["sft step"], seconds["policy-gradient step"]) < 0.2
    grown = {
        name: part["cpu_seconds"] / small["parts"][name]["cpu_seconds"]
        for name, part in large["parts"].items()
    }
    slow = {name for name, ratio in grown.items() if ratio > 1_000}
    assert slow == {"reachability", "distances"}
    assert max(grown["sft step"], grown["policy-gradient step"], grown["states"]) < 20


def test_four_times_the_updates_bring_the_problem_that_fell_short_to_its_exact_values():
    short, long = ladder.trained(ladder.LONGER), ladder.trained(f"longer-{ladder.LONGER}")
    assert (len(short), len(long)) == (10, 3)
    for key in ("greedy_q_discounted", "greedy_soft"):
        assert max(one[key] for one in short) < 0.7 < 0.8 < min(one[key] for one in long)
    told = ladder.longer()
    assert "2,400 updates instead of 600" in told
    assert "22,260 pairs" in told
