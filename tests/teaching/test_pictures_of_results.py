"""Figures from saved results, and Blocksworld drawn as blocks."""

import csv
import io

import pytest
import torch

import planrl as pr
from planrl.claims import Claim, Condition, Finding, Verdict, interval, judge, verdicts
from planrl.domains import State, space, state
from planrl.figures import charts
from planrl.figures.blocks import draw_state, play
from planrl.teaching import claim_figures, paper_figures, paper_tables
from planrl.teaching.notebook import Download


@pytest.mark.parametrize("of", ["dag", "blocksworld"])
def test_every_figure_says_what_it_shows_and_over_how_many_seeds(of):
    steps, values = paper_figures.series(of, "policy gradient", "test_accuracy")
    assert steps[0] == 0
    assert values.shape[1] == len(steps)
    drawn = paper_figures.curves(
        of, ["continual SFT", "policy gradient"], "test_accuracy", title="t"
    )
    assert f"{len(values)} seeds" in drawn.layout.meta["alt"]
    assert f"{float(values[:, -1].mean()):.3g}" in drawn.layout.meta["alt"]
    heat = paper_figures.adjacency(
        of, ["SFT", "policy gradient", "Q-learning, process reward"], "weights", title="t"
    )
    assert len(heat.data) == 4
    n = {"dag": 100, "blocksworld": 73}[of]
    assert len(heat.data[0].z) == n
    assert {v for row in heat.data[0].z for v in row} == {0.0, 1.0}
    shown = paper_figures.logits(of, "Q-learning, process reward", title="t")
    assert "At the end: correct" in shown.layout.meta["alt"]
    assert len(paper_figures.cell(of, "Q-learning, process reward", title="t").data[0].z) == n


def test_a_claim_is_shown_seed_by_seed_with_its_interval_and_what_was_predicted():
    found = verdicts(["2-pg-collapse", "5.1-constant"])
    figure = claim_figures.by_seed(found, start="5.1-constant")
    assert [frame.name for frame in figure.frames] == [
        f"{one.claim.id} ({one.verdict}): {one.claim.statement}" for one in found
    ]
    for one, frame in zip(found, figure.frames, strict=True):
        predicted, seeds, means = frame.data
        assert list(seeds.x) == [v for finding in one.findings for v in finding.values]
        for k, (condition, finding) in enumerate(
            zip(one.claim.conditions, one.findings, strict=True)
        ):
            assert means.x[k] - means.error_x.arrayminus[k] == pytest.approx(finding.interval[0])
            low, high = frame.layout.xaxis.range
            assert predicted.base[k] == pytest.approx(max(condition.low, low))
            if condition.low < condition.high:
                ends = predicted.base[k] + predicted.x[k]
                assert ends == pytest.approx(min(condition.high, high))
        assert frame.layout.xaxis.title.text.startswith(one.claim.measured)
    assert figure.layout.sliders[0].active == 1


def test_places_whose_numbers_are_of_another_size_have_an_axis_of_their_own():
    figure = claim_figures.by_seed(verdicts(["4.3-time"]), start="4.3-time")
    assert [frame.name.split(":")[0] for frame in figure.frames] == [
        "4.3-time, 1 of 2 (holds)",
        "4.3-time, 2 of 2 (holds)",
    ]
    assert [len(frame.data[2].x) for frame in figure.frames] == [2, 1]
    assert figure.layout.sliders[0].active == 0


