"""A frame shows what a model does with one question: exact steps, sampled paths, two numbers."""

from itertools import pairwise

import pytest
import torch

import planrl as pr
from planrl.figures.frames import path_frame, sampled_paths, widest_path
from planrl.models import LogitTable
from planrl.tasks import Vocab

GRAPH = pr.Graph(4, [(0, 1), (0, 2), (1, 3), (2, 3)])


def model_of(nodes, likely=()):
    """A table for so many nodes; the steps (i, j) of `likely` are e times as likely as others."""
    model = LogitTable(Vocab(nodes))
    with torch.no_grad():
        for i, j in likely:
            model.table[3, i, j] += 1
    return model


def test_a_frame_counts_all_samples_and_shows_the_first_few():
    model = model_of(4, [(0, 1), (1, 3), (2, 3)])
    frame = path_frame(model, GRAPH, (0, 3), update=7, rng=pr.seeded(0, "t"), samples=50, shown=5)
    sampled = sampled_paths(model, GRAPH, (0, 3), rng=pr.seeded(0, "t"), samples=50)
    assert frame["update"] == 7
    assert [path["nodes"] for path in frame["paths"]] == sampled.nodes[:5]
    assert frame["accuracy"] == sum(sampled.correct) / 50
    right = [n for n, c in zip(sampled.nodes, sampled.correct, strict=True) if c]
    assert 0 < frame["distinct"] == len({*map(tuple, right)}) <= 2
    assert all(n[0] == 0 and n[-1] == 3 and {*pairwise(n)} <= {*GRAPH.edges} for n in right)
    exact = pr.passing_probs(model, 0, 3)
    assert {(i, j) for i, j, _ in frame["probs"]} == {
        (*e,) for e in (exact >= 0.005).nonzero().tolist()
    }
    assert all(p == pytest.approx(float(exact[i, j]), abs=6e-4) for i, j, p in frame["probs"])


def test_a_step_out_of_the_graph_ends_a_path_and_makes_it_wrong():
    sampled = sampled_paths(model_of(6), GRAPH, (0, 3), rng=pr.seeded(0, "t"), samples=200)
    assert max(max(nodes) for nodes in sampled.nodes) == 3
    assert any(nodes == [0] for nodes in sampled.nodes)
    for nodes, correct in zip(sampled.nodes, sampled.correct, strict=True):
        assert correct == (nodes[-1] == 3 and {*pairwise(nodes)} <= {*GRAPH.edges})


def test_a_model_that_knows_too_few_nodes_is_refused():
    with pytest.raises(pr.InputError, match="the model knows 3"):
        sampled_paths(model_of(3), GRAPH, (0, 2), rng=pr.seeded(0, "t"))


def test_the_widest_path_follows_the_likeliest_step_and_never_goes_in_a_circle():
    frame = {"probs": [[0, 1, 0.6], [0, 2, 0.4], [1, 0, 0.5], [1, 3, 0.1], [2, 3, 0.4]]}
    assert widest_path(frame, (0, 3)) == [0, 1, 3]
    assert widest_path({"probs": [[0, 1, 1.0], [1, 0, 1.0]]}, (0, 3)) == [0, 1]
