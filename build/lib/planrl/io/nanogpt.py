"""Checkpoints of nanoGPT's layout, as ALPINE's template writes them, as planrl's Transformer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from planrl.errors import InputError, shown, whole
from planrl.io.files import read_bytes
from planrl.io.weights import SAVE, contents
from planrl.tasks import Vocab
from planrl.transformer import Transformer, TransformerConfig

if TYPE_CHECKING:
    from torch import Tensor

MOST_WEIGHTS = 2_000_000_000  # bytes of a checkpoint
MOST_CONFIG = 1_000_000  # bytes of a JSON file of sizes

_NAMES = {
    "ln_1": "norm_1",
    "attn.c_attn": "qkv",
    "attn.c_proj": "project",
    "ln_2": "norm_2",
    "mlp.c_fc": "expand",
    "mlp.c_proj": "contract",
}
# What wraps a model puts a part of its own into the names of its weights.
_WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "model"}


def read_nanogpt(path: str | Path, *, heads: int | None = None) -> Transformer:
    """The Transformer in a checkpoint of nanoGPT's layout (.pt or .safetensors).

    Its tokens are 0 = padding, 1 = newline, v + 2 = node v; newline becomes END, the padding is
    dropped. What wraps a model (DDP's `module.`, compile's `_orig_mod.`) is left out of the names.

    The sizes are those of `model_args`. A file without them (a plain state_dict, safetensors) shows
    all but the number of attention heads: that is `heads`, or `n_head` in the file's metadata or in
    a JSON file next to it, of the same name or called config.json. Raises InputError if a file is
    not what it should be, with the reason. No file can run code.
    """
    path = Path(path)
    content = read_bytes(path, most=MOST_WEIGHTS)
    try:
        page = contents(content, safetensors=path.suffix.lower() == ".safetensors")
        weights = _weights(page)
        return _from_nanogpt(weights, _sizes(path, page, weights, heads))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(f"{path}: it lacks part of nanoGPT's layout: {error}") from None
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{path}: it has weights of other names or shapes: {reason}") from None


def _weights(page: Any) -> dict[str, Tensor]:
    """The weights by nanoGPT's names, whatever the model was wrapped in when it was saved."""
    if not isinstance(page, Mapping):
        raise InputError(
            f"it lacks part of nanoGPT's layout: it holds {shown(page)}. Save it with {SAVE}"
        )
    keys = ("model", "state_dict", "model_state_dict")
    given = next((page[key] for key in keys if isinstance(page.get(key), Mapping)), page)
    weights: dict[str, Tensor] = {}
    for name, value in given.items():
        short = ".".join(part for part in str(name).split(".") if part not in _WRAPPERS)
        if short in weights:
            raise InputError(f"two of its weights are called {shown(short)}")
        weights[short] = value
    if "transformer.wte.weight" not in weights:
        has = ", ".join(shown(name, 40) for name in list(given)[:4]) or "nothing"
        raise InputError(
            f"it lacks part of nanoGPT's layout: it holds {has}, and no weights called "
            f"transformer.wte.weight. Save it with {SAVE}"
        )
    for name, value in weights.items():
        if not isinstance(value, torch.Tensor) or value.layout != torch.strided:
            raise InputError(f"{shown(name)} is no tensor of numbers")
        if not value.is_contiguous():  # so that no number in it stands for a million
            raise InputError(f"{shown(name)} does not lie in memory in one piece")
    return weights


def _sizes(
    path: Path, page: Mapping[str, Any], weights: Mapping[str, Tensor], heads: int | None
) -> dict[str, Any]:
    """nanoGPT's model_args: as the file says, or as the weights show."""
    layers = [re.match(r"transformer\.h\.(\d{1,4})\.", name) for name in weights]
    sizes: dict[str, Any] = {
        "n_layer": max((int(match[1]) + 1 for match in layers if match), default=0),
        "n_embd": weights["transformer.wte.weight"].shape[-1],
        "block_size": weights["transformer.wpe.weight"].shape[0],
    }
    told = page.get("model_args", {})
    if not isinstance(told, Mapping):
        raise InputError(f"it lacks part of nanoGPT's layout: model_args is {shown(told)}")
    sizes |= told
    for more in (page.get("config"), page.get("metadata")):
        if "n_head" not in sizes and isinstance(more, Mapping) and "n_head" in more:
            said = more["n_head"]  # safetensors' metadata are text
            sizes["n_head"] = int(said) if re.fullmatch(r"[0-9]{1,9}", str(said)) else said
    if "n_head" not in sizes and heads is None:
        sizes |= _beside(path)
    if heads is not None and sizes.setdefault("n_head", heads) != heads:
        raise InputError(f"it has n_head={shown(sizes['n_head'])}, but heads={heads} was given")
    if "n_head" not in sizes:
        raise InputError(
            "it holds weights without model_args: their shapes show all sizes but n_head, the "
            "number of attention heads. Give it: --heads N on the command line, "
            f"read_nanogpt(path, heads=N), or {path.with_suffix('.json').name} next to it with "
            '{"n_head": N}'
        )
    return sizes


def _beside(path: Path) -> dict[str, Any]:
    """The sizes that a JSON file in the same folder tells, if one has n_head."""
    for position in (path.with_suffix(".json"), path.with_name("config.json")):
        if not position.is_file():
            continue
        try:
            page = json.loads(read_bytes(position, most=MOST_CONFIG, within=path.parent))
        except (ValueError, RecursionError) as error:  # an InputError is a ValueError
            raise InputError(f"its sizes in {position.name} can't be read: {error}") from None
        inner = page.get("model_args", page) if isinstance(page, dict) else {}
        if isinstance(inner, dict) and "n_head" in inner:
            names = ("n_layer", "n_head", "n_embd", "block_size", "bias")
            return {name: inner[name] for name in names if name in inner}
    return {}


def _from_nanogpt(weights: Mapping[str, Tensor], sizes: Mapping[str, Any]) -> Transformer:
    biases = sorted(
        name for name in weights if name.endswith(".bias") and not name.endswith(".attn.bias")
    )
    if biases or sizes.get("bias"):
        has = ", ".join(biases[:3]) or "bias=True in its sizes"
        raise InputError(f"planrl's Transformer has no biases, this checkpoint has: {has}")
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