def test_a_claim_without_a_result_is_not_drawn():
    condition = Condition(graph="g", model="m", needs=("fig2",), value=float, low=0.0)
    claim = Claim(id="x", statement="It is.", source="us", measured="it", conditions=(condition,))
    empty = Finding(graph="g", model="m", name="", prediction="at least 0", verdict="not measured")
    with pytest.raises(pr.InputError, match="reproduce"):
        claim_figures.by_seed([judge(claim, [empty])])
    measured = verdicts(["2-pg-collapse"])
    assert len(claim_figures.by_seed([judge(claim, [empty]), *measured]).frames) == 1
    with pytest.raises(pr.InputError, match="start='x' is no claim with a result: 2-pg-collapse"):
        claim_figures.by_seed(measured, start="x")
    same = Finding(
        graph="<b>",
        model="m",
        name="",
        prediction="at least 0",
        verdict="holds",
        values=(1.0, 1.0),
        seeds=(4, 7),
    )
    drawn = claim_figures.by_seed([Verdict(claim=claim, verdict="holds", findings=(same,))])
    assert list(drawn.data[1].text) == ["seed 4", "seed 7"]
    low, high = drawn.layout.xaxis.range
    assert low < 0 < 1 < high, "all numbers and the bound are in sight"
    assert drawn.data[1].y[0] == "&lt;b&gt;: holds"
    few = Finding(
        graph="g",
        model="m",
        name="",
        prediction="at least 0",
        verdict="not enough seeds",
        values=(1.0, 1.0),
    )
    drawn = claim_figures.by_seed([judge(claim, [few])])
    assert drawn.data[1].y[0].replace("<br>", " ") == "g: not enough seeds (2 of 10)"
    assert drawn.layout.xaxis.title.text == "it (m)"


@pytest.mark.parametrize("of", ["dag", "blocksworld"])
def test_accuracy_by_degree_is_the_seeds_mean_with_its_interval(of):
    name = "policy gradient"
    rows = paper_tables.degree_rows(of, [name])
    assert {row["seed"] for row in rows} == set(paper_figures.seeds(of, name))
    values = paper_figures.series(of, name, "test_greedy")[1][:, -1]
    pairs = sum(row["pairs"] for row in rows)
    mean = sum(row["greedy"] * row["pairs"] for row in rows) / pairs
    assert mean == pytest.approx(float(values.mean()), abs=1e-4)  # as many questions in each seed
    for key in ("greedy", "accuracy"):
        (bars,) = paper_figures.by_degree(of, [name], key, title="t").data
        for condition, degree in enumerate(bars.x):
            found = [row[key] for row in rows if row["degree"] == int(degree)]
            assert bars.y[condition] == pytest.approx(sum(found) / len(found))
            low, high = interval(found)
            assert bars.error_y.array[condition] == pytest.approx(high - bars.y[condition])
            assert bars.error_y.arrayminus[condition] == pytest.approx(bars.y[condition] - low)
    with pytest.raises(pr.InputError, match="choose accuracy or greedy"):
        paper_figures.by_degree(of, [name], "hope", title="t")


def test_the_best_place_to_stop_is_no_worse_than_the_end():
    (row,) = paper_tables.stops("dag", ["policy gradient"])
    steps, values = paper_figures.series("dag", "policy gradient", "test_accuracy")
    assert row["accuracy then"] >= row["at the end"]
    assert row["best after"] in steps
    assert row["accuracy then"] == pytest.approx(float(values.mean(0).max()))


def test_a_slider_shows_each_measure_on_one_scale():
    names = ["continual SFT", "policy gradient"]
    drawn = paper_figures.chosen("dag", names, paper_figures.ACCURACIES, title="t", y="accuracy")
    assert [frame.name for frame in drawn.frames] == list(paper_figures.ACCURACIES)
    assert len({len(frame.data) for frame in drawn.frames}) == 1
    low, high = drawn.layout.yaxis.range
    for frame, key in zip(drawn.frames, paper_figures.ACCURACIES.values(), strict=True):
        mean = next(trace for trace in frame.data if trace.name == "policy gradient")
        values = paper_figures.series("dag", "policy gradient", key)[1]
        assert mean.y[-1] == pytest.approx(float(values[:, -1].mean()), abs=2e-6)
        assert low < min(mean.y)
        assert max(mean.y) < high
    assert "training, greedy: continual SFT ends at" in drawn.layout.meta["alt"]


