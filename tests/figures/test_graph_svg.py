"""A frame of a graph as SVG: edges as wide as their probability, illegal steps dashed."""

import re
from xml.etree import ElementTree

from planrl.figures.graph_svg import ERROR, QUIET, graph_svg

GRAPH = {
    "nodes": [
        {"id": 0, "name": "a", "x": 0.0, "y": 0.5},
        {"id": 1, "name": "<b>", "x": 0.5, "y": 0.0},
        {"id": 2, "name": "c", "x": 1.0, "y": 0.5},
    ],
    "edges": [[0, 1], [1, 2]],
    "source": 0,
    "target": 2,
}


def test_an_edge_is_the_wider_the_likelier_a_path_passes_it():
    def widths(p):
        drawn = graph_svg(GRAPH, [[0, 1, p]], colour="#123456")
        arrows = re.findall(r'stroke="(#\w+)".*?stroke-width="([\d.]+)"', drawn)
        return [float(width) for colour, width in arrows if colour == "#123456"]

    (thin,), (wide,) = widths(0.1), widths(0.9)
    assert 1 < thin < wide


def test_a_step_that_is_no_edge_is_dashed_in_the_colour_of_errors():
    plain, wrong = graph_svg(GRAPH), graph_svg(GRAPH, [[0, 2, 0.3]])
    assert ERROR not in plain
    assert plain.count(f'stroke="{QUIET}" fill="{QUIET}"') == len(GRAPH["edges"])
    assert re.search(rf'stroke="{ERROR}"[^/]*stroke-dasharray', wrong)


def test_names_are_text_and_source_and_target_have_shapes_of_their_own():
    drawn = ElementTree.fromstring(graph_svg(GRAPH, label='one "graph" & more'))
    assert [text.text for text in drawn.iter("text")] == ["a", "<b>", "c"]
    assert drawn.get("aria-label") == 'one "graph" & more'
    assert len([*drawn.iter("rect")]) == len([*drawn.iter("polygon")]) == 1


def test_nodes_that_no_path_reaches_are_pale():
    drawn = graph_svg(GRAPH, [[0, 2, 1.0]])
    assert '<g opacity="0.35"><circle' in drawn
    assert '<g opacity="1.00"><circle' in graph_svg(GRAPH)
