"""A log of each regime is told as that regime, by the numbers that it holds."""

import json
import math

import pytest

from planrl.__main__ import main
from planrl.errors import InputError
from planrl.io.training_logs import read_log
from planrl.objectives.logs import log_rules, named, regimes, summary

N = 100


def line(start, end):
    return [start + (end - start) * k / (N - 1) for k in range(N)]


def early(start, end):
    """It moves in the first half alone."""
    return [start + (end - start) * min(1.0, 2 * k / (N - 1)) for k in range(N)]


def names(**series):
    return [one.name.partition(":")[0] for one in regimes(series)]


def test_groups_that_are_all_wrong_all_right_or_split():
    assert names(reward=line(0.01, 0.02), zero=line(0.95, 0.95)) == ["no signal"]
    assert names(reward=early(0.5, 0.97), zero=line(0.2, 0.9)) == ["solved"]
    assert names(reward=line(0.5, 0.5), zero=line(0.9, 0.9)) == ["split"]
    assert names(reward=line(0.5, 0.5), zero=line(0.3, 0.3)) == []


def test_entropy_falls_with_accuracy_or_after_it():
    along = names(reward=line(0.3, 0.9), entropy=line(1.0, 0.5))
    assert along == ["answers are lost while accuracy rises", "learning"]
    after = names(reward=early(0.3, 0.9), entropy=line(1.0, 0.2))
    assert "answers are lost after the reward has stopped" in after
    assert names(reward=early(0.3, 0.9), entropy=line(1.0, 1.0)) == []


def test_entropy_that_grows_and_a_policy_that_leaves_the_base():
    assert names(reward=line(0.3, 0.3), entropy=line(1.0, 3.0)) == [
        "entropy grows and reward does not"
    ]
    assert names(reward=line(0.3, 0.3), kl=line(0.0, 0.5)) == [
        "the policy leaves the base and reward does not rise"
    ]
    assert "the policy leaves" not in " ".join(names(reward=line(0.3, 0.9), kl=line(0.0, 0.5)))


def test_a_fall_is_no_end_of_any_objective():
    assert names(reward=line(0.8, 0.3)) == ["reward has fallen from its best"]


def test_rewards_that_are_no_shares_are_not_read_as_shares():
    assert names(reward=line(-3, -2.9), zero=line(0.9, 0.9)) == ["learning"]
    assert summary({"reward": line(-3, 2)})["share"] == "false"


def test_what_is_said_has_the_numbers_of_the_log():
    (one,) = regimes({"reward": line(0.01, 0.02), "zero": line(0.95, 0.95)})
    assert "in 0.95 of the groups" in one.says
    for rule in log_rules()["regimes"]:
        told = summary({k: line(0.5, 0.6) for k in ("reward", "entropy", "kl", "zero")})
        assert {*rule["when"]} <= told.keys(), rule["name"]


def test_rules_compare_the_numbers_and_not_their_rounded_texts():
    assert names(reward=line(0.5, 0.5), zero=line(0.7004, 0.7004)) == ["split"]
    assert names(reward=line(0.5, 0.5), zero=line(0.7, 0.7)) == []
    assert names(reward=line(0.9004, 0.9004), zero=line(0.9, 0.9)) == ["solved"]
    assert names(reward=line(0.9, 0.9), zero=line(0.9, 0.9)) == ["split"]


def test_a_short_log_is_refused():
    with pytest.raises(InputError, match="needs 10 rows with a reward, this log has 3"):
        regimes({"reward": [0.1, 0.2, 0.3]})


def written(tmp_path, text, name="log"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_logs_are_csv_json_lines_or_a_trainer_state(tmp_path):
    rows = [{"reward": k / 10, "entropy": 1.0, "note": "x", "kl": None} for k in range(12)]
    lines = "\n".join(map(json.dumps, rows))
    state = json.dumps({"best_metric": 1, "log_history": rows})
    table = "Step,run - train/reward,entropy\n" + "\n".join(f"{k},{k / 10}," for k in range(12))
    for text in (lines, state, json.dumps(rows)):
        found = read_log(written(tmp_path, text))
        assert found["reward"][3] == 0.3
        assert found.keys() == {"reward", "entropy"}
    found = read_log(written(tmp_path, table))
    assert named(found)["reward"] == pytest.approx([k / 10 for k in range(12)])
    assert "entropy" not in found


TWO = "Step,a - reward,b - reward,a - reward__MIN\n" + "\n".join(
    f"{k},{k / 10},{1 - k / 10},0" for k in range(12)
)


def test_of_two_runs_one_is_read_and_never_both(tmp_path, capsys):
    path = written(tmp_path, TWO)
    with pytest.raises(InputError, match="a log of 2 runs, a, b: name one of them by --run"):
        read_log(path)
    with pytest.raises(InputError, match="has no run 'c': it has a, b"):
        read_log(path, "c")
    assert read_log(path, "a")["reward"][:3] == [0.0, 0.1, 0.2]
    found = read_log(path, "b")
    assert found["reward"][:3] == pytest.approx([1.0, 0.9, 0.8])
    assert found.keys() == {"Step", "reward"}
    assert main(["explain-log", str(path), "--run", "b"]) == 0
    assert "reward: 1 at first" in capsys.readouterr().out


def test_a_metric_with_a_dash_in_its_name_is_no_run(tmp_path, capsys):
    rows = "\n".join(f"{k / 12},{k},1" for k in range(12))
    path = written(tmp_path, f"reward,loss - total,time - step\n{rows}")
    assert read_log(path, metrics=["reward"]).keys() == {"reward", "loss - total", "time - step"}
    assert read_log(path, "time", ["reward"]).keys() == {"reward", "loss - total", "step"}
    assert main(["explain-log", str(path)]) == 0
    assert "12 rows with a reward" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n3\n", "line 3: 1 values for 2 names"),
        ("1,2\n3,4\n", "line 1: '1,2' was given, expected the names"),
        ('{"reward": 1}\nnonsense\n', "line 2: 'nonsense' was given, expected one JSON object"),
        ("[1, 2]", "expected a list of records"),
        ('{"a":' * 9000, "JSON"),
        ("a,a\n1,2\n", "each once"),
        ("a,b\nx,y\n", "has no number"),
    ],
)
def test_what_is_no_log_is_refused_with_its_line(text, words, tmp_path):
    with pytest.raises(InputError, match=words):
        read_log(written(tmp_path, text))


def test_the_command_prints_numbers_and_regimes(tmp_path, capsys):
    text = "reward,actor/entropy\n" + "\n".join(
        f"{min(0.9, 0.3 + k / 50)},{math.exp(-k / 30)}" for k in range(100)
    )
    path = written(tmp_path, text, "log.csv")
    assert main(["explain-log", str(path)]) == 0
    said = capsys.readouterr().out
    assert "answers are lost after the reward has stopped" in said
    assert "kl: not in this log" in said
    assert main(["explain-log", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["regimes"]
    assert main(["explain-log", str(written(tmp_path, "step,x\n1,2\n"))]) == 2
    assert "has no reward: expected one of reward, train/reward" in capsys.readouterr().err
