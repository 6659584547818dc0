"""Other people's files: GraphML and edge lists, ALPINE's text lines, nanoGPT checkpoints.

Every reader either returns a planrl object or raises InputError naming file, line and cure.

An ALPINE line is `s t s a b t`: source, target, path; one walk a line, nodes as numbers.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import warnings
import zipfile
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from planrl.checked import shown, whole
from planrl.errors import InputError
from planrl.folders import write_atomically
from planrl.graphml import in_order, read_graphml, write_graphml
from planrl.graphs import MOST_EDGES, MOST_NODES, Graph
from planrl.reading import read_bytes, read_text
from planrl.tasks import Vocab, is_path
from planrl.transformer import Transformer, TransformerConfig

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor

__all__ = ["Lines", "read_alpine", "read_edges", "read_graph", "read_graphml", "read_nanogpt",
           "write_alpine", "write_graphml"]  # fmt: skip

MOST_CELLS = 50_000_000  # of rows of text, the shorter ones filled up to the longest
MOST_WEIGHTS = 2_000_000_000  # bytes of a checkpoint


def read_graph(path: str | Path) -> Graph:
    """The graph in a .graphml file, or in an edge list (any other ending)."""
    path = Path(path)
    return read_graphml(path) if path.suffix.lower() == ".graphml" else read_edges(path)


def read_edges(path: str | Path) -> Graph:
    """The graph in a text file of edges, one `from to` a line, by spaces, tabs or a comma.

    Names may be any words; whole numbers are put in order, other names come as first met. Blank
    lines and lines that begin with # are passed over. A file of at most 100 MB, 50,000 nodes and
    1,000,000 edges is read.
    """
    path = Path(path)
    names: dict[str, str] = {}
    edges: dict[tuple[str, str], None] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        words = line.replace(",", " ").replace(";", " ").split(None, 3)
        if not words or words[0].startswith("#"):
            continue
        if not 2 <= len(words) <= 3:  # a third may be a weight, which planning has no use for
            raise InputError(f"{path}, line {number}: expected `from to`, found {shown(line)}")
        here, following = words[:2]
        if here == following:
            raise InputError(
                f"{path}, line {number}: {shown(here)} leads to itself; remove the line"
            )
        names[here], names[following] = here, following
        edges[here, following] = None
        if len(names) > MOST_NODES or len(edges) > MOST_EDGES:
            raise InputError(
                f"{path}, line {number}: that is more than {MOST_NODES:,} nodes or "
                f"{MOST_EDGES:,} edges: take a smaller graph"
            )
    if not edges:
        raise InputError(f"{path} has no edges: expected lines like `0 3`")
    return in_order(names, edges)


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
    rows = array("q")  # one after the other
    lengths: list[int] = []
    lines: list[int] = []
    invalid: list[tuple[int, str]] = []
    longest = 3
    for at, line in enumerate(read_text(path).splitlines(), 1):
        words = line.split()
        if not words:
            continue
        unknown = next((word for word in words if word not in number), None)
        if len(words) < 4:
            invalid.append((at, f"has {len(words)} words; `s t s ... t` has at least 4"))
        elif unknown is not None:
            name = shown(unknown)
            invalid.append((at, f"names the node {name}, which the graph does not have"))
        else:
            rows.extend([number[word] for word in words])
            lengths.append(len(words))
            lines.append(at)
            longest = max(longest, len(words))
        if len(lines) * (longest + 1) > MOST_CELLS:
            raise InputError(
                f"{path}, line {at}: {len(lines):,} rows of up to {longest:,} words are more than "
                f"{MOST_CELLS:,} tokens, each filled up to the longest: split the file"
            )
    tokens = torch.full((len(lines), longest + 1), graph.n)
    if lines:
        filled = torch.arange(longest + 1) < torch.tensor(lengths)[:, None]
        tokens[filled] = torch.frombuffer(rows, dtype=torch.int64)
    for row in (~is_path(graph, tokens)).nonzero().squeeze(1).tolist():
        invalid.append((lines[row], _why_no_path(graph, tokens[row, : lengths[row]].tolist())))
    return Lines(tokens, tuple(lines), tuple(sorted(invalid)))


def _why_no_path(graph: Graph, row: list[int]) -> str:
    name = [label if label.isprintable() else shown(label) for label in graph.labels]
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
    bad = next((label for label in graph.labels if label.split() != [label]), None)
    if bad is not None:
        raise InputError(
            f"the label {shown(bad)} is not one word, as ALPINE's lines need: rename it"
        )
    rows = ([graph.labels[v] for v in row if v != vocab.end] for row in tokens.tolist())
    write_atomically(Path(path), "".join(" ".join(row) + "\n" for row in rows).encode())


# What a nanoGPT checkpoint may hold besides tensors and plain values: numpy's scalar, as the best
# validation loss often is one. Anything else is refused unread.
ALLOWED = ("numpy.core.multiarray.scalar", "numpy.dtype", "numpy.dtypes.Float64DType")
_NAMED = {*ALLOWED, "numpy._core.multiarray.scalar", "_codecs.encode", "collections.OrderedDict",
          "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter",
          *(f"torch.{kind}Storage" for kind in ("Float", "Double", "Half", "BFloat16",
                                                "Long", "Int", "Bool", "Byte"))}  # fmt: skip

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
    content = read_bytes(path, most=MOST_WEIGHTS)
    scalar = np.float64(0).__reduce__()[0]
    allowed: list[Any] = [np.dtype, type(np.dtype(np.float64))]
    allowed += [(scalar, ALLOWED[0]), (scalar, "numpy._core.multiarray.scalar")]
    try:
        _refuse_bombs(content)
        with warnings.catch_warnings(), torch.serialization.safe_globals(allowed):
            warnings.simplefilter("ignore")  # its advice on protocols does not concern the reader
            page = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).split("WeightsUnpickler error: ")[-1].splitlines()[0]
        raise InputError(
            f"{path} is refused: {reason} Only tensors, plain values and {', '.join(ALLOWED)} are "
            "allowed: save it anew with torch.save({'model': ..., 'model_args': ...})"
        ) from None
    except Exception as error:  # what a stranger wrote can fail in any way there is
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} is not a whole torch checkpoint: {reason}") from None
    try:
        return _from_nanogpt(page["model"], page["model_args"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{path} lacks part of nanoGPT's layout: {error}") from None
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} has weights of other names or shapes: {reason[:300]}") from None


def _refuse_bombs(content: bytes) -> None:
    """Raise UnpicklingError for a file that would unpack to more than it holds, or name code.

    torch's own list of what may be named is longer than ours, and some of it makes memory of a
    mere number.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as files:
        parts = files.infolist()
        packed = any(part.compress_type != zipfile.ZIP_STORED for part in parts)
        if packed or sum(part.file_size for part in parts) > len(content):
            raise pickle.UnpicklingError("it is packed, and torch.save packs nothing.")
        for part in parts:
            if not part.filename.endswith("data.pkl"):
                continue
            for code, value, _ in pickletools.genops(files.read(part)):
                name = str(value).replace(" ", ".")
                if code.name in ("STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4") or (
                    code.name == "GLOBAL" and name not in _NAMED
                ):
                    raise pickle.UnpicklingError(
                        f"it names {name if code.name == 'GLOBAL' else code.name}."
                    )


