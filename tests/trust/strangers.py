"""What strangers try, by name: how its inputs are made, and what planrl is asked to do with each.

An attack ends well when planrl raises one of its own errors, or when what it returns holds what the
attack asserts. `prepare` is called once, in the process that attacks.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import ground
import hypothesis.strategies as st
from ground import DOMAIN, GRAPH, PROBLEM, given
from stranger_calls import (
    LAB_CALLS,
    LOSSES,
    PASTED,
    TOKEN_CALLS,
    WALKS,
    lab_calls,
    lab_links,
    links,
    losses,
    pasted_graphs,
    rollouts,
    token_functions,
)
from stranger_commands import TINY, arguments, commands
from stranger_files import (
    BOMBS,
    EDGES,
    GRAPH_CALLS,
    PDDL,
    PLANS,
    ROWS,
    alpine_lines,
    edge_lists,
    graph_functions,
    graphml,
    graphml_files,
    nanogpt,
    nanogpt_checkpoints,
    nanogpt_page,
    pddl_files,
    plans,
    runs,
    saved_runs,
    torch_bytes,
)
from stranger_records import (
    RESULT,
    results,
    saved_results,
    settings_given,
    settings_records,
    stored_sweeps,
    sweep_files,
)

import planrl as pr
from planrl.__main__ import main as command_line
from planrl.experiments.datasets import DatasetSettings
from planrl.experiments.runs import Algorithm, RunSettings, TrainingRun
from planrl.io import checkpoints
from planrl.labs import Session as LabSession

ATTACKS = {
    "edge lists": (EDGES, edge_lists),
    "GraphML": (graphml(), graphml_files),
    "GraphML bombs": (st.sampled_from(BOMBS), graphml_files),
    "graph functions": (GRAPH_CALLS, graph_functions),
    "ALPINE lines": (ROWS, alpine_lines),
    "PDDL": (PDDL, pddl_files),
    "plans": (PLANS, plans),
    "nanoGPT checkpoints": (nanogpt(), nanogpt_checkpoints),
    "saved runs": (runs(), saved_runs),
    "saved results": (results(), saved_results),
    "stored sweeps": (sweep_files(), stored_sweeps),
    "settings": (settings_given(), settings_records),
    "lab links": (links(), lab_links),
    "pasted graphs": (PASTED, pasted_graphs),
    "lab calls": (LAB_CALLS, lab_calls),
    "token functions": (TOKEN_CALLS, token_functions),
    "walks": (WALKS, rollouts),
    "losses": (LOSSES, losses),
    "commands": (arguments(), commands),
}


def prepare(folder: Path) -> None:
    """The folders, a good run, and everything that is slow the first time."""
    ground.UNTOUCHED, ground.GIVEN = folder / "untouched", folder / "given"
    ground.UNTOUCHED.mkdir(parents=True)
    ground.GIVEN.mkdir()
    os.chdir(ground.UNTOUCHED)
    given("good.txt", "\n".join(f"{a} {b}" for a, b in GRAPH.edges))
    dataset = DatasetSettings(nodes=8, edge_probability=0.6, train_share=0.5)
    model = pr.TransformerConfig(width=4, positions=24)
    settings = RunSettings(
        algorithm=Algorithm(name="sft"),
        dataset=dataset,
        model=model,
        batch=4,
        training=pr.TrainConfig(steps=1),
    )
    training_run = TrainingRun(settings, ground.GIVEN / "run")
    assert len(list(training_run.run())) == 1
    training_run.save()
    ground.TENSOR_FILE = checkpoints.load(ground.GIVEN / "run").tensors
    ground.LAB = LabSession("policy-gradient")
    ground.LAB.train(1)
    nanogpt_checkpoints(torch_bytes(nanogpt_page()))
    saved_results(RESULT.read_bytes())
    pddl_files((DOMAIN, PROBLEM.format(name="blocks")))
    assert command_line(["train", *TINY, "--out", str(ground.UNTOUCHED / "run")]) == 0
    shutil.rmtree(ground.UNTOUCHED / "run")
