"""Nobody gets in by a text: no label, name or cell becomes markup, script or a terminal's command."""

import json

import plotly.io
import pytest
import torch
from bs4 import BeautifulSoup
from live_labs import drawn, needs_node

import planrl as pr
from planrl.__main__ import main as command_line
from planrl.claims import CLAIMS
from planrl.domains import state
from planrl.figures import blocks, charts, graphs
from planrl.figures.layout import graph_data
from planrl.figures.table import Table
from planrl.labs import Player, RecordedRun
from planrl.labs.page.html import PageLab, script_json
from planrl.teaching import evidence, notebook
from planrl.teaching.exercises.checks import Feedback

PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "<a href='javascript:alert(1)'>x</a>",
    "</title></textarea></style><iframe src=//evil.example>",
    "<!--<script>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=alert(1)>",
    "{{7*7}}${alert(1)}",
    "&lt;img src=x onerror=alert(1)&gt;",
]


def tags(html):
    """What elements and what handlers there are in a piece of HTML."""
    page = BeautifulSoup(html, "html.parser")
    return [(e.name, sorted(a for a in e.attrs if a.startswith("on"))) for e in page.find_all(True)]


def named(word):
    def code(): ...

    code.__qualname__ = word
    return code


FRAME = {"update": 0, "probs": [[0, 1, 1.0]], "paths": [], "accuracy": 1.0, "distinct": 1}
MADE = {
    "question": lambda w: notebook.QuickCheck(w, {w: w, "b": w}, right=[w]),
    "table": lambda w: Table([{w: w, "b": 1.0}], caption=w),
    "cards": lambda w: notebook.Cards(
        [{"title": w, "badge": w, "text": w, "note": w, "rows": [{w: w, "c": w}]}]
    ),
    "download": lambda w: notebook.Download([{w: w}], w),
    "verdict": lambda w: Feedback(False, w),
    "numbers": lambda w: evidence.Numbers(w, {w: 1.0}),
    "backing": lambda w: evidence.Backing(
        pr.check(w, predicted=0.0, observed=0.0, tolerance=1.0),
        claim=CLAIMS[0].id,
        code=named(w),
        formula=w,
    ),
    "live page": lambda w: PageLab("race", folder=w),
    "player": lambda w: Player(
        graph_data(pr.Graph(2, [(0, 1)], [w, "b"]), 0, 1),
        [RecordedRun(name=w, colour=w, frames=[FRAME], note=w)],
        correct_paths=1,
        label=w,
        finding=w,
        conditions=w,
    ),
}


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("name", MADE)
def test_no_text_becomes_markup_in_what_a_notebook_or_a_page_shows(name, static, monkeypatch):
    if static:
        monkeypatch.setenv("PLANRL_STATIC", "1")
    usual = tags(MADE[name]("word")._repr_html_())
    for payload in PAYLOADS:
        assert tags(MADE[name](payload)._repr_html_()) == usual, payload


def test_a_pages_data_cannot_end_its_script():
    for payload in PAYLOADS:
        text = script_json({"a": payload, payload: 1})
        assert "<" not in text
        assert json.loads(text)["a"] == payload


def shown_texts(figure):
    """Every text of a figure in which plotly looks for markup."""
    page = json.loads(figure.to_json())
    for trace in page["data"]:
        for key in ("text", "hovertext", "x", "y"):
            values = trace.get(key)
            yield from (v for v in values if isinstance(v, str)) if isinstance(values, list) else ()
    for note in page["layout"].get("annotations", []):
        yield note["text"]
    for frame in page.get("frames", []):
        yield from (n["text"] for n in frame.get("layout", {}).get("annotations", []))


DRAWN = {
    "graph": lambda w: graphs.graph_view(pr.Graph(2, [(0, 1)], [w, "b"]), [0, 1]),
    "weights": lambda w: graphs.graph_view(
        pr.Graph(2, [(0, 1)], [w, "b"]), weights=torch.ones(2, 2)
    ),
    "matrix": lambda w: charts.heatmaps({"": torch.eye(2)}, title="t", alt=w, labels=[w, "b"]),
    "blocks": lambda w: blocks.draw_state(state([w, "b"])),
    "plans": lambda w: blocks.play(
        {w: [state([w, "b"]), state([w], ["b"])]}, title="t", actions={w: [w]}
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_no_label_becomes_markup_in_a_figure(name):
    harmless = tags(plotly.io.to_html(DRAWN[name]("word"), include_plotlyjs=False))
    for payload in PAYLOADS:
        figure = DRAWN[name](payload)
        for text in shown_texts(figure):
            assert "<" not in text, text
        page = plotly.io.to_html(figure, include_plotlyjs=False)
        assert tags(page) == harmless, payload


@needs_node
def test_a_labs_names_are_text_to_plotly():
    from planrl.labs import Session

    session = Session("rewards", "graph=own&edges=0-1")
    session.train(1)
    for payload in PAYLOADS:
        graph = {**session.lab_graph.to_json(), "labels": [payload, "b"]}
        traces, _ = drawn(session, graph=graph)
        named = [trace["x"] for trace in traces if trace["type"] == "heatmap"]
        assert [len(names) for names in named] == [2, 2]
        assert all("<" not in name for names in named for name in names)


def test_names_cannot_steer_the_terminal(tmp_path, capsys):
    (tmp_path / "g.txt").write_text("a b\nb c\n")
    (tmp_path / "rows.txt").write_text("a c a c\n\x1b[2J a a a\na \x1b[31mb c \x1b[31mb\n")
    assert command_line(["inspect", str(tmp_path / "g.txt"), str(tmp_path / "rows.txt")]) == 1
    for text in ("\x1b[2J\n", "a \x1b[31mb\n\x1b[31mb c\n"):
        (tmp_path / "bad.txt").write_text(text)
        assert command_line(["inspect", str(tmp_path / "bad.txt")]) == 2
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err
