"""A chapter's cells can be run twice, and again from any training on, and give the same numbers.

In every run trainings are cut short: what is asked is whether a cell makes anew what it trains, and
four updates tell that as well as a thousand. All chapters at full length are part of `make soak`.
"""

import pairs
import pytest
import rerunning
from soaking import SOAK

LONGEST = ("05_collapse", "06_kl", "80_figures")
SCRIPTS = [
    pytest.param(one, id=one.stem, marks=[pytest.mark.longest] if one.stem in LONGEST else [])
    for one in pairs.scripts()
]


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_cell_run_twice_and_again_from_any_training_on_gives_the_same(script, monkeypatch):
    rerunning.prepare(monkeypatch)
    if not SOAK:
        rerunning.shorten(monkeypatch)
    with rerunning.chapter(script.with_suffix(".ipynb"), short=not SOAK) as chapter:
        assert rerunning.differences(chapter) == []
