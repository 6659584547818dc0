"""What the text of chapter 5 says of its own runs."""

import pytest

CHAPTER = "05_collapse"
pytestmark = pytest.mark.book


def test_training_on_ten_nodes_ends_correct_and_with_fewer_paths_than_it_began_with(ran):
    assert ran.end["accuracy"] > 0.98
    assert ran.end["diversity"] < 1.6 < 2.4 < ran.base["diversity"]
