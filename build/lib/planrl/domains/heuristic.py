"""A lower bound on the number of steps from a state of blocks to its goal, for the search.

Facts are atoms in our words: on, ontable, clear, holding, handempty.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from planrl.domains.operators import Atom

TABLE, HAND, NOTHING = "(table)", "(hand)", "(nothing)"  # no names of blocks


def can_hold(facts: Iterable[Atom]) -> bool:
    """Whether some state of blocks has all these facts."""
    facts = set(facts)
    below, above = _sides(facts)
    held = {fact[1] for fact in facts if fact[0] == "holding"}
    if len(held) + (("handempty",) in facts) > 1:
        return False
    if any(len(sides) > 1 for side in (below, above) for sides in side.values()):
        return False
    for block in below:
        seen = {block}
        while block in below:
            (block,) = below[block]
            if block in seen:
                return False
            seen.add(block)
    return True


def _sides(facts: Iterable[Atom]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """What facts say to be below each block, and above it."""
    below: dict[str, set[str]] = defaultdict(set)
    above: dict[str, set[str]] = defaultdict(set)
    for name, *blocks in facts:
        if name == "on":
            below[blocks[0]].add(blocks[1])
            above[blocks[1]].add(blocks[0])
        elif name == "ontable":
            below[blocks[0]].add(TABLE)
        elif name == "clear":
            above[blocks[0]].add(NOTHING)
        elif name == "holding":
            below[blocks[0]].add(HAND)
            above[blocks[0]].add(HAND)
    return dict(below), dict(above)


class StepsLeft:
    """At least how many steps a state is away from a goal that some state can meet: a function.

    A block must be moved if it does not lie where the goal wants it, if something under it must be
    moved, or if the goal wants the block under it clear or under another one. It must be moved
    twice if it lies above a block that must be moved and that the goal wants, too, somewhere below
    it: first out of the way, then back. Each move is two steps. No step changes the estimate by
    more than 1.
    """

    def __init__(
        self, bits: Mapping[Atom, int], goal: Iterable[Atom], *, more: bool = False
    ) -> None:
        """`bits` numbers the facts in states; `more`: the goal has conditions that are no facts."""
        goal = set(goal)
        below, above = _sides(goal)
        self.below = {block: next(iter(things)) for block, things in below.items()}
        self.above = {block: next(iter(things)) for block, things in above.items()}
        blocks = sorted({block for fact in bits for block in fact[1:]})
        self.number = {block: 1 << k for k, block in enumerate(blocks)}
        self.deep = dict.fromkeys(blocks, 0)  # all blocks that the goal wants below a block
        for block in blocks:
            under = self.below.get(block)
            while under in self.number:
                self.deep[block] |= self.number[under]
                under = self.below.get(under)
        # Such a goal may be met by taking a block into the hand: then its second step is saved.
        self.saved = 1 if more or any(fact[0] in ("clear", "holding") for fact in goal) else 0
        self.empty = ("handempty",) in goal
        self.lying = {
            bit: (fact[1], fact[2] if fact[0] == "on" else TABLE)
            for fact, bit in bits.items()
            if fact[0] in ("on", "ontable")
        }
        self.held = {bit: fact[1] for fact, bit in bits.items() if fact[0] == "holding"}
        self.where, self.hand = sum(self.lying), sum(self.held)

    def __call__(self, state: int) -> int:
        """The estimate for a state."""
        over, bottoms = self._piles(state)
        steps, moved = -self.saved, 0
        for bottom in bottoms:
            under, before = TABLE, moved
            top: str | None = bottom
            while top is not None:
                block = top
                if moved != before:
                    steps += 4 if self.deep[block] & (moved ^ before) else 2
                    moved |= self.number[block]
                elif self.below.get(block, under) != under or self.above.get(under, block) != block:
                    steps += 2
                    moved |= self.number[block]
                under, top = block, over.get(block)
        if state & self.hand:
            block = self.held[state & self.hand]
            if self.deep[block] & moved:  # the blocks below it must be in position first
                steps += 3
            elif moved or self.empty or block in self.below:
                steps += 1
        return max(steps, 0)

    def _piles(self, state: int) -> tuple[dict[str, str], list[str]]:
        """Which block lies on which, and those on the table."""
        over: dict[str, str] = {}
        bottoms = []
        rest = state & self.where
        while rest:
            bit = rest & -rest
            rest ^= bit
            block, under = self.lying[bit]
            if under == TABLE:
                bottoms.append(block)
            else:
                over[under] = block
        return over, bottoms
