"""What the text of chapter 9 says of its own plans and of the saved runs on four blocks."""

import pytest

from planrl.claims import FAILS, HOLDS, UNDECIDED, verdicts
from planrl.domains import space
from planrl.teaching import paper_figures
from planrl.teaching import regime_figures as regimes

CHAPTER = "09_blocksworld"
PG, KL = "policy gradient", "policy gradient + KL"
Q = "Q-learning, process reward"
DISCOUNTED = f"{Q}, discount 0.9"


def over_time(name, key, of="blocksworld"):
    return paper_figures.series(of, name, key)[1].mean(0)


def finding(claim, condition):
    (found,) = [f for f in verdicts([claim])[0].findings if f.condition == condition]
    return found


def test_without_a_discount_accuracy_is_lost_and_the_weights_are_a_map_of_the_moves():
    assert over_time(Q, "test_greedy")[-1] < 0.5
    assert over_time(Q, "adjacency_auc")[-1] > 0.95
    steps = {name: paper_figures.series("blocksworld", name, "test_greedy")[0] for name in (Q, PG)}
    assert steps[Q][-1] < steps[PG][-1], "we stopped early"


def test_with_a_discount_the_goal_is_back_and_diversity_is_above_the_bases():
    assert over_time(DISCOUNTED, "test_greedy")[-1] > 0.8
    assert over_time(DISCOUNTED, "train_diversity")[-1] > over_time(PG, "train_diversity")[0]


def test_policy_gradient_keeps_several_plans_and_their_number_still_falls():
    left = over_time(PG, "train_diversity")
    assert 5 < left[-1] < left[-2] < left[-3]
    assert over_time(PG, "train_diversity", "dag")[-1] < 1.5


def test_greedily_no_method_with_reward_is_above_the_base_and_sampled_policy_gradient_is_first():
    learners = paper_figures.learners("blocksworld", "fig2")
    learners += paper_figures.learners("blocksworld", "fig3")
    base = over_time(PG, "test_greedy")[0]
    rewarded = [PG, KL, Q, DISCOUNTED, f"{Q}, off-policy, discount 0.9"]
    assert {*rewarded} <= {*learners}
    assert all(over_time(name, "test_greedy")[-1] < base for name in rewarded)
    ends = {name: over_time(name, "test_accuracy")[-1] for name in [*rewarded, "continual SFT"]}
    assert max(ends, key=ends.get) == PG


def test_the_finding_on_q_learning_holds_on_random_graphs_and_fails_here():
    assert finding("3-q-over-pg", "Blocksworld, 4 blocks, sampled").verdict == FAILS
    assert finding("3-q-over-pg", "random DAG, 100 nodes, sampled").verdict == HOLDS
    assert finding("2-pg-over-sft", "Blocksworld, 4 blocks, greedy").verdict == UNDECIDED


def test_numbers_of_states_and_steps_are_those_of_the_table():
    assert [space(blocks).graph.n for blocks in (2, 3, 4, 5)] == [3, 13, 73, 501]
    assert space(4).graph.reachability.all()


@pytest.mark.book
class TestRun:
    def test_greedy_plans_arrive_from_any_distance_and_sampled_ones_fail_more_with_distance(
        self, ran
    ):
        assert min(ran.greedy) > 85
        assert ran.sampled[0] > ran.sampled[2] > ran.sampled[5] + 5

    def test_sampled_plans_fail_by_steps_that_are_no_move(self, ran):
        errors = ran.scores.errors
        assert errors["no edge"] == max(errors.values())

    def test_near_the_goal_the_plans_shown_come_nearer_twice_as_often_as_random_steps(self, ran):
        assert min(row[0] / row[1] for row in ran.nearing[:2]) > 2
        assert min(row[2] for row in ran.nearing) > 50

    def test_the_longest_plan_is_not_the_shortest_and_most_are_nearly(self, ran):
        assert max(ran.extra) > 0
        assert ran.wasted < 3

    def test_a_plan_becomes_a_path_and_the_same_plan_again(self, ran):
        assert ran.blocks.plan(ran.nodes) == ran.solution
        assert ran.blocks.plan_of_moves(ran.moves) == ran.solution
        assert ran.problem.validate(ran.solution).valid

    def test_with_a_discount_the_detour_over_the_wrong_tower_loses_value(self, ran):
        assert ran.worth["AB"] == 1.0
        assert ran.worth["BA"] == pytest.approx(0.81, abs=0.01)


@pytest.mark.book
def test_from_a_saturated_base_nothing_is_gained_at_equal_decoding(ran):
    base = ran.cool["base"]
    for right, plans in list(ran.cool.values())[1:]:
        assert right < base[0] + 0.002
        assert plans < 0.7 * base[1]
    assert sum(regimes.best("D", "base")) > sum(regimes.best("D", "policy gradient"))
