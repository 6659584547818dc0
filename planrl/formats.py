"""Other people's files: GraphML and edge lists, ALPINE's text lines, nanoGPT checkpoints.

Every reader either returns a planrl object or raises InputError naming file, line and cure.

An ALPINE line is `s t s a b t`: source, target, path; one walk a line, nodes as numbers.
"""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import networkx as nx
import torch

from planrl.errors import InputError
from planrl.graphs import Graph, from_networkx
from planrl.tasks import Vocab, is_path
from planrl.transformer import Transformer, TransformerConfig

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a UTF-8 text file (byte {error.start})") from None


def read_graph(path: str | Path) -> Graph:
    """The graph in a .graphml file, or in an edge list (any other ending)."""
    path = Path(path)
    return read_graphml(path) if path.suffix.lower() == ".graphml" else read_edges(path)


def read_graphml(path: str | Path) -> Graph:
    """The directed graph in a GraphML file; a node's `label`, if all differ, else its id, names it.

    Nodes whose ids are all whole numbers come in numerical order, others as the file has them.
    """
    path = Path(path)
    text = _text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(f"{path} declares XML entities, which planrl does not read: remove them")
    try:
        root = ElementTree.fromstring(text)
        space = root.tag.removesuffix("graphml")
        ids = [node.get("id") for node in root.iter(f"{space}node")]
        edges = [(edge.get("source"), edge.get("target")) for edge in root.iter(f"{space}edge")]
        if not root.tag.endswith("graphml") or not ids:
            raise InputError(f"{path} holds no GraphML graph (its root is <{root.tag}>)")
        if len(set(ids)) < len(ids):
            twice = next(name for name in ids if ids.count(name) > 1)
            raise InputError(f"{path}: two nodes have the id {twice!r}")
        for end in (end for edge in edges for end in edge):
            if end not in set(ids):
                raise InputError(f"{path}: an edge names the node {end!r}, which does not exist")
        graph = nx.parse_graphml(text)
    except (ElementTree.ParseError, nx.NetworkXError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not well-formed GraphML: {error}") from None
    return from_networkx(_in_order(nx.DiGraph(graph) if graph.is_directed() else graph))


def read_edges(path: str | Path) -> Graph:
    """The graph in a text file of edges, one `from to` a line, by spaces, tabs or a comma.

    Names may be any words; whole numbers are put in order, other names come as first met. Blank
    lines and lines that begin with # are passed over.
    """
    path = Path(path)
    graph = nx.DiGraph()
    for number, line in enumerate(_text(path).splitlines(), 1):
        words = [word for word in re.split(r"[\s,;]+", line) if word]
        if not words or words[0].startswith("#"):
            continue
        if not 2 <= len(words) <= 3:  # a third may be a weight, which planning has no use for
            raise InputError(f"{path}, line {number}: expected `from to`, found {line.strip()!r}")
        if words[0] == words[1]:
            raise InputError(
                f"{path}, line {number}: {words[0]!r} leads to itself; remove the line"
            )
        graph.add_edge(words[0], words[1])
    if not graph:
        raise InputError(f"{path} has no edges: expected lines like `0 3`")
    return from_networkx(_in_order(graph))


def _in_order(graph: Any) -> Any:
    """The same graph, its nodes sorted by number if every id is a whole number."""
    if not all(re.fullmatch(r"\d+", str(node)) for node in graph.nodes):
        return graph
    ordered = nx.create_empty_copy(graph)
    ordered.clear()
    ordered.add_nodes_from(sorted(graph.nodes(data=True), key=lambda item: int(item[0])))
    ordered.add_edges_from(graph.edges())
    return ordered


def write_graphml(graph: Graph, path: str | Path) -> None:
    """Write a graph so that `read_graphml`, networkx and other tools read it back."""
    nx.write_graphml(graph.to_networkx(), path)


@dataclass(frozen=True)
class Lines:
    """The walks of an ALPINE text file, and what is wrong with some of them.

    `tokens` holds the rows that can be read, `line` the line number of each, `invalid` a
    (line number, reason) for each row that cannot be read or is no path of the graph.
    """

    tokens: Int[Tensor, "B L"]
    line: tuple[int, ...]
    invalid: tuple[tuple[int, str], ...]

    @property
    def pairs(self) -> int:
        """How many different (source, target) pairs the readable rows hold."""
        return len(self.tokens[:, :2].unique(dim=0)) if len(self.tokens) else 0


def read_alpine(path: str | Path, graph: Graph) -> Lines:
    """The rows `s t s a b t` of a text file, each checked against the graph.

    A row that holds no walk (too short, no node of this graph) is left out of `tokens`; one that
    is a walk but no path stays in. Both are listed in `invalid`, with the reason.
    """
    path = Path(path)
    number = {label: v for v, label in enumerate(graph.labels)}
    rows: list[list[int]] = []
    lines: list[int] = []
    invalid: list[tuple[int, str]] = []
    for at, line in enumerate(_text(path).splitlines(), 1):
        words = line.split()
        if not words:
            continue
        unknown = next((word for word in words if word not in number), None)
        if len(words) < 4:
            invalid.append((at, f"has {len(words)} words; `s t s ... t` has at least 4"))
        elif unknown is not None:
            invalid.append((at, f"names the node {unknown!r}, which the graph does not have"))
        else:
            rows.append([number[word] for word in words])
            lines.append(at)
    length = max(map(len, rows), default=3) + 1
    filled = [row + [graph.n] * (length - len(row)) for row in rows]
    tokens = torch.tensor(filled, dtype=torch.int64).view(-1, length)
    for row in (~is_path(graph, tokens)).nonzero().squeeze(1).tolist():
        invalid.append((lines[row], _why_no_path(graph, rows[row])))
    return Lines(tokens, tuple(lines), tuple(sorted(invalid)))


def _why_no_path(graph: Graph, row: list[int]) -> str:
    name = graph.labels
    if row[2] != row[0]:
        return f"starts at {name[row[2]]}, but its source is {name[row[0]]}"
    for here, following in pairwise(row[2:]):
        if not graph.adjacency[here, following]:
            return f"steps {name[here]} -> {name[following]}, which is no edge"
    return f"ends at {name[row[-1]]}, but its target is {name[row[1]]}"


def write_alpine(path: str | Path, graph: Graph, tokens: Int[Tensor, "B L"]) -> None:
    """Write rows as ALPINE's text lines, END and filling left out."""
    vocab = Vocab(graph.n)
    vocab.check(tokens)
    rows = ([graph.labels[v] for v in row if v != vocab.end] for row in tokens.tolist())
    Path(path).write_text("".join(" ".join(row) + "\n" for row in rows), encoding="utf-8")


# What a nanoGPT checkpoint may hold besides tensors and plain values: numpy's scalar, as the best
# validation loss often is one. Anything else is refused unread.
ALLOWED = ("numpy.core.multiarray.scalar", "numpy.dtype", "numpy.dtypes.Float64DType")

_NAMES = {
    "ln_1": "norm_1",
    "attn.c_attn": "qkv",
    "attn.c_proj": "project",
    "ln_2": "norm_2",
    "mlp.c_fc": "expand",
    "mlp.c_proj": "contract",
}


def read_nanogpt(path: str | Path) -> Transformer:
    """The Transformer in a checkpoint of nanoGPT's layout, as ALPINE's template writes it.

    Its tokens are 0 = filling, 1 = newline, v + 2 = node v; newline becomes END, the filling is
    dropped. Loaded with `weights_only=True`, so that a file cannot run code.
    """
    import numpy as np

    path = Path(path)
    scalar = np.float64(0).__reduce__()[0]
    allowed: list[Any] = [np.dtype, type(np.dtype(np.float64))]
    allowed += [(scalar, ALLOWED[0]), (scalar, "numpy._core.multiarray.scalar")]
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(allowed):
            warnings.simplefilter("ignore")  # its advice on protocols does not concern the reader
            page = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).split("WeightsUnpickler error: ")[-1].splitlines()[0]
        raise InputError(
            f"{path} is refused: {reason} Only tensors, plain values and {', '.join(ALLOWED)} are "
            "allowed: save it anew with torch.save({'model': ..., 'model_args': ...})"
        ) from None
    except (OSError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} is not a whole torch checkpoint: {reason}") from None
    try:
        return _from_nanogpt(page["model"], page["model_args"])
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise InputError(f"{path} lacks part of nanoGPT's layout: {error}") from None
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} has weights of other names or shapes: {reason}") from None


