"""Controls that several labs share."""

from __future__ import annotations

from planrl.live.settings import Control

MODEL = Control(
    name="model", label="Model", kind="choice", values=("table", "transformer"), default="table",
    texts=("logit table", "Transformer"), restarts=True,
    meaning="The logit table holds one number for each target, node and next node; the Transformer "
    "has one layer, one head and width 48.",
)  # fmt: skip
SEED = Control(
    name="seed",
    label="Seed",
    kind="choice",
    values=tuple(range(10)),
    default=0,
    restarts=True,
    meaning="It chooses the training questions, the demonstrations, the weights and all walks.",
)
LR = Control(
    name="lr", label="Learning rate", kind="slider", values=(0.25, 0.5, 1, 2, 4), default=1,
    texts=("× 1/4", "× 1/2", "× 1", "× 2", "× 4"),
    meaning="In multiples of the usual one: 0.1 for the table, 0.002 for the Transformer (Adam).",
)  # fmt: skip
BATCH = Control(
    name="batch", label="Batch", kind="slider", values=(1, 2, 4, 8, 16, 32), default=32,
    meaning="How many walks an update averages over.",
)  # fmt: skip
KL = Control(
    name="kl", label="KL penalty λ", kind="slider", default=0,
    values=(0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1),
    meaning="How strongly the policy is held to the base it started from (Theorem 4.4).",
)  # fmt: skip


def graph_control(*names: str) -> Control:
    """Which graph; a reader's own is always possible but in Blocksworld."""
    texts = {"dag": "random DAG", "cyclic": "digraph with cycles",
             "blocks": "Blocksworld", "own": "your own"}  # fmt: skip
    return Control(
        name="graph", label="Graph", kind="choice", values=names, default=names[0], restarts=True,
        texts=[texts[name] for name in names],
        meaning="The graph whose paths are asked for; it is nowhere in a question.",
    )  # fmt: skip
