"""Blocksworld as graphs: how many states, which moves, plans to paths and back."""

import networkx as nx
import pytest

import planrl as pr
from planrl.domains import Action, State, blocksworld, space, state, successors


@pytest.mark.parametrize(
    ("blocks", "one_move", "operators"),
    [(1, 1, 2), (2, 3, 5), (3, 13, 22), (4, 73, 125), (5, 501, 866)],
)
def test_the_number_of_states_is_the_known_one(blocks, one_move, operators):
    assert blocksworld(blocks).n == one_move
    assert blocksworld(blocks, hand=True).n == operators


def test_the_papers_graph_has_73_states_240_edges_and_diameter_6():
    graph = blocksworld(4)
    assert (graph.n, len(graph.edges)) == (73, 240)
    distance = graph.distances()
    assert [int((distance == d).sum()) for d in range(7)] == [73, 240, 636, 1332, 1584, 1104, 360]
    assert graph.reachability.all()
    out = graph.adjacency.sum(1)
    assert {int(d): int((out == d).sum()) for d in out.unique()} == {
        1: 24,
        3: 24,
        4: 12,
        7: 12,
        12: 1,
    }


def test_single_towers_come_first_and_labels_are_stacks_from_the_bottom_up():
    graph = blocksworld(4)
    assert graph.labels[0] == "ABCD"
    assert graph.labels[-1] == "A|B|C|D"
    assert all("|" not in label for label in graph.labels[:24])


def test_every_edge_can_be_undone():
    for hand in (False, True):
        graph = blocksworld(3, hand=hand)
        assert (graph.adjacency == graph.adjacency.T).all()


@pytest.mark.parametrize("hand", [False, True])
def test_plans_become_paths_and_paths_become_plans(hand):
    worlds = space(3, hand=hand)
    graph = worlds.graph.to_networkx()
    for start in (0, 5):
        for goal, path in nx.single_source_shortest_path(graph, start).items():
            plan = worlds.plan(path)
            assert worlds.path(worlds.states[start], plan) == path
            assert path[-1] == goal


def test_a_move_and_its_two_operators_reach_the_same_state():
    current = state("AB", "C")
    there = successors(current)[Action("move", ("B", "A", "C"))]
    held = successors(current, hand=True)[Action("unstack", ("B", "A"))]
    assert held == state("A", "C", holding="B")
    assert successors(held, hand=True)[Action("stack", ("B", "C"))] == there == state("A", "CB")


def test_a_wrong_plan_is_told_which_action_and_what_could_be_done_instead():
    worlds = space(3)
    with pytest.raises(
        pr.InputError, match=r"action 2, \(move A table B\), can't be done in AB\|C"
    ):
        worlds.path(
            state("A", "B", "C"),
            [Action("move", ("B", "table", "A")), Action("move", ("A", "table", "B"))],
        )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: blocksworld(0), "1 to 7"),
        (lambda: blocksworld(9), "1 to 7"),
        (lambda: space("AB"), "not 'AB'"),
        (lambda: space(["A", "A"]), "differ"),
        (lambda: space(["A", "table"]), "table"),
        (lambda: state("AB", "A"), "appears twice"),
        (lambda: state("AB").below("C"), "no block 'C'"),
        (lambda: space(2).node(state("ABC")), "no state of the blocks A, B"),
        (lambda: space(2).node(state("A", holding="B")), "empty hand"),
        (lambda: space(3).plan([0, 1]), "no action does that"),
        (lambda: space(3).plan([0, 99]), "nodes are 0 to 12"),
    ],
)
def test_bad_input_is_refused_with_words(make, said):
    with pytest.raises(pr.InputError, match=said):
        make()


def test_long_names_are_kept_apart():
    assert str(State((("red", "grey"), ("black",)))) == "black|red/grey"
