"""The lab of two objectives: its loss is that of planrl.objectives, its prediction that of theory."""

import json
import shutil
import subprocess
from dataclasses import replace
from functools import partial
from itertools import pairwise
from math import isnan
from pathlib import Path

import pytest
import torch

import planrl.labs
from planrl.errors import InputError
from planrl.graphs import Graph
from planrl.labs import Session
from planrl.labs.catalogue import lab_named
from planrl.labs.engine.models import NODES, VOCAB
from planrl.labs.engine.objective import ALGORITHM, OBJECTIVE, UNIFORMITY, objective_loss
from planrl.labs.engine.question import QUESTION_OPTIONS, paths, predicted, reward_weight, uniform
from planrl.labs.page.links import SHEET, of_sheet
from planrl.labs.page.recordings import recorded_at
from planrl.labs.spec.controls import read_state
from planrl.labs.spec.objective_terms import BONUSES, METHODS, PENALTIES
from planrl.objectives import advantages, clock
from planrl.objectives.fixed_points import on_graph
from planrl.objectives.penalties import Entropy, Kl
from planrl.objectives.policy import (
    CLIP_HIGHER,
    DAPO,
    DR_GRPO,
    GRPO,
    GSPO,
    IPS,
    REINFORCE,
    RFT,
    RLOO,
    Objective,
)
from planrl.objectives.preferences import dpo, trajectory_balance
from planrl.objectives.sheet import ENTRIES
from planrl.tasks import Batch

OURS = {
    "reinforce": REINFORCE,
    "rloo": RLOO,
    "grpo": GRPO,
    "grpo-higher": replace(GRPO, clip=CLIP_HIGHER),
    "dr-grpo": DR_GRPO,
    "dapo": DAPO,
    "gspo": GSPO,
    "pass-2": Objective(advantage=partial(advantages.pass_at_k, k=2)),
    "pass-8": Objective(advantage=partial(advantages.pass_at_k, k=8)),
    "rft": RFT,
    "ips": IPS,
    "ucpo": Objective(advantage=partial(advantages.uniform_correct, weight=UNIFORMITY)),
    "dpo": partial(dpo, kl=0.01),
    "balance": partial(trajectory_balance, temperature=0.01, kl=1.0),
}


def tensors(options):
    return {name: torch.tensor(float(value)) for name, value in options.items()}


def a_batch(rows=16, size=8):
    """Paths of groups of this size, of different pairs so that the library, too, takes them for
    groups; in the first eight one path is correct. The policy has moved since it drew them, and the
    base is another one."""
    rng = torch.Generator().manual_seed(3)
    length = 9
    tokens = torch.randint(0, NODES, (rows, length), generator=rng)
    row = torch.arange(rows)
    correct = (row % 3 == 0) & ((row == 0) | (row >= 8))
    tokens[:, 1] = row // size
    tokens[:, 0] = tokens[:, 2] = NODES - 1
    tokens[:, 5] = torch.where(correct, tokens[:, 1], tokens[:, 5])
    over = torch.arange(length) >= 6 + (row % 2)[:, None]
    tokens = torch.where(over, VOCAB.end, tokens)
    chosen = VOCAB.chosen(tokens)
    reward = torch.zeros(rows, length - 1)
    reward[correct, 4] = 1.0
    shape = rows, length - 1, VOCAB.size
    logits, base, old = (torch.randn(shape, generator=rng) for _ in range(3))
    old = logits + 0.3 * old
    log_probs = old.log_softmax(-1).gather(-1, tokens[:, 1:, None]).squeeze(-1)
    return logits, Batch(chosen, reward, tokens, base, log_probs)


def penalised(objective, penalty, weight):
    estimator, where = penalty.split("-")
    if where == "ratio":
        return replace(objective, kl=Kl(weight=weight, estimator=estimator, corrected=True))
    return replace(objective, kl=Kl(weight=weight, estimator=estimator, placement=where))


def value_and_gradient(loss, logits):
    gradient, value = torch.func.grad_and_value(loss)(logits)
    return value, gradient


