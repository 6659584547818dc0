"""The cheat sheet is computed from objectives, and a config is the line that its options make."""

import json
from dataclasses import replace

import pytest
import torch

from planrl.cli.explain_config import lab_link
from planrl.errors import InputError
from planrl.objectives import policy, sheet
from planrl.objectives.advantages import Group, pass_at_k
from planrl.objectives.configs import applies, explain, library_of, rules
from planrl.objectives.fixed_points import Limit, fixed_point
from planrl.objectives.penalties import Kl

ACTOR = "actor_rollout_ref.actor."
LOSS_MODE = f"{ACTOR}policy_loss.loss_mode"


def verl(**options):
    names = {"adv_estimator": "algorithm.", "norm_adv_by_std_in_grpo": "algorithm."}
    names |= {"use_kl_in_reward": "algorithm.", "kl_penalty": "algorithm."}
    return {f"{names.get(name, ACTOR)}{name}": value for name, value in options.items()}


def test_what_the_sheet_says_of_diversity_is_computed():
    said = {entry.name: sheet.diversity(sheet.ends(entry)) for entry in sheet.ENTRIES.values()}
    for name in ("RLOO", "GRPO", "Dr. GRPO", "DAPO", "GSPO", "PPO-clip", "pass@k", "no penalty"):
        assert said[name] == "fewer along the line", name
    for name in ("REINFORCE", "RFT"):
        assert "one by drift" in said[name]
    for name in ("IPS", "entropy bonus in the loss"):
        assert said[name] == "equal shares"
    held = ("k2 in the loss", "k3 in the loss", "k3 in the loss, times the ratio")
    for name in (*held, "k1 in the return of the path"):
        assert said[name] == "the base's ratios", name
    for name in ("k1 in the loss", "k2 in the return of the path", "k3 in the return of the path"):
        assert said[name] == "not held", name
    assert sheet.diversity(Limit(torch.tensor([0.4, 0.3, 0.2, 0.1]).double(), "")) == "other ratios"


def test_weights_of_the_sheet_are_those_of_the_clock():
    found = {e.name: sheet.weight_at(e, 0.5) for e in sheet.METHODS}
    assert found["RLOO"] == pytest.approx(1)
    assert found["Dr. GRPO"] == pytest.approx(7 / 8)
    assert found["pass@k"] == pytest.approx(8 * 0.5**7)
    assert found["IPS"] is None
    filtered = 1 - 2 * 0.5**8  # DAPO draws other groups in place of those whose verdicts are equal
    assert found["DAPO"] == pytest.approx(found["GRPO"] / filtered)
    assert all(sheet.formula(entry) for entry in sheet.ENTRIES.values())


def test_k3_in_the_loss_ends_at_a_lower_accuracy_than_k2_on_the_sheets_base():
    k2, k3 = (
        sheet.reached(sheet.ends(sheet.ENTRIES[n])) for n in ("k2 in the loss", "k3 in the loss")
    )
    assert k3[0] < k2[0] - 0.05
    assert k3[1] == pytest.approx(k2[1])
    assert sheet.reached(sheet.ends(sheet.ENTRIES["GRPO"])) is None


def entries(library):
    """Each line of the sheet that a library has, with the options that the sheet names."""
    for entry in sheet.ENTRIES.values():
        options = {
            name: "0.3" if value == "> 0" else value
            for name, value in getattr(entry, "verl" if library == "verl" else "trl").items()
        }
        rloo = options.pop("RLOOConfig", None) is not None
        if (options or rloo) and rloo == (library == "RLOOConfig"):
            yield pytest.param(entry, options, id=entry.name)


@pytest.mark.parametrize(("entry", "options"), list(entries("GRPOConfig")))
def test_the_options_of_trl_that_the_sheet_names_are_the_line_that_they_stand_in(entry, options):
    found = explain(options, "GRPOConfig")
    assert entry.name in (found.row, *found.added, "no penalty")
    assert found.unknown == ()


