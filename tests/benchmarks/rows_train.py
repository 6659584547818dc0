"""Training steps: fine-tuning and reinforcement learning, next to what one would write or install.

Where two sides learn, both start from the same weights and take the same small learning rate, so
that the walks stay those of the early-stage policy for as long as is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import peers_hf
import peers_plain
import peers_trl
import torch
from harness import Row, Work
from setting import MAX_TOKENS, SAMPLER, Dataset

import planrl as pr

NEW = MAX_TOKENS - 3
LR = 1e-5
SAME = 1e-10  # in double precision, where rounding hides nothing
Found = tuple[float, dict[str, torch.Tensor]]  # loss and gradients


def gradients(model: pr.PathModel, batch: pr.Batch, loss: pr.Loss) -> Found:
    """Loss and gradients of one batch as `pr.train` itself computes them; the model stays."""
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    settings = pr.TrainConfig(steps=1, clip=None)
    (step,) = pr.train(model, iter([batch]), loss, settings, optimizer=still)
    return step.loss, {name: p.grad.clone() for name, p in model.named_parameters()}


def gaps(mine: Found, theirs: Found) -> tuple[float, float]:
    """How far losses and gradients are apart, in terms of the loss and the largest gradient."""
    if mine[1].keys() != theirs[1].keys():
        raise ValueError(f"gradients of {sorted(mine[1].keys() ^ theirs[1].keys())} are missing")
    largest = max(float(g.abs().max()) for g in theirs[1].values())
    gap = max(float((mine[1][k] - g).abs().max()) for k, g in theirs[1].items())
    return abs(mine[0] - theirs[0]) / max(abs(theirs[0]), 1e-12), gap / largest


def apart(mine: Found, theirs: Found, close: float) -> tuple[bool, str]:
    """Whether losses and gradients agree."""
    off, gap = gaps(mine, theirs)
    return off <= close and gap <= close, (
        f"on the same rows loss differs by {off:.1e}, gradients by {gap:.1e} of the largest "
        f"(at most {close:.0e})"
    )


def exactly(single: tuple[Found, Found], double: tuple[Found, Found]) -> tuple[bool, str]:
    """Whether ours and the peer's, given in single and in double precision, agree.

    They have to be the same in double precision. In single both are about 1e-6 off the exact ones,
    by rounding alone, so there the gap is told and decides nothing.
    """
    same, apart = gaps(*double), gaps(*single)
    ours, peers = (gaps(found, double[1]) for found in single)
    return max(same) <= SAME, (
        f"on the same rows loss differs by {same[0]:.1e}, gradients by {same[1]:.1e} of the "
        f"largest in double precision (at most {SAME:.0e}); {apart[0]:.1e} and {apart[1]:.1e} in "
        f"single (gradients from the exact ones: ours {ours[1]:.1e}, the peer's {peers[1]:.1e})"
    )


def of_plain(net: torch.nn.Module, loss: torch.Tensor) -> Found:
    """Loss and gradients of a peer whose parameters are called as ours."""
    net.zero_grad(set_to_none=True)
    loss.backward()
    return float(loss.detach()), {name: p.grad.clone() for name, p in net.named_parameters()}


def steps(run: Callable[[], Iterator[object]], count: int) -> Callable[[], Work]:
    """A timed side: `count` updates of a run that goes on for ever."""

    def side() -> Work:
        for _ in range(count):
            next(run())
        return Work(count)

    return side


def repeat(step: Callable[[], Callable[[], None]], count: int) -> Callable[[], Work]:
    """A timed side: `count` calls of a peer's step."""

    def side() -> Work:
        for _ in range(count):
            step()()
        return Work(count)

    return side


def sft_row(dataset: Dataset, batch: int, count: int, goal: float) -> Row:
    """Fine-tuning steps on the same rows."""
    task, shown = dataset.train_task, dataset.demonstrations

    @cache
    def run() -> pr.Run:
        model = dataset.fresh()
        batches = pr.demonstrations(task, shown, rng=pr.seeded(0, "our rows"), size=batch)
        return pr.train(model, batches, pr.sft, pr.TrainConfig(lr=LR))

    peer = cache(lambda: peers_plain.Blocks(dataset.base, shown, batch, LR))

    def check() -> tuple[bool, str]:
        drawn = torch.randint(len(shown), (batch,), generator=pr.seeded(0, "same rows"))
        rows = task.batch(shown[drawn])

        def both(kind: torch.dtype) -> tuple[Found, Found]:
            peer = peers_plain.Blocks(dataset.base, shown, batch, LR)
            peer.net.to(kind)
            mine = gradients(dataset.fresh().to(kind), rows, pr.sft)
            return mine, of_plain(peer.net, peer.loss(drawn))

        return exactly(both(torch.float32), both(torch.float64))

    return Row(
        name=f"SFT step B={batch} vs plain loop",
        ours=steps(run, count),
        peer=repeat(lambda: peer().step, count),
        check=check,
        peer_name="plain torch, rows padded to 32",
        goal=goal,
    )


def on_policy(dataset: Dataset, size: int) -> pr.Run:
    """Our policy gradient from the base, for as long as it is asked."""
    model = dataset.fresh()
    rollouts = pr.on_policy(
        model, dataset.train_task, rng=pr.seeded(0, "our walks"), sampler=SAMPLER, size=size
    )
    return pr.train(model, rollouts, pr.policy_gradient, pr.TrainConfig(lr=LR))


