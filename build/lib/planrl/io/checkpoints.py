"""One run in one folder: settings and records as JSON, tensors as safetensors.

A folder holds `run.json` and the tensor file it names. Both are written under another name first
and then moved into place, `run.json` last, so a reader finds the old state or the new one, never
half of one. Two who save at once take turns: the later one's state stays. Nothing that is loaded
can run code.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as dump_tensors

from planrl.errors import InputError, shown, whole
from planrl.io.files import (
    alone,
    read_bytes,
    read_json,
    tidy,
    to_json,
    write_atomically,
)
from planrl.models import LinearTransformer, LogitTable, PathModel
from planrl.tasks import Vocab
from planrl.train import Step
from planrl.transformer import Transformer, TransformerConfig

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "planrl-run/1"
MOST_WEIGHTS = 4_000_000_000  # bytes of a run's tensors
KINDS = ("LogitTable", "LinearTransformer", "Transformer")
BROKEN = (
    *(KeyError, TypeError, ValueError, AttributeError, RuntimeError, OSError),
    SafetensorError,
)  # what reading a file that is no whole run may raise
NAME = re.compile(r"state-[0-9a-f]{16}\.safetensors")  # of the tensor file: never a path


@dataclass(frozen=True)
class Saved:
    """A saved run: the model, the state needed to resume, and its tensor file's digest."""

    model: PathModel
    settings: dict[str, Any]
    records: list[Step]
    tensors: dict[str, Tensor] = field(repr=False)
    digest: str = ""

    def resume(
        self,
        optimizer: torch.optim.Optimizer | None = None,
        rngs: Mapping[str, torch.Generator] | None = None,
    ) -> int:
        """Put the saved state into an optimizer and generators; the number of updates done."""
        if optimizer is not None:
            groups = optimizer.state_dict()["param_groups"]
            state = self._optimizer_state([p for g in optimizer.param_groups for p in g["params"]])
            optimizer.load_state_dict({"state": state, "param_groups": groups})
        for name, rng in (rngs or {}).items():
            if f"rng/{name}" not in self.tensors:
                raise InputError(f"this run was saved without the state of its generator {name!r}")
            set_generator(rng, self.tensors[f"rng/{name}"], name)
        return self.records[-1].step if self.records else 0

    def _optimizer_state(self, parameters: Sequence[Tensor]) -> dict[int, dict[str, Tensor]]:
        """The saved state of each of these parameters, which must be as large as they are."""
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in self.tensors.items():
            if not name.startswith("optimizer/"):
                continue
            _, position, key = (*name.split("/", 2), "", "")[:3]
            at = int(position) if position.isascii() and position.isdigit() else len(parameters)
            like = parameters[min(at, len(parameters) - 1)]
            if (
                at >= len(parameters)
                or tensor.shape != (() if key == "step" else like.shape)
                or tensor.dtype
                != like.dtype  # torch's fast optimizers trust sizes and types blindly
            ):
                raise InputError(f"{shown(name)} is the state of no parameter: train again")
            state.setdefault(at, {})[key] = tensor
        kinds = {frozenset(keys) for keys in state.values()}
        if state and (len(kinds) > 1 or len(state) < len(parameters)):
            raise InputError("the optimizer's state is not whole: train again")
        return state


def set_generator(rng: torch.Generator, state: Tensor, name: str) -> None:
    """Set a CPU generator's state; torch checks its size, but not that its counters agree.

    Of the 624 numbers made at once, `left - 1` are still to come and `at` have been read. Where
    that does not add up, torch would go on reading beyond them.
    """
    sound = state.dtype == torch.uint8 and state.shape == rng.get_state().shape
    if sound:
        _, left, seeded, at = struct.unpack_from("<QiiQ", bytes(state[:24].tolist()))
        sound = seeded == 1 and 1 <= left <= 624 and (left + at == 625 or (left, at) == (1, 0))
    if not sound:
        raise InputError(f"the saved state of the generator {name!r} is none: train again")
    rng.set_state(state)


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
    _count(description)
    vocab = Vocab(description["n_nodes"])
    if description["kind"] == "LogitTable":
        return LogitTable(vocab)
    if description["kind"] == "Transformer":
        return Transformer(vocab, TransformerConfig(**description["config"]), torch.Generator())
    return LinearTransformer(vocab)


def _count(description: Mapping[str, Any]) -> int:
    """How many numbers a model of this description holds, found without making it."""
    n, kind = whole(description["n_nodes"], "n_nodes", least=1), description["kind"]
    if kind not in KINDS:
        raise InputError(f"unknown model kind {shown(kind)}: expected one of {', '.join(KINDS)}")
    if kind == "Transformer":
        return TransformerConfig(**description["config"]).parameters(n + 1)
    return n * (n + 1) * (n if kind == "LogitTable" else 2)