def _from_nanogpt(weights: Mapping[str, Tensor], sizes: Mapping[str, Any]) -> Transformer:
    weights = {name.removeprefix("_orig_mod."): value for name, value in weights.items()}
    for name, value in weights.items():
        if not isinstance(value, torch.Tensor) or value.layout != torch.strided:
            raise InputError(f"{shown(name)} is no tensor of numbers")
        if not value.is_contiguous():  # so that no number in it stands for a million
            raise InputError(f"{shown(name)} does not lie in memory in one piece")
    biases = sorted(
        name for name in weights if name.endswith(".bias") and not name.endswith(".attn.bias")
    )
    if biases or sizes.get("bias"):
        raise InputError(f"planrl's Transformer has no biases, this checkpoint has: {biases[:3]}")
    named = {"layers": "n_layer", "heads": "n_head", "width": "n_embd", "positions": "block_size"}
    config = TransformerConfig(
        **{ours: whole(sizes[theirs], theirs) for ours, theirs in named.items()}
    )
    embedding = weights["transformer.wte.weight"]
    n = embedding.shape[0] - 2
    if not torch.equal(embedding, weights.get("lm_head.weight", embedding)):
        raise InputError("planrl ties input and output embeddings, this checkpoint has them apart")
    bad = [name for name, value in weights.items() if not value.isfinite().all()]
    if bad or n < 1:
        raise InputError(f"weights are not finite: {bad[0]}" if bad else "it holds no node tokens")
    used = [
        v for name, v in weights.items() if name[:12] == "transformer." and name[-5:] != ".bias"
    ]
    given, wanted = sum(value.numel() for value in used), config.parameters(n + 2)
    if given != wanted:
        raise RuntimeError(f"they are {given:,} numbers, its model_args make {wanted:,}")
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
