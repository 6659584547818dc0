"""The programs as ONNX files, which a page runs without a server.

torch's gradients are traced first (`make_fx`), then exported. The exporter is trusted with nothing:
`planrl.live.parity` runs every file beside torch.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from planrl.errors import InputError
from planrl.folders import ready, write_atomically
from planrl.live.catalogue import labs
from planrl.live.controls import SEED
from planrl.live.programs import Program, examples_of, programs
from planrl.live.session import Session
from planrl.live.worlds import lab_worlds

TYPES = {torch.float32: "float32", torch.int32: "int32"}


def export(folder: Path, names: Iterable[str] = ()) -> list[Path]:
    """Write NAME.onnx and NAME.json for these programs (all, if none are named).

    NAME.json comes last and holds the other's hash, so that no two of different exports are a pair.
    """
    known = programs()
    wanted = list(names) or list(known)
    for name in wanted:
        if name not in known:
            raise InputError(f"no program is called {name!r}; there are: {', '.join(known)}")
    ready(folder)
    return [_write(known[name], folder) for name in wanted]


def write_bases(folder: Path) -> list[Path]:
    """Write the Transformers that learners start from, GRAPH-SEED.f32: little-endian floats.

    A page could train them itself, and does for a reader's own graph. But rounding differs a
    little between machines, and walks drawn from weights that differ a little soon differ.
    """
    ready(folder)
    paths = []
    for graph, seed in itertools.product(lab_worlds(), SEED.values):
        lab = next(lab for lab in labs().values() if graph in lab.graphs)
        link = f"graph={graph}&model=transformer&seed={seed}"
        base = Session(lab.name, link).learners[0].state["base"]
        path = folder / f"{graph}-{seed}.f32"
        write_atomically(path, base.numpy().astype("<f4").tobytes())
        paths.append(path)
    return paths


def _write(program: Program, folder: Path) -> Path:
    content, outputs = to_onnx(program)
    path = folder / f"{program.name}.onnx"
    page = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "inputs": [
            _described(f"in_{k}", v, k in program.knobs) for k, v in program.examples.items()
        ],
        "outputs": [_described(f"out_{k}", v) for k, v in outputs.items()],
    }
    write_atomically(path, content)
    write_atomically(path.with_suffix(".json"), json.dumps(page, indent=1).encode() + b"\n")
    return path


def _described(name: str, value: Tensor, knob: bool = False) -> dict[str, Any]:
    usual = {"default": float(f"{float(value):.8g}")} if knob else {}
    return {"name": name, "dtype": TYPES[value.dtype], "shape": list(value.shape), **usual}


def to_onnx(program: Program) -> tuple[bytes, dict[str, Tensor]]:
    """A program as an ONNX model, and its outputs for the examples (for their shapes)."""
    try:
        import onnx
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise InputError(
            f'exporting needs onnx and onnxscript ({error}): pip install "planrl[live]"'
        ) from None
    from torch.fx.experimental.proxy_tensor import make_fx

    names = list(program.examples)
    found: dict[str, Tensor] = {}

    def flat(*values: Tensor) -> tuple[Tensor, ...]:
        out = program.run(dict(zip(names, values, strict=True)))
        found.clear()
        found.update(out)
        return tuple(out.values())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about other people's deprecations
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        traced = make_fx(flat)(*examples_of(program))
        outputs = list(found)
        exported = torch.export.export(traced, examples_of(program))
        made = torch.onnx.export(
            exported,
            dynamo=True,
            optimize=True,
            verbose=False,
            input_names=[f"in_{name}" for name in names],
            output_names=[f"out_{name}" for name in outputs],
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
    with torch.no_grad():
        shapes = program.run(dict(zip(names, examples_of(program), strict=True)))
    return model.SerializeToString(), {key: value.detach() for key, value in shapes.items()}
