"""Blocksworld as a graph: states are nodes, legal moves are edges, a plan is a path.

A state says which block lies on which: stacks, from the bottom up, and what the hand holds, if the
graph has a hand. Two graphs describe the same blocks:

    one move       a block goes from the top of a stack to the table or onto another stack  (4: 73)
    four operators pick-up, put-down, stack and unstack; the hand is part of a state       (4: 125)

The first is the paper's graph, the second what planners' PDDL says. A one-move step is two steps of
the second. Both are strongly connected: every state can be reached from every other.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from planrl.errors import InputError, shown
from planrl.graphs import Graph

TABLE = "table"
MOST = 7  # blocks: 37,633 states; eight have 394,353
Stacks = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class State:
    """Stacks of blocks, each from the bottom up, in alphabetical order; and what is held."""

    stacks: Stacks
    holding: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "stacks", tuple(sorted(filter(None, self.stacks))))
        blocks = self.blocks
        if len(set(blocks)) < len(blocks):
            twice = next(block for block in blocks if blocks.count(block) > 1)
            raise InputError(f"block {twice!r} appears twice in {self}: name each block once")

    @property
    def blocks(self) -> tuple[str, ...]:
        """All blocks, in alphabetical order."""
        held = (self.holding,) if self.holding else ()
        return tuple(sorted([*(b for stack in self.stacks for b in stack), *held]))

    def __str__(self) -> str:
        """Stacks from the bottom up: `AB|C`, `AB|C+D` while the hand holds D."""
        join = "" if all(len(block) == 1 for block in self.blocks) else "/"
        text = "|".join(join.join(stack) for stack in self.stacks)
        return f"{text}+{self.holding}" if self.holding else text

    def below(self, block: str) -> str:
        """What this block lies on: another block or the table."""
        for stack in self.stacks:
            if block in stack:
                at = stack.index(block)
                return stack[at - 1] if at else TABLE
        raise InputError(f"{self} has no block {block!r} that lies: {', '.join(self.blocks)}")


@dataclass(frozen=True)
class Action:
    """A move of one block: a name and what it is done with, as PDDL writes it.

    `move b from to` (from and to are blocks or the table) in the one-move graph; `pick-up b`,
    `put-down b`, `stack b on`, `unstack b from` in the four-operator graph.
    """

    name: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"({' '.join([self.name, *self.arguments])})"


def state(*stacks: str | Sequence[str], holding: str = "") -> State:
    """The state with these stacks, from the bottom up: `state("AB", "C")`.

    >>> str(state("AB", "C").below("B"))
    'A'
    """
    return State(tuple(tuple(stack) for stack in stacks), holding)


def successors(current: State, *, hand: bool = False) -> dict[Action, State]:
    """Every action that can be done in a state, and where it leads."""
    return dict(_with_hand(current) if hand else _moves(current))


def _without_top(stacks: Stacks, at: int) -> Stacks:
    return (*stacks[:at], stacks[at][:-1], *stacks[at + 1 :])


def _on_top(stacks: Stacks, at: int, block: str) -> Stacks:
    return (*stacks[:at], (*stacks[at], block), *stacks[at + 1 :])


def _moves(current: State) -> Iterator[tuple[Action, State]]:
    for at, stack in enumerate(current.stacks):
        block, below = stack[-1], current.below(stack[-1])
        rest = _without_top(current.stacks, at)
        if below != TABLE:
            yield Action("move", (block, below, TABLE)), State((*rest, (block,)))
        for other, onto in enumerate(current.stacks):
            if other != at:
                action = Action("move", (block, below, onto[-1]))
                yield action, State(_on_top(rest, other, block))


def _with_hand(current: State) -> Iterator[tuple[Action, State]]:
    held = current.holding
    if held:
        yield Action("put-down", (held,)), State((*current.stacks, (held,)))
        for at, stack in enumerate(current.stacks):
            yield Action("stack", (held, stack[-1])), State(_on_top(current.stacks, at, held))
        return
    for at, stack in enumerate(current.stacks):
        block, below = stack[-1], current.below(stack[-1])
        rest = State(_without_top(current.stacks, at), block)
        if below == TABLE:
            yield Action("pick-up", (block,)), rest
        else:
            yield Action("unstack", (block, below)), rest


@dataclass(frozen=True)
class Space:
    """All states that the same blocks can be in, and the graph of the actions between them.

    Single towers come first, then states with more stacks, then those with a block in the hand;
    node v of the graph is `states[v]`.
    """

    states: tuple[State, ...]
    hand: bool

    @cached_property
    def _number(self) -> dict[State, int]:
        return {current: v for v, current in enumerate(self.states)}

    @cached_property
    def graph(self) -> Graph:
        """Nodes are states, edges actions; labels are the states as text."""
        edges = [
            (v, self._number[next_node])
            for v, current in enumerate(self.states)
            for next_node in successors(current, hand=self.hand).values()
        ]
        return Graph(len(self.states), edges, [str(current) for current in self.states])

    def node(self, current: State) -> int:
        """The node of a state. Raises InputError if it is none of these blocks'."""
        if current not in self._number:
            blocks = ", ".join(self.states[0].blocks)
            hand = "" if self.hand else ", with an empty hand"
            raise InputError(f"{current} is no state of the blocks {blocks}{hand}")
        return self._number[current]

    def path(self, start: State, plan: Iterable[Action]) -> list[int]:
        """The nodes that a plan goes through, the start first.

        Raises InputError with the first action that can't be done where it is to be done.
        """
        current, nodes = start, [self.node(start)]
        for number, action in enumerate(plan, 1):
            possible = successors(current, hand=self.hand)
            if action not in possible:
                listed = ", ".join(map(str, possible))
                raise InputError(
                    f"action {number}, {action}, can't be done in {current}: possible are {listed}"
                )
            current = possible[action]
            nodes.append(self.node(current))
        return nodes

    def plan(self, path: Sequence[int]) -> list[Action]:
        """The actions along a path of nodes.

        Raises InputError with the first step that is no action.
        """
        actions = []
        for number, (a, b) in enumerate(itertools.pairwise(path), 1):
            if not (0 <= a < len(self.states) and 0 <= b < len(self.states)):
                raise InputError(
                    f"step {number} goes {a} -> {b}: nodes are 0 to {len(self.states) - 1}"
                )
            found = [
                action
                for action, next_node in successors(self.states[a], hand=self.hand).items()
                if next_node == self.states[b]
            ]
            if not found:
                raise InputError(
                    f"step {number} goes from {self.states[a]} to {self.states[b]}, and no action "
                    "does that"
                )
            actions.append(found[0])
        return actions


