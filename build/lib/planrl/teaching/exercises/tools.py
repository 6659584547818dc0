"""Exercises on chains of tool calls: their frequencies, new chains, pairs nobody asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

from planrl.domains.assistant import FOLDER
from planrl.graphs import seeded
from planrl.io.tool_graphs import ToolGraph, read_tools
from planrl.streams import sample_paths
from planrl.tasks import all_pairs
from planrl.teaching.exercises.checks import Feedback, ask

Chain = tuple[str, ...]
SHOWN = 5  # times: a context whose frequencies are asked for


@cache
def _tools() -> ToolGraph:
    return read_tools(FOLDER)


def _named(chain: tuple[int, ...]) -> Chain:
    return tuple(_tools().graph.labels[v] for v in chain)


def _chains() -> list[Chain]:
    return [_named(chain) for chain in _tools().chains]


def _links() -> set[Chain]:
    return {_named(edge) for edge in _tools().graph.edges}


def next_tools(function: Callable[[list[Chain], str, str], Any]) -> Feedback:
    """Try function(chains, target, current) -> {next tool: share} on all contexts shown often."""
    chains = _chains()
    steps = Counter((c[-1], a, b) for c in chains for a, b in pairwise(c))
    contexts = Counter((c[-1], a) for c in chains for a in c[:-1])
    often = [context for context, count in contexts.items() if count >= SHOWN]
    for target, current in often:
        answer, wrong = ask(function, list(chains), target, current)
        if wrong:
            return wrong
        found, wrong = ask(lambda answer=answer: {str(k): float(v) for k, v in answer.items()})
        if wrong:
            return Feedback(False, "Return a dictionary: the next tool's name and its share.")
        total = contexts[target, current]
        counts = {b: steps[key] for key in steps for b in key[2:] if key[:2] == (target, current)}
        wanted = {name: count / total for name, count in counts.items()}
        if _same(found, wanted):
            continue
        where = f"From {current} to the target {target}"
        if _same(found, counts):
            return Feedback(False, f"{where}: these are counts. Divide them by their sum.")
        if abs(sum(found.values()) - 1) < 1e-6 and set(wanted) < set(found):
            return Feedback(
                False,
                f"{where}: {len(set(found) - set(wanted))} tools too many. Count only chains that "
                "end at the target.",
            )
        return Feedback(
            False, f"{where} the chains have {len(wanted)} next tools in {total} steps: {wanted}"
        )
    return Feedback(
        True, f"Right in all {len(often)} contexts: this is what SFT's minimum repeats."
    )


def _same(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    given = {name: value for name, value in one.items() if value}
    return set(given) == set(other) and all(abs(given[k] - other[k]) < 1e-6 for k in given)


def fresh_chains(
    function: Callable[[list[tuple[str, Chain]], set[Chain], set[Chain]], Any],
) -> Feedback:
    """Try function(sampled, demonstrated, links) -> the new correct chains, as a set.

    `sampled` are pairs of a target and a chain.
    """
    graph, demonstrated, links = _tools().graph, set(_chains()), _links()
    paths = sample_paths(all_pairs(graph), 1, seeded(0, "exercise"))[::7]
    sampled = [
        (_named((row[1],))[0], _named(tuple(row[2 : row.index(graph.n)]))) for row in paths.tolist()
    ]
    right = {chain for _, chain in sampled} - demonstrated
    known = sorted(demonstrated)[:5]
    stopped = [(target, chain[:-1]) for target, chain in sampled if len(chain) > 3][:5]
    broken = [(chain[-1], (chain[0], chain[-1])) for _, chain in sampled if len(chain) > 3]
    broken = [(target, chain) for target, chain in broken if chain not in links][:5]
    given = [*sampled, *((c[-1], c) for c in known), *stopped, *broken, *sampled[:5]]
    answer, wrong = ask(function, given, demonstrated, links)
    if wrong:
        return wrong
    found, wrong = ask(lambda: {tuple(map(str, chain)) for chain in answer})
    if wrong:
        return Feedback(False, "Return a set of chains; a chain is a tuple of names.")
    for some, hint in (
        (demonstrated, "is demonstrated: it is not new"),
        ({c for _, c in broken}, "has a step that is no link"),
        ({c for _, c in stopped} - right, "does not end at its target"),
    ):
        if extra := sorted(found & some):
            return Feedback(False, f"{' → '.join(extra[0])} {hint}.")
    if found != right:
        return Feedback(
            False, f"You found {len(found & right)} of {len(right)} new correct chains."
        )
    return Feedback(True, f"Right: {len(right)} new correct chains among {len(given)}.")


def never_asked(function: Callable[[set[Chain], list[Chain]], Any]) -> Feedback:
    """Try function(links, chains) -> all pairs (first, last) with a path, which no chain joins."""
    graph, chains = _tools().graph, _chains()
    joined = {(c[0], c[-1]) for c in chains}
    reach = graph.reachability.T.clone().fill_diagonal_(False).nonzero()  # [source, target]
    possible = {_named(tuple(pair)) for pair in reach.tolist()}
    answer, wrong = ask(function, _links(), list(chains))
    if wrong:
        return wrong
    found, wrong = ask(lambda: {(str(a), str(b)) for a, b in answer})
    if wrong:
        return Feedback(False, "Return pairs (first tool, last tool).")
    if found & joined:
        return Feedback(False, f"{len(found & joined)} of your pairs are joined by a chain.")
    if any(a == b for a, b in found):
        return Feedback(False, "A pair has two different tools.")
    if found - possible:
        a, b = min(found - possible)
        return Feedback(False, f"No path of links leads from {a} to {b}.")
    if missing := (possible - joined) - found:
        a, b = min(missing)
        return Feedback(
            False, f"{len(missing)} pairs are missing, such as {a} to {b}: follow links repeatedly."
        )
    return Feedback(True, f"Right: {len(found)} pairs, and {len(joined)} that chains join.")
