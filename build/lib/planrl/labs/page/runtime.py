"""Exported programs run by onnxruntime, as a page runs them, for tests and for recordings."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from planrl.errors import InputError
from planrl.labs.engine.programs import Program
from planrl.labs.engine.sampling import Values


class Exported:
    """The programs of a folder. `Session(..., run=Exported(folder))` trains with them."""

    def __init__(self, folder: Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise InputError(
                f'exported programs need onnxruntime ({error}): pip install "planrl[live]"'
            ) from None
        self._runtime, self.folder = onnxruntime, folder
        self._open: dict[str, tuple[Any, list[str], list[str]]] = {}

    def __call__(self, program: Program, given: Values) -> Values:
        """The program's outputs by name, its inputs being tensors by name."""
        session, inputs, outputs = self._opened(program.name)
        feeds = {name: given[name.removeprefix("in_")].numpy() for name in inputs}
        made = session.run(outputs, feeds)
        return {
            name.removeprefix("out_"): torch.from_numpy(np.array(value))
            for name, value in zip(outputs, made, strict=True)
        }

    def _opened(self, name: str) -> tuple[Any, list[str], list[str]]:
        if name not in self._open:
            path = self.folder / f"{name}.onnx"
            again = "write it with `python -m planrl export FOLDER`"
            if not (path.exists() and path.with_suffix(".json").exists()):
                raise InputError(f"{path} is missing, or the .json beside it: {again}")
            ports = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            content = path.read_bytes()
            if ports.get("sha256") != hashlib.sha256(content).hexdigest():
                raise InputError(f"{path} is not of the export that the .json is of: {again}")
            options = self._runtime.SessionOptions()
            options.intra_op_num_threads = 1
            session = self._runtime.InferenceSession(content, options)
            names = [[port["name"] for port in ports[kind]] for kind in ("inputs", "outputs")]
            self._open[name] = session, names[0], names[1]
        return self._open[name]
