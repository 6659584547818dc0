"""Tables of the regimes, and what chapters 6, 8 and 10 say of them, for any number of seeds."""

import re
from statistics import mean

import pytest

from planrl.claims import interval
from planrl.experiments.regimes import REGIMES
from planrl.teaching import exploration, paper_figures, paper_tables, regime_tables
from planrl.teaching import regime_figures as regimes
from planrl.teaching.regime_figures import BASE, OFF, PG, SFT, Q

METHODS = [BASE, SFT, PG, Q, OFF]


def test_a_row_for_each_method_with_means_over_all_seeds():
    rows = regime_tables.edge_rows("B", METHODS)
    assert [row["method"] for row in rows] == METHODS
    own = [p["edges"][-1]["weights"]["precision"] for p in regimes.measured("B", Q)]
    assert rows[3]["precision, centred"] == pytest.approx(sum(own) / len(own))


def test_values_of_edges_are_saved_for_every_seed_regime_and_score():
    saved = regime_tables.edge_values("AB", [BASE, Q])
    seeds = len(regimes.pages("A")) + len(regimes.pages("B"))
    assert len(saved) == 2 * seeds * len(regime_tables.SCORES)


def test_what_a_seed_has_at_its_best_temperature_is_of_the_same_point_of_its_decoding_curve():
    found = regime_tables.at_best("B", BASE, "accuracy")
    assert found == pytest.approx(regimes.best("B", BASE))
    heats = regime_tables.at_best("B", BASE, "temperature")
    paths = regime_tables.at_best("B", BASE, "diversity")
    for page, heat, some in zip(regimes.measured("B", BASE), heats, paths, strict=True):
        curve = page["end"]["curves"]["test"]
        assert curve["diversity"][curve["temperature"].index(heat)] == some


def test_chapter_8_centred_columns_show_what_the_read_out_as_it_is_hides():
    rows = {row["method"]: row for row in regime_tables.edge_rows("B", METHODS)}
    raw, centred, precision, logits = list(regime_tables.READ_OUT)
    assert abs(rows[Q][raw] - rows[PG][raw]) < 0.1, "as read: hardly better"
    assert rows[Q][centred] > rows[PG][centred] + 0.12
    assert rows[Q][precision] > rows[PG][precision] + 0.15
    assert rows[Q][logits] > rows[PG][logits] + 0.1


@pytest.mark.parametrize("regime", ["A", "B"])
def test_chapter_8_only_q_learning_finds_edges_that_no_demonstration_contains(regime):
    for name in (BASE, SFT, PG):
        assert mean(regimes.edges(regime, name, "auc_unseen")) < 0.56, name
        assert mean(regimes.edges(regime, name, "auc_shown")) > 0.85, name
    for name in (Q, OFF):
        assert mean(regimes.edges(regime, name, "auc_unseen")) > 0.85, name


@pytest.mark.parametrize(("regime", "least", "most"), [("A", 0.09, 1 / 6), ("B", 0.33, 0.45)])
def test_chapter_8_the_share_of_edges_that_are_never_shown(regime, least, most):
    for page in regimes.pages(regime):
        facts = page["result"]["facts"]
        assert least < 1 - facts["shown_edges"] / facts["edges"] < most


def test_chapter_8_transformers_come_near_the_theorems_values_in_the_right_order():
    for name in ("", ", off-policy"):
        values, seeds = paper_tables.last_logits("dag", f"Q-learning, process reward{name}")
        assert seeds >= 10
        assert values["right"] > 7 > 1 > values["half"] > -1 > -4 > values["wrong"]
        off = {
            kind: abs(values[kind] - goal) for kind, goal in zip(values, (10, 0, -10), strict=True)
        }
        assert max(off, key=off.__getitem__) == "wrong"


def test_chapter_8_values_of_correct_steps_are_nearer_after_longer_training():
    assert mean(regime_tables.spread("A", Q)) < 0.1 < mean(regime_tables.spread("B", Q)) < 0.35


def test_chapter_8_q_learning_leads_at_every_temperature_from_a_saturated_base():
    for task in ("train", "test"):
        for name in (BASE, PG):
            for heat in (1.0, 0.7, 0.5, 0.3):
                found = regime_tables.at("A", Q, heat, task, "diversity")
                assert found > regime_tables.at("A", name, 1.0, task, "diversity") + 2
    best = mean(regimes.best("A", Q))
    assert best > max(mean(regimes.best("A", name)) for name in (BASE, PG)) + 0.01


def penalty(weight):
    return f"{PG} + KL {weight}"


def test_chapter_6_the_base_at_a_lower_temperature_beats_a_penalty_of_a_tenth():
    heats = (1.0, 0.7, 0.5, 0.3, 0.1)
    for task in ("test", "train"):
        base, held = (
            [
                [regime_tables.at("A", name, heat, task, key) for key in ("diversity", "accuracy")]
                for heat in heats
            ]
            for name in (BASE, penalty("0.1"))
        )
        for paths, right in held[:3]:
            assert any(p > paths - 0.3 and r > right - 0.002 for p, r in base), (task, paths, right)
    paths, right = (
        regime_tables.at("A", penalty("0.1"), 1.0, "test", k) for k in ("diversity", "accuracy")
    )
    assert 5.5 < paths < 8.5, "the question: about seven"
    assert 0.85 < right < 0.92, "the question: nearly nine in ten"
    assert regime_tables.at("A", BASE, 0.5, "test", "accuracy") > right + 0.02


