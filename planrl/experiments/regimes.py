"""Regimes: the settings in which each claim of the paper can be tested.

A regime is a dataset, a base model trained by so many SFT updates, and the methods that start from
that base. The regimes differ in what the base leaves to be learnt:

    A  random DAG, ten demonstrated paths per pair, saturated base: training accuracy is 1 early
    B  the same graph with one demonstrated path per pair: greedy accuracy has room, so exploration
       can be told apart from sharpening
    C  Blocksworld, 20 % of the pairs for training, trained until the collapse is complete
    D  Blocksworld, 80 % of the pairs for training, as in the paper's Fig. 1
    E  random digraph with cycles
    G  conditions: what should break each method, from the base of A
    H  pairs that the base cannot answer: the base saw demonstrations of half of the training pairs
    S  how saturated is the base? The dataset of A with bases of 350 to 10,000 updates

Every method and the base are also measured as a *decoding curve*: accuracy and number of distinct
correct paths at temperatures from 1 to 0.1, so that methods are compared at equal decoding.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from time import process_time
from typing import TYPE_CHECKING, Any

import torch

from planrl.errors import InputError, check_fields, shown
from planrl.experiments import study
from planrl.experiments.algorithms import Algorithm
from planrl.experiments.beyond import halved
from planrl.experiments.datasets import Dataset, DatasetSettings, make_dataset
from planrl.experiments.observer import Observer, Record
from planrl.experiments.streams import (
    demonstrated_reward,
    noisy_process_reward,
    on_training_pairs,
    rollouts_of_a_copy,
    rollouts_of_base,
    rows,
)
from planrl.experiments.study import Learner, base_model
from planrl.graphs import seeded
from planrl.models import PathModel
from planrl.sampling import Sampler
from planrl.streams import demonstrations
from planrl.tasks import Batch, process_reward
from planrl.train import TrainConfig, adamw, train
from planrl.transformer import Transformer

if TYPE_CHECKING:
    pass

NAME = "regimes"
SCALE = 10.0  # what a process reward of 1 counts in logits
LETTERS = ("B", "A", "C", "E", "D", "G", "H")
"""The regimes of ten seeds, in the order in which they are run."""
BASES = (350, 700, 2000, 10000)  # of regime S; A itself has 5,000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One seed of one regime. `shorten` divides all numbers of updates, for tests.

    `base_steps=0` is the regime's own number. `samples` paths are drawn for each of at most `pairs`
    training pairs and of twice as many held-out pairs.
    """

    regime: str = "A"
    seed: int = 0
    nodes: int = 0
    base_steps: int = 0
    shorten: int = 1
    samples: int = 100
    pairs: int = 200

    def __post_init__(self) -> None:
        check_fields(self)
        if self.regime not in REGIMES:
            raise InputError(f"regime {shown(self.regime)}: choose {', '.join(REGIMES)}")
        if min(self.shorten, self.samples, self.pairs) < 1:
            raise InputError(f"shorten, samples and pairs are at least 1: {self}")


@dataclass(frozen=True, kw_only=True)
class Regime:
    """A dataset, the SFT updates of its base, and the methods that start from the base, by name."""

    dataset: DatasetSettings
    base_steps: int
    learners: Callable[[], dict[str, Tuned]]
    half: bool = False


@dataclass(frozen=True, kw_only=True)
class Tuned(Learner):
    """A learner whose last quarter of updates has a tenth of the learning rate, if it `settles`."""

    settles: bool = False


def _sft(steps: int) -> dict[str, Tuned]:
    how = TrainConfig(steps=steps, lr=5e-4, weight_decay=0.1)
    return {"continual SFT": Tuned(algorithm=Algorithm(name="sft"), training=how)}


def _pg(steps: int, kl: float = 0.0) -> dict[str, Tuned]:
    name = f"policy gradient + KL {kl:g}" if kl else "policy gradient"
    how = TrainConfig(steps=steps, lr=3e-4)
    return {name: Tuned(algorithm=Algorithm(name="pg", kl=kl), training=how)}


def _paid_for_demonstrated(steps: int) -> dict[str, Tuned]:
    only = replace(_pg(steps)["policy gradient"], stream=demonstrated_paths_pay)
    return {"policy gradient, paid for demonstrated paths": only}


def _q(
    name: str, steps: int, *, settles: bool = True, reward: str = "process", **options: Any
) -> dict[str, Tuned]:
    algorithm = Algorithm(name="q", reward=reward, reward_scale=SCALE, epsilon=0.1, **options)
    how = TrainConfig(steps=steps, lr=3e-4)
    return {name: Tuned(algorithm=algorithm, training=how, settles=settles)}


def _both_q(steps: int, **options: Any) -> dict[str, Tuned]:
    return {
        **_q("Q-learning", steps, **options),
        **_q("Q-learning, off-policy", steps, off_policy=True, **options),
    }


