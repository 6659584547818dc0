"""Files: read with care, and written whole or not at all.

Reading takes regular files only, of bounded size, and inside a given folder. A pipe or a device may
never end, and a link may lead anywhere; both are refused before a byte is read. Text is UTF-8, or
UTF-16 or UTF-32 with a byte order mark.

A file is written under a name that ends in `.part`, and moved to its own name when it is on the
disk. A process that is killed while it writes leaves its `.part` file, which nothing ever reads;
`ready` removes those that nobody is writing. One run at a time has a folder. Locks are the system's
(`flock`), which end with the process that holds them, however it ends; on Windows there are none.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import math
import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planrl.errors import InputError, shown

if TYPE_CHECKING:
    pass

if sys.platform != "win32":
    import fcntl

PART = re.compile(r"\..+\.\d+(-[0-9a-f]{8})?\.part")
DAY = 24 * 60 * 60  # seconds
MOST_BYTES = 100_000_000  # of a graph, of rows, of a saved result
# How files begin that are no text: each is refused by its name.
_BINARY = {
    b"\x1f\x8b": "a gzip archive: unpack it with gunzip",
    b"PK\x03\x04": "a zip archive, as .xlsx, .npz or torch checkpoints are: give text, as CSV",
    b"BZh": "a bzip2 archive: unpack it with bunzip2",
    b"\xfd7zXZ\x00": "an xz archive: unpack it with unxz",
    b"\x28\xb5\x2f\xfd": "a zstd archive: unpack it with unzstd",
    b"\x93NUMPY": "a NumPy array: write it as text with numpy.savetxt(path, array, fmt='%d')",
    **{
        b"\x80" + bytes([protocol]): "a Python pickle: write a graph with networkx.write_graphml"
        for protocol in range(2, 6)
    },
    b"\x89HDF": "an HDF5 file: export it as text",
    b"\x89PNG": "a PNG picture: give the graph as text",
    b"%PDF-": "a PDF: give the graph as text",
    b"PAR1": "a Parquet file: export it as CSV",
}
_MARKS = {  # the longer ones first: that of UTF-16 is the beginning of one of UTF-32
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader always finds a whole one: the old or the new."""
    for attempt in range(10):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
        try:
            with partial.open("xb") as file:
                _lock(file.fileno())
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            break
        except FileNotFoundError:  # another's `ready` took it, in a moment without a lock
            if attempt == 9:
                raise
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
    _keep_names(path.parent)


def keep(path: Path, content: bytes, what: str) -> None:
    """Write a result, or say of `what` that it will be made again."""
    try:
        write_atomically(path, content)
    except OSError as error:
        raise OSError(
            f"{what} could not be saved in {path.parent} ({error.strerror}). When that is fixed, "
            "the same call makes it and what follows it; what was saved before stays"
        ) from error


def ready(folder: Path) -> None:
    """Make a folder that can be written to, or say at once that it can't, before any work is done.

    What killed processes left half written there is removed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tidy(folder)
        probe = folder / f".probe.{os.getpid()}-{secrets.token_hex(4)}.part"
        try:
            probe.write_bytes(b"planrl")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be a folder of results: {error.strerror}. Name another one"
        ) from None


def tidy(folder: Path) -> None:
    """Remove what killed processes left half written in a folder."""
    for left in folder.iterdir():
        if PART.fullmatch(left.name) and _is_abandoned(left):
            with contextlib.suppress(OSError):
                left.unlink(missing_ok=True)


@contextlib.contextmanager
def alone(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold a folder. While another holds it, wait, or raise InputError."""
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        if not _lock(handle, wait=wait):
            raise InputError(
                f"another process is writing a run to {folder}: wait for it, or take another folder"
            )
        yield
    finally:
        os.close(handle)


def _lock(handle: int, *, wait: bool = True) -> bool:
    """Lock an open file; False if another has it. Where there are no locks, go on without."""
    if sys.platform != "win32":
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        except OSError:
            pass  # a network file system, say
    return True


def _is_abandoned(partial: Path) -> bool:
    """Whether no process is writing this `.part` file any more."""
    try:
        if time.time() - partial.stat().st_mtime > DAY:
            return True
        if sys.platform != "win32":
            with partial.open("rb") as file:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
    except OSError:
        pass
    return False