def _from_nanogpt(weights: Mapping[str, Tensor], sizes: Mapping[str, Any]) -> Transformer:
    weights = {name.removeprefix("_orig_mod."): value for name, value in weights.items()}
    biases = sorted(
        name for name in weights if name.endswith(".bias") and not name.endswith(".attn.bias")
    )
    if biases or sizes.get("bias"):
        raise InputError(f"planrl's Transformer has no biases, this checkpoint has: {biases[:3]}")
    config = TransformerConfig(
        layers=int(sizes["n_layer"]),
        heads=int(sizes["n_head"]),
        width=int(sizes["n_embd"]),
        positions=int(sizes["block_size"]),
    )
    embedding = weights["transformer.wte.weight"]
    n = embedding.shape[0] - 2
    if not torch.equal(embedding, weights.get("lm_head.weight", embedding)):
        raise InputError("planrl ties input and output embeddings, this checkpoint has them apart")
    bad = [name for name, value in weights.items() if not value.isfinite().all()]
    if bad or n < 1:
        raise InputError(f"weights are not finite: {bad[0]}" if bad else "it holds no node tokens")
    model = Transformer(Vocab(n), config, torch.Generator())
    state = {
        "tokens.weight": torch.cat([embedding[2:], embedding[1:2]]),
        "positions.weight": weights["transformer.wpe.weight"],
        "norm.weight": weights["transformer.ln_f.weight"],
    }
    for layer in range(config.layers):
        for theirs, ours in _NAMES.items():
            key = f"transformer.h.{layer}.{theirs}.weight"
            state[f"blocks.{layer}.{ours}.weight"] = weights[key]
    model.load_state_dict(state)
    return model
