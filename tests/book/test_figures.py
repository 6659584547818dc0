"""The HTML of a figure, and what is refused."""

from __future__ import annotations

import json
import re

import plotly.graph_objects as go
import pytest
from built_site import ROOT
from plotly.subplots import make_subplots

from planrl.figures.sliders import with_slider


@pytest.fixture(scope="module")
def figures():
    import figures

    return figures


def a_figure(**layout):
    figure = go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))
    figure.update_layout(template="plotly_white", height=300, meta={"alt": "A line."})
    figure.update_layout(**layout)
    return figure


def with_frames(**layout):
    figure = a_figure(**layout)
    figure.frames = [go.Frame(name=f"f{k}", data=[go.Scatter(y=[k, k])]) for k in range(3)]
    steps = [{"label": str(10 * k), "args": [[f"f{k}"], {}]} for k in range(3)]
    figure.update_layout(
        sliders=[{"active": 2, "currentvalue": {"prefix": "Step: "}, "steps": steps}]
    )
    return figure


def without_slider():
    figure = with_frames()
    figure.layout.sliders = ()
    return figure


PREDICT = {
    "question": "How <b>high</b> & far?",
    "min": 0,
    "max": 9,
    "step": 1,
    "start": 5,
    "traces": [0],
    "answer": "Four.",
}


def payload(html):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', html)[1])


def as_json(figure):
    return json.loads(figure.to_json())


def test_a_good_figure_has_no_problems(figures):
    assert figures.problems(as_json(a_figure())) == []
    assert figures.problems(as_json(with_frames())) == []
    asks = a_figure(meta={"alt": "A line.", "predict": PREDICT})
    assert figures.problems(as_json(asks)) == []


@pytest.mark.parametrize(
    ("figure", "complaint"),
    [
        (a_figure(meta={"alt": " "}), "no text alternative"),
        (a_figure(meta=None), "no text alternative"),
        (a_figure(height=None), "no height"),
        (go.Figure(layout=a_figure().layout), "no traces"),
        (go.Figure(go.Surface(z=[[1]]), a_figure().layout), "surface is not among"),
        (a_figure(meta={"alt": "A.", "ink": [1]}), "not there"),
        (a_figure(meta={"alt": "A.", "predict": {"question": "?"}}), "lacks answer, max"),
        (a_figure(meta={"alt": "A.", "predict": {**PREDICT, "start": 10}}), "outside"),
        (a_figure(meta={"alt": "A.", "predict": {**PREDICT, "traces": [3]}}), "not there"),
        (without_slider(), "no slider"),
        (a_figure(title="$x^2$"), "Unicode"),
    ],
)
def test_a_bad_figure_is_told_what_is_wrong(figures, figure, complaint):
    assert any(complaint in problem for problem in figures.problems(as_json(figure)))


def test_the_shared_template_is_not_repeated(figures):
    html = figures.render(as_json(a_figure()), "f")
    assert "template" not in payload(html)["layout"]
    own = as_json(a_figure(template="plotly_dark"))
    assert "template" in payload(figures.render(own, "f"))["layout"]


def test_frames_become_a_native_slider_at_the_active_frame(figures):
    html = figures.render(as_json(with_frames()), "f")
    assert 'type="range"' in html
    assert 'value="2"' in html
    assert 'aria-valuetext="Step: 20"' in html
    data = payload(html)
    assert data["labels"] == ["0", "10", "20"]
    assert not {"sliders", "updatemenus"} & set(data["layout"])


def test_frames_without_an_order_become_a_list_to_choose_from(figures):
    curves = {name: a_figure() for name in ("accuracy", "ways", "<b>")}
    figure = with_slider(curves, name="show", start="ways")
    assert not figure.layout.updatemenus, "words are played one after the other"
    html = figures.render(as_json(figure), "f")
    assert "plotly-play" not in html
    assert '<label for="f-frame">Show</label>' in html
    assert '<option value="1" selected>ways</option>' in html
    assert "&lt;b&gt;</option>" in html


def test_a_question_keeps_the_finding_for_later(figures):
    figure = a_figure(title="It <b>rises</b>", meta={"alt": "A line.", "predict": PREDICT})
    figure.add_shape(type="line", x0=0, x1=1, y0=5, y1=5, name="guess")
    html = figures.render(as_json(figure), "f")
    caption = re.search(r"<figcaption.*?</figcaption>", html)[0]
    assert "rises" not in caption
    assert "How <b>high</b> &amp; far?" in caption
    assert "It <b>rises</b>" in payload(html)["predict"]["finding"]
    assert payload(html)["layout"]["shapes"] == []


def test_nothing_in_a_figure_escapes_its_script(figures):
    figure = a_figure(
        title="<script>alert(1)</script>", meta={"alt": '"><script>', "x": "</script>"}
    )
    figure.data[0].name = "</script><b>"
    html = figures.render(as_json(figure), "f")
    assert html.count("<script") == 1
    assert payload(html)["data"][0]["name"] == "</script><b>"


def test_plots_side_by_side_stand_in_a_column_on_a_phone(figures):
    figure = make_subplots(1, 2, subplot_titles=["left", "right"])
    for column in (1, 2):
        figure.add_heatmap(z=[[0, 1]], row=1, col=column)
    figure.update_layout(height=300, meta={"alt": "Two matrices."}, yaxis_title="here")
    narrow = payload(figures.render(as_json(figure), "f"))["narrow"]
    assert narrow["xaxis"]["domain"] == narrow["xaxis2"]["domain"] == [0, 1]
    assert narrow["yaxis"]["domain"][0] > narrow["yaxis2"]["domain"][1]
    assert [note["text"] for note in narrow["annotations"]] == ["left", "right"]
    assert [note["x"] for note in narrow["annotations"]] == [0.5, 0.5]
    assert narrow["yaxis2"]["title"]["text"] == "here"
    assert "--tall" in figures.render(as_json(figure), "f")


def test_plots_in_rows_or_alone_stay_as_they_are(figures):
    grid = make_subplots(2, 2)
    for row, column in ((1, 1), (1, 2), (2, 1), (2, 2)):
        grid.add_scatter(y=[1, 2], row=row, col=column)
    for figure in (grid, a_figure()):
        assert "narrow" not in payload(figures.render(as_json(figure), "f"))


def test_the_pages_part_of_plotly_is_of_the_release_that_is_pinned(figures):
    locked = json.loads((ROOT / "book" / "_ext" / "package.json").read_text("utf-8"))
    with (figures.plotly_data() / "plotly.min.js").open(encoding="utf-8") as whole:
        head = whole.read(200)
    assert f"plotly.js v{locked['dependencies']['plotly.js-cartesian-dist-min']}\n" in head
