import json

import plotly.graph_objects as go
import pytest
import torch

import planrl as pr
from planrl.figures import charts, graphs, scatter, sliders, style


def told(figure):
    """The figure as the pages get it; it must be plain JSON with a text alternative."""
    page = json.loads(figure.to_json())
    assert len(page["layout"]["meta"]["alt"]) > 10
    assert page["layout"]["height"] > 0
    return page


@pytest.fixture
def records():
    return [
        pr.Step(k, 1.0 / k, k / 10, {"x": float(k)} if k % 2 == 0 else None) for k in range(1, 9)
    ]


def test_learning_curves_draw_what_the_records_hold(records):
    page = told(charts.learning_curves({"SFT": records}, "x", alt="x of SFT over updates"))
    assert page["data"][0]["x"] == [2, 4, 6, 8]
    assert page["data"][0]["y"] == [2, 4, 6, 8]
    assert page["data"][0]["line"]["color"] == style.STYLES["SFT"][0]


def test_several_seeds_give_their_mean_and_their_whole_span(records):
    doubled = [pr.Step(r.step, r.loss, 2 * r.reward) for r in records]
    page = told(charts.learning_curves({"SFT": [records, doubled]}, "reward"))
    area, line = page["data"]
    assert line["y"] == pytest.approx([0.15 * k for k in range(1, 9)])
    assert max(area["y"]) == pytest.approx(1.6)
    assert min(area["y"]) == pytest.approx(0.1)


def test_a_key_nobody_measured_is_refused(records):
    with pytest.raises(pr.InputError, match="probe"):
        charts.learning_curves({"SFT": records}, "accuracy")


def test_heatmaps_hold_the_values_row_by_row():
    values = torch.tensor([[0.0, 1.0], [0.25, -0.5]])
    page = told(charts.heatmaps({"": values}, title="t", alt="two by two values", diverging=True))
    assert page["data"][0]["z"] == [[0, 1], [0.25, -0.5]]
    assert page["data"][0]["zmin"] == -1
    two = told(charts.heatmaps({"a": values, "b": values}, title="t", alt="two heat maps"))
    assert len(two["data"]) == 2


def test_bars_and_scatter_draw_every_group():
    page = told(
        charts.bars({"SFT": {"0": 0.5, "1": 0.25}}, title="t", alt="two bars of SFT", x="x", y="y")
    )
    assert page["data"][0]["text"] == ["0.50", "0.25"]
    cloud = {"cells": (torch.arange(5000.0), torch.arange(5000.0))}
    page = told(
        scatter.scatter(cloud, title="t", alt="a line of points", x="x", y="y", diagonal=True)
    )
    assert len(page["data"][0]["x"]) <= 1500
    assert page["data"][1]["x"] == [0, 4999]


def test_routes_draw_each_learners_way_and_mark_its_end():
    diversity = {"SFT": (torch.tensor([3.0, 1.0]), torch.tensor([0.5, 0.9]))}
    page = told(
        scatter.trajectories(diversity, title="t", alt="one way through the plane", x="x", y="y")
    )
    assert page["data"][0]["x"] == [3, 1]
    assert page["data"][0]["marker"]["size"] == [5, 13]
    assert [note["text"] for note in page["layout"]["annotations"]] == ["start"]
    diversity["Q"] = (torch.tensor([2.0, 1.0]), torch.tensor([0.5, 0.9]))
    assert not scatter.trajectories(
        diversity, title="t", alt="two starts", x="x", y="y"
    ).layout.annotations


def test_graph_view_draws_each_node_edge_and_the_path():
    graph = pr.diamond(2)
    page = told(graphs.graph_view(graph, [0, 1, 3]))
    edges, _, path, _, nodes = page["data"]
    assert nodes["text"] == ["0", "1", "2", "3"]
    assert len(edges["x"]) == 3 * len(graph.edges)
    assert len(path["x"]) == 3 * 2
    assert "0 to 1 to 3" in page["layout"]["meta"]["alt"]
    weighted = told(graphs.graph_view(graph, weights=torch.full((4, 4), 0.5)))
    assert len(weighted["data"]) == len(page["data"]) + len(graph.edges) - 1


def test_nodes_stand_left_to_right_on_a_dag_and_on_a_circle_otherwise():
    where = graphs.positions(pr.diamond(2))
    assert where[:, 0].tolist() == [0, 1, 1, 2]
    circle = graphs.positions(pr.Graph(3, [(0, 1), (1, 2), (2, 0)]))
    assert torch.allclose(circle.norm(dim=1), torch.ones(3))


