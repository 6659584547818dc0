"""Recorded policies: from them a page draws the graph on which paths travel, before it trains.

At each point of a grid the run of one seed is kept at some updates: for each learner the
probabilities of the next nodes for paths to the shown target, of those nodes that paths from the
shown source reach. A kept entry is three bytes, (current, next, probability). web/lab-state.js
reads them, and web/graph-policy.js makes a frame of them as of a live policy. Equal policies, such
as those of one base, are kept once.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from planrl.labs.engine.models import NODES, TOKENS
from planrl.labs.page.runtime import Exported
from planrl.labs.session import Session
from planrl.tasks import PROMPT

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

SEED = 0
STEPS = (0, 60, 300)
UNIT = 255  # a probability is kept as a multiple of 1 / UNIT
LEAST = 5  # such units: a less likely next node is left out
SELDOM = 0.01  # a node that fewer paths visit is left out
MOST_STEPS = TOKENS - PROMPT  # of a path


def visits(policy: Float[Tensor, "N M"], source: int, target: int) -> Float[Tensor, " N"]:
    """How often a path is expected to be at each node, for next-node probabilities `policy`.

    A path ends at the target, after MOST_STEPS steps, or by a step to a column past the nodes.
    """
    step = policy[:, : len(policy)].clone()
    step[target] = 0
    mass = torch.zeros(len(policy))
    mass[source] = 1
    total = mass.clone()
    for _ in range(MOST_STEPS):
        mass = mass @ step
        total += mass
    return total


def kept(policy: Float[Tensor, "N M"], source: int, target: int) -> bytes:
    """The entries of a policy that are kept: how many in two bytes, then three bytes for each."""
    reached = visits(policy, source, target) >= SELDOM
    reached[target] = False
    units = (UNIT * policy[:, : len(policy)]).round().long()
    drawn = reached[:, None] & (units >= LEAST)
    entries = [(i, j, int(units[i, j])) for i, j in drawn.nonzero().tolist()]
    return len(entries).to_bytes(2, "little") + bytes(value for one in entries for value in one)


def measure(link: str, lab: str, programs: Path) -> list[bytes]:
    """The kept policies at one point of a grid, [learner, update], by exported programs."""
    run = Session(lab, f"{link}&seed={SEED}", run=Exported(programs))
    frames = [_seen(run)]
    for before, after in pairwise(STEPS):
        run.train(after - before)
        frames.append(_seen(run))
    return [one for learner in zip(*frames, strict=True) for one in learner]


def _seen(run: Session) -> list[bytes]:
    source, target = run.given["question"].tolist()
    return [kept(one["policy"], source, target) for one in run.evaluate()]


def packed(measured: Iterable[Sequence[bytes]]) -> dict[str, Any]:
    """The policies of a grid, in the order of its points, as a page reads them.

    `which` says of each point, learner and update which of the policies in `data` is shown.
    """
    found: dict[bytes, int] = {}
    which = [found.setdefault(one, len(found)) for point in measured for one in point]
    data = base64.b64encode(b"".join(found)).decode()
    return {"seed": SEED, "steps": list(STEPS), "which": which, "data": data}


def unpacked(page: Mapping[str, Any]) -> list[Float[Tensor, "N M"]]:
    """The policies in the `data` of `packed`.

    What was left out of a node's next nodes ends a path: it stands in the last column.
    """
    data, at, found = base64.b64decode(page["data"]), 0, []
    while at < len(data):
        end = at + 2 + 3 * int.from_bytes(data[at : at + 2], "little")
        policy = torch.zeros(NODES, NODES + 1)
        for k in range(at + 2, end, 3):
            policy[data[k], data[k + 1]] = data[k + 2] / UNIT
        policy[:, NODES] = (1 - policy[:, :NODES].sum(1)).clamp(min=0)
        found.append(policy)
        at = end
    return found