CASES = [
    *((name, {}, objective) for name, objective in OURS.items()),
    *(("grpo", {**PENALTIES[name], "kl": 0.3}, penalised(GRPO, name, 0.3)) for name in PENALTIES),
    *(
        (
            "rloo",
            {**BONUSES[where], "entropy": 0.2},
            replace(RLOO, entropy=Entropy(weight=0.2, placement=where)),
        )
        for where in BONUSES
    ),
    ("gspo", {**PENALTIES["k3-ratio"], "kl": 0.3}, penalised(GSPO, "k3-ratio", 0.3)),
    ("pass-2", {**PENALTIES["k2-loss"], "kl": 0.3}, penalised(OURS["pass-2"], "k2-loss", 0.3)),
    ("rft", {**PENALTIES["k1-token"], "kl": 0.3}, penalised(RFT, "k1-token", 0.3)),
    ("dpo", {**PENALTIES["k3-loss"], "kl": 0.3}, partial(dpo, kl=0.3)),
    (
        "balance",
        {**PENALTIES["k1-path"], "kl": 0.3},
        partial(trajectory_balance, temperature=0.3, kl=1.0),
    ),
]


@pytest.mark.parametrize(("method", "more", "objective"), CASES)
def test_the_labs_loss_and_gradient_are_those_of_the_objective(method, more, objective):
    logits, batch = a_batch()
    given = tensors({**OBJECTIVE, "group": 8, **METHODS[method], **more})
    ours = value_and_gradient(lambda x: objective_loss(x, batch, given), logits)
    theirs = value_and_gradient(lambda x: objective(x, batch), logits)
    assert float(theirs[1].abs().max()) > 1e-3
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-6)


def test_pass_at_8_of_groups_of_four_is_pass_at_4():
    logits, batch = a_batch(size=4)
    given = tensors({**OBJECTIVE, **METHODS["pass-8"], "group": 4})
    objective = Objective(advantage=partial(advantages.pass_at_k, k=4))
    ours = value_and_gradient(lambda x: objective_loss(x, batch, given), logits)
    theirs = value_and_gradient(lambda x: objective(x, batch), logits)
    assert float(theirs[1].abs().max()) > 1e-3
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


# --- what is measured of one question, and what is predicted
EDGES = [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (2, 5), (3, 5), (4, 6), (5, 6), (4, 7), (0, 6)]
SMALL = Graph(NODES, EDGES)
TARGET = 6


def a_base(seed=0):
    """A random policy that takes edges or ends the path."""
    weights = torch.rand(NODES, VOCAB.size, generator=torch.Generator().manual_seed(seed)) + 0.05
    able = torch.cat([SMALL.adjacency, torch.ones(NODES, 1, dtype=torch.bool)], 1)
    base = torch.where(able, weights, 0.0)
    return base / base.sum(-1, keepdim=True)


def one_hot(node):
    return (torch.arange(NODES) == node).float()


def ours(base, **options):
    given = tensors({**QUESTION_OPTIONS, **options})
    edges = SMALL.adjacency.float()
    return predicted(base.log(), edges, one_hot(0), one_hot(TARGET), given)


@pytest.mark.parametrize(
    ("more", "objective"),
    [
        ({**PENALTIES["k1-token"], "kl": 0.3}, penalised(RLOO, "k1-token", 0.3)),
        ({**PENALTIES["k2-loss"], "kl": 0.1}, penalised(RLOO, "k2-loss", 0.1)),
        ({**PENALTIES["k3-ratio"], "kl": 1.0}, penalised(RLOO, "k3-ratio", 1.0)),
        ({**PENALTIES["k3-loss"], "kl": 0.3}, penalised(RLOO, "k3-loss", 0.3)),
        ({**PENALTIES["k3-loss"], "kl": 0.02}, penalised(RLOO, "k3-loss", 0.02)),
        ({**PENALTIES["k1-path"], "kl": 0.3}, penalised(RLOO, "k1-path", 0.3)),
        (
            {**PENALTIES["k2-loss"], "kl": 0.3, **METHODS["dr-grpo"]},
            penalised(DR_GRPO, "k2-loss", 0.3),
        ),
    ],
    ids=["k1-token", "k2-loss", "k3-ratio", "k3-loss", "k3-loss-weak", "k1-path", "centred"],
)
def test_where_every_step_is_an_edge_the_prediction_is_the_fixed_point_of_theory(more, objective):
    base = a_base()
    found = ours(base, **{**METHODS["rloo"], **more})
    known = on_graph(objective, SMALL, TARGET, base, group=8)
    for node in (0, 1, 2, 3, 4, 5):
        assert torch.allclose(found[node].double(), known[node], atol=2e-4), node


