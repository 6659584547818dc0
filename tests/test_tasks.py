from functools import partial

import pytest
import torch

import planrl as pr
from planrl.tasks import Vocab


def row(*tokens, length, end):
    """One row of tokens, filled with END."""
    return [*tokens, *[end] * (length - len(tokens))]


def rows(graph, *rollouts):
    """Rows of walks, each given as its target and then its nodes."""
    length = max(map(len, rollouts)) + 2
    return torch.tensor([row(w[1], w[0], *w[1:], length=length, end=graph.n) for w in rollouts])


def test_prompt_repeats_the_source_and_show_leaves_filling_out():
    vocab = Vocab(4)
    assert vocab.prompt(torch.tensor([[0, 3]])).tolist() == [[0, 3, 0]]
    assert vocab.show(torch.tensor([[0, 3, 0, 3, 4, 4]])) == ["0 3 0 3 END"]


def test_chosen_steps_are_those_after_the_prompt_up_to_the_first_end():
    tokens = torch.tensor([[0, 3, 0, 1, 3, 4, 4], [0, 3, 0, 1, 2, 1, 3]])
    assert Vocab(4).chosen(tokens).int().tolist() == [[0, 0, 1, 1, 1, 0], [0, 0, 1, 1, 1, 1]]


def test_is_path_accepts_right_answers_only():
    graph = pr.diamond(2)  # 0 -> 1, 2 -> 3
    good = rows(graph, [3, 0, 1, 3], [3, 0, 2, 3], [1, 0, 1])
    bad = rows(graph, [3, 0, 3], [3, 0, 1], [3, 0, 1, 2, 3], [3, 0, 1, 3, 1])
    never_ends = torch.tensor([[0, 3, 0, 1, 3]])
    wrong_start = torch.tensor([[0, 3, 1, 3, 4]])
    assert pr.is_path(graph, good).all()
    assert not pr.is_path(graph, bad).any()
    assert not pr.is_path(graph, never_ends).any()
    assert not pr.is_path(graph, wrong_start).any()
    goes_on = torch.tensor([[0, 3, 0, 1, 4, 3, 4]])  # END, then more: what follows does not count
    assert not pr.is_path(graph, goes_on).any()


def test_outcome_reward_is_paid_once_at_the_step_into_the_target_of_a_right_answer():
    graph = pr.diamond(2)
    tokens = rows(graph, [3, 0, 1, 3], [3, 0, 3], [3, 0, 1])
    reward = pr.outcome_reward(graph, tokens, scale=2.0)
    assert reward.tolist() == [[0, 0, 0, 2, 0], [0] * 5, [0] * 5]


def test_process_reward_pays_the_target_and_fines_every_step_that_is_no_edge():
    graph = pr.diamond(2)
    tokens = rows(graph, [3, 0, 1, 3], [3, 0, 3], [3, 0, 2, 1], [3, 0])
    reward = pr.process_reward(graph, tokens, scale=10.0)
    assert reward.tolist() == [
        [0, 0, 0, 10, 0],  # an edge, then the target; END is free there
        [0, 0, 0, 0, 0],  # the target by a step that is no edge: +1 - 1
        [0, 0, 0, -10, -10],  # an edge, no edge, giving up
        [0, 0, -10, 0, 0],  # giving up at once
    ]


def test_all_pairs_are_the_reachable_ones():
    assert pr.all_pairs(pr.fork(2)).pairs.tolist() == [[0, 1], [0, 2]]


@pytest.mark.parametrize("force", [False, True])
def test_split_parts_the_pairs_and_shows_training_every_target(force):
    task = pr.all_pairs(pr.random_dag(40, 0.15, pr.seeded(0, "graph")))
    train, test = pr.split(task, 0.2, pr.seeded(0, "split"), force_edges=force)
    together = torch.cat([train.pairs, test.pairs])
    assert sorted(together.tolist()) == sorted(task.pairs.tolist())
    assert set(train.pairs[:, 1].tolist()) == set(task.pairs[:, 1].tolist())
    edges = set(task.graph.edges)
    if force:
        assert edges <= set(map(tuple, train.pairs.tolist()))
        assert len(train.pairs) == len(edges) + round(0.2 * (len(task.pairs) - len(edges)))
    else:
        assert len(train.pairs) == round(0.2 * len(task.pairs))


