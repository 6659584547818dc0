"""What SFT makes of a Transformer: Theorem 3.1, Assumption 3.1, and what it never learns.

Each study trains one model by SFT alone, from scratch, and evaluates it on its way.
"""

from __future__ import annotations

from dataclasses import replace

from planrl.experiments.datasets import DatasetSettings
from planrl.experiments.study import Base, Evaluation, Study, seeds, sft_base
from planrl.transformer import TransformerConfig

MEASURE = "planrl.experiments.evaluations:Imitated"


def imitating(
    layers: int = 1,
    heads: int = 1,
    *,
    steps: tuple[int, ...] = (700,),
    nodes: int = 100,
    width: int = 120,
) -> Study:
    """A model of these sizes, trained for as many updates as the last evaluation is after."""
    return Study(
        name="imitation",
        label=f"{layers}x{heads}",
        dataset=DatasetSettings(nodes=nodes),
        base=Base(model=TransformerConfig(layers=layers, heads=heads, width=width), learner=None),
        learners={"SFT": sft_base(steps[-1])},
        evaluation=Evaluation(steps=steps, measure=MEASURE, samples=20),
    )


SIZES = ((1, 4), (2, 1), (4, 1), (4, 4))
"""Layers and heads of the models beside the paper's, which has one of each."""

STUDIES = (
    *seeds(imitating(steps=(700, 3000)), 10),
    *(one for size in SIZES for one in seeds(imitating(*size), 10)),
    replace(imitating(steps=(100, 200), nodes=30, width=48), label="quick-1x1", tier="quick"),
)
