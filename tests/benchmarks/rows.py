"""All rows, in the order they are printed. A new row goes into the list of its subject."""

from __future__ import annotations

from harness import Row
from rows_data import data_rows
from rows_diversity import diversity_rows
from rows_limit import limit_rows
from rows_sweep import sweep_rows
from rows_techniques import technique_rows
from rows_train import train_rows
from rows_walks import walk_rows
from setting import World


def all_rows(world: World) -> list[Row]:
    """Every comparison there is."""
    return [
        *walk_rows(world),
        *train_rows(world),
        *limit_rows(world),
        *diversity_rows(world),
        *data_rows(world),
        *technique_rows(world),
        *sweep_rows(world),
    ]