@pytest.mark.parametrize("make", [pr.random_dag, pr.random_digraph])
def test_sampled_paths_are_right_answers_to_each_pair_in_order(make):
    task = pr.all_pairs(make(20, 0.15, pr.seeded(2, "graph")))
    paths = pr.sample_paths(task, 3, pr.seeded(0, "paths"))
    assert pr.is_path(task.graph, paths).all()
    assert torch.equal(paths[:, :2], task.pairs.repeat_interleave(3, 0))
    for path in paths.tolist():  # no node twice, also where there are cycles
        nodes = [v for v in path[2:] if v != task.graph.n]
        assert len(set(nodes)) == len(nodes)


def test_every_correct_next_node_is_as_likely_as_any_other():
    graph = pr.Graph(6, [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4), (0, 5)])
    paths = pr.sample_paths(pr.Task(graph, torch.tensor([[0, 4]])), 6000, pr.seeded(0, "paths"))
    share = paths[:, 3].bincount(minlength=6) / 6000
    assert share.tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3, 0, 0], abs=0.02)


def test_observed_matrices_hold_exactly_what_the_paths_show():
    graph = pr.chain(4)
    seen = pr.observed(Vocab(4), rows(graph, [3, 0, 1, 2, 3]))
    assert seen.adjacency.nonzero().tolist() == [[0, 1], [1, 2], [2, 3]]
    assert seen.reachability.nonzero().tolist() == [[3, 1], [3, 2], [3, 3]]


def test_degree_counts_the_edges_to_a_node_seen_for_the_target():
    graph = pr.chain(6)
    seen = pr.observed(Vocab(6), rows(graph, [5, 3, 4, 5]))
    task = pr.Task(graph, torch.tensor([[4, 5], [3, 5], [2, 5], [1, 5], [0, 5]]))
    assert pr.degrees(task, seen).tolist() == [0, 1, 2, 3, 3]


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: pr.Task(pr.chain(3), torch.tensor([[2, 0]])), r"pair \(2, 0\) has no path"),
        (lambda: pr.Task(pr.chain(3), torch.tensor([[1, 1]])), r"\(1, 1\) has source = target"),
        (lambda: pr.Task(pr.chain(3), torch.tensor([[0, 3]])), r"\(0, 3\) names a node outside"),
        (lambda: pr.Task(pr.chain(3), torch.zeros(0, 2, dtype=torch.long)), "at least one row"),
        (lambda: pr.split(pr.all_pairs(pr.chain(2)), 0.2, pr.seeded(0, "s")), "no test pair"),
        (lambda: pr.split(pr.all_pairs(pr.chain(9)), 1.0, pr.seeded(0, "s")), r"inside \(0, 1\)"),
        (lambda: pr.sample_paths(pr.all_pairs(pr.chain(3)), 0, pr.seeded(0, "s")), "per_pair"),
        (lambda: Vocab(3).check(torch.tensor([[0, 1, 5]])), "token 5 at position 2"),
        (lambda: pr.all_pairs(pr.Graph(3, [])), "at least one row"),
    ],
)
def test_bad_questions_are_refused_with_the_offender_named(build, words):
    with pytest.raises(pr.InputError, match=words):
        build()


def test_a_reward_is_any_function_of_graph_and_tokens(small_task):
    task = pr.Task(small_task.graph, small_task.pairs, partial(pr.process_reward, scale=3.0))
    batch = task.batch(pr.sample_paths(task, 1, pr.seeded(0, "paths")))
    assert batch.reward.sum(1).tolist() == [3.0] * len(task.pairs)


@pytest.mark.parametrize(
    ("reward", "said"),
    [
        (
            partial(pr.outcome_reward, scale=float("nan")),
            "reward function outcome_reward returned nan at step 0 of row 0",
        ),
        (
            lambda graph, tokens: torch.full((1, 4), -torch.inf),
            "returned -inf at step 0 of row 0: expected finite",
        ),
        (
            lambda graph, tokens: torch.zeros(1),
            r"returned a tensor of shape \[1\]: .* of shape \[1, 4\]",
        ),
        (lambda graph, tokens: torch.ones((1, 4)).long(), r"returned a tensor of torch.int64"),
        (lambda graph, tokens: 1.0, r"returned 1.0: expected finite"),
    ],
)
def test_what_is_no_reward_of_each_step_is_named(reward, said):
    task = pr.Task(pr.chain(2), torch.tensor([[0, 1]]), reward)
    with pytest.raises(pr.InputError, match=said):
        task.batch(torch.tensor([[0, 1, 0, 1, 2]]))