def test_the_weight_of_standardised_advantages_is_that_of_the_clock():
    given = tensors({**QUESTION_OPTIONS, **METHODS["grpo"]})
    for p in (0.05, 0.5, 0.97):
        found = float(reward_weight(torch.tensor(p), given))
        known = float(clock.weight(advantages.standardised, torch.tensor([p]), 8)[0])
        assert found == pytest.approx(known, rel=1e-3)


def test_the_weight_of_fine_tuning_on_successes_is_that_of_the_clock():
    given = tensors({**QUESTION_OPTIONS, **METHODS["rft"]})
    for p in (0.05, 0.5, 0.97):
        found = float(reward_weight(torch.tensor(p), given))
        known = float(clock.weight(advantages.share_of_successes, torch.tensor([p]), 8)[0])
        assert found == pytest.approx(known, rel=1e-3)


def correct_paths():
    under_way, correct = [(0,)], []
    while under_way:
        path = under_way.pop()
        for a, b in EDGES:
            if a == path[-1]:
                (correct if b == TARGET else under_way).append((*path, b))
    return correct


def test_where_correct_paths_are_drawn_to_equal_shares_each_is_predicted_to_be_equally_likely():
    paths, base = correct_paths(), a_base()
    found, count = uniform(base, SMALL.adjacency.float(), one_hot(0), one_hot(TARGET))
    assert int(count) == len(paths) == 5
    for path in paths:
        chance = torch.stack([found[a, b] for a, b in pairwise(path)]).prod()
        assert float(chance) == pytest.approx(1 / 5, abs=1e-6)
    assert torch.equal(found[7], base[7])


def test_the_predicted_end_of_trajectory_balance_is_that_of_k1_in_the_return():
    balance = ours(a_base(), **{**METHODS["balance"], **PENALTIES["k3-ratio"], "kl": 0.3})
    penalty = ours(a_base(), **{**METHODS["rloo"], **PENALTIES["k1-path"], "kl": 0.3})
    assert torch.allclose(balance, penalty, atol=1e-6)


def test_accuracy_and_paths_left_are_those_of_all_paths_one_by_one():
    base, correct = a_base(), correct_paths()
    probs = torch.stack([torch.stack([base[a, b] for a, b in pairwise(p)]).prod() for p in correct])
    solved, left = paths(base, SMALL.adjacency.float(), one_hot(0), one_hot(TARGET))
    assert float(solved) == pytest.approx(float(probs.sum()), rel=1e-5)
    share = probs / probs.sum()
    assert float(left) == pytest.approx(float((-(share * share.log()).sum()).exp()), rel=1e-5)


@pytest.mark.parametrize(
    ("link", "known"),
    [
        ("b=reinforce&b_lambda=0", False),
        ("b_lambda=0.3&b_kl=k1-loss", False),
        ("b_lambda=0.3&b_kl=k3-path", False),
        ("b_lambda=0.3&b_kl=k2-token", False),
        ("b_lambda=0.3&b_beta=0.1", False),
        ("b=dapo&b_lambda=0.3", False),
        ("b_lambda=0&b_beta=0.1&b_bonus=path", False),
        ("b=gspo&b_lambda=0.3&b_kl=k3-ratio", False),
        ("b=gspo&b_lambda=0.3&b_kl=k1-token", False),
        ("b=pass-2&b_lambda=0.3", False),
        ("b=rft&b_lambda=0", False),
        ("b=rft&b_lambda=0.3&b_kl=k1-path", False),
        ("b=ips&b_lambda=0.3", False),
        ("b=dpo&b_lambda=0.3", False),
        ("b=rft&b_lambda=0.3", True),
        ("b=ips&b_lambda=0", True),
        ("b=ucpo&b_lambda=0", True),
        ("b=balance&b_lambda=0.3&b_beta=0.1", True),
        ("b=gspo&b_lambda=0.3&b_kl=k3-loss", True),
        ("b_lambda=0&b_beta=0.1", True),
        ("b_lambda=0.3&b_kl=k3-loss", True),
        ("b_lambda=0.3&b_kl=k1-path", True),
    ],
)
def test_an_end_is_predicted_where_theory_knows_one_and_nowhere_else(link, known):
    _, b = Session("objectives", link).evaluate()
    assert isnan(b["limit_left"]) is not known
    assert bool(b["limit"].isnan().any()) is not known


