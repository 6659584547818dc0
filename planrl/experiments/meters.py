"""What work costs: operations of its products, seconds of the processor, memory."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from torch.utils.flop_counter import FlopCounterMode


def flops(work: Callable[[], object], calls: int = 3) -> float:
    """The mean number of floating-point operations in a call's matrix products."""
    with FlopCounterMode(display=False) as counter:
        for _ in range(calls):
            work()
    return int(counter.get_total_flops()) / calls


def timed(work: Callable[[], object], calls: int) -> tuple[float, float]:
    """Processor and wall-clock seconds of a call."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        work()
    return (time.process_time() - cpu) / calls, (time.perf_counter() - wall) / calls


def memory(*, afresh: bool = False) -> int:
    """The most bytes this process has held, since the last look `afresh` where Linux tells.

    Elsewhere since its beginning. (Linux's ru_maxrss may be that of the process it comes from.)
    """
    if (status := Path("/proc/self/status")).exists():
        if afresh:
            with suppress(AttributeError):  # what is free goes back first, if the C library can
                ctypes.CDLL(None).malloc_trim(0)
            Path("/proc/self/clear_refs").write_text("5")
        lines = [line.split() for line in status.read_text().splitlines()]
        return next(int(line[1]) * 1024 for line in lines if line and line[0] == "VmHWM:")
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most if sys.platform == "darwin" else most * 1024)
