"""Controls that several labs share.

A slider moves over enough values to feel smooth, the same distance apart where they add up and the
same ratio where they multiply: recorded runs are interpolated along a slider's places.
"""

from __future__ import annotations

from planrl.labs.spec.controls import Control

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
    name="lr", label="Learning rate", kind="slider", default=1,
    values=(0.25, 0.35, 0.5, 0.7, 1, 1.4, 2, 2.8, 4),
    texts=[f"× {said}" for said in ("1/4", "0.35", "1/2", "0.7", "1", "1.4", "2", "2.8", "4")],
    meaning="In multiples of the usual one: 0.1 for the table, 0.002 for the Transformer (Adam).",
)  # fmt: skip
BATCH = Control(
    name="batch", label="Batch", kind="slider", values=(1, 2, 4, 8, 16, 32), default=32,
    meaning="How many walks an update averages over.",
)  # fmt: skip
KL = Control(
    name="kl", label="KL penalty λ", kind="slider", default=0,
    values=(0, *(
        float(f"{step}e{decade}") for decade in (-3, -2, -1) for step in (1, 1.5, 2, 3, 5, 7)
    ), 1),
    meaning="How strongly the policy is held to the base it started from (Theorem 4.4).",
)  # fmt: skip

DISCOUNTS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1)


def graph_control(*names: str) -> Control:
    """Which graph; a reader's own is always possible but in Blocksworld."""
    texts = {"dag": "random DAG", "cyclic": "digraph with cycles",
             "blocks": "Blocksworld", "own": "your own"}  # fmt: skip
    return Control(
        name="graph", label="Graph", kind="choice", values=names, default=names[0], restarts=True,
        texts=[texts[name] for name in names],
        meaning="The graph whose paths are asked for; it is nowhere in a question.",
    )  # fmt: skip
