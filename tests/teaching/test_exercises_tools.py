"""The exercises on chains of tool calls tell right from wrong, and name the mistake."""

import re
from collections import Counter
from itertools import pairwise

from planrl.teaching import exercises


def expect(feedback, right, words):
    assert feedback.right is right, feedback
    assert re.search(words, feedback.text), feedback


def shares(chains, target, current, of_target=True, divided=True):
    some = [c for c in chains if c[-1] == target or not of_target]
    count = Counter(b for c in some for a, b in pairwise(c) if a == current)
    return {name: n / (sum(count.values()) if divided else 1) for name, n in count.items()}


def test_shares_of_next_tools():
    expect(exercises.next_tools(shares), True, "Right in all")
    expect(exercises.next_tools(lambda *a: shares(*a, of_target=False)), False, "end at the target")
    expect(exercises.next_tools(lambda *a: shares(*a, divided=False)), False, "Divide them")
    expect(exercises.next_tools(lambda *a: {"phone": 1.0}), False, "next tools in")
    expect(exercises.next_tools(lambda *a: 3), False, "dictionary")
    expect(exercises.next_tools(lambda *a: None), False, "nothing yet")


def fresh(sampled, demonstrated, links, ends=True, steps=True, new=True):
    return {
        chain
        for target, chain in sampled
        if (chain[-1] == target or not ends)
        and (all(step in links for step in pairwise(chain)) or not steps)
        and (chain not in demonstrated or not new)
    }


def test_new_correct_chains():
    expect(exercises.fresh_chains(fresh), True, "new correct chains among")
    expect(exercises.fresh_chains(lambda *a: fresh(*a, new=False)), False, "not new")
    expect(exercises.fresh_chains(lambda *a: fresh(*a, steps=False)), False, "no link")
    expect(exercises.fresh_chains(lambda *a: fresh(*a, ends=False)), False, "end at its target")
    expect(exercises.fresh_chains(lambda *a: set()), False, "found 0 of")
    expect(exercises.fresh_chains(lambda *a: 3), False, "set of chains")
    expect(exercises.fresh_chains(lambda *a: ...), False, "nothing yet")


def unasked(links, chains, far=True, rest=True, same=False):
    found = set(links)
    while far and (more := {(a, d) for a, b in found for c, d in links if b == c} - found):
        found |= more
    joined = {(c[0], c[-1]) for c in chains} if rest else set()
    return {(a, b) for a, b in found - joined if a != b or same}


def test_pairs_that_nobody_asked_for():
    expect(exercises.never_asked(unasked), True, "541 pairs")
    expect(exercises.never_asked(lambda *a: unasked(*a, far=False)), False, "follow links")
    expect(exercises.never_asked(lambda *a: unasked(*a, rest=False)), False, "joined by a chain")
    expect(exercises.never_asked(lambda *a: unasked(*a, same=True)), False, "two different")
    wrong = lambda *a: [*unasked(*a), ("phone", "pay")]  # noqa: E731
    expect(exercises.never_asked(wrong), False, "No path of links")
    expect(exercises.never_asked(lambda *a: 3), False, "Return pairs")
    expect(exercises.never_asked(lambda *a: None), False, "nothing yet")
