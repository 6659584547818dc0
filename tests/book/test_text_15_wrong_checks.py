"""What the text of the chapter on wrong checks says of the stored seeds and of its own runs."""

from statistics import fmean

import pytest
import torch

from planrl.claims import verdicts
from planrl.evaluate import next_logits
from planrl.experiments import noise as study
from planrl.objectives.noisy import Checks, legal_distance, noisy_optimum
from planrl.tasks import all_pairs
from planrl.teaching import noise_figures as figures
from planrl.teaching import regime_figures as regimes
from planrl.teaching import regime_tables

CHAPTER = "15_wrong_checks"


def test_ten_seeds_are_stored():
    assert [page["study"]["seed"] for page in figures.pages()] == list(range(10))


def test_five_percent_of_wrong_checks_help_greedy_paths_on_four_blocks():
    assert figures.mean("helps", "greedy_clean") < 0.1
    assert study.MILD.false_alarm == study.MILD.miss == 0.05
    assert f"{100 * study.MILD.miss:g} % wrong" == figures.NOISY
    assert legal_distance(study.MILD) == pytest.approx(19)
    assert figures.mean("helps", "greedy_noisy") > 0.85


def test_the_boundary_lies_where_it_is_predicted():
    limits = [legal_distance(Checks(false_alarm=a, miss=m)) for a, m in study.GRID]
    assert limits == pytest.approx([4.5, 0.85 / 0.3, 1.75])
    for (a, _), limit in zip(study.GRID, limits, strict=True):
        for row in figures.by_distance():
            if row["a"] == a:
                near = row["distance"] < limit
                assert row["greedy accuracy"] > 0.9 if near else row["greedy accuracy"] < 0.3


def test_few_checks_cost_sampled_accuracy_before_greedy():
    assert figures.mean("bridge", "greedy_0.1") > 0.99, "nearly all are right"
    assert figures.mean("bridge", "sampled_0.3") < 0.6
    assert figures.mean("bridge", "greedy_0.03") < 0.8 < figures.mean("bridge", "greedy_told_0.03")
    for rho in study.SHARES:
        told = figures.mean("bridge", f"sampled_told_{rho:g}")
        assert figures.mean("bridge", f"sampled_{rho:g}") == pytest.approx(told, abs=0.05)


def test_the_largest_error_of_training_is_as_large_as_what_few_checks_tell_apart():
    graph, checks = study.a_dag(0), Checks(checked=0.03)
    source, target = all_pairs(graph).pairs.T
    learnt = next_logits(study.learn(graph, checks, 0, study.UPDATES)).double()[target, source]
    told = study.SCALE * noisy_optimum(graph, checks)[target, source]
    error, best = learnt[:, : graph.n] - told, told >= told.amax(-1, keepdim=True) - 1e-9
    above = error.masked_fill(best, -torch.inf).amax(-1)
    above -= error.masked_fill(~best, 0.0).sum(-1) / best.sum(-1)
    assert study.UPDATES == 600
    assert graph.n == 20
    apart = study.SCALE * checks.checked
    assert apart == pytest.approx(0.3)
    assert 0.25 < float(above.mean()) < 0.55


def test_fixed_mistakes_break_what_more_fresh_ones_do_not():
    assert figures.mean("fixed", "greedy") < 0.3
    assert figures.mean("corrections", "greedy_plain") > 0.9
    assert min(study.STRONG.false_alarm, study.STRONG.miss) >= study.FIXED.false_alarm


def test_both_remedies_repair_greedy_choices():
    for key in ("corrected", "majority"):
        assert figures.mean("corrections", f"greedy_{key}") > 0.999
    assert [row["checks"] for row in figures.correction_rows()] == list(figures.CORRECTED)


def test_noisy_outcomes_change_the_rate_and_not_the_answers_left():
    slower = figures.mean("outcome", "updates_noisy") / figures.mean("outcome", "updates")
    assert slower == pytest.approx(1 / study.OUTCOME.informative, rel=0.05)
    assert max(map(abs, figures.values("outcome", "off"))) < 0.05


def test_all_predictions_of_the_chapter_hold():
    ids = ["sparse-bridge", "fresh-noise-boundary", "false-alarms-help", "rate-not-fate"]
    assert {one.told for one in verdicts(ids)} == {"holds"}


def test_the_figures_name_their_seeds_and_draw_the_boundaries():
    figure = figures.boundary(title="t")
    assert [shape.x0 for shape in figure.layout.shapes] == pytest.approx([4.5, 0.85 / 0.3, 1.75])
    assert len({shape.line.color for shape in figure.layout.shapes}) == 3
    for one in (figure, figures.bridge(title="t"), figures.wrong_checks_on_blocks(title="t")):
        assert "10 seeds" in one.layout.title.subtitle.text
    names = [trace.name for trace in figures.wrong_checks_on_blocks(title="t").data]
    assert names == [figures.CLEAN, figures.NOISY], "the guess covers the second"


@pytest.mark.book
def test_the_live_run_shows_what_the_text_says(ran):
    right = {d: float(ran.correct[ran.distance == d].mean()) for d in range(1, 5)}
    assert min(right[1], right[2]) > 0.95
    assert max(right[3], right[4]) < 0.4
    assert int(ran.distance.max()) == 4
    assert ran.graph.n == 13


def test_on_a_transformer_fixed_mistakes_break_and_many_fresh_ones_are_not_averaged_out():
    """20 % of fresh errors are below the boundary for nearly all questions, and yet they cost."""
    assert len(regimes.pages("G")) == 10
    greedy = {
        (kind, dose): fmean(regimes.ends("G", f"{regimes.Q}, {kind} noise {dose}%", "test_greedy"))
        for kind in ("fresh", "fixed")
        for dose in (5, 10, 20)
    }
    clean = fmean(regimes.ends("G", regimes.Q, "test_greedy"))
    assert max(greedy["fixed", dose] for dose in (5, 10, 20)) < 0.2
    assert clean - greedy["fresh", 10] < 0.05
    assert clean - greedy["fresh", 20] > 0.1, "the prediction was a loss of at most 0.1"
    limit = legal_distance(Checks(false_alarm=0.2, miss=0.2))
    assert limit == pytest.approx(4)
    assert regime_tables.nearer_than(limit) > 0.9
    curve = regimes.series("G", f"{regimes.Q}, fresh noise 20%", "test_greedy")[1].mean(0)
    assert float(curve[-1]) > float(curve[-4]) > float(curve[-5]), "still rising"
