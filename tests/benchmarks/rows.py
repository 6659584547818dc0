"""All rows, in the order they are printed. A new row goes into the list of its subject."""

from __future__ import annotations

from harness import Row
from rows_data import data_rows
from rows_diversity import diversity_rows
from rows_limit import limit_rows
from rows_sweep import sweep_rows
from rows_techniques import technique_rows
from rows_train import train_rows
from rows_walks import rollout_rows
from setting import Dataset


def all_rows(dataset: Dataset) -> list[Row]:
    """Every comparison there is."""
    return [
        *rollout_rows(dataset),
        *train_rows(dataset),
        *limit_rows(dataset),
        *diversity_rows(dataset),
        *data_rows(dataset),
        *technique_rows(dataset),
        *sweep_rows(dataset),
    ]
