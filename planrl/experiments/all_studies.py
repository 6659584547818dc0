"""All experiments of the library, one for each saved result."""

from __future__ import annotations

from planrl.experiments import (
    ablations,
    corridor,
    costs,
    depth,
    extensions,
    imitation,
    ladder,
    methods,
    noise,
    objectives,
    paper,
    regimes,
    soft,
    soft_methods,
    state_costs,
    theorems,
    tools,
)
from planrl.experiments.study import Experiment

STUDIES: tuple[Experiment, ...] = (
    *theorems.STUDIES,
    *imitation.STUDIES,
    *paper.STUDIES,
    *ablations.STUDIES,
    *extensions.STUDIES,
    *regimes.STUDIES,
    *objectives.STUDIES,
    *methods.STUDIES,
    *soft.STUDIES,
    *noise.STUDIES,
    *ladder.STUDIES,
    *soft_methods.STUDIES,
    *tools.STUDIES,
    *depth.STUDIES,
    *corridor.STUDIES,
    *costs.STUDIES,
    *state_costs.STUDIES,
)
ON_DATA: tuple[Experiment, ...] = tools.ON_ULTRATOOL