def _main() -> dict[str, Tuned]:
    return {
        **_sft(4000),
        **_pg(4000),
        **_pg(4000, 0.001),
        **_pg(4000, 0.01),
        **_pg(4000, 0.1),
        **_pg(2000, 1.0),
        **_both_q(4000),
        **_q("Q-learning, outcome reward", 400, settles=False, reward="outcome"),
    }


def _one_path() -> dict[str, Tuned]:
    return {
        **_sft(2000),
        **_pg(2000),
        **_paid_for_demonstrated(2000),
        **_pg(2000, 0.1),
        **_both_q(2000),
    }


def _blocks() -> dict[str, Tuned]:
    return {
        **_sft(3000),
        **_pg(3000),
        **_pg(3000, 0.01),
        **_pg(3000, 0.1),
        **_both_q(2000, discount=0.9),
        **_q("Q-learning, discount 1", 500),
        **_q("Q-learning, outcome reward", 200, settles=False, reward="outcome"),
    }


def _blocks_80() -> dict[str, Tuned]:
    return {**_sft(1000), **_pg(1000), **_pg(1000, 0.1), **_q("Q-learning, discount 1", 500)}


def _digraph() -> dict[str, Tuned]:
    return {**_sft(2000), **_pg(2000), **_pg(2000, 0.1), **_q("Q-learning", 2000, discount=0.9)}


def _conditions() -> dict[str, Tuned]:
    plain = _q("Q-learning", 800)
    learner = plain["Q-learning"]
    found = {**_sft(800), **_pg(800), **_paid_for_demonstrated(800), **plain}
    others: dict[str, Any] = {
        "from demonstrations": demonstrations_with_process_reward,
        "from the greedy base": partial(rollouts_of_base, Sampler(greedy=True, may_stop=False)),
        "stale rollouts": partial(rollouts_of_a_copy, 200),
    }
    for kind in ("fresh", "fixed"):
        for share in (0.05, 0.1, 0.2):
            name = f"{kind} noise {share:.0%}"
            others[name] = partial(noisily_checked, kind, share)
    return found | {
        f"Q-learning, {name}": replace(learner, stream=stream) for name, stream in others.items()
    }


def _new_pairs() -> dict[str, Tuned]:
    both = {**_pg(1000), **_pg(1000, 1.0)}
    return {name: replace(learner, stream=on_training_pairs) for name, learner in both.items()}


def _saturation() -> dict[str, Tuned]:
    return {**_sft(2000), **_pg(2000)}


ONE_PATH = DatasetSettings(paths_per_pair=1)
REGIMES = {
    "A": Regime(dataset=DatasetSettings(), base_steps=5000, learners=_main),
    "B": Regime(dataset=ONE_PATH, base_steps=700, learners=_one_path),
    "C": Regime(dataset=DatasetSettings(blocks=4), base_steps=3000, learners=_blocks),
    "D": Regime(
        dataset=DatasetSettings(blocks=4, train_share=0.8), base_steps=3000, learners=_blocks_80
    ),
    "E": Regime(
        dataset=DatasetSettings(nodes=50, edge_probability=0.06, cycles=True),
        base_steps=3000,
        learners=_digraph,
    ),
    "G": Regime(dataset=DatasetSettings(), base_steps=5000, learners=_conditions),
    "H": Regime(dataset=ONE_PATH, base_steps=700, learners=_new_pairs, half=True),
    "S": Regime(dataset=DatasetSettings(), base_steps=700, learners=_saturation),
}


def demonstrated_paths_pay(
    dataset: Dataset, model: PathModel, base: PathModel, rng: torch.Generator
) -> Iterator[Batch]:
    """On-policy rollouts of which only those earn 1 that are demonstrated paths: no new data."""
    reward = demonstrated_reward(rows(dataset.paths))
    task = replace(dataset, train=replace(dataset.train, reward=reward))
    return on_training_pairs(task, model, base, rng)


def demonstrations_with_process_reward(
    dataset: Dataset, model: PathModel, base: PathModel, rng: torch.Generator
) -> Iterator[Batch]:
    """The demonstrated paths, which never take an illegal step, with their process rewards."""
    task = replace(dataset.train, reward=partial(process_reward, scale=SCALE))
    return demonstrations(task, dataset.paths, rng=rng, size=128)


def noisily_checked(
    kind: str,
    share: float,
    dataset: Dataset,
    model: PathModel,
    base: PathModel,
    rng: torch.Generator,
) -> Iterator[Batch]:
    """Rollouts of Q-learning, each edge check wrong with probability `share`; see the reward."""
    seed = int(torch.randint(2**31, (), generator=rng))
    reward = noisy_process_reward(
        dataset.graph, share, seeded(seed, f"{kind} noise"), fresh=kind == "fresh", scale=SCALE
    )
    sampler = Sampler(epsilon=0.1, may_stop=False, max_tokens=dataset.max_tokens)
    task = replace(dataset, train=replace(dataset.train, reward=reward))
    return on_training_pairs(task, model, base, rng, sampler=sampler)


