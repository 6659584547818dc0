"""Which objective? What the losses do to a table by sampling, beside what is predicted exactly.

The toy is one choice among three correct and three wrong next nodes, every path as long as any
other. The table holds 16 copies of it, one for each source; eight paths are sampled for each at
every update of plain gradient descent, so means over the copies come near expectations.
`objective_graphs` has two parts on other graphs, `methods` the same methods on the Transformer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from planrl.errors import InputError, whole
from planrl.experiments.objective_graphs import KL_WEIGHT, PLACED, Numbers, lengths, on_a_dag
from planrl.experiments.study import Calculation
from planrl.graphs import Graph, seeded
from planrl.losses import Loss, sft
from planrl.models import LogitTable
from planrl.objectives import (
    Objective,
    advantages,
    dr_grpo,
    grpo,
    ips,
    pass_at_k,
    reinforce,
    rft,
    rloo,
    ucpo,
)
from planrl.objectives.clock import curve, equal_groups
from planrl.objectives.fixed_points import fixed_point
from planrl.objectives.penalties import Entropy, Kl
from planrl.objectives.rounds import expected_heterozygosity, heterozygosity
from planrl.sampling import rollout
from planrl.streams import demonstrations, on_policy, repeat
from planrl.tasks import Batch, Task, is_path
from planrl.train import TrainConfig, train

if TYPE_CHECKING:
    from torch import Tensor

COPIES, GROUP = 16, 8
MIDDLE = list(range(COPIES, COPIES + 6))  # the choices; from the first three an edge leads on
TARGET, DEAD_END = COPIES + 6, COPIES + 7
GRAPH = Graph(
    COPIES + 8,
    [(source, k) for source in range(COPIES) for k in MIDDLE]
    + [(k, TARGET) for k in MIDDLE[:3]]
    + [(k, DEAD_END) for k in MIDDLE[3:]],
)
TASK = Task(GRAPH, torch.tensor([[source, TARGET] for source in range(COPIES)]))
CORRECT = torch.tensor([True, True, True, False, False, False])
VALUE = CORRECT.double()
START, REACHED = 0.3, 0.95  # accuracies
BONUS = 0.1  # of the entropy, in the loss


def a_base(seed: int) -> Tensor:
    """Probabilities of the six choices: a correct one with probability 0.3, else random."""
    draw = torch.randn(2, 3, generator=seeded(seed, "base"), dtype=torch.float64).softmax(-1)
    return torch.cat([START * draw[0], (1 - START) * draw[1]])


def a_table(policy: Tensor) -> LogitTable:
    """A table that chooses like this at each source, and has no other choice elsewhere."""
    model = LogitTable(TASK.vocab)
    end = TASK.vocab.end
    with torch.no_grad():
        model.table[TARGET] = -torch.inf
        model.table[TARGET, :COPIES, MIDDLE[0] : TARGET] = policy.log().float()
        forced = {k: TARGET if at < 3 else DEAD_END for at, k in enumerate(MIDDLE)}
        for node, only in {**forced, DEAD_END: end, TARGET: end}.items():
            model.table[TARGET, node, only] = 0.0
    return model


def choices(model: LogitTable) -> Tensor:
    """The probabilities of the six choices in each copy.  # [COPIES, 6]"""
    logits = model.table.detach()[TARGET, :COPIES, MIDDLE[0] : TARGET]
    return logits.double().softmax(-1)


def uneven(policy: Tensor) -> Tensor:
    """KL(U_C || r): how uneven the correct choices are, in nats.  # [*B, 6] -> [*B]"""
    r = policy[..., :3] / policy[..., :3].sum(-1, keepdim=True)
    return -r.log().mean(-1) - torch.tensor(3.0).double().log()


def descend(
    model: LogitTable,
    loss: Loss,
    seed: int,
    steps: int,
    *,
    lr: float = 0.1,
    until: float = 2.0,
    base: LogitTable | None = None,
    epochs: int = 1,
    task: Task = TASK,
) -> int:
    """Plain gradient descent, `lr` for the mean over the paths of a copy; the updates done.

    It stops as soon as the mean probability of a correct choice is `until`.
    """
    size, rng = COPIES * GROUP, seeded(seed, "walks")
    drawn = on_policy(model, task, rng=rng, size=size, group=GROUP, record_probs=epochs > 1)
    config = TrainConfig(steps=steps, clip=None, refresh=None if base is None else 0)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr * COPIES)
    updates = train(model, repeat(drawn, epochs), loss, config, optimizer=optimizer, frozen=base)
    done = 0
    for record in updates:
        done = record.step
        if until <= 1 and float(choices(model)[:, :3].sum(-1).mean()) >= until:
            break
    return done


