"""The steps as programs: named, with their inputs in a fixed order, for whoever runs them.

A program's inputs are those that its step reads. What a run remembers is `STATE`, what a graph
gives is `DATASET`; the rest are knobs, tensors of one number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from planrl.labs.engine.data import prepare
from planrl.labs.engine.measure import EVALUATION_KNOBS, evaluation
from planrl.labs.engine.models import BODIES, NODES, TOKENS, Body
from planrl.labs.engine.sampling import DATASET, SHOWN, STATE, Values
from planrl.labs.engine.update import KNOBS, update


@dataclass(frozen=True)
class Program:
    """A function of named tensors; examples of these give shape and type, of knobs the default."""

    name: str
    run: Callable[[Values], Values]
    examples: Values
    knobs: tuple[str, ...] = ()


def programs() -> dict[str, Program]:
    """All programs by name: `prepare`, and for each model its updates and its look."""
    number = torch.tensor(0, dtype=torch.int32)
    pairs = torch.zeros(NODES * NODES, 2, dtype=torch.int32)
    rows = torch.zeros(SHOWN, TOKENS, dtype=torch.int32)
    given = dict(zip(DATASET[1:], (pairs, number, number, rows, number), strict=True))
    lab_graph = {"adjacency": torch.zeros(NODES, NODES, dtype=torch.float32), **given}
    found = [
        Program(
            "prepare",
            prepare,
            {
                "adjacency": lab_graph["adjacency"],
                "seed": number,
                "share": torch.tensor(0.5, dtype=torch.float32),
                "question": torch.zeros(2, dtype=torch.int32),
            },
        )
    ]
    for name, body in BODIES.items():

        def fresh(values: Values, body: Body = body) -> Values:
            return {"params": body.fresh(values["seed"])}

        found.append(Program(f"{name}-fresh", fresh, {"seed": number}))
        time = torch.tensor(0.0, dtype=torch.float32)
        vector = torch.zeros(body.size, dtype=torch.float32)
        state = dict(zip(STATE, (vector, vector, vector, time, vector, number),
                         strict=True))  # fmt: skip
        for algorithm, knobs in KNOBS.items():
            unused = {"sft": {"base", "pairs", "train_count", "pair_count"}}.get(
                algorithm, {"rows", "row_count", "pair_count"}
            )
            options = {k: torch.tensor(float(v), dtype=torch.float32) for k, v in knobs.items()}
            inputs = {k: v for k, v in {**state, **lab_graph, **options}.items() if k not in unused}

            def one(values: Values, algorithm: str = algorithm, body: Body = body) -> Values:
                return update(algorithm, body, values)

            found.append(Program(f"{name}-{algorithm}", one, inputs, tuple(knobs)))
        options = {
            k: torch.tensor(float(v), dtype=torch.float32) for k, v in EVALUATION_KNOBS.items()
        }
        pair = torch.zeros(2, dtype=torch.int32)
        inputs = {
            "params": vector, "t": state["t"], "seed": number, **lab_graph, **options,
            "question": pair,
        }  # fmt: skip

        def measured(values: Values, body: Body = body) -> Values:
            return evaluation(body, values)

        found.append(Program(f"{name}-look", measured, inputs, tuple(EVALUATION_KNOBS)))
    return {program.name: program for program in found}


def examples_of(program: Program) -> tuple[Tensor, ...]:
    """The inputs, each a tensor of its own: a tracer takes one object for one input."""
    return tuple(value.clone() for value in program.examples.values())
