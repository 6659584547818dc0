"""Other people's files of weights: torch checkpoints and safetensors, read without running code.

In a torch checkpoint (a zip archive) only tensors, plain values and single NumPy numbers are
allowed; these are built here, never by NumPy's own unpickling. A file that is neither is named for
what it is: cut off, of torch's older format, a web page.
"""

from __future__ import annotations

import io
import json
import pickle
import pickletools
import re
import threading
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors

from planrl.errors import InputError, shown

SAVE = "torch.save({'model': model.state_dict(), 'model_args': {...}}, path)"

_SCALARS = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
_DTYPES = (
    "float16",
    "float32",
    "float64",
    "bfloat16",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "bool",
)
_STORAGES = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Bool", "Byte")
# All that a pickle may name. torch's own list is longer, and some of it makes memory of a number.
_NAMED = {
    *_SCALARS,
    "numpy.dtype",
    "_codecs.encode",
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "torch.Size",
    "torch.device",
    *(f"torch.{name}" for name in _DTYPES),
    *(f"torch.{kind}Storage" for kind in _STORAGES),
}
_NUMPY = re.compile(r"[biufc](1|2|4|8|16|32)|[US][0-9]{1,9}|[mM]8")  # dtypes of harmless scalars
_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")  # at the head of torch's older format
_FIRST_BYTES = {
    b"\x1f\x8b": "packed by gzip: unpack it first",
    b"version https://git-lfs": "a pointer of Git LFS, not the file: run `git lfs pull`",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"GGUF": "a GGUF file",
}


def contents(content: bytes, *, safetensors: bool = False) -> Any:
    """What a file of weights holds: what was given to torch.save, or of safetensors a dict.

    The dict has the tensors under `model` and the file's own texts under `metadata`. `safetensors`
    says that the file's name ends in that. Raises InputError with the reason.
    """
    if not content:
        raise InputError("it is empty: copy or download it again")
    if safetensors or _has_header(content):
        return _safetensors(content)
    if not content.startswith(b"PK\x03\x04"):
        raise InputError(_what_it_is(content))
    try:
        _refuse_bombs(content)
        with _only_harmless(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its advice on protocols does not concern the reader
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except InputError:
        raise
    except pickle.UnpicklingError as error:
        said = str(error).split("WeightsUnpickler error: ")[-1].split("Check the documentation")[0]
        reason = " ".join(said.split())
        raise InputError(
            f"it is refused: {reason[:300].rstrip('.')}. Only tensors, plain values and single "
            f"NumPy numbers are allowed: save it anew with {SAVE}"
        ) from None
    except Exception as error:  # a file from elsewhere can fail in any way
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"it is not a whole torch checkpoint: {reason}") from None


def _what_it_is(content: bytes) -> str:
    """What a file is that is no zip archive, and what to do about it."""
    again = f"with a newer version: torch.save(torch.load(path, weights_only=True), new), or {SAVE}"
    pickled = content[:1] == b"\x80" and content[1:2] in b"\x01\x02\x03\x04\x05"
    if pickled and _MAGIC in content[:24]:
        return (
            f"it is of torch's older format (from before 1.6, no zip archive): save it anew {again}"
        )
    what = f"a file that begins with {shown(content[:12])}: give one of torch.save or safetensors"
    if pickled:
        what = f"a plain pickle, which could run code and is not read: save it with {SAVE}"
    elif content[257:262] == b"ustar":
        what = f"a tar archive: unpack it, or, if torch wrote it (before 0.2), save it anew {again}"
    elif content.lstrip()[:1] == b"<":
        what = "a web page or XML, perhaps of a download that failed: download it again"
    known = (name for first, name in _FIRST_BYTES.items() if content.startswith(first))
    return f"it is no torch checkpoint but {next(known, what)}"


def _cut(content: bytes) -> InputError:
    return InputError(f"it is cut off after {len(content):,} bytes: copy or download it again")


# --- safetensors
def _has_header(content: bytes) -> bool:
    """Whether it begins with the length of a JSON object, and with such an object."""
    return content[8:9] == b"{" and int.from_bytes(content[:8], "little") <= 100_000_000


