"""Folders that are written to: files whole or not at all, one run at a time, nothing left lying.

A file is written under a name that ends in `.part`, and moved to its own name when it is on the
disk. A process that is killed while it writes leaves its `.part` file, which nothing ever reads;
`ready` removes those that nobody is writing. Locks are the system's (`flock`), which end with the
process that holds them, however it ends; on Windows there are none.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from planrl.errors import InputError

if sys.platform != "win32":
    import fcntl

PART = re.compile(r"\..+\.\d+(-[0-9a-f]{8})?\.part")
DAY = 24 * 60 * 60  # seconds


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that its name always stands for a whole one: the old or the new."""
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
            f"{what} could not be saved in {path.parent} ({error.strerror}). When that is mended, "
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
    """Whether nobody is writing this `.part` file any more."""
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
