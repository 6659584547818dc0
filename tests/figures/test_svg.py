"""A figure as a picture without a script: what it shows is where plotly would show it."""

import xml.etree.ElementTree as ET

import plotly.graph_objects as go
import pytest
import torch

from planrl.figures import charts, graphs
from planrl.figures.pixels import png, shade
from planrl.figures.slides import Slides
from planrl.figures.svg import figure_svg
from planrl.figures.svg_marks import Appearance
from planrl.graphs import random_dag, seeded

SVG = "{http://www.w3.org/2000/svg}"


def drawn(figure, **options):
    return ET.fromstring(figure_svg(figure, **options))


def texts(picture):
    return ["".join(element.itertext()) for element in picture.iter(f"{SVG}text")]


def curves():
    values = torch.tensor([[1.0, 2.0, 4.0], [1.0, 3.0, 5.0]])
    return charts.range_figure(
        {"one": ([0, 10, 20], values), "<b>other</b>": ([0, 10, 20], values - 1)},
        title="They rise & <i>meet</i>",
        alt='A "line" < others.',
        x="updates",
        y="value",
    )


def test_title_axes_and_legend_are_written_and_nothing_of_them_is_markup():
    picture = drawn(curves())
    assert {"They rise & meet", "updates", "value", "one", "other"} <= {*texts(picture)}
    assert picture.get("aria-label") == 'A "line" < others.'


def test_a_higher_value_is_drawn_higher_and_a_later_one_further_right():
    figure = go.Figure(go.Scatter(x=[0, 1, 2], y=[5, 1, 3], mode="markers"))
    figure.update_layout(meta={"alt": "three marks"})
    spots = [(float(c.get("cx")), float(c.get("cy"))) for c in drawn(figure).iter(f"{SVG}circle")]
    xs, ys = zip(*spots, strict=True)
    assert xs == tuple(sorted(xs))
    assert ys[0] < ys[2] < ys[1]


def test_bars_are_as_high_as_their_values_and_say_them():
    figure = charts.bars(
        {"a": {"x": 50.0, "y": 100.0}}, title="t", alt="a", x="", y="", y_range=(0, 100), text=".0f"
    )
    picture = drawn(figure)
    boxes = [r for r in picture.iter(f"{SVG}rect") if r.get("fill", "").startswith("#00")]
    heights = [float(box.get("height")) for box in boxes]
    assert heights[1] == pytest.approx(2 * heights[0], rel=0.01)
    assert {"50", "100"} <= {*texts(picture)}


def test_stacked_bars_stand_on_one_another():
    parts = {"a": {"x": 30.0, "y": 100.0}, "b": {"x": 70.0, "y": 0.0}}
    figure = charts.bars(
        parts, title="t", alt="a", x="", y="", y_range=(0, 100), text=".0f", stacked=True
    )
    assert [list(trace.base) for trace in figure.data] == [[0, 0], [30, 100]]
    below, whole, above = (
        [float(rect.get(side)) for side in ("x", "y", "height")]
        for rect in drawn(figure).iter(f"{SVG}rect")
        if 20 < float(rect.get("height")) < 420
    )
    assert below[0] == above[0] != whole[0]
    assert above[1] + above[2] == pytest.approx(below[1], abs=0.2)
    assert below[2] + above[2] == pytest.approx(whole[2], abs=0.2)


def test_error_bars_end_where_the_axis_ends():
    figure = go.Figure(go.Scatter(x=[1, 2], y=[1, 1], mode="markers", error_y={"array": [9, 0.1]}))
    figure.update_layout(yaxis_range=[0, 2], meta={"alt": "a"})
    lines = [p.get("d") for p in drawn(figure).iter(f"{SVG}path") if "V" in p.get("d")]
    ends = [float(part) for d in lines[:1] for part in d.split(" ", 1)[1].split("V")]
    assert 0 < min(ends) < max(ends) < 420


def test_long_labels_of_rows_get_the_room_that_they_need():
    figure = go.Figure(go.Scatter(x=[1], y=["a label of thirty-two characters"], mode="markers"))
    figure.update_layout(meta={"alt": "a"})
    picture = drawn(figure)
    (label,) = [t for t in picture.iter(f"{SVG}text") if "thirty-two" in "".join(t.itertext())]
    assert float(label.get("x")) > 32 * 0.5 * 13


def test_a_matrix_is_a_picture_with_a_pixel_for_each_number():
    picture = drawn(charts.heatmaps({"": torch.eye(3)}, title="t", alt="a"))
    (image,) = picture.iter(f"{SVG}image")
    assert image.get("href").startswith("data:image/png;base64,")
    raw = png([[(255, 0, 0, 255)] * 2] * 3)
    assert raw[:4] == b"\x89PNG"
    assert int.from_bytes(raw[16:20]) == 2
    assert int.from_bytes(raw[20:24]) == 3


def test_a_number_between_the_ends_of_a_scale_has_a_colour_between_theirs():
    stops = [(0.0, (0.0, 0.0, 0.0, 0.0)), (1.0, (100.0, 200.0, 0.0, 255.0))]
    assert shade(0.5, stops) == (50, 100, 0, 128)
    assert shade(2.0, stops) == (100, 200, 0, 255)
    assert shade(float("nan"), stops) == (0, 0, 0, 0)


def test_graphs_have_their_nodes_edges_and_arrow_heads():
    graph = random_dag(6, 0.5, seeded(0, "graph"))
    picture = drawn(graphs.graph_view(graph, alt="six nodes"))
    assert {str(v) for v in range(6)} <= {*texts(picture)}
    heads = [p for p in picture.iter(f"{SVG}path") if "rotate" in p.get("transform", "")]
    assert len(heads) == len(graph.edges)


def test_slides_are_files_in_16_to_9_with_their_descriptions():
    shown = Slides({"one": curves()})
    assert 'viewBox="0 0 1280 720"' in shown.files["one.svg"]
    assert 'download="one.svg"' in shown._repr_html_()
    assert "line&quot; &lt; others" in shown._repr_html_()


def test_triangles_point_up_and_down_as_plotly_draws_them():
    for symbol, apex in (("triangle-up", -6.0), ("triangle-down", 6.0)):
        mark = ET.fromstring(Appearance({"marker": {"symbol": symbol}}).mark(0, 0, 10))
        heights = sorted(float(corner.split(",")[1]) for corner in mark.get("points").split())
        single = heights[0] if symbol == "triangle-up" else heights[-1]
        assert single == pytest.approx(apex)
        assert sum(y * apex < 0 for y in heights) == 2, "the base is on the other side"