def _safetensors(content: bytes) -> dict[str, Any]:
    if len(content) > 8 and not _has_header(content):
        raise InputError(
            "it is no safetensors file, whatever its name says: rename it to .pt if torch.save "
            "wrote it"
        )
    start = 8 + int.from_bytes(content[:8], "little")
    if len(content) < max(start, 9):
        raise _cut(content)
    try:
        header = json.loads(content[8:start])
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name[:2] != "__"]
        if len(content) < start + max(ends, default=0):
            raise _cut(content)
        return {"model": load_safetensors(content), "metadata": header.get("__metadata__") or {}}
    except InputError:
        raise
    except (
        SafetensorError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        RecursionError,
        RuntimeError,
    ) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"it is not a whole safetensors file: {reason}") from None


# --- torch's archives
def _refuse_bombs(content: bytes) -> None:
    """Raise unless the archive is a checkpoint, unpacks to what it holds, and names nothing else.

    Raises InputError for what is no whole checkpoint, and UnpicklingError for what is refused.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile:  # its table of contents is at the end
        raise _cut(content) from None
    with archive as files:
        parts = files.infolist()
        names = {part.filename.rpartition("/")[2] for part in parts}
        if "data.pkl" not in names:
            raise InputError("it is a zip archive, but no torch checkpoint: it has no data.pkl")
        if "constants.pkl" in names:
            raise InputError(f"it is a TorchScript program, not a checkpoint: save it with {SAVE}")
        packed = any(part.compress_type != zipfile.ZIP_STORED for part in parts)
        if packed or sum(part.file_size for part in parts) > len(content):
            raise pickle.UnpicklingError("it is packed, and torch.save packs nothing")
        for part in parts:
            if not part.filename.endswith("data.pkl"):
                continue
            for code, value, _ in pickletools.genops(files.read(part)):
                name = str(value).replace(" ", ".")
                if code.name in ("STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"):
                    raise pickle.UnpicklingError(
                        f"it uses {code.name}, which torch.save with its own pickle protocol (2) "
                        "does not"
                    )
                if code.name == "GLOBAL" and name not in _NAMED:
                    raise pickle.UnpicklingError(f"it names {name}")


class _Kind:
    """Stands for numpy.dtype while a checkpoint is read: a name of the allow-list, no more."""

    def __init__(self, name: Any, *_: Any) -> None:
        if not isinstance(name, str) or not _NUMPY.fullmatch(name):
            raise pickle.UnpicklingError(f"it holds a NumPy value of the type {shown(name)}")
        self.name, self.order = name, "="

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 5 or state[1] not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError(f"it describes a NumPy type by {shown(state)}")
        self.order = state[1]


def _scalar(kind: Any = None, content: Any = None, *_: Any) -> Any:
    """The Python value of one NumPy number or text; a date becomes a whole number."""
    import numpy as np

    if not isinstance(kind, _Kind) or not isinstance(content, bytes):
        raise pickle.UnpicklingError("it holds a NumPy value that is no single number")
    name = "i8" if kind.name[0] in "mM" else kind.name
    size = int(name[1:]) * (4 if name[0] == "U" else 1)
    if not content or len(content) != size:
        raise pickle.UnpicklingError(f"a NumPy value of the type {name} has {len(content)} bytes")
    return np.frombuffer(content, np.dtype(kind.order + name))[0].item()


_LOCK = threading.Lock()


@contextmanager
def _only_harmless() -> Iterator[None]:
    """Let torch call the above instead of NumPy, and restore the caller's list afterwards."""
    with _LOCK:
        theirs = torch.serialization.get_safe_globals()
        torch.serialization.clear_safe_globals()
        try:
            ours: list[Any] = [(_Kind, "numpy.dtype"), *((_scalar, name) for name in _SCALARS)]
            torch.serialization.add_safe_globals(ours)
            yield
        finally:
            torch.serialization.clear_safe_globals()
            torch.serialization.add_safe_globals(theirs)
