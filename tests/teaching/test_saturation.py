"""How saturated is the base: rows, figure and sentence, whatever of regime S is stored."""

import copy
import json

import pytest

from planrl.experiments.store import FOLDER
from planrl.teaching import regime_figures as regimes
from planrl.teaching import saturation
from planrl.teaching.notebook import Told
from planrl.teaching.regime_figures import BASE, PG, SFT

PAGES = [json.loads((FOLDER / f"regimes-A-seed{seed}.json").read_text()) for seed in (0, 1)]


def with_base(page, updates, steps, gain):
    """A copy of a result whose base had this many updates; each learner gains `gain` at once."""
    page = copy.deepcopy(page)
    page["study"]["base"]["learner"]["training"]["steps"] = updates
    start = page["result"]["base"]["test_accuracy"]
    for name in (SFT, PG):
        page["result"]["learners"][name] |= {
            "step": steps,
            "test_accuracy": [start, *[start + gain] * (len(steps) - 1)],
        }
    return page


@pytest.fixture
def stored(monkeypatch):
    """Let the regimes S and A have these results."""

    def store(bases):
        found = {"S": bases, "A": PAGES}
        monkeypatch.setattr(saturation, "has", lambda regime: bool(found[regime]))
        monkeypatch.setattr(saturation, "pages", lambda regime: found[regime])

    return store


def test_of_a_longer_run_the_evaluation_nearest_to_the_others_last_is_taken(stored):
    stored([])
    (row,) = saturation.rows()
    for name in (SFT, PG):
        steps, values = regimes.series("A", name, "test_accuracy")
        near = min(steps, key=lambda step: abs(step - saturation.UPDATES))
        start = regimes.ends("A", BASE, "test_accuracy")
        own = [values[k, steps.index(near)].item() - start[k] for k in (0, 1)]
        assert row[name] == pytest.approx(sum(own) / 2)
        assert row["evaluated at"] == near
    assert (row["base"], row["seeds"]) == (5000, 2)


def test_without_a_run_of_regime_s_a_sentence_says_so_with_the_numbers_that_there_are(stored):
    stored([])
    told = saturation.shown()
    assert isinstance(told, Told)
    (row,) = saturation.rows()
    assert "not yet run" in told.text
    assert f"{row[SFT]:+.3f}" in told.text
    assert f"{row[PG]:+.3f}" in told.text


@pytest.mark.parametrize("bases", [(350,), (10000, 350), (350, 700, 2000, 10000)])
def test_whatever_bases_are_stored_the_figure_has_each_once_and_in_order(stored, bases):
    steps = [0, 1000, 1800, 1900, 2000]
    stored([with_base(PAGES[0], base, steps, gain=100 / base) for base in bases])
    updates = sorted({*bases, 5000})
    drawn = saturation.shown()
    assert [list(trace.x) for trace in drawn.data] == [updates, updates]
    for base in bases:
        row = saturation.rows()[updates.index(base)]
        assert row[SFT] == pytest.approx(100 / base)
        assert row["evaluated at"] == 2000
    alt, title = drawn.layout.meta["alt"], drawn.layout.title.text
    assert f"base of {bases[0]:,} updates" in alt
    assert f"{saturation.rows()[0][SFT]:+.2f} from a base of {updates[0]:,}" in title
    said = drawn.layout.title.subtitle.text
    assert "base of 5,000: 2 seeds" in said
    assert "others: 1 seed, 2,000" in said


def test_most_of_the_gain_from_an_unsaturated_base_comes_from_more_sft_and_none_from_a_saturated_one():
    first, *_, last = saturation.rows()
    assert (first["base"], last["base"]) == (350, 10_000)
    assert 0.7 * first[PG] < first[SFT] < first[PG]
    assert last[SFT] < 0 < first[SFT]
    assert f"{first[SFT]:+.2f} of {first[PG]:+.2f}" in saturation.told().text