@pytest.mark.parametrize(("entry", "options"), list(entries("RLOOConfig")))
def test_the_options_of_rloo_are_the_line_that_they_stand_in(entry, options):
    found = explain(options, "RLOOConfig")
    assert entry.name in (found.row, *found.added)


@pytest.mark.parametrize(("entry", "options"), list(entries("verl")))
def test_the_options_of_verl_that_the_sheet_names_are_the_line_that_they_stand_in(entry, options):
    found = explain(options, "verl")
    assert entry.name in (found.row, *found.added, "no penalty")
    assert found.unknown == ()


def test_defaults_of_trl_are_dapo_without_penalty_and_on_policy():
    found = explain({"learning_rate": "1e-6"}, "GRPOConfig")
    assert (found.row, found.added, found.unknown) == ("DAPO", (), ())
    assert any("no effect" in note for note in found.notes)
    assert sheet.diversity(found.limit) == "fewer along the line"


def test_defaults_of_rloo_have_k1_in_the_return():
    found = explain({"reward_clip_range": "none"})
    assert (found.library, found.row) == ("RLOOConfig", "RLOO")
    assert found.added == ("k1 in the return of the path",)
    assert found.limit.policy is not None


def test_the_weight_of_the_config_counts():
    weak, strong = (explain({"beta": beta}).limit.policy for beta in ("0.02", "1"))
    assert weak[sheet.CORRECT].sum() > strong[sheet.CORRECT].sum() + 0.1


def test_several_updates_of_a_batch_are_told_from_one():
    one = verl(adv_estimator="grpo", ppo_mini_batch_size="64") | {"data.train_batch_size": "64"}
    assert any("no effect" in note for note in explain(one).notes)
    two = one | {f"{ACTOR}ppo_mini_batch_size": "32"}
    assert not any("no effect" in note for note in explain(two).notes)
    assert any("several updates" in note for note in explain(two).notes)
    for name in ("num_iterations", "steps_per_generation"):
        notes = explain({name: "4"}).notes
        assert not any("no effect" in note for note in notes)
        assert any("more than one update" in note for note in notes)


def test_unknown_options_are_named_and_options_beside_the_objective_are_not():
    found = explain({"beta": "0.1", "frobnicate": "1", "bf16": "true", "max_prompt_length": "512"})
    assert found.unknown == ("frobnicate",)
    found = explain({f"{ACTOR}optim.lr": "1e-6", f"{ACTOR}clip_ratoi": "0.2", "trainer.x": "1"})
    assert found.unknown == (f"{ACTOR}clip_ratoi",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss_type": "cispo"}, "not among planrl's losses"),
        ({"scale_rewards": "batch"}, "whole batch"),
        ({"use_adaptive_entropy": "true"}, "coefficient changes"),
        ({"beta": "0.1", "entropy_coef": "0.1"}, "not for both"),
        (verl(adv_estimator="remax"), "this adv_estimator"),
        (verl(adv_estimator="grpo", use_kl_loss="true", kl_loss_type="full"), "kl_loss_type"),
        (verl(adv_estimator="grpo", use_kl_in_reward="true"), "no fixed point"),
    ],
)
def test_what_no_end_is_known_of_is_said_and_never_guessed(options, words):
    found = explain(options)
    assert found.limit is None
    assert any(words in why for why in found.why), found.why


def test_a_value_that_an_option_cannot_have_is_refused():
    with pytest.raises(InputError, match="beta: 'lots' was given, expected a number"):
        explain({"beta": "lots"})
    with pytest.raises(InputError, match="loss_type: 'gropo' was given, expected one of grpo"):
        explain({"loss_type": "gropo"})
    with pytest.raises(InputError, match="library='jax' is unknown"):
        explain({"beta": "0"}, "jax")


def test_libraries_are_told_by_their_options():
    assert library_of({"algorithm.adv_estimator": "grpo"}) == "verl"
    assert library_of({"normalize_advantages": "true"}) == "RLOOConfig"
    assert library_of({"beta": "0"}) == "GRPOConfig"


