"""planrl inspect: a report on a graph and on files of paths, before anything is trained."""

from __future__ import annotations

import argparse
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planrl.cli.options import JSON, add_prompt
from planrl.cli.sources import (
    FOLDER,
    GRAPH,
    NAMES,
    TOOL_DATA,
    add_most,
    goals_in_words,
    problem_of,
    tools_in_words,
    tools_of,
)
from planrl.domains.state_space import state_space
from planrl.domains.structure import Structure, structure
from planrl.io.files import to_json
from planrl.io.formats import read_graph, read_paths
from planrl.io.prompts import (
    USUAL,
    better_prompt,
    check_prompt,
    detected_prompt,
    in_usual_rows,
    row_of,
)

if TYPE_CHECKING:
    from planrl.graphs import Graph


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "inspect",
        help="check a graph and files of paths before anything is trained",
        epilog=f"{NAMES}\n\n{textwrap.fill(TOOL_DATA, 79)}",
    )
    command.add_argument("graph", type=Path, help=GRAPH + FOLDER)
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
    graph, files, said, more = _source(options)
    known = structure(graph)
    page: dict[str, Any] = {
        "nodes": graph.n,
        "edges": len(graph.edges),
        "reachable_pairs": known.pairs,
        "cycles": not known.is_dag,
        "structure": known.plain(),
        "files": _files(files, graph, options.prompt),
        **more,
    }
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


def _source(options: argparse.Namespace) -> tuple[Graph, list[Path], list[str], dict[str, Any]]:
    """The graph, files of paths to check, and what else is to be said, as lines and as values."""
    tools = tools_of(options.graph, options.lines)
    if tools is not None:
        more = {
            "chains": len(tools.chains),
            "different_chains": len(tools.counts),
            "pairs": len(tools.pairs),
            "used_edges": len(tools.used),
            "used_once": sum(count == 1 for count in tools.used.values()),
            "left_out": tools.left_out,
            "outside": [step._asdict() for step in tools.outside],
            "self_loops": list(tools.self_loops),
        }
        return tools.graph, [], tools_in_words(tools), {"tools": more}
    problem = problem_of(options.graph, options.lines)
    if problem is not None:
        space = state_space(problem, options.most)
        return space.graph, [], [goals_in_words(space)], {"goals": list(space.goals)}
    return read_graph(options.graph), options.lines, [], {}


def _files(paths: list[Path], graph: Graph, given: str | None) -> dict[str, Any]:
    """The rows of each file, their form, and what is wrong with some of them."""
    report: dict[str, Any] = {}
    for path in paths:
        read = read_paths(path, graph)
        found = detected_prompt(read, graph, str(path)) if given is None else check_prompt(given)
        prompt = found or USUAL
        lines = in_usual_rows(read, graph, prompt)
        hint = better_prompt(read, graph, prompt)
        if hint:
            print(f"planrl: {path}: {len(lines.invalid)} rows are invalid{hint}", file=sys.stderr)
        report[str(path)] = {
            "form": row_of(prompt),
            "rows": len(lines.tokens),
            "pairs": lines.pairs,
            "invalid": [{"line": at, "reason": reason} for at, reason in lines.invalid],
        }
    return report


def _print_files(files: dict[str, Any]) -> None:
    for name, entry in files.items():
        wrong = entry["invalid"]
        form = "" if entry["form"] == row_of(USUAL) else f" as `{entry['form']}`"
        print(f"{name}: {entry['rows']} rows{form}, {entry['pairs']} pairs, {len(wrong)} invalid")
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
