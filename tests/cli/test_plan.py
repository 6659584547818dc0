"""`planrl plan`: problems solved, plans judged."""

import json
from pathlib import Path

from planrl.__main__ import main


def test_plan_solves_a_pddl_problem_and_judges_a_plan(tmp_path, capsys):
    domain = Path(__file__).parents[1] / "domains" / "pddl" / "upper-case.pddl"
    (tmp_path / "p.pddl").write_text(
        "(define (problem p) (:domain blocks) (:objects a b) (:init (handempty) (ontable a)"
        " (ontable b) (clear a) (clear b)) (:goal (on a b)))"
    )
    plan = ["plan", str(domain), str(tmp_path / "p.pddl")]
    assert main(plan) == 0
    assert capsys.readouterr().out == "(pick-up a)\n(stack a b)\n"
    (tmp_path / "wrong").write_text("(stack a b)\n")
    assert main([*plan, "--check", str(tmp_path / "wrong")]) == 1
    assert capsys.readouterr().out == "invalid: step 1, (stack a b), needs (holding a)\n"
    assert main([*plan, "--json"]) == 0
    page = json.loads(capsys.readouterr().out)
    assert page == {
        "domain": "blocks",
        "problem": "p",
        "start": "a|b",
        "plan": ["(pick-up a)", "(stack a b)"],
    }
    (tmp_path / "p.pddl").write_text(
        (tmp_path / "p.pddl").read_text().replace("(on a b)", "(and (on a b) (on b a))")
    )
    assert main(plan) == 1
    assert capsys.readouterr().out == "unsolvable: no plan exists\n"
