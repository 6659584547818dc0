"""What the text of the chapter on tools says of the stored seeds and of its own runs."""

import pytest

from planrl.teaching import tool_figures as tools

CHAPTER = "13_tools"
SHIPPED = tools.SHIPPED


def mean(learner, key):
    values = tools.ends(SHIPPED, learner, key)
    return sum(values) / len(values)


def test_only_a_discount_answers_what_no_log_contains():
    base, pg, q, discount = (
        mean(name, "unasked_greedy") for name in (tools.BASE, tools.PG, tools.Q, tools.DISCOUNT)
    )
    assert abs(pg - base) < 0.1, "hardly at all"
    assert max(base, pg, q) < 0.5 < 0.9 < discount, "most, the others not"
    assert len(tools.pages(SHIPPED)) == 10, "ten seeds, the text says"


def test_links_used_once_are_known_to_all_and_unused_ones_best_to_q_learning():
    for name in (tools.BASE, tools.PG, tools.Q, tools.DISCOUNT):
        assert mean(name, "auc_once") > 0.95, name
    assert min(mean(name, "auc_never") for name in (tools.Q, tools.DISCOUNT)) > 0.93
    assert max(mean(name, "auc_never") for name in (tools.BASE, tools.PG)) < 0.9


def test_policy_gradient_keeps_one_chain_and_q_learning_without_a_discount_answers_least():
    assert mean(tools.PG, "train_diversity") < 1.3 < mean(tools.BASE, "train_diversity")
    names = (tools.BASE, tools.SFT, tools.PG, tools.DISCOUNT)
    assert mean(tools.Q, "train_diversity") > max(mean(name, "train_diversity") for name in names)
    assert mean(tools.Q, "train_accuracy") < min(mean(name, "train_accuracy") for name in names)


def test_a_quarter_of_the_questions_is_in_the_log_and_a_fifth_of_the_links_in_no_chain():
    facts = [page["result"]["facts"] for page in tools.pages(SHIPPED)]
    asked = facts[0]["train_pairs"] + facts[0]["test_pairs"]
    assert asked / 718 == pytest.approx(0.25, abs=0.02)
    unused = sum(one["edges_never"] for one in facts) / len(facts)
    assert unused / facts[0]["edges"] == pytest.approx(0.2, abs=0.06)


def test_on_ultratool_no_method_answers_never_asked_questions_and_links_used_once_need_no_check():
    for name in (tools.BASE, tools.PG, tools.Q, tools.DISCOUNT):
        of = tools.ends(tools.ULTRATOOL, name, "unasked_greedy")
        assert sum(of) / len(of) < 0.1, name
    once = {
        name: sum(of) / len(of)
        for name in (tools.PG, tools.Q)
        for of in [tools.ends(tools.ULTRATOOL, name, "auc_once")]
    }
    assert once[tools.Q] < once[tools.PG], "the text: not higher at all"


def test_on_ultratool_every_seed_shows_what_the_text_says():
    def real(learner, key):
        return tools.ends(tools.ULTRATOOL, learner, key)

    uniform = real(tools.BASE, "variation_uniform")
    for near, far in zip(real(tools.BASE, "variation_model"), uniform, strict=True):
        assert near < far - 0.2
    assert min(real(tools.PG, "new_chains")) > 100
    lost = zip(real(tools.BASE, "train_diversity"), real(tools.PG, "train_diversity"), strict=True)
    assert all(after < before - 0.5 for before, after in lost)


def test_what_is_told_of_ultratool_says_of_how_many_seeds():
    pages, told = tools.pages(tools.ULTRATOOL), tools.found_on(tools.ULTRATOOL)
    assert f"{pages[0]['result']['facts']['edges']:,} links" in told
    count = len(pages)
    assert f"; {count} seeds" in told if count > 1 else "; 1 seed;" in told


def test_ten_new_chains_of_ultratool_are_shown_by_numbers_the_most_frequent_first():
    rows = tools.new_chains(tools.ULTRATOOL)
    assert len(rows) == 10
    counts = [row["times sampled"] for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert all(0 <= int(n) < 260 for row in rows for n in next(iter(row.values())).split(" → "))


@pytest.mark.book
def test_the_live_runs_show_what_the_text_says(ran):
    assert len(ran.ten) == 10
    demonstrated = set(ran.chains)
    assert not demonstrated & {chain for chain, _ in ran.ten}
    away = {name: found["variation_model"] for name, found in ran.away.items()}
    assert away["base"] < ran.uniform < 0.6
    assert away["policy gradient"] > away["base"] + 0.05