METHODS: dict[str, tuple[Loss, advantages.Advantage]] = {
    "reinforce": (reinforce, advantages.own_return),
    "rloo": (rloo, advantages.leave_one_out),
    "dr_grpo": (dr_grpo, advantages.centred),
    "grpo": (grpo, advantages.standardised),
    "pass_at_2": (partial(pass_at_k, k=2), partial(advantages.pass_at_k, k=2)),
    "rft": (rft, advantages.share_of_successes),
}
STEPS_OF_A_PATH = 3.0  # grpo takes the mean over the steps of a path


def one_curve(seed: int, steps: int) -> Numbers:
    """Unevenness at accuracy 0.95 minus that of the curve, and the updates over those predicted."""
    base, found = a_base(seed), {"start": float(uneven(a_base(seed)))}
    for name, (loss, advantage) in METHODS.items():
        model, lr = a_table(base), 0.1
        scale = STEPS_OF_A_PATH if name == "grpo" else 1.0
        done = descend(model, loss, seed, 4 * steps, lr=lr * scale, until=REACHED)
        policy = choices(model)
        p = policy[:, :3].sum(-1)
        told = curve(base, CORRECT, sorted(p.tolist()), pieces=20)
        clock = curve(base, CORRECT, [float(p.mean())], advantage=advantage, group=GROUP, pieces=50)
        found[f"{name}_off_curve"] = float(uneven(policy).mean() - uneven(told.policy).mean())
        found[f"{name}_rise"] = float(uneven(policy).mean()) - found["start"]
        found[f"{name}_clock"] = done * lr / float(clock.time[-1])
    for name, loss in (("ips", ips), ("ucpo", ucpo)):
        model = a_table(base)
        descend(model, loss, seed, 4 * steps, until=REACHED)
        found[f"{name}_rise"] = float(uneven(choices(model)).mean()) - found["start"]
    return found


def polarises(seed: int, steps: int) -> Numbers:
    """Exact: the unevenness that the curve adds between accuracies 0.9 and 0.9999."""
    told = curve(a_base(seed), CORRECT, [0.9, 0.99, 0.999, 0.9999], pieces=100)
    values = uneven(told.policy)
    accuracy = torch.tensor([0.9, 0.99, 0.999, 0.9999]).double()
    spread = curve(
        a_base(seed), CORRECT, torch.linspace(START + 0.01, 0.99, 60).tolist(), pieces=10
    )
    entropy = -(spread.policy * spread.policy.log()).sum(-1)
    return {
        "added": float(values[-1] - values[0]),
        "added_by_a_tenth": float(values[1] - values[0]),
        "time_to_0.9999": float(told.time[-1]),
        "entropy_fit": _explained(entropy.exp(), spread.policy[:, :3].sum(-1)),
        "equal_groups_at_0.99": float(equal_groups(accuracy, GROUP)[1]),
    }


def _explained(x: Tensor, y: Tensor) -> float:
    """The share of the variance of y that its best line in x explains."""
    residual = (
        y
        - y.mean()
        - (x - x.mean()) * ((x - x.mean()) @ (y - y.mean())) / ((x - x.mean()).square().sum())
    )
    return float(1 - residual.square().sum() / (y - y.mean()).square().sum())


def kl_placements(seed: int, steps: int) -> Numbers:
    """For each estimator and placement: accuracy, largest gap to the fixed point, unevenness."""
    base = a_base(seed)
    found = {"base_uneven": float(uneven(base))}
    for name, (estimator, placement, corrected) in PLACED.items():
        loss = partial(
            rloo,
            kl=KL_WEIGHT,
            kl_estimator=estimator,
            kl_placement=placement,
            kl_corrected=corrected,
        )
        model = a_table(base)
        for lr in (0.5, 0.1):
            descend(model, loss, seed, steps, lr=lr, base=a_table(base))
        policy = choices(model)
        kl = Kl(weight=KL_WEIGHT, estimator=estimator, placement=placement, corrected=corrected)
        told = fixed_point(Objective(advantage=advantages.leave_one_out, kl=kl), base, VALUE)
        found[f"{name}_accuracy"] = float(policy[:, :3].sum(-1).mean())
        found[f"{name}_uneven"] = float(uneven(policy).mean())
        if told.policy is not None:
            found[f"{name}_gap"] = float((policy.mean(0) - told.policy).abs().max())
            found[f"{name}_told"] = float(told.policy[:3].sum())
    return found


