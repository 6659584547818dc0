import math

import pytest
import torch

import planrl as pr
from planrl.evaluate import auc, first_error
from planrl.tasks import Vocab


def knowing(graph):
    """A table that takes each correct next node equally often, and END at the target."""
    model = pr.LogitTable(Vocab(graph.n))
    with torch.no_grad():
        model.table[:, :, : graph.n] = 60.0 * graph.correct
        model.table[:, :, graph.n] = -60.0
    return model


def test_scores_of_a_model_that_knows_all_ways():
    task = pr.Task(pr.diamond(3), torch.tensor([[0, 4], [1, 4]]))
    scores = pr.evaluate(knowing(task.graph), task, rng=pr.seeded(0, "e"), samples=200)
    assert scores.accuracy.tolist() == [1, 1]
    assert scores.greedy.tolist() == [1, 1]
    assert scores.diversity.tolist() == [3, 1]
    assert scores.coverage.tolist() == [1, 1]
    # two choices on the way from 0 (log 3, then 0), one from 1 (0): mean log(3) / 3
    assert scores.entropy == pytest.approx(math.log(3) / 3, abs=1e-3)
    assert sum(scores.errors.values()) == 0


def test_scores_of_a_uniform_model_match_the_chances_worked_by_hand():
    """One node away, 3 nodes and END: right with 1/4, and for the others after a detour too."""
    task = pr.Task(pr.chain(2), torch.tensor([[0, 1]]))
    scores = pr.evaluate(pr.LogitTable(task.vocab), task, rng=pr.seeded(0, "e"), samples=20_000)
    assert scores.accuracy.item() == pytest.approx(1 / 3, abs=0.02)
    assert scores.errors["gave up"] == pytest.approx(1 / 3, abs=0.02)
    assert scores.errors["no edge"] == pytest.approx(1 / 3, abs=0.02)


def test_groups_and_summary_are_means_of_the_pairs():
    task = pr.Task(pr.fork(2), torch.tensor([[0, 1], [0, 2]]))
    model = knowing(task.graph)
    with torch.no_grad():
        model.table[2, 0] = 60.0 * torch.tensor([0, 1.0, 0, 0])  # always wrong for target 2
    scores = pr.evaluate(model, task, rng=pr.seeded(0, "e"), samples=10)
    assert scores.summary("x_")["x_accuracy"] == 0.5
    table = scores.by(torch.tensor([0, 3]))
    assert table[0]["accuracy"] == 1
    assert table[3]["accuracy"] == 0
    assert table[0]["pairs"] == 1


def test_coverage_is_not_a_number_where_paths_are_endless():
    task = pr.all_pairs(pr.Graph(2, [(0, 1), (1, 0)]))
    scores = pr.evaluate(pr.LogitTable(task.vocab), task, rng=pr.seeded(0, "e"), samples=2)
    assert scores.coverage.isnan().all()


def test_error_classes_name_what_went_wrong_first():
    graph = pr.chain(4)
    rows = torch.tensor([[0, 3, 0, 1, 2, 3, 4], [0, 3, 0, 2, 3, 4, 4], [0, 3, 0, 1, 4, 4, 4],
                         [0, 3, 0, 1, 2, 2, 2], [0, 3, 0, 1, 2, 0, 1]])  # fmt: skip
    assert first_error(graph, rows).tolist() == [-1, 0, 1, 0, 0]
    cyclic = pr.Graph(3, [(0, 1), (1, 0), (1, 2)])
    assert first_error(cyclic, torch.tensor([[0, 2, 0, 1, 0, 1]])).tolist() == [2]


def test_edge_use_is_the_share_of_walks_that_take_each_step():
    tokens = torch.tensor(
        [[0, 3, 0, 1, 3, 4], [0, 3, 0, 2, 3, 4], [0, 3, 0, 1, 3, 4], [0, 3, 0, 4, 4, 4]]
    )
    use = pr.edge_use(pr.diamond(2), tokens)
    assert use[0].tolist() == [0, 0.5, 0.25, 0]
    assert use[:, 3].tolist() == [0, 0.5, 0.25, 0]


def test_next_logits_of_a_table_are_the_table(make_model):
    model = make_model(Vocab(4))
    logits = pr.next_logits(model)
    assert logits.shape == (4, 4, 5)
    if isinstance(model, pr.LogitTable):
        assert torch.equal(logits, model.table)
    else:
        one = model(torch.tensor([[2, 3, 2]]))[0, 2]
        assert torch.allclose(logits[3, 2], one, atol=1e-6)


def test_auc_counts_pairs_in_the_right_order_and_ties_half():
    score = torch.tensor([0.1, 0.4, 0.4, 0.9])
    truth = torch.tensor([False, False, True, True])
    assert auc(score, truth) == (1 + 1 + 1 + 0.5) / 4
    with pytest.raises(pr.InputError, match="4 true, 0 false"):
        auc(score, torch.ones(4, dtype=torch.bool))


def test_recovery_of_a_table_that_is_the_graph_is_perfect(small_task):
    graph = small_task.graph
    model = pr.LogitTable(small_task.vocab)
    with torch.no_grad():
        model.table[:, :, :12] = pr.process_optimum(graph)
    found = pr.recovery(model, graph)
    assert found.adjacency_auc == 1
    assert found.reachability_auc == 1
    assert found.adjacency_gap > 0.5


def test_evaluate_refuses_zero_samples(small_task):
    with pytest.raises(pr.InputError, match="samples"):
        pr.evaluate(pr.LogitTable(small_task.vocab), small_task, rng=pr.seeded(0, "e"), samples=0)