def test_a_slider_has_a_frame_for_each_figure_and_opens_on_the_one_asked_for():
    graph = pr.diamond(2)
    frames = {str(k): graphs.graph_view(graph, [0, k, 3]) for k in (1, 2)}
    page = told(sliders.with_slider(frames, name="path", start="2"))
    assert [frame["name"] for frame in page["frames"]] == ["1", "2"]
    slider = page["layout"]["sliders"][0]
    assert slider["active"] == 1
    assert slider["steps"][0]["args"][0] == ["1"]
    with pytest.raises(pr.InputError, match="start='9'"):
        sliders.with_slider(frames, name="path", start="9")
    with pytest.raises(pr.InputError, match="at least one"):
        sliders.with_slider({}, name="path")


def test_frames_bring_their_own_axes_and_notes_along():
    frames = {}
    for name, most in (("a", 1.0), ("b", 5.0)):
        frames[name] = go.Figure(go.Scatter(x=[0, most], y=[0, 1]))
        frames[name].update_layout(xaxis={"range": [0, most]}, yaxis={"range": [0, 1]})
        frames[name].add_annotation(text=name, x=0, y=0)
    one, other = sliders.with_slider(frames, name="show").frames
    assert (one.layout.xaxis.range, other.layout.xaxis.range) == ((0, 1.0), (0, 5.0))
    assert other.layout.annotations[0].text == "b"
    assert other.layout.yaxis.range is None, "what is the same in all is not repeated"


def test_a_prediction_is_drawn_in_and_names_the_traces_to_cover(records):
    figure = charts.learning_curves({"SFT": records, "policy gradient": records}, "reward")
    asked = sliders.ask(
        figure,
        "How high?",
        guess=0.4,
        low=0,
        high=1,
        step=0.1,
        hidden=["policy gradient"],
        answer="Look.",
    )
    page = told(asked)
    assert page["layout"]["meta"]["predict"]["traces"] == [1]
    assert page["layout"]["shapes"][0]["y0"] == 0.4
    options = {"low": 0, "high": 1, "step": 0.1, "answer": ""}
    with pytest.raises(pr.InputError, match="guess=3"):
        sliders.ask(figure, "?", guess=3, hidden=["SFT"], **options)
    with pytest.raises(pr.InputError, match="none of"):
        sliders.ask(figure, "?", guess=0.5, hidden=["nobody"], **options)


def test_dots_show_every_seed_and_the_mean_in_the_row_of_its_setting():
    rows = {"plain": {"pg": [0.1, 0.3], "sft": [0.0]}, "late": {"pg": [0.5]}}
    figure = scatter.dots(rows, title="t", alt="a", x="gain")
    strong = {t.name: (list(t.x), list(t.y)) for t in figure.data if t.marker.opacity == 1}
    assert strong == {"pg": ([0.2, 0.5], ["plain", "late"]), "sft": ([0.0], ["plain"])}
    faint = next(t for t in figure.data if t.name == "pg, each seed")
    assert list(faint.x) == [0.1, 0.3, 0.5]


def test_colours_for_dark_pages_are_seen_there():
    def luminance(colour):
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    ground = luminance("#121212") + 0.05
    for dark, bright in style.ON_DARK.items():
        assert (luminance(dark) + 0.05) / ground < 4.5, "it needs no other"
        assert (luminance(bright) + 0.05) / ground >= 4.5


def test_bars_over_seeds_are_means_with_whiskers_to_the_smallest_and_the_largest():
    values = {"one": {"a": [0.1, 0.2, 0.6], "b": [0.5]}, "other": {"a": [1.0, 0.0], "b": [0.25]}}
    figure = charts.seed_bars(values, title="t", about="Two methods", x="x", y="y")
    one, other = figure.data
    assert list(one.y) == pytest.approx([0.3, 0.5])
    assert list(one.error_y.array) == pytest.approx([0.3, 0.0])
    assert list(one.error_y.arrayminus) == pytest.approx([0.2, 0.0])
    assert list(other.y) == pytest.approx([0.5, 0.25])
    assert figure.layout.meta["alt"] == ("Two methods. one: a 0.30, b 0.50; other: a 0.50, b 0.25")
