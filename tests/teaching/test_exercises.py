"""Each exercise tells right from wrong, and names the mistakes readers make."""

import re
import textwrap
from pathlib import Path

import pytest
import torch

import planrl as pr
from planrl.teaching import exercises

BOOK = Path(__file__).parents[2] / "book"


def expect(verdict, right, words):
    assert verdict.right is right, verdict
    assert re.search(words, verdict.text), verdict


def test_reachability_names_the_mistake():
    full = lambda a: torch.linalg.matrix_power(torch.eye(len(a)) + a.float(), len(a)).T > 0  # noqa: E731
    expect(exercises.reachability(full), True, "equals")
    expect(exercises.reachability(lambda a: full(a).T), False, "source first")
    expect(exercises.reachability(lambda a: full(a).int() - torch.eye(len(a))), False, "itself")
    expect(exercises.reachability(lambda a: (a | torch.eye(len(a)).bool()).T), False, "longer")
    expect(exercises.reachability(torch.ones_like), False, "no path leads")
    expect(exercises.reachability(lambda a: a[0]), False, "expected a table 4 x 4")
    expect(exercises.reachability(lambda a: None), False, "returned nothing")
    expect(exercises.reachability(lambda a: 1 / 0), False, "ZeroDivisionError")


def test_path_count_names_the_mistake():
    def count(adjacency, source, target):
        if source == target:
            return 1
        return sum(
            count(adjacency, k, target) for k in adjacency[source].nonzero().flatten().tolist()
        )

    expect(exercises.path_count(count), True, "equal")
    expect(exercises.path_count(lambda a, s, t: 1), False, "do not stop at the first")
    expect(exercises.path_count(lambda a, s, t: 0), False, "the empty one")
    expect(exercises.path_count(lambda a, s, t: 7), False, "got 7")
    expect(exercises.path_count(lambda a, s, t: ...), False, "nothing")


def test_frequencies_names_the_mistake():
    def probs(rows, target, current, size, *, own=True, share=True):
        if own:
            rows = rows[rows[:, 1] == target]
        next_node = rows[:, 3:][rows[:, 2:-1] == current]
        counts = next_node.bincount(minlength=size).float()
        return counts / counts.sum() if share else counts

    expect(exercises.frequencies(probs), True, "one SFT ends at")
    expect(exercises.frequencies(lambda *g: probs(*g, own=False)), False, "too much")
    expect(exercises.frequencies(lambda *g: probs(*g, share=False)), False, "sum to 1")
    expect(exercises.frequencies(lambda *g: torch.eye(10)[0]), False, "compare your counts")
    expect(exercises.frequencies(lambda *g: torch.ones(3)), False, "Expected 10")
    expect(exercises.frequencies(lambda *g: None), False, "nothing")


def test_teach_wants_a_row_with_the_target():
    expect(exercises.teach([[0, 1, 2]]), True, "a row with this target")
    expect(exercises.teach([[0, 1], [1, 2]]), False, "other targets")
    expect(exercises.teach([[0, 2]]), False, "no path")
    expect(exercises.teach([]), False, "add one")
    expect(exercises.teach(...), False, "add one")


def test_baseline_names_the_mistake():
    def loss(logits, batch, sign=1.0, scale=1.0, less=1.0):
        logp = logits.log_softmax(-1).gather(-1, batch.tokens[:, 1:, None]).squeeze(-1)
        value = batch.reward.sum(1, keepdim=True)
        value = value - less * value.mean()
        return -sign * scale * (logp * value * batch.chosen).sum() / len(logp)

    expect(exercises.baseline(loss), True, "gradient equals")
    expect(exercises.baseline(lambda *g: loss(*g, less=0.0)), False, "plain policy gradient")
    expect(exercises.baseline(lambda *g: loss(*g, sign=-1.0)), False, "sign is reversed")
    expect(exercises.baseline(lambda *g: loss(*g, scale=256.0)), False, "256 times too large")
    expect(
        exercises.baseline(lambda *g: loss(*g, less=0.5)), False, "the mean .return. of the batch"
    )
    expect(exercises.baseline(lambda *g: None), False, "nothing")
    expect(exercises.baseline(lambda *g: 1.0), False, "raised")


def test_keeps_diversity_wants_a_bonus_of_the_right_sign_and_size():
    def curious(logits, batch, bonus=0.2):
        logp = logits.log_softmax(-1)
        spread = -(logp.exp() * logp).sum(-1)
        return pr.policy_gradient(logits, batch) - bonus * spread[batch.chosen].mean()

    expect(exercises.keeps_diversity(curious, steps=200), True, "distinct correct paths")
    few = {"steps": 60}
    expect(
        exercises.keeps_diversity(lambda *g: curious(*g, -0.2), **few),
        False,
        "hardly more|too large",
    )
    expect(exercises.keeps_diversity(lambda *g: curious(*g, 50.0), **few), False, "too large")
    expect(exercises.keeps_diversity(lambda *g: 1 / 0, **few), False, "ZeroDivisionError")


def test_verdicts_read_well_as_text_and_as_html():
    wrong = exercises.Feedback(False, "a < b")
    assert repr(wrong) == "Not yet. a < b"
    assert "a &lt; b" in wrong._repr_html_()


SOLUTION = re.compile(r"<summary>Solution</summary>.*?```python\n(.*?)```", re.S)


LONG = ("06_kl", "08_logits", "12_objective")  # they train; their checks have tests of their own


@pytest.mark.parametrize(
    "chapter",
    [
        pytest.param(path, marks=[pytest.mark.slow] * (path.stem in LONG), id=path.stem)
        for path in sorted(BOOK.glob("[0-9]*.py"))
    ],
)
def test_the_solutions_printed_in_the_chapters_are_right(chapter):
    """Each drop-down's code ends in the same check as the reader's cell, and passes it."""
    text = "\n".join(
        line.removeprefix("#").removeprefix(" ") if line.startswith("#") else line
        for line in chapter.read_text().splitlines()
    )
    solutions = SOLUTION.findall(text)
    asked = re.findall(r"^exercises\.(\w+)\(", chapter.read_text(), re.M)
    assert len(solutions) == len(asked)
    for solution in solutions:
        *body, last = textwrap.dedent(solution).strip().splitlines()
        assert last.startswith("exercises."), last
        names = {"pr": pr, "torch": torch, "exercises": exercises}
        exec("\n".join(body), names)
        verdict = eval(last, names)
        assert verdict.right, (chapter.name, last, verdict)
