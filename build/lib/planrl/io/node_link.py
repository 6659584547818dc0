"""Node-link JSON: the nodes, their labels and the directed edges of a graph, as networkx writes it.

    {"directed": true, "nodes": [{"id": "a"}, {"id": "b"}],
     "edges": [{"source": "a", "target": "b"}]}

The list of edges is called `edges` or, by older versions of networkx and by d3.js, `links`.
"""

from __future__ import annotations

import json
from array import array
from pathlib import Path
from typing import Any

from planrl.errors import InputError, shown
from planrl.graphs import MOST_EDGES, MOST_NODES, Graph
from planrl.io.files import read_bytes, text_of
from planrl.io.graphml import in_order

_WRITE = "write it with json.dump(networkx.node_link_data(graph), file)"


def from_networkx(graph: Any) -> Graph:
    """The Graph of a networkx DiGraph. Nodes keep their order; ids, or `label`s, become labels.

    Raises InputError for an undirected graph, and for what is no networkx graph.
    """
    try:
        directed = graph.is_directed()
        number = {node: v for v, node in enumerate(graph.nodes)}
        labels = [graph.nodes[node].get("label") for node in number]
        edges = [(number[a], number[b]) for a, b in graph.edges()]
    except (AttributeError, TypeError, KeyError, ValueError):
        raise InputError(
            f"{shown(graph)} is no networkx graph: give a networkx.DiGraph, as "
            "networkx.DiGraph([(0, 1)]) makes one of edges, or write Graph(2, [(0, 1)])"
        ) from None
    if not directed:
        raise InputError(
            "the graph is undirected, planning needs directions: use graph.to_directed()"
        )
    ids = zip(number, labels, strict=True)
    names = [str(node if label is None else label) for node, label in ids]
    if len(set(names)) < len(names):  # labels repeat: the ids are the safe names
        names = [str(node) for node in number]
    return Graph(len(number), edges, names)


def read_node_link(path: str | Path) -> Graph:
    """The directed graph in a file of node-link JSON, as `networkx.node_link_data` makes it.

    `directed` must be true. A node's `label`, if every node has another, else its id, names it.
    Nodes whose ids are all whole numbers come in numerical order, others as the file has them. A
    file of at most 100 MB, 50,000 nodes and 1,000,000 edges is read. Raises InputError for every
    other file.
    """
    path = Path(path)
    return parse_node_link(read_bytes(path), path)


def parse_node_link(content: bytes, path: Path) -> Graph:
    """The graph in the content of a node-link JSON file, which was read from `path`."""
    text = text_of(content, path)
    objects = _Objects()
    try:
        page = json.loads(text, object_pairs_hook=objects.take)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path} begins as JSON but is none (line {error.lineno}: {error.msg}). If it is an "
            f"edge list, put names that begin with a bracket in double quotes; a graph: {_WRITE}"
        ) from None
    except (RecursionError, ValueError) as error:
        raise InputError(f"{path} is not JSON that can be read: {str(error)[:200]}") from None
    try:
        return _graph(page)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


class _Edge(tuple[Any, Any]):
    """Source and target of an object that has both: all that is kept of it."""

    __slots__ = ()


class _Objects:
    """Makes the objects of a file, and counts them."""

    def __init__(self) -> None:
        self.edges = 0

    def take(self, pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Edge:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise InputError("an object has a key twice: keep one")
        if "source" in found and "target" in found:
            self.edges += 1
            if self.edges > MOST_EDGES:
                raise InputError(f"it has more than {MOST_EDGES:,} edges: take a smaller graph")
            return _Edge((found["source"], found["target"]))
        return found


def _graph(page: Any) -> Graph:
    if not isinstance(page, dict) or not isinstance(page.get("nodes"), list):
        what = "it has no list `nodes`"
        if isinstance(page, dict) and "elements" in page:
            what = "this is Cytoscape's JSON (networkx.cytoscape_graph reads it)"
        elif isinstance(page, list):
            what = "this is a list (a list of pairs: networkx.DiGraph(json.load(file)))"
        raise InputError(f"this is not node-link JSON, {what}: {_WRITE}")
    if "adjacency" in page:
        raise InputError(
            "this is adjacency JSON: read it with networkx.adjacency_graph(json.load(file)) and "
            f"{_WRITE}"
        )
    if page.get("directed") is not True:
        raise InputError(
            f"`directed` is {shown(page.get('directed'))}, planning needs directions: if each edge "
            'leads from its source to its target, write "directed": true'
        )
    lists = [page[key] for key in ("edges", "links") if key in page]
    if len(lists) != 1 or not isinstance(lists[0], list):
        raise InputError(f"expected one list, `edges` or `links`, found {len(lists)}: {_WRITE}")
    names, number = _nodes(page["nodes"])
    sources, targets = array("i"), array("i")
    for edge in lists[0]:
        if not isinstance(edge, _Edge):
            raise InputError(f"the edge {shown(edge)} has no source or no target")
        tail, head = (number.get(_key(end)) for end in edge)
        if tail is None or head is None:
            end = edge[0] if tail is None else edge[1]
            raise InputError(f"an edge names the node {shown(end)}, which does not exist")
        if tail == head:
            raise InputError(f"the edge from {shown(edge[0])} to itself is a self-loop; remove it")
        sources.append(tail)
        targets.append(head)
    return in_order(names, sources, targets)


def _nodes(nodes: list[Any]) -> tuple[dict[str, str], dict[Any, int]]:
    """The name of each node by its id, and the position of each node by its key."""
    if not 0 < len(nodes) <= MOST_NODES:
        raise InputError(
            f"it has {len(nodes):,} nodes: expected at least one, and at most {MOST_NODES:,}"
        )
    names: dict[str, str] = {}
    number: dict[Any, int] = {}
    for node in nodes:
        if not isinstance(node, dict) or "id" not in node:
            raise InputError(f"the node {shown(node)} has no id: {_WRITE}")
        key, name, label = _key(node["id"]), _name(node["id"]), node.get("label")
        if key in number or name in names:
            raise InputError(f"two nodes have the id {shown(name)}")
        number[key] = len(names)
        names[name] = name if label is None else _name(label)
    return names, number


def _name(value: Any) -> str:
    """An id or a label as text. A list means a tuple, as in networkx."""
    if isinstance(value, list):
        return str(tuple(value))
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"{shown(value)} is no id or label: expected text or a number")
    return str(value)


def _key(value: Any) -> Any:
    """An id as a key of a dict, in which `1`, `1.0`, `true` and `"1"` are four."""
    if isinstance(value, str) or type(value) is int:
        return value
    return type(value), repr(value)
