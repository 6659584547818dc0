"""Other people's files: graphs and tool graphs, text lines and chains of calls, checkpoints.

Every reader either returns a planrl object or raises InputError naming file, line and cure.
"""

from __future__ import annotations

from pathlib import Path

from planrl.graphs import Graph
from planrl.io.edge_lists import parse_edges, read_edges
from planrl.io.files import first_character, read_bytes
from planrl.io.graphml import parse_graphml, read_graphml, write_graphml
from planrl.io.nanogpt import read_nanogpt
from planrl.io.node_link import from_networkx, parse_node_link, read_node_link
from planrl.io.text_rows import Lines, read_alpine, write_alpine
from planrl.io.tool_graphs import GRAPH, ToolGraph, read_tool_graph, read_tools, with_chains

__all__ = [
    "Lines",
    "ToolGraph",
    "from_networkx",
    "read_alpine",
    "read_edges",
    "read_graph",
    "read_graphml",
    "read_nanogpt",
    "read_node_link",
    "read_paths",
    "read_tool_graph",
    "read_tools",
    "write_alpine",
    "write_graphml",
]


def read_graph(path: str | Path) -> Graph:
    """The graph in a GraphML, node-link JSON or edge list file, recognised by its beginning.

    A file that ends in .graphml or begins with `<` is GraphML (see `read_graphml`), one that ends
    in .json or begins with a bracket is networkx's node-link JSON (see `read_node_link`), and any
    other file is an edge list (see `read_edges`). A file called graph_desc.json is a tool graph, as
    TaskBench has it (see `planrl.io.tool_graphs`). Raises InputError for what cannot be read.
    """
    path = Path(path)
    if path.name == GRAPH:
        return read_tool_graph(path).graph
    content, ending = read_bytes(path), path.suffix.lower()
    first = first_character(content)
    if ending == ".graphml" or first == "<":
        return parse_graphml(content, path)
    if ending == ".json" or first in ("{", "["):
        return parse_node_link(content, path)
    return parse_edges(content, path)


def read_paths(path: str | Path, graph: Graph) -> Lines:
    """The paths in a file: rows of text (see `read_alpine`), or chains of calls as JSON lines.

    Chains that are no paths of the graph are left out (see `planrl.io.tool_graphs`).
    """
    path = Path(path)
    if first_character(read_bytes(path)) != "{":
        return read_alpine(path, graph)
    tools = with_chains(graph, path)
    return Lines(tools.rows(), tools.lines, ())
