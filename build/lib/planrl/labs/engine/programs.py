"""The steps as programs: named functions whose inputs have a fixed order, for any runtime.

The inputs of a program are those that its step reads: what a learner carries, the number of updates
done `t`, the seed, a graph's `DATA`, and options, which are tensors of one number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial

import torch
from torch import Tensor

from planrl.labs.engine.algorithms import ALGORITHMS, Algorithm, Carried, begun
from planrl.labs.engine.data import DATA, prepare
from planrl.labs.engine.measure import EVALUATION_OPTIONS, evaluate
from planrl.labs.engine.models import MODELS, NODES, TOKENS, FunctionalModel, model_named
from planrl.labs.engine.question import QUESTION_OPTIONS, question
from planrl.labs.engine.sampling import SHOWN, Values
from planrl.labs.engine.update import update


@dataclass(frozen=True)
class Program:
    """A function of named tensors.

    Its `examples` say the shape and type of each input, and the default value of each of the
    `options`. `carries` is an algorithm's table of what a learner hands from update to update.
    """

    name: str
    run: Callable[[Values], Values]
    examples: Values
    options: tuple[str, ...] = ()
    carries: Mapping[str, Carried] = field(default_factory=dict)


@cache
def programs() -> Mapping[str, Program]:
    """The programs by name: `prepare`, each model's `fresh`, updates and `evaluate`, `question`.

    The updates are those of the table of algorithms; `updates_of` has those of a lab's own.
    """
    adjacency = {"adjacency": _data()["adjacency"]}
    asked = {**adjacency, **_seed(), **_numbers({"share": 0.5}), **_question()}
    found = [Program("prepare", prepare, asked)]
    for model in map(model_named, MODELS):
        found.append(Program(f"{model.name}-fresh", partial(_fresh, model), _seed()))
        found += [_update(model, name, algorithm) for name, algorithm in ALGORITHMS.items()]
        found.append(_evaluation(model))
    found.append(_of_question(model_named("table")))
    return {program.name: program for program in found}


def updates_of(
    algorithms: Mapping[str, Algorithm], models: Iterable[str] = tuple(MODELS)
) -> dict[str, Program]:
    """The programs of algorithms that are not in the table, an update for each of the models."""
    made = [_update(model_named(m), n, one) for n, one in algorithms.items() for m in models]
    return {program.name: program for program in made}


def examples_of(program: Program) -> tuple[Tensor, ...]:
    """The inputs, each a tensor of its own: a tracer makes one input of an object given twice."""
    return tuple(value.clone() for value in program.examples.values())


def _fresh(model: FunctionalModel, values: Values) -> Values:
    return {"params": model.fresh(values["seed"])}


def _update(model: FunctionalModel, name: str, algorithm: Algorithm) -> Program:
    carried = begun(algorithm, torch.zeros(model.size, dtype=torch.float32))
    adam = {key: carried.pop(key) for key in ("params", "m", "v")}
    reads = {"adjacency", *algorithm.stream.reads}
    data = {key: value for key, value in {**_data(), **_question()}.items() if key in reads}
    options = algorithm.options
    return Program(
        f"{model.name}-{name}",
        partial(update, algorithm, model),
        {**adam, **_time(), **carried, **_seed(), **data, **_numbers(options)},
        tuple(options),
        algorithm.carries,
    )


def _evaluation(model: FunctionalModel) -> Program:
    weights = {"params": torch.zeros(model.size, dtype=torch.float32)}
    inputs = {
        **weights,
        **_time(),
        **_seed(),
        **_data(),
        **_numbers(EVALUATION_OPTIONS),
        **_question(),
    }
    return Program(
        f"{model.name}-evaluate", partial(evaluate, model), inputs, tuple(EVALUATION_OPTIONS)
    )


def _of_question(model: FunctionalModel) -> Program:
    weights = {key: torch.zeros(model.size, dtype=torch.float32) for key in ("params", "base")}
    graph = {"adjacency": _data()["adjacency"], **_question()}
    return Program(
        f"{model.name}-question",
        partial(question, model),
        {**weights, **graph, **_numbers(QUESTION_OPTIONS)},
        tuple(QUESTION_OPTIONS),
    )


def _data() -> Values:
    """Examples of a graph's DATA."""
    number = torch.tensor(0, dtype=torch.int32)
    adjacency = torch.zeros(NODES, NODES, dtype=torch.float32)
    pairs = torch.zeros(NODES * NODES, 2, dtype=torch.int32)
    rows = torch.zeros(SHOWN, TOKENS, dtype=torch.int32)
    return dict(zip(DATA, (adjacency, pairs, number, number, rows, number), strict=True))


def _numbers(options: Mapping[str, float]) -> Values:
    return {
        name: torch.tensor(float(value), dtype=torch.float32) for name, value in options.items()
    }


def _seed() -> Values:
    return {"seed": torch.tensor(0, dtype=torch.int32)}


def _time() -> Values:
    return {"t": torch.tensor(0.0, dtype=torch.float32)}


def _question() -> Values:
    return {"question": torch.zeros(2, dtype=torch.int32)}
