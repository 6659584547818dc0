"""Blocksworld: states as a graph, PDDL files in, plans as paths and back, plans judged."""

from planrl.blocksworld.recognise import Blocks, recognise
from planrl.blocksworld.states import (
    Action,
    Space,
    State,
    blocksworld,
    space,
    state,
    successors,
)
from planrl.blocksworld.strips import Problem, Verdict, parse_plan, read_plan

__all__ = [
    "Action",
    "Blocks",
    "Problem",
    "Space",
    "State",
    "Verdict",
    "blocksworld",
    "parse_plan",
    "read_plan",
    "recognise",
    "space",
    "state",
    "successors",
]