def share_kept(regime, learner):
    """For each seed the end's distinct correct paths over the base's, training pairs."""
    ends = regimes.ends(regime, learner, "train_diversity")
    base = regimes.measured(regime, BASE)
    return [end / page["train_diversity"] for end, page in zip(ends, base, strict=True)]


def test_chapter_6_what_each_penalty_keeps_of_the_bases_paths():
    kept = {kl: mean(share_kept("A", penalty(kl))) for kl in ("0.01", "0.1", "1")}
    none = mean(share_kept("A", PG))
    assert kept["1"] > 0.85 > 0.68 > kept["0.1"] > 0.45
    assert abs(kept["0.01"] - none) < 0.06
    own = regime_tables.at("A", BASE, 1.0, "train", "diversity")
    assert abs(regime_tables.at("A", BASE, 0.5, "train", "diversity") / own - kept["0.1"]) < 0.15


def test_chapter_6_a_strong_penalty_is_the_base_a_little_better():
    for heat in (1.0, 0.7, 0.5, 0.3):
        base, held = (
            {
                key: regime_tables.at("A", name, heat, "test", key)
                for key in ("accuracy", "diversity")
            }
            for name in (BASE, penalty("1"))
        )
        assert held["accuracy"] > base["accuracy"] - 0.003
        assert 0.85 < held["diversity"] / base["diversity"] < 1.2


def test_chapter_6_a_strong_penalty_gains_at_the_higher_temperatures_only():
    gain = {heat: regime_tables.gained("A", penalty("1"), heat) for heat in (1, 0.7, 0.5, 0.3, 0.1)}
    clear = [interval(values)[0] > 0 for values in gain.values()]
    assert clear == sorted(clear, reverse=True), "better down to some temperature, then alike"
    assert clear[:2] == [True, True]
    assert not clear[-1]
    assert abs(mean(gain[0.1])) < 0.01


def test_chapter_6_the_price_of_a_penalty_is_paid_by_held_out_questions_of_degree_one_and_above():
    held, free = penalty("0.1"), PG
    before, now, without = (mean(regimes.ends("B", n, "test_accuracy")) for n in (BASE, held, free))
    assert 0.57 < before < 0.63, "about 0.6"
    assert 0.85 < without < 0.9, "nearly 0.9"
    assert 0.4 < (now - before) / (without - before) < 0.65
    for heat in (1, 0.7, 0.5, 0.3, 0.1):
        kept = (mean(regime_tables.gained("B", name, heat)) for name in (held, free))
        assert 0.35 < next(kept) / next(kept) < 0.65, "half of the gain at any temperature"
    by_degree = [regimes.ends_by_degree("B", name, "accuracy") for name in (held, free)]
    price = {d: mean(by_degree[1][d]) - mean(by_degree[0][d]) for d in ("0", "1", "2+")}
    assert price["0"] < 0.01
    assert min(price["1"], price["2+"]) > 0.1
    trained = [mean(regimes.ends("B", name, "train_accuracy")) for name in (held, free)]
    assert trained[0] > trained[1] - 0.005, "training questions pay nothing"


def test_chapter_6_where_the_base_cannot_answer_a_penalty_takes_about_half_of_the_gain():
    base, held, free = (mean(regimes.best("B", name)) for name in (BASE, penalty("0.1"), PG))
    assert free > base + 0.06
    assert 0.25 < (held - base) / (free - base) < 0.7


def test_chapter_6_a_strong_penalty_stops_rising_early_at_temperature_1_only():
    steps, strong = regimes.series("A", penalty("1"), "test_accuracy")
    curve = strong.mean(0)
    at = steps.index(700)
    assert at < len(steps) - 1
    assert steps[at] <= 0.36 * steps[-1]
    assert curve[at] - curve[0] > 0.5 * (curve[-3:].mean() - curve[0])
    ends = {name: mean(regimes.ends("A", name, "test_accuracy")) for name in (PG, penalty("1"))}
    assert ends[PG] > ends[penalty("1")]
    cool = {
        name: regime_tables.at("A", name, 0.5, "test", "accuracy")
        for name in (PG, penalty("0.1"), penalty("1"))
    }
    assert max(cool, key=cool.__getitem__) == penalty("1")
    assert cool[PG] < cool[penalty("0.1")]


def test_chapter_10_the_question_and_what_continual_sft_adds():
    assert 0.7 < mean(regimes.best("B", BASE)) < 0.82, "about three quarters"
    assert 0.84 < mean(regimes.best("B", PG)) < 0.93, "nearly nine in ten"
    assert abs(mean(regimes.best("A", SFT)) - mean(regimes.best("A", BASE))) < 0.02


