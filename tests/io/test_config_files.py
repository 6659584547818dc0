"""Configs of other libraries: what is read, and the line and the cure of what isn't."""

import pytest

from planrl.__main__ import main
from planrl.errors import InputError
from planrl.io.config_files import read_config

YAML = """# a comment
algorithm:
  adv_estimator: "grpo"   # and here
  kl_ctrl:
    kl_coef: 0.01
actor_rollout_ref:
  actor:
    use_kl_loss: True
    ppo_micro_batch_size: null
    empty:
    betas:
      - 0.9
      - 0.95
data: {train: x}
"""
SHELL = """set -x
ACTOR=(
    actor_rollout_ref.actor.use_kl_loss=True  # on
    ++actor_rollout_ref.actor.kl_loss_type=low_var_kl \\
)
python3 -m verl.trainer.main_ppo algorithm.adv_estimator=grpo data.train_files="a b.parquet"
"""
CALL = """from trl import GRPOConfig
other = 3
config = GRPOConfig(
    output_dir="run (1)", beta=0.04,  # here, beta=3
    reward_weights=[1.0, 0.5],
    scale_rewards=False,
)
trainer = GRPOTrainer(args=config)
"""


def written(tmp_path, text):
    path = tmp_path / "config"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_yaml_of_nested_keys(tmp_path):
    found = read_config(written(tmp_path, YAML))
    assert found.options == {
        "algorithm.adv_estimator": "grpo",
        "algorithm.kl_ctrl.kl_coef": "0.01",
        "actor_rollout_ref.actor.use_kl_loss": "true",
        "actor_rollout_ref.actor.ppo_micro_batch_size": "none",
        "actor_rollout_ref.actor.empty": "none",
        "data": "{train: x}",
    }
    assert found.lines["algorithm.kl_ctrl.kl_coef"] == 5


def test_json_nested_or_flat(tmp_path):
    text = '{"actor": {"kl": 0.1, "on": true, "list": [1, 2]}, "beta": null}'
    assert read_config(written(tmp_path, text)).options == {
        "actor.kl": "0.1",
        "actor.on": "true",
        "actor.list": "[1, 2]",
        "beta": "none",
    }


def test_overrides_in_a_shell_script(tmp_path):
    found = read_config(written(tmp_path, SHELL)).options
    assert found == {
        "actor_rollout_ref.actor.use_kl_loss": "true",
        "actor_rollout_ref.actor.kl_loss_type": "low_var_kl",
        "algorithm.adv_estimator": "grpo",
        "data.train_files": "a b.parquet",
    }


def test_the_arguments_of_a_call_and_nothing_around_it(tmp_path):
    found = read_config(written(tmp_path, CALL))
    assert found.library == "GRPOConfig"
    assert found.options["beta"] == "0.04"
    assert found.options["scale_rewards"] == "false"
    assert found.options["reward_weights"] == "[1.0, 0.5]"
    assert {"other", "args"} & found.options.keys() == set()
    assert found.lines["beta"] == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("beta 0.4\n", "line 1: 'beta 0.4' is not understood: expected `key: value`"),
        ("beta: 0.1\nbeta: 0.2\n", "line 2: beta is given twice, '0.1' .line 1. and '0.2'"),
        ("a:\n\tb: 1\n", "line 2"),
        ("a: |\n  text\n", "line 1: 'a: |' is not understood"),
        ('{"a": 1,\n "a": 2}', "'a' is given twice"),
        ('{"a": 1,\n 2}', "line 2: no JSON"),
        ("x = GRPOConfig(\n beta=0.1,\n", "line 1: this bracket is never closed"),
        ("", "sets no option: expected JSON"),
        ("# nothing\n", "sets no option"),
        (b"PK\x03\x04 zip", "zip archive"),
        ("\n" * 30_000, "more than 20,000 lines"),
        ('{"a":' * 30 + "1" + "}" * 30, "nested more than 20 deep"),
        ('{"a":' * 9000, "no JSON"),
        ("".join(f"{' ' * k}a{k}:\n" for k in range(30)), "nested more than 20 deep"),
        (b"a: 1\n" * 300_000, "larger than 1,000,000 bytes"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line_and_the_cure(text, words, tmp_path):
    with pytest.raises(InputError, match=words.replace("|", r"\|")):
        read_config(written(tmp_path, text))


def test_the_command_says_the_row_the_end_the_notes_and_the_unknown(tmp_path, capsys):
    path = written(tmp_path, "loss_type: grpo\nbeta: 0.3\nfrobnicate: 1\n")
    assert main(["explain-config", str(path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "GRPO + k3 in the loss, times the ratio (weight 0.3)" in said
    assert "several correct answers: the base's ratios" in said
    assert "unknown options, not judged: frobnicate" in said
    assert (
        'lab("objectives", "b=grpo&b_lambda=0.3&b_beta=0&b_kl=k3-ratio&a=grpo&a_lambda=0&a_beta=0")'
        in said
    )


def test_the_command_says_the_line_of_a_wrong_value(tmp_path, capsys):
    path = written(tmp_path, "loss_type: grpo\nbeta: lots\n")
    assert main(["explain-config", str(path)]) == 2
    assert "line 2: beta: 'lots' was given, expected a number" in capsys.readouterr().err


def test_the_command_prints_json_with_null_where_no_end_is_known(tmp_path, capsys):
    import json

    path = written(tmp_path, '{"loss_type": "sapo"}')
    assert main(["explain-config", str(path), "--json"]) == 0
    page = json.loads(capsys.readouterr().out)
    assert page["row"] is None
    assert page["diversity"] is None
    assert page["why_not"] == ["this loss_type is not among planrl's losses"]


def test_a_name_cannot_write_to_the_terminal(tmp_path, capsys):
    path = written(tmp_path, '{"beta": 0, "\\u001b[31mred": 1}')
    assert main(["explain-config", str(path)]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "red" in said


@pytest.mark.parametrize(
    "before",
    [
        "import x  # trl\n",
        "# a long comment, as files of configs have at the top of them, before any call\n" * 3,
        "# was: GRPOConfig(beta=3)\n",
    ],
)
def test_comments_before_a_call_shift_nothing(before, tmp_path):
    found = read_config(written(tmp_path, f"{before}args = GRPOConfig(beta=0.04, epsilon=0.1)\n"))
    assert found.options == {"beta": "0.04", "epsilon": "0.1"}
    assert found.lines["beta"] == before.count("\n") + 1


def test_a_call_in_a_comment_is_no_call(tmp_path):
    found = read_config(written(tmp_path, "beta: 0.1  # as in GRPOConfig(beta=3)\n"))
    assert (found.options, found.library) == ({"beta": "0.1"}, "")


def test_inner_calls_and_brackets_in_texts_belong_to_their_argument(tmp_path):
    text = (
        "x = GRPOConfig(peft=LoraConfig(r=1, t=f(2), loss_type='grpo'), name='x)y, z', beta=0.3)\n"
    )
    found = read_config(written(tmp_path, text))
    assert found.options == {
        "peft": "LoraConfig(r=1, t=f(2), loss_type='grpo')",
        "name": "x)y, z",
        "beta": "0.3",
    }


def test_a_quoted_override_ends_at_its_quote(tmp_path):
    found = read_config(written(tmp_path, """run "algorithm.kl=0.001" 'algorithm.on=true'\n"""))
    assert found.options == {"algorithm.kl": "0.001", "algorithm.on": "true"}
