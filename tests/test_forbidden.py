"""A model may forbid steps by logits of -inf: every loss, sampler and score keeps to finite numbers."""

from functools import partial

import pytest
import torch

import planrl as pr
from planrl.io.checkpoints import load, save
from planrl.models import Chain
from planrl.objectives import dapo, dr_grpo, grpo, ips, reinforce, trajectory_balance
from planrl.sampling import rollout
from planrl.tasks import Batch

GRAPH = pr.Graph(5, [(0, 1), (0, 2), (1, 3), (2, 3), (1, 2), (3, 4)])  # 4 leads nowhere
TASK = pr.all_pairs(GRAPH)


class Lawful(pr.LogitTable):
    """A reader's own model: only edges and END are allowed, and nothing where a row holds END."""

    least = -torch.inf

    def banned(self, current):
        banned = ~GRAPH.legal[current]
        banned[..., -1] = current == 5
        return banned

    def forward(self, tokens):
        return super().forward(tokens).masked_fill(self.banned(tokens), self.least)

    def decoder(self, tokens, length):
        banned = self.banned(torch.arange(5))
        return Chain(self.table.detach().masked_fill(banned, self.least), tokens)


class Plodding(Lawful):
    """The same, with a decoder that knows nothing of tables."""

    def decoder(self, tokens, length):
        model = self

        class Rows:
            def __init__(self):
                self.tokens = tokens

            def logits(self):
                return model(self.tokens)[:, -1]

            def push(self, following):
                self.tokens = torch.cat([self.tokens, following[:, None]], 1)

            def keep(self, rows):
                self.tokens = self.tokens[rows]

        return Rows()


def forbidding(kind):
    """A model with forbidden steps, its parameters drawn from a seed."""
    model = kind(TASK.vocab)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(generator=pr.seeded(0, "weights"))
        if kind is pr.LinearTransformer:
            model.current[:, 0] = -torch.inf  # no step leads to 0
        elif kind is pr.LogitTable:
            model.table[:, :, 0] = -torch.inf
            model.table[4, 3, [0, 1, 2, 3, 5]] = -torch.inf  # one step is left
    return model


KINDS = [pr.LogitTable, pr.LinearTransformer, Lawful, Plodding]
LOSSES = {
    "sft": pr.sft,
    "policy gradient": pr.policy_gradient,
    "baseline": partial(pr.policy_gradient, baseline=True),
    "penalty": partial(pr.policy_gradient, kl=0.1),
    "Dr. GRPO": dr_grpo,
    "GRPO with KL": partial(grpo, kl=0.1, entropy=0.1),
    "DAPO": dapo,
    "IPS": ips,
    "entropy in the return": partial(reinforce, entropy=0.1, entropy_placement="path"),
    "trajectory balance": partial(trajectory_balance, temperature=1.0),
    "Q-learning": pr.q_learning,
    "target network": partial(pr.q_learning, discount=0.9),
}
REFRESH = {"penalty": 0, "GRPO with KL": 0, "target network": 3}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_trains_a_model_that_forbids_steps(kind, name):
    model = forbidding(kind)
    if name == "sft":
        rows = pr.sample_paths(TASK, 4, pr.seeded(0, "paths"))
        batches = pr.demonstrations(TASK, rows, rng=pr.seeded(0, "batches"))
    else:
        batches = pr.on_policy(model, TASK, rng=pr.seeded(0, "walks"))
    banned = [weight == -torch.inf for weight in model.parameters()]
    config = pr.TrainConfig(steps=12, lr=0.1, refresh=REFRESH.get(name))
    assert len(list(pr.train(model, batches, LOSSES[name], config))) == 12
    for weight, ban in zip(model.parameters(), banned, strict=True):
        assert weight[~ban].isfinite().all()
        assert (weight[ban] == -torch.inf).all()


@pytest.mark.parametrize("name", LOSSES)
def test_loss_and_gradient_are_those_of_a_very_small_logit_in_the_place_of_infinity(name):
    given, found = forbidding(Lawful), []
    rows = pr.sample_paths(TASK, 2, pr.seeded(0, "paths"))
    for least in (-torch.inf, -1e4):
        model = Lawful(TASK.vocab)
        model.load_state_dict(given.state_dict())
        model.least = least
        frozen = model(rows[:, :-1]).detach() + 0.0 if name in REFRESH else None
        reward = torch.rand(rows[:, 1:].shape, generator=pr.seeded(0, "reward"))
        batch = Batch(TASK.vocab.chosen(rows), reward, rows, frozen)
        value = LOSSES[name](model(rows[:, :-1]), batch)
        found.append((value.detach(), torch.autograd.grad(value, model.table)[0]))
    (one, slope), (two, its) = found
    assert torch.allclose(one, two, atol=1e-6)
    assert torch.allclose(slope, its, atol=1e-6)
    assert slope.abs().max() > 1e-3