def test_each_side_reads_its_own_controls():
    session = Session("objectives", "a=rloo&a_lambda=0.1&a_kl=k2-loss&b=dapo&group=4")
    a, b = (one.options for one in session.learners)
    assert (a["leave_one_out"], a["kl"], a["k2"], a["kl_loss"]) == (1, 0.1, 1, 1)
    assert (b["standardised"], b["filtered"], b["kl"], b["k3"]) == (1, 1, 0.3, 1)
    assert a["group"] == b["group"] == 4
    assert ALGORITHM.options.keys() >= {*a} - {*session.state.values} - {"may_stop"}


def test_the_same_objective_on_both_sides_trains_the_same():
    session = Session("objectives", "b_lambda=0")
    session.train(3)
    a, b = (one.state["params"] for one in session.learners)
    assert torch.equal(a, b)
    assert not torch.equal(a, session.starts["base"])


@pytest.mark.parametrize(("epochs", "same"), [(1, True), (4, False)])
def test_clip_higher_acts_only_on_further_updates_of_a_batch(epochs, same):
    session = Session("objectives", f"b=grpo-higher&b_lambda=0&epochs={epochs}&lr=4")
    session.train(24)
    a, b = (one.state["params"] for one in session.learners)
    assert torch.equal(a, b) is same


def test_a_ratio_of_the_path_is_that_of_its_steps_while_a_batch_is_new():
    session = Session("objectives", "b=gspo&b_lambda=0&epochs=4")
    a, b = (session._update(one, 0) for one in session.learners)
    assert float(a["gradient_norm"]) > 1e-3
    assert torch.allclose(a["m"], b["m"], atol=1e-6)
    session.train(4)
    assert not torch.allclose(*(one.state["m"] for one in session.learners), atol=1e-3)


def test_updates_of_one_batch_read_the_same_paths():
    session = Session("objectives", "epochs=2")
    rows = []
    for _ in range(4):
        new = session._update(session.learners[0], session.updates)
        rows.append(new["paths"])
        session.train(1)
    assert torch.equal(rows[0], rows[1])
    assert torch.equal(rows[2], rows[3])
    assert not torch.equal(rows[1], rows[2])


def test_a_term_that_a_formula_calls_without_effect_changes_no_bit():
    for link in (
        "a=pass-2&b=pass-2&b_kl=k1-path&b_lambda=0.3",
        "a=rft&b=rft&b_kl=k1-path&b_lambda=0.3",
        "a=dpo&a_lambda=0.3&b=dpo&b_kl=k1-loss&b_lambda=0.3&b_beta=0.2",
        "a=balance&a_lambda=0.3&b=balance&b_kl=k3-path&b_lambda=0.3&b_beta=0.2&b_bonus=path",
    ):
        session = Session("objectives", link)
        a, b = (session._update(one, 0) for one in session.learners)
        assert float(a["gradient_norm"]) > 1e-3
        assert torch.equal(a["m"], b["m"])


