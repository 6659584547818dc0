"""The exercises on Blocksworld and on correct next nodes tell right from wrong."""

import re

import planrl as pr
from planrl.teaching import exercises


def expect(verdict, right, words):
    assert verdict.right is right, verdict
    assert re.search(words, verdict.text), verdict


def moves(stacks, table=True, others=True, top=True, stay=False, lose=False):
    found = [stacks] if stay else []
    for stack in stacks:
        rest = [other for other in stacks if other != stack]
        block, below = (stack[-1], stack[:-1]) if top else (stack[0], stack[1:])
        if below and table:
            found.append([*rest, below, *([] if lose else [(block,)])])
        for onto in rest if others else []:
            found.append([*[o for o in rest if o != onto], below, (*onto, block)])
    return found


def test_moves_names_the_mistake():
    expect(exercises.moves(moves), True, "73 states")
    expect(exercises.moves(lambda s: moves(s, table=False)), False, "to the table")
    expect(exercises.moves(lambda s: moves(s, others=False)), False, "onto every other")
    expect(exercises.moves(lambda s: moves(s, top=False)), False, "Only the top")
    expect(exercises.moves(lambda s: moves(s, stay=True)), False, "Staying is no move")
    expect(exercises.moves(lambda s: moves(s, lose=True)), False, "missing or appears twice")
    expect(exercises.moves(lambda s: 3), False, "list of states")
    expect(exercises.moves(lambda s: None), False, "nothing yet")


def test_sussman_judges_each_move():
    expect(exercises.sussman([("C", "table"), ("B", "C"), ("A", "B")]), True, "Three moves")
    expect(exercises.sussman([("A", "B")]), False, "is impossible")
    expect(exercises.sussman([("C", "table")]), False, "the goal is")
    around = [("C", "B"), ("C", "table"), ("B", "C"), ("A", "B")]
    expect(exercises.sussman(around), False, "in 4 moves")
    expect(exercises.sussman([("Z", "table")]), False, "no block 'Z'")
    expect(exercises.sussman([5]), False, "no pair")
    expect(exercises.sussman(...), False, "No move was given")


def test_shortens_wants_a_cost_for_each_step():
    less = lambda cost: lambda *given: pr.process_reward(*given) - cost  # noqa: E731
    expect(exercises.shortens(less(0.1)), True, "shortest plans")
    expect(exercises.shortens(less(0.0)), False, "detours")
    expect(exercises.shortens(less(-0.1)), False, "without end")
    expect(exercises.shortens(lambda *given: pr.outcome_reward(*given) - 0.1), False, "is illegal")
    expect(exercises.shortens(lambda *given: None), False, "raised")


def test_correct_steps_names_the_mistake():
    def steps(a, r, target, current):
        return (a[current] & r[target]).nonzero().flatten().tolist()

    expect(exercises.correct_steps(steps), True, "those of graph.correct")
    edges = lambda a, r, target, current: a[current].nonzero().flatten()  # noqa: E731
    expect(exercises.correct_steps(edges), False, "all edges")
    reach = lambda a, r, target, current: r[target].nonzero().flatten()  # noqa: E731
    expect(exercises.correct_steps(reach), False, "must also be an edge")
    turned = lambda a, r, target, current: steps(a, r.T, target, current)  # noqa: E731
    expect(exercises.correct_steps(turned), False, "target comes first")
    before = lambda *given: [k for k in steps(*given) if k != given[2]]  # noqa: E731
    expect(exercises.correct_steps(before), False, "reaches itself|target comes first")
    expect(exercises.correct_steps(lambda *given: 1.5), False, "list of whole numbers")
    expect(exercises.correct_steps(lambda *given: None), False, "nothing yet")
