"""Attacks and long comparisons: a sample of each in every run, all of them in `make soak`."""

from __future__ import annotations

import os

SOAK = bool(os.environ.get("PLANRL_SOAK"))


def times(sample: int, soak: int) -> int:
    """How often an attack is tried: `sample` in a usual run, `soak` times in `make soak`."""
    return soak if SOAK else sample
