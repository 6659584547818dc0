"""What pages say of the time of their cells is compared with a run; what differs is told, no more."""

import budgets
import nbformat
import nbformat.v4 as nb
import pairs

SAID = {"05_collapse": {3: 10, 5: 4, 9: 6}}


def took(*cells, seconds=30, first=2.0):
    told = {"seconds": seconds, "first figure": first, "cells": list(cells)}
    return {"05_collapse": told}


def test_the_line_under_a_cell_is_what_it_promises():
    cells = [
        nb.new_code_cell("train"),
        nb.new_markdown_cell("*About 12 s on 2 cores.* It trains."),
        nb.new_code_cell("draw"),
        nb.new_markdown_cell("About 5 s on 2 cores."),
    ]
    assert budgets.promised(nb.new_notebook(cells=cells)) == {0: 12}


def test_a_machine_that_is_slower_in_all_keeps_every_promise():
    assert budgets.remarks(took((3, 30.0), (5, 12.0), (9, 18.0), seconds=150), SAID) == []


def test_a_cell_that_stands_out_one_without_a_word_and_a_late_figure_are_named():
    found = budgets.remarks(took((3, 10.0), (5, 20.0), (7, 9.5), (9, 6.0), first=100), SAID)
    assert found == [
        "05_collapse: first figure after 100 s",
        "05_collapse, cell 5 took 20.0 s and says 4",
        "05_collapse, cell 7 took 9.5 s and does not say how long",
    ]


def test_every_promise_of_a_chapter_stands_under_a_code_cell():
    scripts = pairs.scripts()
    said = budgets.read(scripts)
    assert any(said.values())
    for script in scripts:
        cells = nbformat.read(script.with_suffix(".ipynb"), 4).cells
        assert all(cells[place].cell_type == "code" for place in said[script.stem])
