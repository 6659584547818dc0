"""The exercises on history: right answers pass, likely mistakes are named."""

import pytest

from planrl.teaching import exercises


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda room, has_key, onward: (onward, onward == 2), "keeps it"),
        (lambda room, has_key, onward: (onward, has_key), "the key lies there"),
        (lambda room, has_key, onward: (onward, True), "it is not there"),
        (lambda room, has_key, onward: (room, has_key or onward == 2), "ends in"),
        (lambda room, has_key, onward: onward, "a pair"),
        (lambda room, has_key, onward: None, "nothing yet"),
    ],
)
def test_a_wrong_state_is_told_by_the_rule_that_it_breaks(answer, hint):
    found = exercises.next_state(answer)
    assert not found.right
    assert hint in found.text


def test_the_right_state_passes():
    assert exercises.next_state(
        lambda room, has_key, onward: (onward, has_key or onward == 2)
    ).right


@pytest.mark.parametrize(
    ("path", "right", "said"),
    [
        ([3, 2, 1, 2, 3], True, "room 4, without the key"),
        ([5, 4], False, "goes back to room 3"),
        ([3, 2, 1, 0, 1], False, "room 0 has the key"),
        ([3, 5], False, "not joined"),
        ([], False, "rooms from 1 to 5"),
        ([1, 9], False, "rooms from 1 to 5"),
        ("left", False, "a list of rooms"),
        ([1, 2] * 12, False, "at most"),
    ],
)
def test_a_path_that_fools_a_model_is_told_from_one_that_does_not(path, right, said):
    found = exercises.fools(path)
    assert found.right is right
    assert said in found.text


def test_one_edge_alone_makes_a_table_enough():
    right = [(a, b) for a in range(7) for b in range(7) if exercises.one_edge((a, b)).right]
    assert right == [(0, 6)]


@pytest.mark.parametrize(
    ("edge", "hint"),
    [((3, 4), "joined already"), ((0, 7), "0 to 6"), ((2, 2), "joins two"), (5, "two rooms")],
)
def test_what_is_no_new_edge_is_named(edge, hint):
    assert hint in exercises.one_edge(edge).text