def penalty_noise(seed: int, steps: int) -> Numbers:
    """Without any reward, from the base: how uneven KL penalties of weight 1 make the policy."""
    base = a_base(seed)
    found = {}
    for name in ("k1", "k2", "k3"):
        loss = partial(reinforce, kl=1.0, kl_estimator=name)
        model = a_table(base)
        blind = lambda logits, batch, loss=loss: loss(logits, _unpaid(batch))  # noqa: E731
        descend(model, blind, seed, 2 * steps, lr=1.0, base=a_table(base))
        found[f"{name}_largest"] = float(choices(model).amax(-1).mean())
    found["base_largest"] = float(base.max())
    return found


def _unpaid(batch: Batch) -> Batch:
    return replace(batch, reward=torch.zeros_like(batch.reward))


def entropy_bonus(seed: int, steps: int) -> Numbers:
    """RLOO with and without an entropy bonus in the loss: unevenness and accuracy at the end."""
    base, found = a_base(seed), {}
    objective = Objective(
        advantage=advantages.leave_one_out, entropy=Entropy(weight=BONUS, placement="loss")
    )
    told = fixed_point(objective, base, VALUE).policy
    assert told is not None
    for name, weight in (("without", 0.0), ("with", BONUS)):
        model = a_table(base)
        for lr in (0.5, 0.1):
            descend(model, partial(rloo, entropy=weight), seed, steps, lr=lr)
        policy = choices(model)
        found[f"{name}_uneven"] = float(uneven(policy).mean())
        found[f"{name}_accuracy"] = float(policy[:, :3].sum(-1).mean())
    found["gap"] = float((policy.mean(0) - told).abs().max())
    return found


def clip_higher(seed: int, steps: int) -> Numbers:
    """The largest difference that clip_ratio_high 0.28 instead of 0.2 makes to the table."""
    found = {}
    for epochs in (1, 4):
        tables = []
        for high in (0.2, 0.28):
            model = a_table(a_base(seed))
            descend(model, partial(grpo, clip_ratio_high=high), seed, 80, lr=3.0, epochs=epochs)
            tables.append(choices(model))
        found[f"difference_{epochs}"] = float((tables[0] - tables[1]).abs().max())
    return found


def rounds(seed: int, steps: int) -> Numbers:
    """Heterozygosity after ten rounds of expert iteration with 20 paths, over that at the start."""
    draw = torch.randn(3, generator=seeded(seed, "base"), dtype=torch.float64).softmax(-1)
    start = torch.cat([draw, torch.zeros(3, dtype=torch.float64)])
    model, rng = a_table(start), seeded(seed, "walks")
    pairs = TASK.pairs.repeat_interleave(20, 0)
    for _ in range(10):
        paths = rollout(model, pairs, rng=rng)
        kept = paths[is_path(GRAPH, paths)]
        shown = demonstrations(TASK, kept, rng=rng, size=None)
        for _ in train(model, shown, sft, TrainConfig(steps=60, lr=0.3, clip=None)):
            pass
    measured = float(heterozygosity(choices(model)[:, :3]).mean())
    return {
        "left": measured / float(heterozygosity(draw)),
        "told": float(expected_heterozygosity(draw, 20, 10) / heterozygosity(draw)),
    }


Part = Callable[[int, int], Numbers]
PARTS: tuple[Part, ...] = (
    one_curve,
    polarises,
    kl_placements,
    penalty_noise,
    entropy_bonus,
    clip_higher,
    lengths,
    rounds,
    on_a_dag,
)


def timed(parts: Sequence[Part], seed: int, steps: int) -> dict[str, Any]:
    """What each part measures, under its name, and the seconds that each took."""
    if whole(steps, "steps") < 10:
        raise InputError(f"steps={steps}: take at least 10 updates")
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    for part in parts:
        began = time.process_time()
        found[part.__name__] = part(seed, steps)
        seconds[part.__name__] = time.process_time() - began
    return {"facts": {"cpu_seconds": seconds}, **found}


def measure(seed: int, *, steps: int = 300) -> dict[str, Any]:
    """All measurements of one seed: {part: {name: number}}, and the seconds that each part took."""
    return timed(PARTS, seed, steps)


CALL = "planrl.experiments.objectives:measure"
STUDIES = (
    *(
        Calculation(name="objectives", label=f"seed{seed}", seed=seed, call=CALL)
        for seed in range(10)
    ),
    Calculation(
        name="objectives", label="quick", tier="quick", seed=0, call=CALL, options={"steps": 30}
    ),
)
"""Ten seeds, and one that trains less."""
