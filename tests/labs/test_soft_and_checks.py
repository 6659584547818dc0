"""The rewards lab with soft values, and with checks that are few or wrong, beside the theory."""

import pytest
import torch

import planrl as pr
from planrl.labs import Session
from planrl.labs.catalogue.rewards import VERDICTS
from planrl.labs.engine.algorithms import ALGORITHMS, ROWS, shaped
from planrl.labs.engine.models import NODES, TOKENS
from planrl.labs.engine.sampling import SCALE, graph_of
from planrl.objectives.noisy import Checks, noisy_optimum
from planrl.objectives.soft import soft_q_learning
from planrl.objectives.soft_values import soft_optimum


def shown_values(link):
    """The rewards lab's exact values for one target, its graph with all NODES, and the target."""
    session = Session("rewards", link)
    graph = pr.Graph(NODES, session.lab_graph.graph.edges)
    return session.evaluate()[0]["exact"].double(), graph, int(session.given["question"][1])


@pytest.mark.parametrize(
    ("link", "temperature", "cost", "penalty"),
    [("soft=0.1&edge=2", 0.1, 0.0, 2.0), ("soft=0.2&cost=0.25&edge=1.5", 0.2, 0.25, 1.5)],
)
def test_soft_values_shown_are_those_of_the_linear_systems(link, temperature, cost, penalty):
    shown, graph, target = shown_values(link)
    optimum = soft_optimum(graph, temperature=temperature, cost=cost, penalty=penalty)
    expected = temperature * optimum.logits[target] + 1.0
    underway = torch.arange(NODES) != target
    assert (expected - shown)[underway].abs().max() < 1e-2


@pytest.mark.parametrize(
    "given",
    [
        {"checked": 0.3},
        {"false_alarm": 0.1, "miss": 0.2, "graph": "cyclic"},
        {"checked": 0.5, "false_alarm": 0.3, "miss": 0.5},
        {"checked": 0, "miss": 0.1},
    ],
)
def test_values_shown_for_checks_that_are_few_or_wrong_are_those_of_the_formula(given):
    shown, graph, target = shown_values("&".join(f"{k}={v}" for k, v in given.items()))
    checks = Checks(**{k: v for k, v in given.items() if k != "graph"})
    expected = noisy_optimum(graph, checks)[target]
    underway = torch.arange(NODES) != target
    assert (expected - shown)[underway].abs().max() < 1e-6


def test_on_cycles_that_cost_nothing_no_soft_values_are_shown():
    session = Session("rewards", "graph=cyclic&soft=0.1")
    evaluation = session.evaluate()[0]
    assert evaluation["exact"].isnan().all()
    assert VERDICTS[int(evaluation["failure"])].startswith("Not settled")
    session.set(cost=0.1)
    evaluation = session.evaluate()[0]
    assert evaluation["exact"].isfinite().all()
    assert not VERDICTS[int(evaluation["failure"])].startswith("Not settled")


def test_soft_q_learning_of_the_lab_is_that_of_the_objectives():
    """Its logits are values times SCALE; those of `soft_q_learning` are values over temperature."""
    rng = pr.seeded(0, "logits")
    tokens = torch.tensor([[0, 5, 0, 3, 5, 20], [2, 7, 2, 4, 1, 6]])
    reward = torch.randn(2, 5, generator=rng)
    logits = torch.randn(2, 5, 21, generator=rng)
    batch = pr.Batch(pr.Vocab(NODES).chosen(tokens), reward, tokens)
    given = {**ALGORITHMS["q"].options, "soft": 0.05, "bounds": 0, "cost": 0}
    ours = ALGORITHMS["q"].loss({k: torch.tensor(float(v)) for k, v in given.items()})
    temperature = SCALE * 0.05
    theirs = soft_q_learning(logits / temperature, batch, temperature=temperature)
    assert float(ours(logits, batch)) == pytest.approx(temperature**2 * float(theirs), rel=1e-5)


def test_checks_charge_what_they_say_on_average_and_legal_steps_alike():
    """Rates of so many updates' checks on the same rows, five standard errors wide."""
    updates = 400
    graph = pr.random_dag(NODES, 0.45, pr.seeded(0, "graph"))
    rows = torch.randint(NODES, (ROWS, TOKENS), generator=pr.seeded(0, "rows"))
    rows[:, 2] = rows[:, 0]
    given = {**ALGORITHMS["q"].options, "target": 0, "checked": 0.5, "false_alarm": 0.2}
    given = {k: torch.tensor(float(v)) for k, v in {**given, "miss": 0.3, "seed": 3}.items()}
    given["params"] = torch.zeros(1)
    traced = graph_of(graph.adjacency.float())
    paid = torch.stack(
        [shaped(traced, rows, {**given, "t": torch.tensor(float(t))}) for t in range(updates)]
    )
    charged = -paid.mean(0) / SCALE
    chosen = pr.Vocab(NODES).chosen(rows)
    legal = graph.legal[rows[:, :-1], rows[:, 1:]]
    for where, rate in ((chosen & legal, 0.5 * 0.2), (chosen & ~legal, 0.5 * 0.7)):
        assert where.any()
        error = (rate * (1 - rate) / updates / int(where.sum())) ** 0.5
        assert abs(float(charged[where].mean()) - rate) < 5 * error
        assert (charged[where] - rate).abs().max() < 6 * (rate * (1 - rate) / updates) ** 0.5
    assert not charged[~chosen].any()
