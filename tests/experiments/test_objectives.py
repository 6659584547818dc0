"""The objectives' table and studies do what their predictions say they measure."""

from dataclasses import replace

import pytest
import torch

import planrl
from planrl.claims import objectives as claims
from planrl.experiments import methods, objectives
from planrl.experiments.objective_graphs import lengths, on_a_dag
from planrl.objectives.clock import curve
from planrl.objectives.enumeration import every_path, path_probs
from planrl.objectives.rounds import success_probs
from planrl.tasks import is_path

UNWRITTEN = {("kl-k2-token", "accuracy"), ("kl-noise", "k2"), ("kl-noise", "k3")}
UNWRITTEN |= {("clip-higher", "four epochs")}
"""The conditions whose bounds were committed in the code alone."""


def test_every_prediction_is_of_the_table_and_has_a_bound_and_a_reason():
    for one in claims.PREDICTIONS:
        assert one["regime"] == "table"
        assert "low" in one or "high" in one, one["id"]
        assert one["reason"].endswith(".")
    assert len({one["id"] for one in claims.PREDICTIONS}) == len(claims.PREDICTIONS)


@pytest.mark.parametrize("claim", claims.CLAIMS, ids=lambda claim: claim.id)
def test_the_bounds_on_the_table_are_those_that_were_written_down(claim):
    told = [one for one in claims.PREDICTIONS if f"{one['id']}-".startswith(f"{claim.id}-")]
    assert told
    for condition in claim.conditions:
        if (claim.id, condition.name) in UNWRITTEN:
            continue
        assert any(
            one.get("low") in (None, condition.low) and one.get("high") in (None, condition.high)
            for one in told
        ), condition.name


def test_the_toy_is_one_choice_of_three_correct_and_three_wrong_on_paths_of_one_length():
    policy = objectives.a_base(0)
    model = objectives.a_table(policy)
    assert torch.allclose(objectives.choices(model), policy.expand(objectives.COPIES, 6), atol=1e-6)
    assert float(policy[:3].sum()) == pytest.approx(objectives.START)
    found = success_probs(model, objectives.TASK)
    assert torch.allclose(found, torch.full_like(found, 0.3), atol=1e-6)
    one = replace(objectives.TASK, pairs=objectives.TASK.pairs[:1])
    rows = torch.tensor(
        [
            [0, objectives.TARGET, 0, middle, end, objectives.GRAPH.n]
            for middle, end in zip(
                objectives.MIDDLE, [objectives.TARGET] * 3 + [objectives.DEAD_END] * 3, strict=True
            )
        ]
    )
    assert path_probs(model, rows).sum().item() == pytest.approx(1, abs=1e-6)
    assert is_path(one.graph, rows).tolist() == [True] * 3 + [False] * 3
    with pytest.raises(planrl.InputError, match="more than"):
        every_path(one, max_tokens=8)


def test_unevenness_is_the_divergence_from_equal_shares_of_the_correct_choices():
    even = torch.tensor([0.2, 0.2, 0.2, 0.4, 0, 0]).double()
    assert float(objectives.uneven(even)) == pytest.approx(0, abs=1e-12)
    skewed = torch.tensor([0.4, 0.1, 0.1, 0.4, 0, 0]).double()
    third = torch.tensor([4 / 6, 1 / 6, 1 / 6]).double()
    wanted = float((1 / 3 * (1 / 3 / third).log()).sum())
    assert float(objectives.uneven(skewed)) == pytest.approx(wanted)


def test_sampled_updates_follow_the_exact_curve():
    base = objectives.a_base(99)
    model = objectives.a_table(base)
    done = objectives.descend(model, objectives.rloo, 99, 400, lr=0.2, until=0.8)
    assert 10 < done < 400
    p = objectives.choices(model)[:, :3].sum(-1)
    assert 0.8 <= float(p.mean()) < 0.85
    told = curve(base, objectives.CORRECT, sorted(p.tolist()), pieces=10)
    found = objectives.uneven(objectives.choices(model)).mean()
    assert abs(found - objectives.uneven(told.policy).mean()) < 0.1


def test_every_part_is_made_of_numbers(monkeypatch):
    monkeypatch.setattr(objectives, "PARTS", (objectives.rounds, objectives.clip_higher))
    found = objectives.measure(99, steps=10)
    assert set(found) == {"facts", "rounds", "clip_higher"}
    assert found["clip_higher"]["difference_1"] == 0
    assert found["rounds"]["told"] == pytest.approx(0.95**10)
    with pytest.raises(planrl.InputError, match="steps=3"):
        objectives.measure(0, steps=3)


def test_on_a_dag_the_base_is_far_from_the_prediction_and_training_goes_there():
    found = on_a_dag(99, 60)
    for name in ("k2_loss", "k3_loss", "k1_path"):
        assert found[f"{name}_moved"] > 0.3
        assert found[f"{name}_gap"] < 0.7 * found[f"{name}_moved"]


@pytest.mark.slow
def test_a_mean_over_steps_spares_long_wrong_paths():
    found = lengths(99, 100)
    assert found["long_path"] > found["long_constant"] + 0.05


def test_the_methods_differ_in_their_loss_and_not_in_what_they_sample():
    for letter, study in methods.METHODS.items():
        assert study.base == methods.REGIMES[letter].base
        assert study.dataset == methods.REGIMES[letter].dataset
        sampled = {
            (one.algorithm.stream, one.batch, one.steps)
            for name, one in study.learners.items()
            if name != "expert iteration"
        }
        assert sampled == {(methods.GROUPED, 128, 2000)}
        losses = [str(one.algorithm.given()) for one in study.learners.values()]
        assert len(set(losses)) == len(losses)
        reads = {name for name, one in study.learners.items() if one.algorithm.reads_base}
        assert reads == {"DPO", "trajectory balance", *(n for n in study.learners if "KL" in n)}
    assert len(methods.STUDIES) == 21


@pytest.mark.slow
def test_a_study_of_methods_runs(tmp_path):
    small = next(one for one in methods.STUDIES if one.tier == "quick")
    few = replace(small, learners={"GRPO": small.learners["GRPO"]})
    found = few.run({}, lambda result: None)
    assert found["learners"]["GRPO"]["train_accuracy"][-1] >= 0
