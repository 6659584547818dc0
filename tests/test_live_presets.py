"""What a preset says beside it is what its learners do."""

import pytest

from planrl.live import Session
from planrl.live.bodies import BODIES, CONFIG
from planrl.live.catalogue import labs
from planrl.live.labs import METRICS
from planrl.live.looks import SAMPLES
from planrl.live.workshop import VERDICTS

SEEDS = (0, 1)


def after(lab, preset, *updates, seeds=SEEDS, **changes):
    """Means over seeds of the looks at 0 and after so many updates: [look][learner][metric]."""
    settings = {**next(p.settings for p in labs()[lab].presets if p.name == preset), **changes}
    runs = []
    for seed in seeds:
        link = "&".join(f"{k}={v}" for k, v in {**settings, "seed": seed}.items())
        session, looks, done = Session(lab, link), [], 0
        looks.append(session.look())
        for number in updates:
            session.train(number - done)
            done = number
            looks.append(session.look())
        runs.append(looks)
    names = [k for k, v in runs[0][0][0].items() if isinstance(v, float)]
    return [
        [
            {n: sum(r[at][who][n] for r in runs) / len(runs) for n in names}
            for who in range(len(look))
        ]
        for at, look in enumerate(runs[0])
    ]


@pytest.mark.slow
def test_every_preset_of_every_lab_can_be_opened_and_trained():
    for lab in labs().values():
        for preset in lab.presets:
            session = Session(lab.name, "&".join(f"{k}={v}" for k, v in preset.settings.items()))
            assert len(session.train(1)) == len(lab.learners)


def test_the_numbers_in_the_labs_words_are_those_of_the_code():
    made = labs()
    words = {c.name: c.meaning for lab in made.values() for c in lab.controls}
    assert f"width {CONFIG.width}" in words["model"]
    assert f"{BODIES['table'].lr:g} for the table" in words["lr"]
    assert f"{BODIES['transformer'].lr:g} for the Transformer" in words["lr"]
    assert f"in {SAMPLES} walks" in METRICS["ways"]
    blocks = Session("blocks").world.graph
    assert f"{blocks.n} states, {len(blocks.edges)} moves" in made["blocks"].intro


def test_there_are_at_least_six_presets_and_each_says_why_in_two_sentences():
    presets = [preset for lab in labs().values() for preset in lab.presets]
    assert len(presets) >= 6
    for preset in presets:
        assert preset.why.count(". ") + preset.why.endswith(".") >= 2


@pytest.mark.slow
def test_the_race_ends_as_the_welcome_page_says():
    start, end = after("race", "race", 200)
    sft, pg, kl, q = end
    assert pg["ways"] < 1.2 < 0.5 * start[1]["ways"]
    assert kl["ways"] >= pg["ways"]
    assert min(sft["ways"], q["ways"]) > 1.7
    assert q["test_greedy"] > pg["test_greedy"]


@pytest.mark.slow
def test_in_tables_only_q_learning_gains_on_held_out_questions():
    start, end = after("race", "table", 400)
    assert end[3]["test_greedy"] > start[3]["test_greedy"] + 0.2
    assert max(one["test_greedy"] for one in end[:3]) < start[0]["test_greedy"] + 0.05


@pytest.mark.slow
def test_imitation_presets_do_what_they_say():
    _, table = after("imitation", "table", 300)
    _, shared = after("imitation", "transformer", 300)
    assert shared[0]["test_greedy"] > table[0]["test_greedy"] + 0.1


@pytest.mark.slow
def test_policy_gradient_presets_do_what_they_say():
    start, _, collapsed = after("policy-gradient", "collapse", 100, 300)
    _, _, held = after("policy-gradient", "bought-back", 100, 300)
    _, early, little = after("policy-gradient", "too-little", 100, 300)
    assert collapsed[0]["ways"] < 1.15 < 2 < start[0]["ways"]
    assert held[0]["ways"] > 1.8
    assert held[0]["train_sampled"] < collapsed[0]["train_sampled"] - 0.03
    assert collapsed[0]["ways"] < little[0]["ways"] + 0.1 < early[0]["ways"]
    start, end = after("policy-gradient", "baseline", 600)
    assert end[0]["ways"] < start[0]["ways"] - 0.5
    assert end[0]["test_greedy"] < start[0]["test_greedy"] - 0.1
    start, end = after("policy-gradient", "cold", 300)
    assert end[0]["test_greedy"] <= start[0]["test_greedy"] + 0.02


def test_with_a_baseline_a_batch_that_is_all_right_moves_nothing():
    session = Session("policy-gradient", "baseline=1&lr=4")
    quiet = []
    for _ in range(300):
        told = session.train(1)[0]
        if told["right"] == 1.0:
            quiet.append(told["gradient_norm"])
    assert len(quiet) > 10
    assert max(quiet) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "updates", "best", "worst", "verdicts"),
    [
        ("process", 400, 1.0, 0.9, ("No such failure",)),
        ("outcome", 100, 0.1, 0.0, ("Constant", "Wrong sign")),
        ("unfined", 100, 0.1, 0.0, ("Constant", "Wrong sign", "Dead end")),
        ("wrong-sign", 1500, 0.6, 0.0, ("Wrong sign", "Dead end", "Constant")),
        ("cycles", 400, 1.0, 0.9, ("No such failure",)),
        ("diverging", 400, 0.4, 0.0, ("Diverging",)),
    ],
)
def test_reward_presets_do_what_they_say(preset, updates, best, worst, verdicts):
    for seed in SEEDS:
        _, end = after("rewards", preset, updates, seeds=(seed,))
        assert worst <= end[0]["train_sampled"] <= best or worst <= end[0]["train_greedy"] <= best
        assert VERDICTS[int(end[0]["failure"])].startswith(verdicts)


@pytest.mark.slow
def test_on_cycles_the_discount_makes_the_difference():
    _, with_it = after("rewards", "cycles", 600)
    _, without = after("rewards", "cycles", 600, discount=1)
    assert with_it[0]["test_greedy"] > without[0]["test_greedy"]


@pytest.mark.slow
def test_blocksworld_presets_do_what_they_say():
    _, with_it = after("blocks", "discount", 800)
    _, without = after("blocks", "no-discount", 800)
    assert with_it[0]["test_greedy"] > without[0]["test_greedy"]
