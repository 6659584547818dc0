"""The programs as ONNX files, which a page runs without a server.

A program, with torch's gradients, is traced first (`make_fx`), then exported. Tracing takes a
second or two, the exporter up to a minute for one program. So each file names the trace that it was
made from, and is used again as long as the trace is the same.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from planrl.errors import InputError
from planrl.io.files import ready, write_atomically
from planrl.labs.catalogue import all_programs, labs
from planrl.labs.engine.programs import Program, examples_of
from planrl.labs.engine.sampling import Values
from planrl.labs.session import Session
from planrl.labs.spec.controls import SEED
from planrl.labs.spec.graphs import lab_graphs

TYPES = {torch.float32: "float32", torch.int32: "int32"}
MAKERS = ("torch", "onnx", "onnxscript")
"""What an exported file depends on besides its trace."""


def export(folder: Path, names: Iterable[str] = (), *, reuse: Iterable[Path] = ()) -> list[Path]:
    """Write NAME.onnx and NAME.json for these programs (all, if none are named).

    NAME.json says what a page has to know of the program: its inputs and outputs, and what a
    learner carries from one update to the next. It is written last and holds the hash of NAME.onnx,
    so that no two files of different exports are taken for a pair. NAME.onnx is copied instead of
    exported if one of the folders `reuse` has it, made from the same trace.
    """
    known = all_programs()
    wanted = list(names) or list(known)
    for name in wanted:
        if name not in known:
            raise InputError(f"no program is called {name!r}; there are: {', '.join(known)}")
    ready(folder)
    return [_write(known[name], folder, list(reuse)) for name in wanted]


def write_bases(folder: Path) -> list[Path]:
    """Write the Transformers that learners start from, GRAPH-SEED.f32: little-endian floats.

    For a reader's own graph a page trains the base itself. For these it does not, because rounding
    differs between machines, and paths sampled from slightly different weights soon differ.
    """
    ready(folder)
    paths, run = [], _Traced()
    for graph, seed in itertools.product(lab_graphs(), SEED.values):
        link = f"graph={graph}&model=transformer&seed={seed}"
        base = Session(lab_of_base(graph), link, run=run).starts["base"]
        path = folder / f"{graph}-{seed}.f32"
        write_atomically(path, base.numpy().astype("<f4").tobytes())
        paths.append(path)
    return paths


def lab_of_base(graph: str) -> str:
    """The name of a lab in which a Transformer starts from the base of this graph."""
    return next(
        name
        for name, lab in labs().items()
        if graph in lab.graphs
        and "transformer" in lab.models
        and any(one.start == "base" for one in lab.learners)
    )


class _Traced:
    """Programs run by their traces: the same operations on the same numbers, in half the time."""

    def __init__(self) -> None:
        self._traces: dict[str, Trace] = {}

    def __call__(self, program: Program, given: Values) -> Values:
        if program.name not in self._traces:
            self._traces[program.name] = trace(program)
        known = self._traces[program.name]
        with torch.no_grad():
            made = known.module(*(given[name] for name in program.examples))
        return dict(zip(known.outputs, made, strict=True))


@dataclass(frozen=True)
class Trace:
    """A program as a graph of torch's operations, and the names of its outputs."""

    module: torch.fx.GraphModule
    outputs: tuple[str, ...]


def trace(program: Program) -> Trace:
    """The program's operations, gradients included, as torch runs them for the examples."""
    from torch.fx.experimental.proxy_tensor import make_fx

    names = list(program.examples)
    found: list[str] = []

    def flat(*values: Tensor) -> tuple[Tensor, ...]:
        out = program.run(dict(zip(names, values, strict=True)))
        found[:] = out
        return tuple(out.values())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about other people's deprecations
        module = make_fx(flat)(*examples_of(program))
    return Trace(module, tuple(found))


def trace_key(program: Program, traced: Trace) -> str:
    """A hash of all that decides what is exported.

    It covers the operations with their constants, the names and shapes of inputs and outputs, the
    default values of options, and the exporter's version.
    """
    module = traced.module
    told = {
        "makers": _makers(),
        "inputs": _inputs(program),
        "outputs": traced.outputs,
        "code": module.code,
    }
    total = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for node in module.graph.nodes:
        if node.op == "get_attr":
            value = getattr(module, node.target).detach().contiguous()
            total.update(f"{node.target} {value.dtype} {tuple(value.shape)}".encode())
            total.update(value.numpy().tobytes())
    return total.hexdigest()


@cache
def _makers() -> dict[str, str]:
    """The exporter's versions, without the part that says for which processor torch was built."""
    found = {}
    for name in MAKERS:
        try:
            found[name] = version(name).split("+")[0]
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def _write(program: Program, folder: Path, reuse: list[Path]) -> Path:
    traced = trace(program)
    key, path = trace_key(program, traced), folder / f"{program.name}.onnx"
    kept = (_kept(other / path.name, key) for other in reuse)
    content = next(filter(None, kept), None) or to_onnx(program, traced)
    page = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "traced": key,
        "inputs": _inputs(program, "in_"),
        "outputs": [_described(f"out_{k}", v) for k, v in _outputs(program, traced).items()],
        "carries": [{"name": name, "fill": one.fill} for name, one in program.carries.items()],
    }
    write_atomically(path, content)
    write_atomically(path.with_suffix(".json"), json.dumps(page, indent=1).encode() + b"\n")
    return path


def _kept(path: Path, key: str) -> bytes | None:
    """An exported program, if it is whole and was made from the trace with this key."""
    try:
        content = path.read_bytes()
        page: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = page.get("sha256") == hashlib.sha256(content).hexdigest()
    return content if whole and page.get("traced") == key else None


def _inputs(program: Program, prefix: str = "") -> list[dict[str, Any]]:
    return [
        _described(prefix + name, value, name in program.options)
        for name, value in program.examples.items()
    ]


def _outputs(program: Program, traced: Trace) -> Values:
    """What the program makes of its examples, for names, types and shapes."""
    with torch.no_grad():
        made = traced.module(*examples_of(program))
    return dict(zip(traced.outputs, made, strict=True))


def _described(name: str, value: Tensor, option: bool = False) -> dict[str, Any]:
    usual = {"default": float(f"{float(value):.8g}")} if option else {}
    return {"name": name, "dtype": TYPES[value.dtype], "shape": list(value.shape), **usual}


def to_onnx(program: Program, traced: Trace | None = None) -> bytes:
    """A program as an ONNX model."""
    try:
        import onnx
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise InputError(
            f'exporting needs onnx and onnxscript ({error}): pip install "planrl[live]"'
        ) from None
    traced = traced or trace(program)
    names = list(program.examples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about other people's deprecations
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        exported = torch.export.export(traced.module, examples_of(program))
        made = torch.onnx.export(
            exported,
            dynamo=True,
            optimize=True,
            verbose=False,
            input_names=[f"in_{name}" for name in names],
            output_names=[f"out_{name}" for name in traced.outputs],
        )
    assert made is not None
    model = made.model_proto
    for node in model.graph.node:  # where in the source each came from: four times the size
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        value.ClearField("metadata_props")
    model.ClearField("metadata_props")
    del model.graph.metadata_props[:]
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content
