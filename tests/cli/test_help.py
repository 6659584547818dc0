"""Help says what each option does and its default, and its examples can be copied."""

import shlex
import shutil
from pathlib import Path

import pytest

from planrl.__main__ import main
from planrl.cli.menu import EXAMPLES, GROUPS, parser

COMMANDS = parser()._subparsers._group_actions[0].choices
CITIES = "Bern,Thun\nBern,Spiez\nThun,Spiez\nThun,Brig\nSpiez,Brig\nBrig,Sion\nSpiez,Sion\n"
PROBLEM = (
    "(define (problem p) (:domain blocks) (:objects a b) (:init (handempty) (ontable a)"
    " (ontable b) (clear a) (clear b)) (:goal (on a b)))"
)


def words(example):
    """The arguments of an example."""
    program, *given = shlex.split(example)
    assert program == "planrl"
    return given


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does_and_its_default(name):
    for action in COMMANDS[name]._actions:
        assert action.help, action.dest
        assert len(action.help.split()) > 2, action.dest
        default = action.default
        if action.option_strings and default not in (None, False, "", [], "==SUPPRESS=="):
            shown = COMMANDS[name]._get_formatter()._get_help_string(action)
            assert "(default: " in shown, action.dest


def test_the_list_of_commands_is_grouped_and_complete(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    for title, modules in GROUPS.items():
        assert f"{title}:" in said
        assert all(f"  {m.__name__.rpartition('.')[2].replace('_', '-')} " in said for m in modules)
    assert sum(map(len, GROUPS.values())) == len(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_shows_two_or_three_examples_that_are_understood(name, capsys):
    assert 2 <= len(EXAMPLES[name]) <= 3
    with pytest.raises(SystemExit):
        main([name, "--help"])
    said = capsys.readouterr().out
    for example in EXAMPLES[name]:
        assert f"  {example}\n" in said
        assert parser().parse_args(words(example)).command == name


def test_the_examples_for_ones_own_graph_and_problem_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cities.csv").write_text(CITIES)
    Path("problem.pddl").write_text(PROBLEM)
    shutil.copy(Path(__file__).parents[1] / "domains" / "pddl" / "upper-case.pddl", "domain.pddl")
    Path("plan.txt").write_text("(pick-up a)\n(stack a b)\n")
    for name in ("rows", "inspect", "plan"):
        for example in EXAMPLES[name]:
            smaller = example.replace("gripper-3", "domain.pddl problem.pddl")
            assert main(words(smaller)) == 0, example


@pytest.mark.slow
def test_the_example_of_a_large_graph_works_as_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = (one for one in EXAMPLES["rows"] if "gripper-3" in one)
    assert main(words(example)) == 0


@pytest.mark.slow
def test_the_examples_of_training_work_as_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("train", "evaluate", "paths", "claims"):
        for example in EXAMPLES[name]:
            assert main(words(example)) == 0, example
    assert Path("tuned.html").stat().st_size > 100_000
