"""Blocksworld and PDDL: states as a graph, plans as paths and back, problems solved, plans judged.

states                  blocks in stacks, the actions between them, and the graph of it all
pddl_files              domain and problem files; formulas and expressions read their parts
strips, operators       a problem in planrl's records; plans reads the text of a plan
grounding, search       all actions of a problem, and shortest plans
recognise, estimate     Blocksworld under any names, and what guides its search
"""

from planrl.domains.blocksworld import Action, Space, State, blocksworld, space, state, successors
from planrl.domains.plan_text import parse_plan, read_plan
from planrl.domains.recognise import Blocks, recognise
from planrl.domains.strips import Problem, Verdict

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