def _keep_names(folder: Path) -> None:
    """Have the folder's names written to the disk, so that a power cut finds them as they are."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


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


def read_json(path: Path, expected: str) -> dict[str, Any]:
    """The JSON object in a file that says it has the format `expected`.

    At most 100 MB are read, and no link is followed out of the file's folder.
    """
    if not os.path.lexists(path):
        raise InputError(f"there is no {path.name} in {path.parent}: is it a planrl folder?")
    try:
        page = json.loads(read_bytes(path, most=MOST_BYTES, within=path.parent))
    except InputError as error:
        raise InputError(f"{error}: restore it or run again") from None
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not readable JSON ({error}): restore it or run again"
        ) from None
    if not isinstance(page, dict) or page.get("format") != expected:
        given = page.get("format") if isinstance(page, dict) else type(page).__name__
        raise InputError(f"{path} has format {shown(given)}, expected {expected!r}")
    return page


def read_bytes(path: str | Path, *, most: int = MOST_BYTES, within: Path | None = None) -> bytes:
    """A regular file's content, at most so many bytes; `within`: no link may lead out of there."""
    path = Path(path)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if within is not None and not path.resolve().is_relative_to(within.resolve()):
            raise InputError(
                f"{path} is a link that leads out of {within}: put a copy of the file there"
            )
        with os.fdopen(os.open(path, flags), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise InputError(
                    f"cannot read {path}: it is a folder, a pipe or a device: give a file"
                )
            content = file.read(about.st_size + 1) if about.st_size <= most else b""
            if about.st_size > most or len(content) > most:
                raise InputError(f"{path} is larger than {most:,} bytes: that is too large")
            return content
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RuntimeError) as error:  # no name of a file; a ring of links
        raise InputError(f"cannot read {str(path)!r}: {error}") from None


def marked_encoding(content: bytes) -> str | None:
    """The encoding that a byte order mark at the beginning of a file tells, if there is one."""
    return next((name for mark, name in _MARKS.items() if content.startswith(mark)), None)


def refuse_binary(content: bytes, path: str | Path) -> None:
    """Raise InputError for a file that begins as an archive or another file that is no text."""
    for begin, what in _BINARY.items():
        if content.startswith(begin) and (begin != b"BZh" or content[4:7] == b"1AY"):
            raise InputError(f"{path} is {what}")


def _encoding(content: bytes, path: str | Path) -> str:
    refuse_binary(content, path)
    encoding = marked_encoding(content)
    if encoding is None and b"\0" in content:
        wide = b"\0" in content[:2] or content[1:200:2].count(0) > len(content[1:200:2]) // 2
        what = "UTF-16 without a byte order mark" if wide else "no text file: it has NUL bytes"
        raise InputError(f"{path} is {what}: save it as UTF-8")
    return encoding or "utf-8"


def _undecodable(content: bytes, encoding: str, path: str | Path) -> InputError:
    try:
        content.decode(encoding)
        where = ""
    except UnicodeDecodeError as error:  # of the whole file, so that the place is the file's
        line = content.count(b"\n", 0, error.start) + 1
        where = f" (line {line}, byte {error.start})"
    name = encoding.removesuffix("-sig").upper()
    return InputError(f"{path} is not a {name} text file{where}: save it as UTF-8")


def first_character(content: bytes) -> str:
    """The first character of a text file's content that is no space; empty if there is none."""
    encoding = marked_encoding(content) or "utf-8"
    if content[:2] in (b"<\0", b"\0<"):  # XML may be UTF-16 without a byte order mark
        return "<"
    return content[:4000].decode(encoding, "ignore").lstrip("\ufeff \t\r\n")[:1]


def text_of(content: bytes, path: str | Path) -> str:
    """The text of a file's content, its byte order mark left out and its line ends made one."""
    encoding = _encoding(content, path)
    try:
        return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise _undecodable(content, encoding, path) from None


def lines_of(content: bytes, path: str | Path) -> Iterator[str]:
    """The lines of a file's content, each with its end, decoded as they are asked for.

    Only line feeds and carriage returns end a line, as editors count lines.
    """
    encoding = _encoding(content, path)
    try:
        yield from io.TextIOWrapper(io.BytesIO(content), encoding)
    except UnicodeDecodeError:
        raise _undecodable(content, encoding, path) from None


def read_text(path: str | Path, *, most: int = MOST_BYTES) -> str:
    """A file's content as text; some editors begin a file with a mark, which is left out."""
    return text_of(read_bytes(path, most=most), path)
