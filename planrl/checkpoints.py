"""One run in one folder: settings and records as JSON, tensors as safetensors.

A folder holds `run.json` and the tensor file it names. Both are written under another name first
and then moved into place, `run.json` last, so a reader finds the old state or the new one, never
half of one. Nothing that is loaded can run code.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as dump_tensors

from planrl.errors import InputError
from planrl.models import LinearTransformer, LogitTable, PathModel
from planrl.tasks import Vocab
from planrl.train import Step
from planrl.transformer import Transformer, TransformerConfig

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "planrl-run/1"


@dataclass(frozen=True)
class Saved:
    """What a folder held: the model, and all that going on with its run takes."""

    model: PathModel
    settings: dict[str, Any]
    records: list[Step]
    tensors: dict[str, Tensor] = field(repr=False)

    def resume(
        self,
        optimizer: torch.optim.Optimizer | None = None,
        rngs: Mapping[str, torch.Generator] | None = None,
    ) -> int:
        """Put the saved state into an optimizer and generators; the number of updates done."""
        if optimizer is not None:
            state: dict[int, dict[str, Tensor]] = {}
            for name, tensor in self.tensors.items():
                kind, _, rest = name.partition("/")
                if kind == "optimizer":
                    index, key = rest.split("/")
                    state.setdefault(int(index), {})[key] = tensor
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": state, "param_groups": groups})
        for name, rng in (rngs or {}).items():
            if f"rng/{name}" not in self.tensors:
                raise InputError(f"this run was saved without the state of its generator {name!r}")
            rng.set_state(self.tensors[f"rng/{name}"])
        return self.records[-1].step if self.records else 0


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that its name always stands for a whole one: the old or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def to_json(value: Any, *, indent: int | None = 1) -> bytes:
    """JSON with numbers that are not finite as null, since JSON has none.

    `indent=None` puts all on one line, without a blank.
    """

    def finite(item: Any) -> Any:
        if isinstance(item, float):
            return item if math.isfinite(item) else None
        if isinstance(item, Mapping):
            return {str(key): finite(entry) for key, entry in item.items()}
        return [finite(entry) for entry in item] if isinstance(item, list | tuple) else item

    separators = (",", ":") if indent is None else None
    text = json.dumps(finite(value), indent=indent, separators=separators, allow_nan=False)
    return text.encode()


def describe(model: PathModel) -> dict[str, Any]:
    """A model's kind and sizes, from which `build` makes one like it."""
    if isinstance(model, Transformer):
        sizes = asdict(model.config)
    elif isinstance(model, LogitTable | LinearTransformer):
        sizes = {}
    else:
        raise InputError(f"only planrl's own models can be saved, not {type(model).__name__}")
    return {"kind": type(model).__name__, "n_nodes": model.vocab.n_nodes, "config": sizes}


def build(description: Mapping[str, Any]) -> PathModel:
    """A model of this kind and these sizes, its parameters still to be loaded."""
    vocab = Vocab(int(description["n_nodes"]))
    if description["kind"] == "LogitTable":
        return LogitTable(vocab)
    if description["kind"] == "LinearTransformer":
        return LinearTransformer(vocab)
    if description["kind"] == "Transformer":
        return Transformer(vocab, TransformerConfig(**description["config"]), torch.Generator())
    raise InputError(
        f"unknown model kind {description['kind']!r}: expected LogitTable, LinearTransformer or "
        "Transformer"
    )


def save(
    folder: str | Path,
    model: PathModel,
    settings: Mapping[str, Any],
    records: Sequence[Step],
    *,
    optimizer: torch.optim.Optimizer | None = None,
    rngs: Mapping[str, torch.Generator] | None = None,
) -> Path:
    """Save a run, with optimizer and generators if it is to go on bit for bit: its run.json.

    `settings` is any mapping of plain values. What the folder held is replaced at the end.
    """
    folder = Path(folder)
    tensors = {f"model/{k}": v for k, v in model.state_dict().items()}
    if optimizer is not None:
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{index}/{key}": value for key, value in state.items()}
    tensors |= {f"rng/{name}": rng.get_state() for name, rng in (rngs or {}).items()}
    content = dump_tensors({k: v.detach().contiguous().clone() for k, v in tensors.items()})
    digest = hashlib.sha256(content).hexdigest()
    name = f"state-{digest[:16]}.safetensors"
    page = {
        "format": FORMAT,
        "model": describe(model),
        "settings": dict(settings),
        "tensors": {"file": name, "sha256": digest},
        "records": [asdict(record) for record in records],
    }
    manifest = folder / "run.json"
    encoded = to_json(page)
    before = read_json(manifest, FORMAT)["tensors"]["file"] if manifest.exists() else name
    write_atomically(folder / name, content)
    write_atomically(manifest, encoded)
    if before != name and Path(before).name == before:
        (folder / before).unlink(missing_ok=True)
    return manifest


def read_json(path: Path, expected: str) -> dict[str, Any]:
    """The JSON object in a file that says it has the format `expected`."""
    try:
        page = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError(
            f"there is no {path.name} in {path.parent}: is it a planrl folder?"
        ) from None
    except (ValueError, OSError) as error:
        raise InputError(
            f"{path} is not readable JSON ({error}): restore it or run again"
        ) from None
    if not isinstance(page, dict) or page.get("format") != expected:
        given = page.get("format") if isinstance(page, dict) else type(page).__name__
        raise InputError(f"{path} has format {given!r}, expected {expected!r}")
    return page


def load(folder: str | Path) -> Saved:
    """A saved run. Raises InputError if anything is missing, foreign, truncated or altered."""
    folder = Path(folder)
    page = read_json(folder / "run.json", FORMAT)
    try:
        name, digest = page["tensors"]["file"], page["tensors"]["sha256"]
        if Path(name).name != name:
            raise InputError(f"{folder / 'run.json'} names a file outside its folder: {name!r}")
        content = (folder / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise InputError(
                f"{folder / name} is not what was saved (truncated or altered): "
                "restore it, or train again"
            )
        tensors = load_tensors(content)
        model = build(page["model"])
        weights = {k.removeprefix("model/"): v for k, v in tensors.items() if k[:6] == "model/"}
        model.load_state_dict(weights)
        records = [Step(**record) for record in page["records"]]
        settings = dict(page["settings"])
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, RuntimeError, OSError, SafetensorError) as error:
        raise InputError(f"{folder} does not hold a whole planrl run: {error}") from None
    return Saved(model, settings, records, tensors)