def test_chapter_10_falling_entropy_pays_only_while_greedy_accuracy_still_rises():
    entropy, greedy = (
        regimes.series("B", PG, key)[1].mean(0) for key in ("train_entropy", "test_greedy")
    )
    top = int(entropy.argmax())
    assert 0 < top < 4, "with one path per pair it rises first"
    back = next(k for k in range(top, len(entropy)) if entropy[k] < entropy[0])
    assert greedy[back] - greedy[0] > 0.75 * (greedy[-3:].mean() - greedy[0])
    assert entropy[-1] < 0.25 * entropy[back]
    entropy, greedy = (
        regimes.series("A", PG, key)[1].mean(0) for key in ("train_entropy", "test_greedy")
    )
    assert entropy.argmax() == 0
    assert greedy.max() < greedy[0] + 0.005, "with ten it never rises"


def test_chapter_10_on_blocksworld_policy_gradient_leads_when_sampled():
    q, off = (f"Q-learning, process reward{how}, discount 0.9" for how in ("", ", off-policy"))
    names = (SFT, PG, f"{PG} + KL", q, off)
    ends = {
        name: {
            key: float(paper_figures.series("blocksworld", name, key)[1][:, -1].mean())
            for key in ("train_diversity", "test_accuracy")
        }
        for name in names
    }
    assert max(names, key=lambda name: ends[name]["test_accuracy"]) == PG
    assert max(names, key=lambda name: ends[name]["train_diversity"]) in (q, off)


def test_chapter_8_says_of_rollouts_that_never_err_only_what_is_stored(monkeypatch):
    monkeypatch.setattr(regime_tables, "has", lambda _: False)
    assert "nothing is claimed" in regime_tables.without_errors()
    asked = []
    monkeypatch.setattr(regime_tables, "has", lambda _: True)
    monkeypatch.setattr(regime_tables, "ends", lambda *names: asked.append(names) or [0.5, 0.7])
    said = regime_tables.without_errors()
    assert said.count("0.600") == 3
    assert "2 seeds" in said
    known = REGIMES["G"].learners
    assert all(regime == "G" and name in known for regime, name, _ in asked)


def test_what_a_learner_gains_at_a_temperature_is_told_seed_by_seed():
    found = regime_tables.gained("A", PG, 0.5)
    assert len(found) == len(regimes.pages("A"))
    own = [page["end"]["curves"]["test"]["accuracy"][2] for page in regimes.measured("A", PG)]
    base = [page["end"]["curves"]["test"]["accuracy"][2] for page in regimes.measured("A", BASE)]
    assert found == pytest.approx([a - b for a, b in zip(own, base, strict=True)])


def test_learners_of_equally_many_updates_are_named_together():
    said = regime_tables.trained_for("A", [PG, penalty("0.1"), penalty("1")])
    assert said == "policy gradient, λ = 0.1: 4,000 updates; λ = 1: 2,000 updates"


def test_what_is_left_on_blocksworld_is_told_once_a_long_run_is_stored(monkeypatch):
    monkeypatch.setattr(regime_tables, "has", lambda _: False)
    assert regime_tables.collapse_on_blocksworld() == ""
    monkeypatch.setattr(regime_tables, "has", lambda _: True)
    for name in ("pages", "series", "ends"):  # as if A's runs were those of C
        own = getattr(regimes, name)
        monkeypatch.setattr(regime_tables, name, lambda _, *rest, own=own: own("A", *rest))
    said = regime_tables.collapse_on_blocksworld()
    steps, values = regimes.series("A", PG, "train_diversity")
    assert f"{steps[-1]:,} updates leave {values[:, -1].mean():.1f} (95 %" in said
    assert f"of {mean(regimes.ends('A', BASE, 'train_diversity')):.1f} distinct correct" in said
    assert "(100 samples of a training question at temperature 1)" in said


def test_only_where_new_paths_are_rewarded_accuracy_passes_that_of_sft():
    figure = exploration.new_paths(title="t")
    found = {trace.name: (trace.x, trace.y) for trace in figure.data}
    assert set(found) == set(regimes.EXPLORATION[1:])
    new, right = found[PG]
    assert new[-1] > 5000
    assert list(new) == sorted(new)
    for name in (regimes.PAID, regimes.SFT):
        assert max(found[name][0]) == 0
        assert max(found[name][1]) < right[-1] - 0.1


def test_with_cycles_a_small_penalty_keeps_nearly_all_paths_and_most_of_the_gain():
    said = regime_tables.with_cycles()
    kept, of = (float(x) for x in re.search(r"keeps (\d+) of the base's (\d+) ", said).groups())
    assert kept > 0.9 * of
    ahead, seeds = map(int, re.search(r"accurate in (\d+) of (\d+) seeds", said).groups())
    assert 0.7 * seeds < ahead <= seeds == len(regimes.pages("E"))
    light = f"{PG} + KL 0.1"
    best = {name: sum(regimes.best("E", name)) / seeds for name in (BASE, PG, light)}
    assert best[light] - best[BASE] > 0.7 * (best[PG] - best[BASE])
    right = regimes.curve("E", light, "test", "accuracy").mean(0)
    few = regimes.curve("E", light, "test", "simple").mean(0)
    assert few[int(right.argmax())] < 5