FORMULAS = """
const state = eval(require("fs").readFileSync(process.argv[1], "utf8") + ";planrlLabState");
const {lab, links} = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(links.map((link) => {
  const {settings} = state.read(lab, new URLSearchParams(link));
  return lab.learners.map((one) => [state.formula(one, settings), state.options(one, settings)]);
})));
"""


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")
def test_a_page_tells_the_terms_of_both_sides_and_gives_them_the_options_of_a_kernel():
    lab = lab_named("objectives")
    links = [
        "a=rloo&b=rloo&a_lambda=0.3&a_kl=k1-path&b_kl=k3-path",
        "b_lambda=0",
        "b_beta=0.1",
        "a=pass-2&a_kl=k1-path&a_lambda=0.3&a_bonus=path&a_beta=0.1&b=pass-8&b_kl=k1-loss",
        "a=dpo&a_lambda=0.1&b=balance&b_beta=0.1",
    ]
    script = Path(planrl.labs.__file__).parent / "web" / "lab-state.js"
    asked = json.dumps({"lab": lab.to_json(), "links": links})
    done = subprocess.run(
        ["node", "-e", FORMULAS, script], input=asked, text=True, capture_output=True, check=True
    )
    placed, same, bonus, verdicts, paired = json.loads(done.stdout)
    a, b = (parts for parts, _ in placed)
    assert a[:3] == b[:3] == ["loss = − Σ", "ρ (R − mean of the others)", ""]
    assert (a[3], b[3]) == (", with R − 0.3 Σ k1 for R", ", with R − 0.3 Σ k3 for R")
    assert same[0][0] == same[1][0]
    assert bonus[1][0][3:] == ["+ 0.3 ρ k3", "− 0.1 H"]
    assert all("without effect" in part for part in verdicts[0][0][3:])
    assert verdicts[1][0][3:] == ["+ 0.3 k1", ""]
    assert paired[0][0][3:] == ["", ""]
    assert paired[1][0][3:] == ["", ", and an entropy bonus without effect"]
    for link, sides in zip(links, (placed, same, bonus, verdicts, paired), strict=True):
        values = read_state(lab.controls, link).values
        assert [given for _, given in sides] == [one.options(values) for one in lab.learners]


def test_another_pair_is_another_question():
    usual, other = Session("objectives"), Session("objectives", "pair=3-17")
    rows = [one._update(one.learners[0], 0)["paths"][:, :2] for one in (usual, other)]
    for session, tokens in zip((usual, other), rows, strict=True):
        assert torch.equal(tokens, session.given["question"].float().expand(32, 2))
    assert other.given["question"].tolist() == [3, 17]


LOSS = "a=rloo&a_kl=k2-loss&a_lambda=0.3&b=rloo&b_kl=k3-loss&b_lambda=0.3"


# --- what the presets say, of the recorded runs: means of ten seeds after 300 updates
def ends(preset, updates=300):
    """A preset's two sides: accuracy and correct paths left, recorded after so many updates."""
    lab = lab_named("objectives")
    settings = next(one.settings for one in lab.presets if one.name == preset)
    link = "&".join(f"{name}={value}" for name, value in settings.items())
    name = "objectives" if preset == "pull" else f"objectives-{preset}"
    return [(one["solved"], one["left"]) for one in recorded_at(name, link, updates)]


def test_each_preset_is_recorded():
    for preset in lab_named("objectives").presets:
        assert len(ends(preset.name)) == 2
    with pytest.raises(InputError, match="no point of the recording"):
        recorded_at("objectives-clock", "b=dapo")


def test_a_penalty_takes_back_most_of_the_paths_that_are_lost_at_first():
    start, early, end = (ends("pull", updates)[1] for updates in (0, 40, 300))
    alone = ends("pull")[0]
    assert early[1] < end[1] / 2 < start[1] / 2
    assert end[1] > 0.75 * start[1]
    assert alone[1] < 1.3
    assert end[0] < alone[0] - 0.005


def test_under_a_strong_penalty_grpo_ends_near_its_prediction():
    _, b = recorded_at("objectives", "b_lambda=1")
    assert b["solved"] == pytest.approx(b["limit_solved"], abs=0.03)
    assert b["left"] == pytest.approx(b["limit_left"], rel=0.15)


def test_rloo_and_grpo_both_end_with_about_one_path():
    (p, a), (q, b) = ends("clock")
    assert min(p, q) > 0.99
    assert max(a, b) < 1.3


def test_in_the_return_k1_holds_paths_and_k3_does_not():
    start = ends("return", 0)[0][1]
    (_, k1), (_, k3) = ends("return")
    assert k1 == pytest.approx(0.8 * start, rel=0.05)  # "Teach with it": about four fifths
    assert 1.3 < k3 < 2.5


def test_in_the_loss_k3_keeps_paths_at_the_price_of_accuracy():
    start = ends("loss", 0)[0][1]
    (p2, k2), (p3, k3) = ends("loss")
    assert min(k2, k3) > 0.4 * start
    assert p3 < p2 - 0.05
    limits = recorded_at("objectives-loss", LOSS, 300)
    assert limits[1]["limit_solved"] < limits[0]["limit_solved"] - 0.05


def test_k1_in_the_loss_keeps_nothing():
    assert all(left < 1.3 for _, left in ends("noise"))