def grid(tier: str) -> dict[str, Settings]:
    """Ten seeds of each regime, and one seed of each base of regime S; one small seed if quick."""
    if tier == "quick":
        small = Settings(regime="B", nodes=20, shorten=40, samples=20, pairs=40)
        return {"quick-B": small}
    found = {
        f"{letter}-seed{seed}": Settings(regime=letter, seed=seed)
        for letter in LETTERS
        for seed in range(10)
    }
    return found | {f"S-base{steps}": Settings(regime="S", base_steps=steps) for steps in BASES}


def learners(settings: Settings) -> dict[str, Tuned]:
    """The methods of the regime, their updates divided by `shorten`."""
    return {
        name: replace(
            learner,
            training=replace(
                learner.training, steps=max((learner.training.steps or 1) // settings.shorten, 4)
            ),
        )
        for name, learner in REGIMES[settings.regime].learners().items()
    }


def recipe(settings: Settings) -> dict[str, Any]:
    """How each method is trained, as plain values."""
    known = learners(settings)
    page = study.recipe(known, base_steps=base_steps(settings))
    for name, learner in known.items():
        if learner.settles:
            page[name]["settles"] = True
    return page


def base_steps(settings: Settings) -> int:
    """The SFT updates of the base."""
    return max((settings.base_steps or REGIMES[settings.regime].base_steps) // settings.shorten, 1)


def eval_steps(steps: int) -> list[int]:
    """When a run of so many updates is evaluated: eight times, the last three close to its end."""
    shares = (0.05, 0.1, 0.2, 0.35, 0.6, 0.9, 0.95, 1.0)
    return sorted({max(round(share * steps), 1) for share in shares})


def follow(
    name: str, learner: Tuned, base: Transformer, observer: Observer, everything: Dataset
) -> dict[str, Any]:
    """Train a copy of the base by one method: its evaluations in columns, and its end."""
    model = copy.deepcopy(base)
    algorithm, training = learner.algorithm, learner.training
    if algorithm.kl:
        training = replace(training, refresh=0)
    rng = seeded(observer.seed, f"walks of {name}")
    make = learner.stream or partial(_own_stream, learner)
    record = Record(observer.dataset, observer.demonstrated)
    batches = record.of(make(everything, model, base, rng))
    sampler, optimizer = algorithm.sampler(observer.dataset), adamw(model, training)
    steps = training.steps or 1
    when = set(eval_steps(steps))
    found = [{"step": 0, "new_paths": 0, **observer.evaluate(base, sampler)}]
    done = 0
    for until, factor in ((3 * steps // 4, 1.0), (steps, 0.1 if learner.settles else 1.0)):
        how = replace(training, steps=until, lr=training.lr * factor)
        for group in optimizer.param_groups:
            group["lr"] = how.lr
        for one in train(
            model,
            batches,
            algorithm.loss(learner.correction),
            how,
            optimizer=optimizer,
            frozen=base if algorithm.kl else None,
            done=done,
        ):
            if one.step in when:
                row = observer.evaluate(model, sampler)
                found.append({"step": one.step, "new_paths": len(record.new), **row})
        done = until
    columns = {key: [row[key] for row in found] for key in found[0]}
    return {**columns, "end": observer.at_the_end(model, sampler, record.visited)}


def _own_stream(
    learner: Learner, dataset: Dataset, model: PathModel, base: PathModel, rng: torch.Generator
) -> Iterator[Batch]:
    return learner.algorithm.stream(dataset, model, base, rng, learner.batch)


def run(settings: Settings) -> dict[str, Any]:
    """{"base": ..., "learners": {name: ...}, "facts": ...} of one seed of one regime."""
    torch.set_num_threads(1)
    began = process_time()
    regime = REGIMES[settings.regime]
    about = replace(regime.dataset, seed=settings.seed)
    if settings.nodes:
        about = replace(about, nodes=settings.nodes)
    everything = make_dataset(about)
    dataset, named = everything, {"train": everything.train, "test": everything.test}
    if regime.half:
        dataset, old, new = halved(everything)
        named = {"train": old, "new": new, "test": everything.test}
    base = base_model(dataset, study.Settings(seed=settings.seed, base_steps=base_steps(settings)))
    observer = Observer.of(
        dataset, named, seed=settings.seed, samples=settings.samples, pairs=settings.pairs
    )
    seconds = {"SFT base": process_time() - began}
    nowhere = torch.ones(dataset.graph.n, dataset.graph.n, dtype=torch.bool)
    sampler = Sampler(max_tokens=dataset.max_tokens)
    start = {
        **observer.evaluate(base, sampler),
        "end": observer.at_the_end(base, sampler, nowhere),
    }
    table = {}
    for name, learner in learners(settings).items():
        before = process_time()
        table[name] = follow(name, learner, base, observer, everything)
        seconds[name] = process_time() - before
    facts = {
        "edges": len(dataset.graph.edges),
        "shown_edges": int(observer.shown.sum()),
        "train_pairs": len(everything.train.pairs),
        "test_pairs": len(everything.test.pairs),
        "settings": asdict(about),
        "cpu_seconds": seconds,
    }
    return {"base": start, "learners": table, "facts": facts}
