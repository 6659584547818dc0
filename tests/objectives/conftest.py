import pytest
import torch

import planrl as pr

GRAPH = pr.Graph(5, [(0, 1), (0, 2), (1, 3), (2, 3), (0, 4), (1, 4)])  # 4 leads nowhere
TASK = pr.Task(GRAPH, torch.tensor([[0, 3]]))
ALLOWED = {0: [1, 2, 4, 5], 1: [3, 4], 2: [3, 5], 4: [5]}
"""Current node -> the tokens that its policy may choose: edges, or END (5)."""


def a_policy(seed, task=TASK, allowed=None):
    """A table with random logits for a few steps to node 3, and -inf for all others."""
    model = pr.LogitTable(task.vocab).double()
    rng = pr.seeded(seed, "policy")
    with torch.no_grad():
        model.table[3] = -torch.inf
        for node, tokens in (allowed or ALLOWED).items():
            model.table[3, node, tokens] = torch.randn(len(tokens), generator=rng).double()
        model.table[3, 3, 5] = 0.0  # END after the target is written
    return model


@pytest.fixture
def make_policy():
    return a_policy