def test_a_bonus_in_the_return_loses_accuracy_and_one_in_the_loss_brings_paths_back():
    early, end = ends("entropy", 80)[0], ends("entropy")[0]
    assert end[1] > 1.5 * early[1]
    assert end[0] > 0.9
    assert ends("entropy")[1][0] < 0.1


def test_clip_higher_changes_nothing_in_the_first_update_of_a_batch():
    a, b = ends("clip")
    assert a == b


def test_pass_at_2_keeps_more_paths_than_rloo_at_equal_accuracy_and_pass_at_8_stops():
    rloo, passed = ends("pass", 40)[0], ends("pass", 60)[1]
    assert (rloo[0], passed[0]) == pytest.approx((0.967, 0.967), abs=0.003)
    assert 2 < rloo[1] < 3
    assert passed[1] == pytest.approx(9, abs=0.5)
    eight = recorded_at("objectives-pass", "a=rloo&b=pass-8&b_lambda=0")[1]
    assert eight["solved"] == pytest.approx(0.8, abs=0.03)


def test_a_clip_of_whole_paths_slows_down_and_keeps_more_paths_at_equal_accuracy():
    grpo, gspo = ends("gspo", 40)[0], ends("gspo", 100)[1]
    assert (grpo[0], gspo[0]) == pytest.approx((0.97, 0.97), abs=0.002)
    assert grpo[1] == pytest.approx(2, abs=0.2)
    assert gspo[1] == pytest.approx(4, abs=0.4)


def test_with_one_update_per_batch_gspo_ends_where_grpo_does():
    gspo = recorded_at("objectives-pass", "a=rloo&b=gspo&b_lambda=0")[1]
    grpo = ends("clock")[1]
    assert gspo["solved"] == pytest.approx(grpo[0], abs=2e-3)
    assert gspo["left"] == pytest.approx(grpo[1], abs=0.1)


def test_a_line_of_the_cheat_sheet_has_its_state_of_the_lab():
    controls = lab_named("objectives").controls
    for row in [name for name, one in SHEET.items() if "b" in one]:
        for added in [name for name, one in SHEET.items() if "b" not in one]:
            values = read_state(controls, of_sheet(row, {added: 0.11})).values
            assert values["a"] == values["b"] == SHEET[row]["b"]
            assert max(values["b_lambda"], values["b_beta"]) == 0.1
            assert SHEET[added].items() <= values.items()
            assert (values["a_lambda"], values["a_beta"]) == (0, 0)
    assert SHEET.keys() <= ENTRIES.keys()
    assert of_sheet("RLOO", {}).endswith("a=grpo&a_lambda=0&a_beta=0")
    assert of_sheet("PPO-clip", {}) == of_sheet("", {}) == ""
    link = of_sheet("GRPO", {"k3 in the loss, times the ratio": 0.3})
    assert len(recorded_at("objectives", link)) == 2  # else it raises: a reader sees a run at once
    for row in ("GSPO", "pass@k"):
        assert len(recorded_at("objectives-pass", of_sheet(row, {}))) == 2
    for row in ("RFT", "IPS"):
        assert len(recorded_at("objectives-preference", of_sheet(row, {}))) == 2


def test_ips_and_ucpos_idea_keep_several_times_the_paths_of_the_base():
    start = ends("shares", 0)[0][1]
    for solved, left in ends("shares"):
        assert solved > 0.97
        assert left > 4 * start
    for one in recorded_at("objectives-shares", "a=ips&b=ucpo&b_lambda=0"):
        assert one["limit_left"] > 1.2 * one["left"]  # on their way


def test_k1_in_the_return_and_trajectory_balance_come_to_one_predicted_end():
    a, b = recorded_at("objectives-balance", "a=rloo&a_kl=k1-path&a_lambda=0.3&b=balance")
    for key in ("limit_solved", "limit_left"):
        assert a[key] == pytest.approx(b[key], rel=1e-3)
    for one in (a, b):
        assert one["solved"] == pytest.approx(one["limit_solved"], abs=0.02)
        assert 0.5 * one["limit_left"] < one["left"] < 1.1 * one["limit_left"]


def test_dpo_leaves_about_one_path_as_rloo_does():
    assert all(left < 1.3 for _, left in ends("preference"))
