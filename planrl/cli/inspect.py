"""planrl inspect: a report on a graph and on files of paths, before anything is trained."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from planrl.cli.options import JSON, add_prompt
from planrl.io.files import to_json
from planrl.io.formats import read_alpine, read_graph
from planrl.io.prompts import USUAL, better_prompt, check_prompt, in_usual_rows


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "inspect", help="check a graph and files of paths before anything is trained"
    )
    command.add_argument("graph", type=Path, help="the graph: GraphML, node-link JSON or edge list")
    command.add_argument(
        "lines",
        type=Path,
        nargs="*",
        help="files of paths, one a line, `s t s a b t`: source, target, nodes of the path",
    )
    add_prompt(command)
    command.add_argument("--json", action="store_true", help=JSON)
    command.set_defaults(execute=run)


def run(options: argparse.Namespace) -> int:
    """Print the report: 1 if a row is invalid."""
    graph = read_graph(options.graph)
    prompt = check_prompt(options.prompt or USUAL)
    page: dict[str, Any] = {
        "nodes": graph.n,
        "edges": len(graph.edges),
        "reachable_pairs": int(graph.reachability.sum()) - graph.n,
        "cycles": not graph.is_dag,
        "files": {},
    }
    for path in options.lines:
        read = read_alpine(path, graph)
        lines = in_usual_rows(read, graph, prompt)
        hint = better_prompt(read, graph, prompt)
        if hint:
            print(f"planrl: {path}: {len(lines.invalid)} rows are invalid{hint}", file=sys.stderr)
        page["files"][str(path)] = {
            "rows": len(lines.tokens),
            "pairs": lines.pairs,
            "invalid": [{"line": at, "reason": reason} for at, reason in lines.invalid],
        }
    if options.json:
        print(to_json(page).decode())
    else:
        kind = "no cycles" if graph.is_dag else "cycles"
        print(
            f"{options.graph}: {graph.n} nodes, {page['edges']} edges, {kind}, "
            f"{page['reachable_pairs']} reachable pairs"
        )
        for name, entry in page["files"].items():
            wrong = entry["invalid"]
            print(f"{name}: {entry['rows']} rows, {entry['pairs']} pairs, {len(wrong)} invalid")
            for item in wrong[:20]:
                print(f"  line {item['line']}: {item['reason']}")
            print(f"  and {len(wrong) - 20} more (see --json)\n" if len(wrong) > 20 else "", end="")
    return int(any(entry["invalid"] for entry in page["files"].values()))