@pytest.mark.parametrize("kind", [Lawful, Plodding])
@pytest.mark.parametrize(
    "sampler", [pr.Sampler(), pr.Sampler(temperature=0.1), pr.Sampler(greedy=True)]
)
def test_what_is_forbidden_is_never_drawn(kind, sampler):
    model = forbidding(kind)
    rollouts = rollout(model, TASK.pairs.repeat(20, 1), rng=pr.seeded(0, "w"), sampler=sampler)
    chosen = TASK.vocab.chosen(rollouts) & (rollouts[:, 1:] != 5)
    assert GRAPH.legal[rollouts[:, :-1][chosen], rollouts[:, 1:][chosen]].all()


@pytest.mark.parametrize("kind", KINDS)
def test_scores_of_a_model_that_forbids_steps_are_finite(kind):
    model = forbidding(kind)
    scores = pr.evaluate(model, TASK, rng=pr.seeded(0, "e"), samples=20)
    assert 0 < scores.entropy < 2
    assert kind not in (Lawful, Plodding) or scores.errors["no edge"] == 0
    logits = pr.next_logits(forbidding(Lawful))
    kl = pr.kl_to_uniform(GRAPH, logits)
    correct = GRAPH.correct.any(-1) & ~torch.eye(5, dtype=torch.bool)
    assert kl[correct].isfinite().all()


def test_entropy_counts_a_forbidden_choice_as_nothing():
    task = pr.Task(pr.chain(2), torch.tensor([[0, 1]]))
    model = pr.LogitTable(task.vocab)
    with torch.no_grad():
        model.table[1, 0, 0] = -torch.inf
    scores = pr.evaluate(model, task, rng=pr.seeded(0, "e"), samples=4)
    assert scores.entropy == pytest.approx(torch.tensor(2.0).log().item())


def test_a_right_step_that_is_forbidden_is_infinitely_far_from_uniform():
    logits = torch.zeros(3, 3, 4)
    logits[2, 0, 1] = -torch.inf
    kl = pr.kl_to_uniform(pr.chain(3), logits)
    assert kl[2, 0] == torch.inf
    assert kl[2, 1].isfinite()


def test_a_demonstrated_step_that_the_model_forbids_is_named():
    task = pr.all_pairs(pr.chain(3))
    model = pr.LogitTable(task.vocab)
    with torch.no_grad():
        model.table[2, 0, 1] = -torch.inf
    shown = pr.demonstrations(task, torch.tensor([[0, 2, 0, 1, 2, 3]]), rng=pr.seeded(0, "b"))
    before = model.table.detach().clone()
    with pytest.raises(
        pr.TrainingError, match="from 0 to 1 on the path to 2, and the model forbids"
    ) as told:
        list(pr.train(model, shown, pr.sft, pr.TrainConfig(steps=1)))
    assert "smaller lr" not in str(told.value)
    assert torch.equal(model.table, before)


def test_a_place_that_forbids_everything_matters_only_to_those_who_stand_there():
    task = pr.all_pairs(pr.chain(3))
    model = pr.LogitTable(task.vocab)
    with torch.no_grad():
        model.table[2, 1] = -torch.inf
        model.table[2, 2] = -torch.inf  # at the target nothing is drawn
        model.table[2, 0, [0, 1, 3]] = -torch.inf
    for count in (1, 40):  # few walks, and as many as make a table worth while
        pairs = torch.tensor([[0, 2]] * count)
        rollouts = rollout(model, pairs, rng=pr.seeded(0, "w"))
        assert rollouts.tolist() == [[0, 2, 0, 2, 3]] * count
        for sampler in (pr.Sampler(), pr.Sampler(greedy=True)):
            with pytest.raises(pr.InputError, match="forbid every next token"):
                rollout(
                    model,
                    pairs[:, [1, 1]] - torch.tensor([1, 0]),
                    rng=pr.seeded(0, "w"),
                    sampler=sampler,
                )


def test_no_more_is_earned_where_every_node_is_forbidden():
    tokens = torch.tensor([[0, 2, 0, 1, 2, 3]])
    batch = Batch(torch.tensor([[0, 0, 1, 0, 0]]).bool(), torch.zeros(1, 5), tokens)
    logits = torch.zeros(1, 5, 4, requires_grad=True)
    bans = torch.zeros(1, 5, 4, dtype=torch.bool)
    bans[0, 3, :3] = True
    loss = pr.q_learning(logits.masked_fill(bans, -torch.inf) + 1.0, batch)
    assert loss.item() == 1.0
    loss.backward()
    assert logits.grad.isfinite().all()


def test_a_table_that_forbids_is_saved_and_loaded(tmp_path):
    model = forbidding(pr.LogitTable)
    save(tmp_path, model, {}, [])
    assert torch.equal(load(tmp_path).model.table, model.table)