def test_every_rule_names_options_that_are_read_and_lines_of_the_sheet():
    for library, book in rules().items():
        for part in ("rows", "penalties", "bonuses", "notes"):
            for rule in book[part]:
                assert set(rule["when"]) <= book["defaults"].keys(), (library, rule)
                assert ("row" in rule) + ("none" in rule) + ("says" in rule) == 1
                assert rule.get("row", "RLOO") in sheet.ENTRIES
                applies(rule["when"], book["defaults"])
        assert not {*book["defaults"]} & {*book["beside"]}
        assert explain({}, library).row
    json.dumps(rules(), allow_nan=False)


def test_options_inside_of_an_option_do_not_make_a_config_verls():
    inside = {"scale_rewards": "none", "loss_type": "dr_grpo", "model_init_kwargs.dtype": "bf16"}
    told = explain(inside)
    assert (told.library, told.row, told.unknown) == ("GRPOConfig", "Dr. GRPO", ())


def test_the_advantage_of_verls_grpo_passk_is_pass_at_k_over_the_number_that_its_note_names():
    """r_max minus the second best, over the group's standard deviation or not, for one return of 0
    or 1 each."""
    group = 8
    for normed, divisor in ((False, group), (True, group**0.5)):
        for correct in range(group + 1):
            returns = (torch.arange(group) < correct).double()
            best = returns.topk(2).values
            given = torch.zeros(group).double()
            given[0] = (best[0] - best[1]) / (returns.std() + 1e-6 if normed else 1.0)
            same = torch.ones(group, group).double()
            ours = pass_at_k(Group(returns, same, returns, 0 * returns), k=group)
            assert torch.allclose(given * divisor, ours, atol=1e-4)


def test_a_config_of_pass_at_k_or_gspo_leads_to_its_state_of_the_lab():
    passk = explain(verl(adv_estimator="grpo_passk"))
    assert (passk.row, "b=pass-8" in lab_link(passk)) == ("pass@k", True)
    assert any("k = rollout.n" in note for note in passk.notes)
    with_kl = explain(verl(adv_estimator="grpo_passk", use_kl_loss="true"))
    assert (with_kl.limit, lab_link(with_kl)) == (None, "")
    sequence = {"importance_sampling_level": "sequence", "loss_type": "grpo"}
    gspo = explain({**sequence, "beta": "0.3"})
    assert (gspo.row, gspo.added) == ("GSPO", ("k3 in the loss, times the ratio",))
    assert "whole answer" in gspo.why[0]
    assert {"b=gspo", "b_kl=k3-ratio", "b_lambda=0.3"} <= {*lab_link(gspo).split("&")}
    assert "b=gspo" in lab_link(explain(verl(adv_estimator="grpo") | {LOSS_MODE: "gspo"}))


def test_groups_that_are_left_out_are_told_in_every_row():
    actor = "actor_rollout_ref.actor."
    options = {
        "algorithm.adv_estimator": "grpo",
        "algorithm.norm_adv_by_std_in_grpo": "false",
        "algorithm.filter_groups.enable": "true",
        f"{actor}use_kl_loss": "true",
        f"{actor}loss_agg_mode": "seq-mean-token-sum-norm",
    }
    told = explain(options)
    assert (told.row, told.limit) == ("Dr. GRPO", None)
    assert "groups left out" in told.why[0]


def test_a_mean_over_the_batch_has_the_weight_of_a_large_batch():
    verl = {"algorithm.adv_estimator": "gae", "actor_rollout_ref.actor.use_kl_loss": "true"}
    weight = {"actor_rollout_ref.actor.kl_loss_coef": "0.3"}
    kind = {"actor_rollout_ref.actor.kl_loss_type": "mse"}
    critic = explain({**verl, **weight, **kind}).limit.policy
    own = fixed_point(
        replace(policy.REINFORCE, kl=Kl(weight=0.3, estimator="k2", placement="loss")),
        sheet.BASE,
        sheet.VALUE,
    ).policy
    assert torch.allclose(critic, own, atol=1e-9)
