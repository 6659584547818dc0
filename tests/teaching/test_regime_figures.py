"""Numbers and figures of the regimes, from however many seeds are stored."""

import json

import pytest
import torch

import planrl as pr
from planrl.claims import interval
from planrl.experiments.store import FOLDER
from planrl.figures import style
from planrl.teaching import exploration, regime_rows
from planrl.teaching import regime_figures as regimes
from planrl.teaching.regime_figures import BASE, OFF, PAID, PG, Q


@pytest.mark.parametrize("regime", ["A", "B"])
def test_every_stored_seed_is_read_once_and_in_order(regime):
    stored = sorted(
        int(path.stem.rsplit("seed", 1)[1]) for path in FOLDER.glob(f"regimes-{regime}-seed*.json")
    )
    found = [page["study"]["seed"] for page in regimes.pages(regime)]
    assert found == stored
    for name in (BASE, PG):
        assert len(regimes.ends(regime, name, "test_accuracy")) == len(stored)
    assert f"{len(stored)} seeds" in regimes.condition(regime)


def test_the_end_is_the_mean_of_the_last_three_evaluations():
    steps, values = regimes.series("B", PG, "test_accuracy")
    assert values.shape[1] == len(steps)
    assert regimes.ends("B", PG, "test_accuracy") == pytest.approx(values[:, -3:].mean(1).tolist())
    _, base = regimes.series("B", BASE, "test_accuracy")
    assert (base == base[:, :1]).all()


def test_degrees_two_and_above_are_one_group_weighted_by_its_pairs():
    for name in (BASE, PG):
        found = regimes.ends_by_degree("B", name, "accuracy")
        page = regimes.measured("B", name)[0]["test_by_degree"]
        rows = page if name == BASE else page[-1]
        far = [row for degree, row in rows.items() if int(degree) > 1]
        pairs = sum(row["pairs"] for row in far)
        expected = sum(row["pairs"] * row["accuracy"] for row in far) / pairs
        assert found["2+"][0] == pytest.approx(expected)
        assert found["0"][0] == pytest.approx(rows["0"]["accuracy"])


def test_a_learner_that_a_regime_lacks_is_refused_with_those_that_it_has():
    with pytest.raises(
        pr.InputError, match=r"regime A has no learner.*it has: base, continual SFT"
    ):
        regimes.ends("A", PAID, "test_accuracy")


def test_a_number_is_told_with_its_interval_and_its_seeds():
    values = [0.5, 0.55, 0.6, 0.65, 0.7]
    low, high = interval(values)
    assert regimes.told(values) == f"0.600 (95 % interval {low:.3f} to {high:.3f}, 5 seeds)"
    assert regimes.told([0.5], digits=1) == "0.5 (1 seed)"


def test_with_few_seeds_their_range_is_told_which_never_leaves_what_was_measured():
    assert interval([0.9, 0.95])[1] > 1, "an interval of shares would"
    assert regimes.told([0.9, 0.95]) == "0.925 (range 0.900 to 0.950, 2 seeds)"
    assert "range 0.10 to 0.40, 4 seeds" in regimes.told([0.1, 0.4, 0.2, 0.3], 2)


def test_a_cell_of_a_table_has_an_interval_a_range_or_one_number():
    values = [0.5, 0.55, 0.6, 0.65, 0.7]
    low, high = interval(values)
    assert regimes.short(values) == f"0.60 ({low:.2f} to {high:.2f})"
    assert regimes.short([0.9, 0.95], 3) == "0.925 (0.900 to 0.950)"
    assert regimes.short([0.66]) == "0.66"
    assert [regimes.span_name(n) for n in (1, 2, 5)] == ["", "range", "95 % interval"]


