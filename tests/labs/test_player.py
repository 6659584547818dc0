"""Recorded runs as a picture that plays: the same markup in a page and in a notebook."""

import json

import pytest

import planrl as pr
from planrl.figures.frames import path_frame
from planrl.figures.layout import graph_data
from planrl.labs import Hero, Player, RecordedRun
from planrl.models import LogitTable
from planrl.tasks import Vocab

WIDGET = "application/vnd.jupyter.widget-view+json"


def player(*lengths, name="a run"):
    """A player of runs with so many frames each."""
    graph = pr.diamond(2)
    model = LogitTable(Vocab(graph.n))
    frames = [
        path_frame(model, graph, (0, 3), update=update, rng=pr.seeded(0, "t"))
        for update in range(max(lengths, default=0))
    ]
    runs = [RecordedRun(name=name, colour="#D55E00", frames=frames[:n]) for n in lengths]
    return Player(
        graph_data(graph, 0, 3),
        runs,
        correct_paths=2,
        label=name,
        finding=name,
        conditions=name,
    )


@pytest.mark.parametrize("lengths", [(), (0,), (2, 3)])
def test_runs_must_have_frames_of_the_same_updates(lengths):
    with pytest.raises(pr.InputError, match="the same updates"):
        player(*lengths)


def test_a_page_gets_all_frames_and_no_widget(monkeypatch):
    monkeypatch.setenv("PLANRL_STATIC", "1")
    shown = player(3, 3)._repr_mimebundle_()
    assert WIDGET not in shown
    film = shown["text/html"].partition('<script type="application/json">')[2]
    runs = json.loads(film.partition("</script>")[0])["runs"]
    assert [[frame["update"] for frame in run["frames"]] for run in runs] == [[0, 1, 2]] * 2


@pytest.mark.parametrize("make", [Hero, lambda: player(2)], ids=["hero", "player"])
def test_a_notebook_gets_a_widget_that_plays_and_pictures_for_where_none_is_shown(
    make, monkeypatch
):
    pytest.importorskip("anywidget")
    monkeypatch.delenv("PLANRL_STATIC", raising=False)
    made = make()
    shown = made._repr_mimebundle_()
    assert WIDGET in shown
    assert "<script" not in shown["text/html"]
    assert shown["text/html"].count("<svg") == len(made.runs)
    assert shown["text/plain"] == made.caption