def test_the_rows_of_logits_are_those_of_the_figure():
    rows = paper_tables.logit_rows("dag", "Q-learning, process reward")
    shown = paper_figures.logits("dag", "Q-learning, process reward", title="t")
    right = next(t for t in shown.data if t.name.startswith("correct") and t.legendgroup == t.name)
    last = max(row["updates"] for row in rows)
    ends = [r["mean logit"] for r in rows if r["updates"] == last and r["next nodes"] == "right"]
    assert right.y[-1] == pytest.approx(sum(ends) / len(ends), abs=1e-4)


def test_the_rows_of_a_figure_hold_every_seed_and_look():
    steps, values = paper_figures.series("dag", "policy gradient", "test_greedy")
    rows = paper_tables.rows("dag", ["policy gradient"], ["test_greedy"])
    assert [row["seed"] for row in rows[:: len(steps)]] == paper_figures.seeds(
        "dag", "policy gradient"
    )
    assert len(rows) == values.numel()
    assert rows[-1]["updates"] == steps[-1]
    assert rows[-1]["test_greedy"] == pytest.approx(float(values[-1, -1]))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: paper_figures.series("dag", "GRPO", "test_greedy"), "no learner 'GRPO'"),
        (
            lambda: paper_figures.adjacency("dag", [], "values", title=""),
            "weights, centred or logits",
        ),
        (lambda: play({}, title=""), "at least one plan"),
        (lambda: play({"a": []}, title=""), "at least the state"),
        (lambda: play({"a": [state("A")]}, title="", actions={"a": ["x"]}), "one for each step"),
        (lambda: Download([], "x.csv"), "x.csv would be empty"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_words(wrong, said):
    with pytest.raises(pr.InputError, match=said):
        wrong()


def test_a_download_is_the_csv_of_its_rows():
    link = Download([{"a": 1, "b": "x,y"}, {"a": 2.5, "b": "z"}], "numbers.csv")
    assert list(csv.DictReader(io.StringIO(repr(link)))) == [
        {"a": "1", "b": "x,y"},
        {"a": "2.5", "b": "z"},
    ]
    assert 'download="numbers.csv"' in link._repr_html_()


def test_a_state_is_drawn_with_every_block_where_it_lies():
    figure = draw_state(state("AB", "C"))
    block = {trace.name: trace for trace in figure.data}
    assert max(block["B"].y) > max(block["A"].y) > 0
    assert block["A"].x == block["B"].x
    assert min(block["C"].x) > max(block["A"].x)
    held = {t.name: t for t in draw_state(State((("A",),), "B")).data}
    assert min(held["B"].y) > 2
    assert "AB|C" in figure.layout.meta["alt"]


def test_plans_play_side_by_side_and_the_shorter_one_waits():
    worlds = space(3)
    start = worlds.node(state("A", "B", "C"))
    long = [start, worlds.node(state("AC", "B")), start, worlds.node(state("AB", "C"))]
    short = [start, worlds.node(state("AB", "C"))]
    states = {
        name: [worlds.states[v] for v in path]
        for name, path in {"model": long, "optimal": short}.items()
    }
    actions = {
        name: [str(a) for a in worlds.plan(path)]
        for name, path in {"model": long, "optimal": short}.items()
    }
    figure = play(states, title="Two plans", actions=actions)
    assert len(figure.frames) == 4
    texts = [trace.text for trace in figure.frames[3].data if trace.name == "action"]
    assert texts == [("(move B table A)",), ("(move B table A)",)]
    assert [len(frame.data) for frame in figure.frames] == [12] * 4
    assert "model 3 steps, optimal 1 steps" in figure.layout.meta["alt"]


def test_single_seeds_are_drawn_thin_beside_band_and_mean():
    values = torch.tensor([[0.0, 1.0], [1.0, 2.0]])
    figure = charts.range_figure(
        {"SFT": ([0, 1], values)}, title="", alt="", x="", y="", singles=True
    )
    band, thin, mean = figure.data
    assert list(thin.y) == [0.0, 1.0, None, 1.0, 2.0, None]
    assert list(mean.y) == [0.5, 1.5]
    assert band.fill == "toself"
