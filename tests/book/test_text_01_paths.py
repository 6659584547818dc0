"""What the text of chapter 1 says of its graphs."""

import pytest

CHAPTER = "01_paths"
pytestmark = pytest.mark.book


def test_most_questions_have_ten_or_more_correct_paths(ran):
    assert ran.shares["10"] > 50


def test_a_node_has_about_seven_edges(ran):
    assert 6.5 < len(ran.graph.edges) / ran.graph.n < 8


def test_the_step_from_2_to_3_is_correct_for_7_and_not_for_6(ran):
    assert ran.small.correct[7, 2, 3]
    assert ran.small.adjacency[2, 3]
    assert not ran.small.reachability[6, 3]


def test_the_first_row_is_the_one_that_the_text_reads_out(ran):
    assert ran.task.vocab.show(ran.rows)[0] == "0 1 0 1 END"
