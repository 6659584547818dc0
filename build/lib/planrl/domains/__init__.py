"""Planning problems as graphs: states are nodes, plans paths; problems solved, plans judged.

blocksworld              blocks in stacks, the actions between them, and the graph of it all
pddl, pddl_*             domain and problem files, their formulas and brackets
strips, operators        a problem in planrl's records; plan_text reads the text of a plan
grounding, search        all actions of a problem, and shortest plans
planners                 plans by an outside planner, for larger problems
recognise, heuristic     Blocksworld under any names, and what guides its search
state_space, structure   all states of any problem as a graph; what its cycles mean for the theory
examples                 small problems that come with planrl, as PDDL files
outcomes                 what exact policies reach on a graph
assistant                tools of an everyday assistant, and the files in tools/
"""

from planrl.domains.blocksworld import Action, Space, State, blocksworld, space, state, successors
from planrl.domains.examples import EXAMPLES, example, ladder
from planrl.domains.plan_text import parse_plan, read_plan
from planrl.domains.planners import ask_planner
from planrl.domains.recognise import Blocks, recognise
from planrl.domains.state_space import StateSpace, state_graph, state_space
from planrl.domains.strips import PlanCheck, Problem
from planrl.domains.structure import Structure, structure

__all__ = [
    "EXAMPLES",
    "Action",
    "Blocks",
    "PlanCheck",
    "Problem",
    "Space",
    "State",
    "StateSpace",
    "Structure",
    "ask_planner",
    "blocksworld",
    "example",
    "ladder",
    "parse_plan",
    "read_plan",
    "recognise",
    "space",
    "state",
    "state_graph",
    "state_space",
    "structure",
    "successors",
]
