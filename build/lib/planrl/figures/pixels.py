"""Values as colours, and colours as a PNG picture."""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise


def rgba(colour: str) -> tuple[float, ...]:
    """A colour `#rrggbb` or `rgba(...)` as four numbers, the last from 0 to 255, too."""
    if colour.startswith("#"):
        return (*(float(int(colour[k : k + 2], 16)) for k in (1, 3, 5)), 255.0)
    red, green, blue, opacity = (float(v) for v in re.findall(r"[\d.]+", colour))
    return red, green, blue, 255 * opacity


def shade(share: float, stops: Sequence[tuple[float, tuple[float, ...]]]) -> tuple[int, ...]:
    """The colour at a share of the scale; nothing where there is no number."""
    if not math.isfinite(share):
        return 0, 0, 0, 0
    share = min(max(share, 0.0), 1.0)
    for (low, one), (high, other) in pairwise(stops):
        if share <= high:
            t = (share - low) / ((high - low) or 1.0)
            return tuple(round(a + t * (b - a)) for a, b in zip(one, other, strict=True))
    return tuple(round(a) for a in stops[-1][1])


def png(rows: Sequence[Sequence[tuple[int, ...]]]) -> bytes:
    """A picture of these pixels (red, green, blue, opacity)."""
    raw = b"".join(b"\0" + bytes(v for pixel in row for v in pixel) for row in rows)
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 6, 0, 0, 0)
    blocks = ((b"IHDR", head), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in blocks
    )