def test_a_decoding_curve_is_drawn_for_the_base_too_on_both_sets_of_pairs():
    figure = regimes.decoding_curves("B", [BASE, PAID, PG], title="t")
    assert [frame.name for frame in figure.frames] == ["held-out questions", "training questions"]
    for frame, task in zip(figure.frames, ("test", "train"), strict=True):
        lines = {trace.name: trace for trace in frame.data}
        for name in (BASE, PAID, PG):
            right = regimes.curve("B", name, task, "accuracy")
            number = regimes.curve("B", name, task, "diversity")
            assert lines[name].y[:-1] == pytest.approx(right.mean(0).tolist(), abs=1e-4)
            assert lines[name].x[:-1] == pytest.approx(number.mean(0).tolist(), abs=1e-4)
            assert lines[name].line.color == style.STYLES[name][0]
            assert lines[f"{name}, each seed"].y.count(None) == len(right)
    assert "T=0.1" in figure.layout.meta["alt"]


def test_the_exploration_figure_has_its_four_learners_overall_and_by_degree():
    figure = exploration.by_degree(title="t")
    for frame, key in zip(figure.frames, ("accuracy", "greedy"), strict=True):
        assert [trace.name for trace in frame.data] == list(regimes.EXPLORATION)
        for trace in frame.data:
            mean = sum(regimes.ends("B", trace.name, f"test_{key}")) / len(regimes.pages("B"))
            assert trace.y[0] == pytest.approx(mean, abs=1e-4)
    assert list(figure.layout.xaxis.ticktext) == ["all", "degree 0", "degree 1", "degree 2+"]


def test_unseen_edges_are_told_apart_from_demonstrated_ones_for_each_learner():
    learners = [BASE, PG, Q, OFF]
    figure = regimes.unseen_edges("A", learners, title="t")
    strong = [trace for trace in figure.data if trace.marker.opacity == 1]
    assert [trace.name for trace in strong] == ["demonstrated edges", "edges of no demonstration"]
    for trace, score in zip(strong, ("auc_shown", "auc_unseen"), strict=True):
        means = [torch.tensor(regimes.edges("A", name, score)).mean().item() for name in learners]
        assert list(trace.x) == pytest.approx(means, abs=1e-4)


def test_every_figure_is_plain_and_says_what_it_shows():
    for figure in (
        regimes.decoding_curves("A", [BASE, PG], title="t"),
        exploration.by_degree(title="t"),
        regimes.unseen_edges("A", [BASE, Q], title="t"),
    ):
        page = json.loads(figure.to_json())
        assert len(page["layout"]["meta"]["alt"]) > 100
        assert "per question" in page["layout"]["title"]["subtitle"]["text"]
        assert page["layout"]["margin"]["t"] == 90, "two lines have room under the title"


def test_sfts_signature_has_the_training_questions_first_and_the_farthest_last():
    figure = regimes.signature(title="t")
    names = ["training", "held out", "degree 0", "degree 1", "degree 2+"]
    for trace, key in zip(figure.data, ("accuracy", "greedy"), strict=True):
        assert list(trace.x) == names
        mean = 100 * torch.tensor(regimes.ends("B", BASE, f"train_{key}")).mean().item()
        assert trace.y[0] == pytest.approx(mean)


def test_the_rows_of_a_file_are_those_of_the_figure_seed_by_seed():
    seeds = regime_rows.seeds("B")
    rows = regime_rows.over_updates("B", [PG], {"accuracy": "test_accuracy"})
    steps, values = regimes.series("B", PG, "test_accuracy")
    assert [row["accuracy"] for row in rows] == values.flatten().tolist()
    assert [row["updates"] for row in rows] == steps * len(seeds)
    rows = regime_rows.decoding({"B": [BASE]})
    held_out = [row["accuracy"] for row in rows if row["questions"] == "held-out questions"]
    assert held_out == regimes.curve("B", BASE, "test", "accuracy").flatten().tolist()
    by_seed = [
        row["accuracy"]
        for row in regime_rows.exploration_by_seed()
        if (row["model"], row["answers"], row["questions"]) == (PAID, "greedy", "all")
    ]
    assert by_seed == regimes.ends("B", PAID, "test_greedy")
