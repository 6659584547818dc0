"""Reading other people's files: regular files only, of bounded size, and inside a given folder.

A pipe or a device may never end, and a link may lead anywhere; both are refused before a byte is
read. Text is UTF-8, or UTF-16 or UTF-32 with a byte order mark. Nothing here writes.
"""

from __future__ import annotations

import codecs
import io
import os
import stat
from collections.abc import Iterator
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


# How files begin that are no text: each is refused by its name.
_BINARY = {
    b"\x1f\x8b": "a gzip archive: unpack it with gunzip",
    b"PK\x03\x04": "a zip archive, as .xlsx, .npz or torch checkpoints are: give text, as CSV",
    b"BZh": "a bzip2 archive: unpack it with bunzip2",
    b"\xfd7zXZ\x00": "an xz archive: unpack it with unxz",
    b"\x28\xb5\x2f\xfd": "a zstd archive: unpack it with unzstd",
    b"\x93NUMPY": "a NumPy array: write it as text with numpy.savetxt(path, array, fmt='%d')",
    **{b"\x80" + bytes([protocol]): "a Python pickle: write a graph with networkx.write_graphml"
       for protocol in range(2, 6)},
    b"\x89HDF": "an HDF5 file: export it as text",
    b"\x89PNG": "a PNG picture: give the graph as text",
    b"%PDF-": "a PDF: give the graph as text",
    b"PAR1": "a Parquet file: export it as CSV",
}  # fmt: skip
_MARKS = {  # the longer ones first: that of UTF-16 is the beginning of one of UTF-32
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


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
