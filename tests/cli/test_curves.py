"""`planrl train --plot` draws what a run learnt, and its last lines sum it up."""

import re

import pytest

import planrl as pr
from planrl.__main__ import main
from planrl.cli import curves

SMALL = ["train", "--nodes", "14", "--edge-probability", "0.3", "--train-share", "0.5"]
SMALL += ["--width", "16", "--batch", "8"]


def test_the_learning_curves_are_a_page_that_needs_no_network(tmp_path, capsys):
    page = tmp_path / "curves.html"
    given = [*SMALL, "--algorithm", "pg", "--steps", "3", "--eval-every", "3"]
    assert main([*given, "--out", str(tmp_path / "run"), "--plot", str(page)]) == 0
    said, text = capsys.readouterr().err, page.read_text(encoding="utf-8")
    assert f"learning curves in {page}" in said
    assert "next: planrl evaluate" in said
    for words in (
        "Loss",
        "Mean return of the batch",
        "Accuracy",
        "training pairs",
        "held-out pairs",
    ):
        assert words in text
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", text)


@pytest.mark.parametrize(
    ("name", "words"), [("curves.png", "ending in .html"), ("no/curves.html", "there is no folder")]
)
def test_a_page_that_could_not_be_written_is_refused_before_training(name, words, tmp_path, capsys):
    folder = tmp_path / "run"
    arguments = [*SMALL, "--steps", "2", "--out", str(folder)]
    assert main([*arguments, "--plot", str(tmp_path / name)]) == 2
    assert words in capsys.readouterr().err
    assert not folder.exists()


def test_what_a_saved_run_could_not_measure_is_left_out_of_its_curves(tmp_path):
    """On a graph with cycles there is no coverage, and a saved record says None."""
    measured = [{"test_coverage": None, "test_accuracy": 0.5}, {"test_accuracy": 1.0}]
    records = [pr.Step(k, 1.0, 1.0, one) for k, one in enumerate(measured, 1)]
    curves.write(records, tmp_path / "c.html", "a run", "sft")
    text = (tmp_path / "c.html").read_text(encoding="utf-8")
    titles = re.findall(r'"title":\{"text":"([^"]*)"', text)
    assert {"Loss", "Accuracy"} <= {*titles}
    assert not {"Coverage", curves.TITLES["reward"]} & {*titles}


def test_the_last_line_sums_up_the_last_tenth_of_the_updates():
    records = [pr.Step(k, float(k), k / 100) for k in range(1, 101)]
    assert curves.summary(records, "pg") == (
        "100 updates: loss 95.500, return 0.955 (mean of the last 10)"
    )
    assert curves.summary(records[:1], "sft") == "1 update: loss 1.000 (the last one)"
