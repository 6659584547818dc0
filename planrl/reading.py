"""Reading other people's files: regular files only, of bounded size, and inside a given folder.

A pipe or a device may never end, and a link may lead anywhere; both are refused before a byte is
read. Nothing here writes.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from planrl.errors import InputError

MOST_BYTES = 100_000_000  # of a graph, of rows, of a saved result


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
                raise InputError(f"cannot read {path}: it is a folder, a pipe or a device: "
                                 "give a file")  # fmt: skip
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


def read_text(path: str | Path, *, most: int = MOST_BYTES) -> str:
    """A file's content as text; some editors begin a file with a mark, which is left out."""
    content = read_bytes(path, most=most)
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a UTF-8 text file (byte {error.start})") from None