def space(blocks: int | Sequence[str], *, hand: bool = False) -> Space:
    """The state space of so many blocks (called A, B, ...) or of the blocks named."""
    names = _names(blocks)
    lying = sorted(_arranged(names), key=lambda stacks: (len(stacks), stacks))
    found = [State(stacks) for stacks in lying]
    if hand:
        for held in names:
            rest = [name for name in names if name != held]
            some = sorted(_arranged(rest), key=lambda stacks: (len(stacks), stacks))
            found += [State(stacks, held) for stacks in some]
    return Space(tuple(found), hand)


def blocksworld(blocks: int = 4, *, hand: bool = False) -> Graph:
    """The graph of so many blocks' states: one move an edge, or one of four operators (`hand`)."""
    return space(blocks, hand=hand).graph


def _names(blocks: int | Sequence[str]) -> list[str]:
    if isinstance(blocks, str):
        some = list(blocks[:MOST])
        raise InputError(f"blocks is a number or a list of names: {some}, not {shown(blocks)}")
    if not isinstance(blocks, int) and not (
        isinstance(blocks, list | tuple) and all(isinstance(name, str) for name in blocks)
    ):
        raise InputError(f"blocks is a number or a list of names, not {shown(blocks)}")
    number = blocks if isinstance(blocks, int) else len(blocks)
    if not 1 <= number <= MOST:
        raise InputError(
            f"{shown(number)} blocks were given: take 1 to {MOST}, since the number of states "
            "explodes"
        )
    names = [chr(ord("A") + k) for k in range(number)] if isinstance(blocks, int) else list(blocks)
    if len(set(names)) < len(names) or TABLE in names:
        raise InputError(f"the blocks {names} need names that differ, none of them {TABLE!r}")
    return sorted(names)


def _arranged(names: Sequence[str]) -> set[Stacks]:
    """Every way to pile these blocks on a table."""
    if not names:
        return {()}
    last, found = names[-1], set()
    for stacks in _arranged(names[:-1]):
        found.add(tuple(sorted([*stacks, (last,)])))
        for at, stack in enumerate(stacks):
            for height in range(len(stack) + 1):
                piled = (*stack[:height], last, *stack[height:])
                found.add(tuple(sorted([*stacks[:at], piled, *stacks[at + 1 :]])))
    return found
