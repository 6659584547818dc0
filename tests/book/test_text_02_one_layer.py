"""What the text of chapter 2 says of its model and of the saved runs."""

import pytest

from planrl.claims import verdicts
from planrl.teaching import paper_tables

CHAPTER = "02_one_layer"


@pytest.mark.book
class TestRun:
    def test_attention_begins_about_equal_and_ends_on_the_target(self, ran):
        assert abs(ran.before["target"] - ran.before["even"]) < 0.05
        assert ran.after["target"] > 0.6 > 2 * ran.after["even"]
        assert max(ran.after[name] for name in ("source", "current", "between")) < 0.2

    def test_attention_adds_little_to_the_logits_directly_and_the_feed_forward_part_decides(
        self, ran
    ):
        parts = ran.flow.parts
        for position in ran.flow.positions:
            best = ran.flow.candidates(position)[0]
            assert parts.attended[position, best].abs() < 0.2 * parts.fed[position, best]

    def test_without_attention_the_edges_stay_and_the_target_is_lost(self, ran):
        with_it, without = ran.inside["with attention"], ran.inside["without attention"]
        assert with_it["an edge"] - without["an edge"] < 10
        assert with_it["a correct step"] - without["a correct step"] > 20

    def test_the_transformer_is_often_right_where_nothing_was_shown_and_the_table_is_not(self, ran):
        assert ran.known_mass["table"] > 0.97
        assert ran.unknown_mass["table"] < 0.15
        assert ran.unknown_mass["Transformer"] > 0.5
        assert ran.known_mass["Transformer"] < ran.known_mass["table"]

    def test_four_leads_only_to_six_so_that_it_is_a_dead_end_on_the_path_to_seven(self, ran):
        assert not ran.small.correct[7, 4].any()


def test_one_layer_attends_to_the_target_deep_ones_less_and_both_satisfy_the_assumption_nearly():
    sizes = paper_tables.imitation_rows(["1x1", "1x4", "2x1", "4x1", "4x4"])
    first, last = sizes[0], sizes[1]
    assert min(row["attention on the target"] for row in sizes[:2]) > 0.5
    assert all(row["attention on the target"] < 0.4 for row in sizes[3:])
    assert all(row["variance explained"] > 0.9 for row in sizes if row is not last)
    assert last["variance explained"] < 0.9 < first["variance explained"]
    assert 4 < last["updates"] / first["updates"] < 5


def test_the_claim_on_attention_holds_for_one_layer_and_one_head():
    (claim,) = verdicts(["A3.1-attention"])
    found = {f.verdict for f in claim.findings if "1 layer, 1 head" in f.model}
    assert found == {"holds"}
