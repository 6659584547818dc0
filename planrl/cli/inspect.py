"""planrl inspect: a report on a graph and on files of paths, before anything is trained."""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planrl.cli.options import JSON, add_prompt
from planrl.cli.sources import GRAPH, NAMES, add_most, goals_in_words, problem_of
from planrl.domains.structure import Structure, structure
from planrl.io.files import to_json
from planrl.io.formats import read_alpine, read_graph
from planrl.io.prompts import USUAL, better_prompt, check_prompt, in_usual_rows

if TYPE_CHECKING:
    from planrl.graphs import Graph


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "inspect",
        help="check a graph and files of paths before anything is trained",
        epilog=NAMES,
    )
    command.add_argument("graph", type=Path, help=GRAPH)
    command.add_argument(
        "lines",
        type=Path,
        nargs="*",
        help="files of paths, one a line, `s t s a b t`: source, target, nodes of the path; "
        "behind a PDDL domain: the problem file",
    )
    add_prompt(command)
    add_most(command)
    command.add_argument("--json", action="store_true", help=JSON)
    command.set_defaults(execute=run)


def run(options: argparse.Namespace) -> int:
    """Print the report: 1 if a row is invalid."""
    said, files = [], options.lines
    problem = problem_of(options.graph, files)
    if problem is None:
        graph = read_graph(options.graph)
    else:
        from planrl.domains import state_space

        space = state_space(problem, options.most)
        graph, files = space.graph, []
        said = [goals_in_words(space)]
    known = structure(graph)
    page: dict[str, Any] = {
        "nodes": graph.n,
        "edges": len(graph.edges),
        "reachable_pairs": known.pairs,
        "cycles": not known.is_dag,
        "structure": known.plain(),
        "files": _files(files, graph, check_prompt(options.prompt or USUAL)),
    }
    if problem is not None:
        page["goals"] = list(space.goals)
    if options.json:
        print(to_json(page).decode())
    else:
        kind = "no cycles" if known.is_dag else "cycles"
        print(
            f"{options.graph}: {graph.n} nodes, {page['edges']} edges, {kind}, "
            f"{page['reachable_pairs']} reachable pairs"
        )
        print("\n".join([*said, *_table(known)]))
        _print_files(page["files"])
    return int(any(entry["invalid"] for entry in page["files"].values()))


def _files(paths: list[Path], graph: Graph, prompt: str) -> dict[str, Any]:
    """The rows of each file, and what is wrong with some of them."""
    found: dict[str, Any] = {}
    for path in paths:
        read = read_alpine(path, graph)
        lines = in_usual_rows(read, graph, prompt)
        hint = better_prompt(read, graph, prompt)
        if hint:
            print(f"planrl: {path}: {len(lines.invalid)} rows are invalid{hint}", file=sys.stderr)
        found[str(path)] = {
            "rows": len(lines.tokens),
            "pairs": lines.pairs,
            "invalid": [{"line": at, "reason": reason} for at, reason in lines.invalid],
        }
    return found


def _print_files(files: dict[str, Any]) -> None:
    for name, entry in files.items():
        wrong = entry["invalid"]
        print(f"{name}: {entry['rows']} rows, {entry['pairs']} pairs, {len(wrong)} invalid")
        for item in wrong[:20]:
            print(f"  line {item['line']}: {item['reason']}")
        print(f"  and {len(wrong) - 20} more (see --json)\n" if len(wrong) > 20 else "", end="")


def _table(known: Structure) -> list[str]:
    """The structure of the graph, a fact a line, and what it means for the theory."""
    rows = {
        "strongly connected components": f"{known.components:,}, the largest of "
        f"{known.largest:,} node{'s' if known.largest > 1 else ''}",
        "dead ends": f"{known.dead_ends:,}",
        "share of pairs with a path": f"{known.reachable:.1%}",
        "largest distance": f"{known.longest} edges",
        "steps that lose the target": f"{known.ruled_out:.1%}",
        "steps inside a component": f"{known.circling:.1%}",
    }
    lines = [f"  {name:30} {value}" for name, value in rows.items()]
    return [*lines, *textwrap.wrap(known.theorem, 79, initial_indent="  ", subsequent_indent="  ")]