def save(
    folder: str | Path,
    model: PathModel,
    settings: Mapping[str, Any],
    records: Sequence[Step],
    *,
    optimizer: torch.optim.Optimizer | None = None,
    rngs: Mapping[str, torch.Generator] | None = None,
    held: bool = False,
) -> Path:
    """Save a run, with optimizer and generators if it is to go on bit for bit: its run.json.

    `settings` is any mapping of plain values. What the folder held is replaced at the end. `held`
    says that the caller holds the folder already (`folders.alone`).
    """
    folder = Path(folder)
    content = dump_tensors(_state(model, optimizer, rngs or {}))
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
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.nullcontext() if held else alone(folder, wait=True):
        if manifest.exists():
            _tensors(
                read_json(manifest, FORMAT), manifest
            )  # a run.json of another program is not overwritten
        write_atomically(folder / name, content)
        write_atomically(manifest, encoded)
        tidy(folder)
        _remove_earlier(folder, name)
    return manifest


def _state(
    model: PathModel,
    optimizer: torch.optim.Optimizer | None,
    rngs: Mapping[str, torch.Generator],
) -> dict[str, Tensor]:
    """All tensors of a run by the name each is saved under."""
    tensors = {f"model/{k}": v for k, v in model.state_dict().items()}
    if optimizer is not None:
        for index, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{index}/{key}": value for key, value in state.items()}
    tensors |= {f"rng/{name}": rng.get_state() for name, rng in rngs.items()}
    return {k: v.detach().contiguous().clone() for k, v in tensors.items()}


def _remove_earlier(folder: Path, name: str) -> None:
    """Remove all saved states but this one, also those of a save that was cut short."""
    for path in folder.iterdir():
        if NAME.fullmatch(path.name) and path.name != name:
            with contextlib.suppress(OSError):
                path.unlink()


def _tensors(page: Mapping[str, Any], manifest: Path) -> tuple[str, str]:
    """The name of the tensor file, and its digest."""
    entry = page.get("tensors")
    name = entry.get("file") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(name, str) or not NAME.fullmatch(name):
        raise InputError(
            f"{manifest} names no tensor file, or one outside its folder: {shown(name)}"
        )
    return name, str(entry.get("sha256"))


def _records(given: Any) -> list[Step]:
    """The saved records, each a whole one."""
    records = [Step(**record) for record in given]
    for last, one in zip([0, *(r.step for r in records)], records, strict=False):
        whole(one.step, "step", least=last + 1)
        measured = {} if one.measured is None else dict(one.measured)
        for name, value in {"loss": one.loss, "reward": one.reward, **measured}.items():
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int | float)
            ):
                raise InputError(f"record {shown(one.step)} has {name}={shown(value)}, no number")
    return records


def _filled(description: Mapping[str, Any], tensors: Mapping[str, Tensor], path: Path) -> PathModel:
    """The described model with the saved weights, which must be as many, and finite."""
    weights = {k.removeprefix("model/"): v for k, v in tensors.items() if k[:6] == "model/"}
    if "here" in weights:  # version 0.1.0's name of a LinearTransformer's W^M
        weights["current"] = weights.pop("here")
    given, wanted = sum(v.numel() for v in weights.values()), _count(description)
    if given != wanted:  # before anything of that size is made
        raise ValueError(f"{path.name} has {given:,} numbers, the model {wanted:,}")
    model = build(description)
    model.load_state_dict(weights)
    table = not isinstance(model, Transformer)  # whose logits may forbid by -inf
    bad = [n for n, v in weights.items() if not (v.isfinite() | (v.isneginf() & table)).all()]
    if bad:
        raise InputError(
            f"{path} has weights that are not finite ({bad[0]}): its training "
            "diverged; train again with a smaller lr"
        )
    return model


def load(folder: str | Path, *, only: str = "") -> Saved:
    """A saved run, `only` that with this digest if one is given, and nothing of another read.

    Raises InputError if anything is missing, foreign, truncated or altered.
    """
    folder = Path(folder)
    page = read_json(folder / "run.json", FORMAT)
    try:
        name, digest = _tensors(page, folder / "run.json")
        if only and digest != only:
            raise InputError(f"{folder} has another state than it had: restore it, or train again")
        try:
            content = read_bytes(folder / name, most=MOST_WEIGHTS, within=folder)
        except InputError:
            if _tensors(read_json(folder / "run.json", FORMAT), folder)[0] != name:
                # It was saved anew in between, its old state removed.
                return load(folder, only=only)
            if not os.path.lexists(folder / name):
                raise FileNotFoundError(f"there is no {name}") from None
            raise
        if hashlib.sha256(content).hexdigest() != digest:
            raise InputError(
                f"{folder / name} is not what was saved (truncated or altered): "
                "restore it, or train again"
            )
        tensors = load_tensors(content)
        model = _filled(page["model"], tensors, folder / name)
        records = _records(page["records"])
        settings = dict(page["settings"])
    except InputError:
        raise
    except BROKEN as error:
        said = " ".join(str(error).split())[:300]
        raise InputError(f"{folder} does not hold a whole planrl run: {said}") from None
    return Saved(model, settings, records, tensors, digest)
