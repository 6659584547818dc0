"""Other people's files: graphs in three formats, ALPINE's text lines, nanoGPT checkpoints.

Every reader either returns a planrl object or raises InputError naming file, line and cure.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from planrl.checked import shown, whole
from planrl.edge_lists import parse_edges, read_edges
from planrl.errors import InputError
from planrl.graphml import parse_graphml, read_graphml, write_graphml
from planrl.graphs import Graph
from planrl.node_link import parse_node_link, read_node_link
from planrl.reading import first_character, read_bytes
from planrl.tasks import Vocab
from planrl.text_rows import Lines, read_alpine, write_alpine
from planrl.transformer import Transformer, TransformerConfig

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Lines", "read_alpine", "read_edges", "read_graph", "read_graphml", "read_nanogpt",
           "read_node_link", "write_alpine", "write_graphml"]  # fmt: skip

MOST_WEIGHTS = 2_000_000_000  # bytes of a checkpoint


def read_graph(path: str | Path) -> Graph:
    """The graph in a GraphML file, a node-link JSON file or an edge list, told by how it begins.

    A file that ends in .graphml or begins with `<` is GraphML (see `read_graphml`), one that ends
    in .json or begins with a bracket is networkx's node-link JSON (see `read_node_link`), and any
    other file is an edge list (see `read_edges`). Raises InputError for what cannot be read.
    """
    path = Path(path)
    content, ending = read_bytes(path), path.suffix.lower()
    first = first_character(content)
    if ending == ".graphml" or first == "<":
        return parse_graphml(content, path)
    if ending == ".json" or first in ("{", "["):
        return parse_node_link(content, path)
    return parse_edges(content, path)


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
