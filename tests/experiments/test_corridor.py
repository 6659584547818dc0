"""The corridor: its questions, its wandering paths, and what is measured of a model."""

import json
from itertools import pairwise

import pytest
import torch

import planrl as pr
from planrl.claims import CLAIMS, GROUPS
from planrl.errors import InputError
from planrl.experiments import corridor as study
from planrl.experiments import store
from planrl.experiments.corridor import (
    LONGEST,
    a_setting,
    corridor,
    goes_on,
    measured,
    turning_paths,
    wandering,
)
from planrl.experiments.waypoints import most_by_tables

MOVES, TASK = corridor()


def rooms_of(row):
    return [room for room in row[2:].tolist() if room < 7]


def test_no_table_answers_a_question_and_each_source_lies_before_its_target():
    assert sorted(map(tuple, TASK.pairs.tolist())) == [
        (s, t) for s in range(1, 6) for t in range(s + 1, 7)
    ]
    assert most_by_tables(MOVES, TASK) == 0.0


def test_wandering_paths_are_legal_and_have_the_key_in_their_first_half():
    rows, last = wandering(MOVES, 50, pr.seeded(0, "x"))
    for k, (row, at) in enumerate(zip(rows, last.tolist(), strict=True)):
        path = rooms_of(row)
        assert row[0] == path[0]
        assert int(row[at]) == path[-1]
        assert at == len(path) + 1
        assert all(abs(a - b) == 1 for a, b in pairwise(path))
        assert max(path) < int(row[1])
        assert path[-1] > 0
        assert (0 in path) is (k < 50)
    again, _ = wandering(MOVES, 50, pr.seeded(0, "x"))
    assert torch.equal(rows, again)


def test_paths_that_turn_are_correct_and_turn_as_often_as_is_said():
    paths = turning_paths(MOVES, TASK, 20, pr.seeded(1, "paths"))
    assert MOVES.right(paths).all()
    assert torch.equal(paths[::20, :2], TASK.pairs)
    assert paths.shape[1] <= LONGEST
    straight = turning_paths(MOVES, TASK, 1, pr.seeded(1, "paths"), turns=0.0)
    for row in straight:
        path = rooms_of(row)
        assert path == [*range(path[0], -1, -1), *range(1, int(row[1]) + 1)]
    longer = sum(len(rooms_of(row)) for row in paths) / 20
    assert longer > 1.2 * sum(len(rooms_of(row)) for row in straight)


class Believer(pr.LogitTable):
    """A model that goes on after a path with the key if `reads`, else if its last step was right."""

    reads = True

    def forward(self, tokens):
        logits = torch.zeros(*tokens.shape, self.vocab.size)
        for b, row in enumerate(tokens.tolist()):
            for at in range(2, len(row)):
                room, path = row[at], row[2 : at + 1]
                if room > 6:
                    continue
                step_right = len(path) > 1 and path[-1] > path[-2]
                onward = (0 in path) if self.reads else step_right
                logits[b, at, min(room + 1, 6) if onward else max(room - 1, 0)] = 30.0
        return logits


@pytest.mark.parametrize("reads", [True, False])
def test_a_model_that_reads_the_key_is_told_from_one_that_keeps_its_direction(reads):
    model = Believer(TASK.vocab)
    model.reads = reads
    rows, last = wandering(MOVES, 40, pr.seeded(0, "x"))
    onward = goes_on(model, rows, last)
    if reads:
        assert torch.equal(onward, torch.arange(80) < 40)
    else:
        number = torch.arange(80)
        assert torch.equal(onward, rows[number, last] > rows[number, last - 1])
    found = measured(model, a_setting(0), False, 0)
    assert found["on_after_right"] == (0.0 if reads else 1.0)
    assert found["on_after_left"] == 0.0
    assert (found["with_key"] == found["without_key"] == 1.0) is reads


def test_predictions_are_of_numbers_that_the_study_has():
    text = (store.FOLDER / "corridor-quick-seed0.json").read_text(encoding="utf-8")
    found = json.loads(text)["result"]  # tests/experiments/test_reproduce.py makes it anew
    found |= study.controls(0, base_steps=2, steps=4)
    claims = GROUPS["corridor"]
    assert {one.id for one in claims} <= {one.id for one in CLAIMS}
    for claim in claims:
        for condition in claim.conditions:
            assert -1 <= condition.value({"corridor": found}) <= 1
    assert [one.seed for one in study.STUDIES if one.tier == "full"] == 2 * list(range(10))


def test_too_few_updates_are_refused():
    with pytest.raises(InputError, match="steps"):
        study.measure(0, steps=1)
