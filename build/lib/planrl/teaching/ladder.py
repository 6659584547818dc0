"""The ladder of planning problems: their structure, and what exact and trained policies reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import fmean
from typing import Any

from planrl.domains import EXAMPLES, example, state_graph, structure
from planrl.domains.assistant import FOLDER
from planrl.domains.outcomes import (
    MOST,
    arrivals,
    greedy_policy,
    sampled_policy,
    soft_policy,
    uniform_policy,
)
from planrl.domains.structure import BLIND, EXACT
from planrl.experiments import store
from planrl.experiments.ladder import LONGER, PROBLEMS, TOOLS
from planrl.graphs import Graph
from planrl.io.tool_graphs import read_tools

SAID = {EXACT: "exact", BLIND: "blind to the target"}
"""What Theorem 5.2 says of a graph, in a word; of the others it tells components apart."""
POLICIES: Mapping[str, Callable[[Graph], object]] = {
    "SFT on random paths, sampled": uniform_policy,
    "Q-learning, greedy": partial(greedy_policy, discount=1.0),
    "Q-learning, discount 0.9, greedy": partial(greedy_policy, discount=0.9),
    "Q-learning, discount 0.9, sampled": partial(sampled_policy, discount=0.9),
    "soft Q-learning, sampled": soft_policy,
}
"""Learner and decoding -> its exact policy; Q-learning's values count a reward as 10."""

TRAINED = {
    "SFT, sampled": "sampled_sft",
    "policy gradient, sampled": "sampled_pg",
    "Q-learning, greedy": "greedy_q",
    "discount 0.9, greedy": "greedy_q_discounted",
    "discount 0.9, sampled": "sampled_q_discounted",
    "soft Q-learning, sampled": "sampled_soft",
}
"""Learner and decoding -> what its number is called in the results of the study `ladder`."""

COSTS = {
    "states": "listing states",
    "structure": "components",
    "reachability": "reachability",
    "distances": "distances",
    "sft step": "SFT update",
    "policy-gradient step": "RL update",
}
"""Part of the study `state-costs` -> its name in the table."""


def ladder_graphs() -> dict[str, Graph]:
    """The examples of at most 1,000 states and the library's tools, from those that circle most."""
    found = {name: state_graph(example(name)) for name in EXAMPLES}
    found = {name: graph for name, graph in found.items() if graph.n <= MOST}
    found[TOOLS] = read_tools(FOLDER).graph
    order = {name: structure(graph) for name, graph in found.items()}
    names = sorted(found, key=lambda name: (-order[name].circling, order[name].graph.n))
    return {name: found[name] for name in names}


def structure_rows(graphs: Mapping[str, Graph]) -> list[dict[str, str | int]]:
    """A row for each graph: its size, its components, its dead ends, and what the theorem says."""
    rows: list[dict[str, str | int]] = []
    for name, graph in graphs.items():
        known = structure(graph)
        rows.append(
            {
                "problem": name,
                "states": graph.n,
                "arcs": len(graph.edges),
                "largest component": known.largest,
                "dead ends": known.dead_ends,
                "pairs with a path": f"{known.reachable:.0%}",
                "Theorem 5.2": SAID.get(known.theorem, "tells components apart"),
            }
        )
    return rows


def shares(graphs: Mapping[str, Graph]) -> dict[str, dict[str, float]]:
    """Of each policy and graph: the percentage of pairs for which it arrives within 30 steps."""
    return {
        learner: {
            name: 100 * arrivals(graph, policy(graph)).share  # type: ignore[arg-type]
            for name, graph in graphs.items()
        }
        for learner, policy in POLICIES.items()
    }


def share_rows(found: Mapping[str, Mapping[str, float]]) -> list[dict[str, str]]:
    """A row for each graph with the percentages of `shares`."""
    names = next(iter(found.values()))
    return [
        {"problem": name, **{learner: f"{some[name]:.0f}" for learner, some in found.items()}}
        for name in names
    ]


def cost_rows() -> list[dict[str, str]]:
    """What the study `state-costs` found: a column for each problem, a row for each part.

    Milliseconds, and last the most memory that a part added, in MB.
    """
    found = store.results("state-costs")[0]["result"]["rows"]
    told: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "states": lambda row: f"{row['nodes']:,}",
        "arcs": lambda row: f"{row['edges']:,}",
        **{words: partial(_milliseconds, part) for part, words in COSTS.items()},
        "memory, MB": lambda row: f"{max(p['bytes'] for p in row['parts'].values()) / 1e6:.0f}",
    }
    return [
        {"problem": words, **{row["problem"]: say(row) for row in found}}
        for words, say in told.items()
    ]


def _milliseconds(part: str, row: Mapping[str, Any]) -> str:
    value = 1e3 * row["parts"][part]["cpu_seconds"]
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def trained(problem: str) -> list[dict[str, float]]:
    """The numbers that the study `ladder` has of a problem, for each stored seed."""
    of = f"{problem}-seed"
    found = store.results("ladder", of=of) if store.saved("ladder", of=of) else []
    return [page["result"]["found"] for page in found]


def trained_rows() -> list[dict[str, str | int]]:
    """A row for each problem of the study: trained and, in brackets, exact percentages.

    Means over the stored seeds, whose number is there, too. There is no exact policy of policy
    gradient. A problem without a stored seed has dashes.
    """
    rows: list[dict[str, str | int]] = []
    for problem in PROBLEMS:
        found = trained(problem)
        cells = {words: _percent(found, key) for words, key in TRAINED.items()}
        rows.append({"problem": problem, "seeds": len(found), **cells})
    return rows


def longer() -> str:
    """What four times the updates change on the problem whose values fall short, in sentences."""
    short, long = trained(LONGER), trained(f"longer-{LONGER}")
    updates = store.results("ladder", of=f"longer-{LONGER}")[0]["study"]["options"]["steps"]
    pairs = {name: _pairs(name) for name in PROBLEMS}
    most = max(count for name, count in pairs.items() if name != LONGER)

    def said(key: str) -> str:
        before, after = (100 * fmean(one[key] for one in found) for found in (short, long))
        return f"{before:.0f} to {after:.0f} %"

    return (
        f"On `{LONGER}` the values fall far short of the exact ones. We expected that {updates:,} "
        "updates instead of 600 would bring both to 80 % or more, greedily, and wrote it down "
        f"before: a discount goes from {said('greedy_q_discounted')}, soft Q-learning from "
        f"{said('greedy_soft')} ({len(long)} seeds). So 600 updates are too few: it has "
        f"{pairs[LONGER]:,} pairs, no other problem of the table more than {most:,}."
    )


def _pairs(problem: str) -> int:
    """How many pairs of a problem are trained on."""
    return int(store.results("ladder", of=f"{problem}-seed")[0]["result"]["facts"]["pairs"])


def _percent(found: Sequence[Mapping[str, float]], key: str) -> str:
    if not found:
        return "\u2013"
    told = f"{key}_told"
    exact = f" ({100 * found[0][told]:.0f})" if told in found[0] else ""
    return f"{100 * fmean(one[key] for one in found):.0f}{exact}"