def rl_rows(dataset: Dataset) -> list[Row]:
    """Reinforcement learning steps."""
    size, task = dataset.size.batch, dataset.train_task
    ours = cache(lambda: on_policy(dataset, size))
    hf = cache(lambda: peers_hf.Reinforce(dataset.base, task, size, NEW, LR))
    plain = cache(lambda: peers_plain.PlainReinforce(dataset.base, task, size, NEW, LR))
    grpo = cache(lambda: peers_trl.Grpo(dataset.base, task, size, NEW, LR, steps=2))

    def trl() -> Work:
        count, seconds = grpo().run()
        return Work(count, seconds)

    def same_verdicts(rows: torch.Tensor) -> tuple[bool, str]:
        right = pr.is_path(task.graph, rows)
        earned = pr.outcome_reward(task.graph, rows).sum(1)
        theirs = peers_hf.rewards(set(task.graph.edges), rows, task.vocab.end)
        unlike = int(((theirs != earned) | (theirs != right)).sum())
        return unlike == 0, (
            f"{len(rows) - unlike} of {len(rows)} verdicts agree ({int(right.sum())} are right)"
        )

    def check_hf() -> tuple[bool, str]:
        rows = dataset.walks(size)
        peer = peers_hf.Reinforce(dataset.base, task, size, NEW, LR)
        loss = peer.loss(rows)
        loss.backward()
        theirs = float(loss.detach()), peers_hf.gradients(dataset.base, peer.net)
        mine = gradients(dataset.fresh(), task.batch(rows), pr.policy_gradient)
        good, how = same_verdicts(rows)
        close, said = apart(mine, theirs, 1e-5)
        return good and close, f"{how}; {said}"

    def check_plain() -> tuple[bool, str]:
        rows = dataset.walks(size)
        peer = peers_plain.PlainReinforce(dataset.base, task, size, NEW, LR)
        mine = gradients(dataset.fresh(), task.batch(rows), pr.policy_gradient)
        good, how = same_verdicts(rows)
        close, said = apart(mine, of_plain(peer.net, peer.loss(rows)), 1e-5)
        return good and close, f"{how}; {said}"

    def check_trl() -> tuple[bool, str]:
        rows, end = dataset.walks(size), task.vocab.end
        written = [row[3:] for row in rows.tolist()]
        rollouts = [w[: w.index(end) + 1] if end in w else w for w in written]
        source, target = rows[:, 0].tolist(), rows[:, 1].tolist()
        given = peers_trl.Verdicts(task)(completion_ids=rollouts, source=source, target=target)
        right = pr.is_path(task.graph, rows)
        unlike = int((torch.tensor(given) != right).sum())
        return unlike == 0, f"{size - unlike} of {size} verdicts of the reward function agree"

    return [
        Row(
            name=f"RL step B={size} vs HF loop",
            ours=steps(ours, 2),
            peer=repeat(lambda: hf().step, 2),
            check=check_hf,
            peer_name="REINFORCE on transformers generate",
            goal=4.0,
            needs=("transformers",),
        ),
        Row(
            name=f"RL step B={size} vs TRL",
            ours=steps(ours, 2),
            peer=trl,
            check=check_trl,
            peer_name=f"TRL GRPOTrainer, {size // peers_trl.GROUP} x {peers_trl.GROUP}, beta 0",
            goal=4.0,
            needs=("transformers", "trl", "accelerate", "datasets"),
            note="the peer's loss is GRPO's (group-normalised advantages, clipped ratios), so only "
            "verdicts are compared; its time is that between its on_step_begin and on_step_end, "
            "and its walks end with END, not at the target",
        ),
        Row(
            name=f"RL step B={size} vs plain loop",
            ours=steps(ours, 2),
            peer=repeat(lambda: plain().step, 1),
            check=check_plain,
            peer_name="REINFORCE on plain torch generate",
            rounds=5,
        ),
    ]


def table_row(dataset: Dataset) -> Row:
    """Policy gradient of a table, n = 20, 64 walks a step."""
    task = pr.all_pairs(pr.random_dag(20, 0.3, pr.seeded(0, "graph")))
    size, lr, count = 64, 0.01, 20

    @cache
    def run() -> pr.Run:
        model = pr.LogitTable(task.vocab)
        rollouts = pr.on_policy(model, task, rng=pr.seeded(0, "our walks"), size=size)
        return pr.train(model, rollouts, pr.policy_gradient, pr.TrainConfig(lr=lr))

    def fresh() -> peers_plain.TableReinforce:
        table = torch.zeros(task.graph.n, task.graph.n, task.vocab.size)
        return peers_plain.TableReinforce(table, task, size, pr.Sampler().max_tokens, lr)

    peer = cache(fresh)

    def check() -> tuple[bool, str]:
        other, model = fresh(), pr.LogitTable(task.vocab)
        with torch.no_grad():
            other.table.normal_(generator=pr.seeded(0, "table"))
            next(model.parameters()).copy_(other.table)
        rows = other.walks(task.pairs[:100].repeat(20, 1))
        loss = other.loss(rows)
        loss.backward()
        mine = gradients(model, task.batch(rows), pr.policy_gradient)
        (name,) = mine[1]
        unlike = int((other.reward(rows) != pr.is_path(task.graph, rows)).sum())
        close, said = apart(mine, (float(loss.detach()), {name: other.table.grad}), 1e-6)
        return close and unlike == 0, f"{said}; {len(rows) - unlike} of {len(rows)} verdicts agree"

    return Row(
        name="LogitTable PG step n=20 B=64 vs eager torch",
        ours=steps(run, count),
        peer=repeat(lambda: peer().step, count),
        check=check,
        peer_name="eager autograd on the padded batch",
        goal=2.0,
    )


def train_rows(dataset: Dataset) -> list[Row]:
    """The rows about training."""
    size = dataset.size
    return [
        sft_row(dataset, 32, size.steps, 6.0),
        sft_row(dataset, size.batch, max(size.steps // 5, 2), 8.0),
        *rl_rows(dataset),
        table_row(dataset),
    ]
