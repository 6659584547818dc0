"""The page's script tells configs and logs as the commands do: the same rules, the same words."""

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from planrl.cli.explain_config import lab_link
from planrl.errors import InputError
from planrl.io.config_files import read_config
from planrl.io.training_logs import read_log
from planrl.objectives.configs import explain, outcomes, rules
from planrl.objectives.logs import log_rules, named, regimes, summary
from planrl.objectives.sheet import ENTRIES, diversity

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "book" / "_static" / "explain.js"
RUN = """
const script = require("fs").readFileSync(process.argv[1], "utf8");
const page = eval(script + "; planrlExplain");
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
const tried = (call) => { try { return call(); } catch (error) { return { error: error.message }; } };
const configs = given.configs.map((text) => tried(() => {
  const { options, library } = page.readConfig(text);
  const found = page.explain(given.data, options, library);
  return { options, ...found, lab: page.labState(given.data, found) };
}));
const logs = given.logs.map((text) => tried(() => {
  const columns = page.readLog(text, Object.values(given.data.log.names).flat());
  return { told: page.summary(given.data.log, columns), regimes: page.regimes(given.data.log, columns) };
}));
process.stdout.write(JSON.stringify({ configs, logs, short: given.numbers.map(page.short) }));
"""
A = "actor_rollout_ref.actor."
CONFIGS = [
    "beta: 0.04\nloss_type: grpo\nfrobnicate: 1\n",
    "loss_type: dr_grpo\nscale_rewards: false\nnum_iterations: 4\n",
    "a:\n  b: 'x'\n  c:\n    - 1\n  d:\nloss_type: dapo # yes\nentropy_coef: 0.01\nbeta: 0.1",
    '{"beta": 0.05, "reward_clip_range": [-1, 1], "sync_ref_model": true}',
    '{"scale_rewards": "batch", "top_p": 0.9, "reward_weights": [1, 2]}',
    "from trl import RLOOConfig\nx = RLOOConfig(beta=0.3, output_dir='a (b)',  # c\n  epsilon=0.1)\n",
    "cfg = GRPOConfig(importance_sampling_level='sequence', loss_type=\"grpo\", beta=1e-2)",
    f"python3 -m x algorithm.adv_estimator=grpo {A}use_kl_loss=True {A}kl_loss_type=k3+ \\\n"
    f"  {A}ppo_mini_batch_size=16 data.train_batch_size=32 +{A}nonsense=1 trainer.n=2",
    "algorithm:\n  adv_estimator: grpo\n  use_kl_in_reward: true\n  kl_penalty: low_var_kl\n",
    f"algorithm.adv_estimator=grpo algorithm.filter_groups.enable=True {A}entropy_coeff=0.1",
    "algorithm.adv_estimator=grpo_passk actor_rollout_ref.rollout.n=8",
    f"algorithm.adv_estimator=grpo_passk {A}use_kl_loss=True",
    "algorithm:\n  adv_estimator: remax\n",
    "loss_type: cispo\n",
    "use_adaptive_entropy: yes\n",
    "import x  # trl\nargs = GRPOConfig(beta=0.04, epsilon=0.1)\n",
    "beta: 0.1  # as in RLOOConfig(beta=3)\n",
    "a = GRPOConfig(p=Lora(r=1, loss_type='grpo'), n='x)y', beta=0.3, model_init_kwargs={'a': 1})",
    '{"loss_type": "dr_grpo", "model_init_kwargs": {"torch_dtype": "bfloat16"}, "beta": 0.1}',
    f"run \"algorithm.adv_estimator=grpo\" 'algorithm.filter_groups.enable=True' {A}use_kl_loss=True "
    f"algorithm.norm_adv_by_std_in_grpo=False {A}kl_loss_type=mse",
]
WRONG = ["", "beta: lots", "beta 0.1", "loss_type: x", "beta: 0.1\nbeta: 0.2", "x = GRPOConfig(\n"]


def log(reward, entropy=lambda k: 1.0, kl=lambda k: 0.01, zero=lambda k: 0.2):
    rows = [
        {"reward": reward(k), "entropy": entropy(k), "kl": kl(k), "frac_reward_zero_std": zero(k)}
        for k in range(60)
    ]
    return "\n".join(map(json.dumps, rows))


LOGS = [
    log(lambda k: 0.3 + k / 100, lambda k: math.exp(-k / 40)),
    log(lambda k: min(0.95, 0.3 + k / 40), lambda k: math.exp(-k / 20), zero=lambda k: 0.9),
    log(lambda k: 0.02, zero=lambda k: 0.97),
    log(lambda k: 0.8 - k / 100, lambda k: 1 + k / 20, lambda k: k / 50),
    log(lambda k: -3.0 + k / 1000),
    log(lambda k: 0.1, zero=lambda k: 0.9),
    log(lambda k: 0.9, zero=lambda k: 0.9),
    log(lambda k: 0.9004, zero=lambda k: 0.7),
    log(lambda k: 0.5, zero=lambda k: 0.7004),
    log(lambda k: 0.5, entropy=lambda k: 1.0 if k < 30 else 0.7998),
    "step,run - train/reward\n" + "\n".join(f"{k},{k * 123.456}" for k in range(30)),
    "reward,loss - total,time - step\n" + "\n".join(f"{k / 30},{k},1" for k in range(30)),
]
METRICS = [one for several in log_rules()["names"].values() for one in several]
TWO_RUNS = "step,a - reward,b - reward\n" + "\n".join(f"{k},0.1,0.9" for k in range(30))
NUMBERS = [0.0, 1.0, 0.95, 0.123456, 1234.5, 999.6, 1e-5, 0.000123456, -0.5, -12345.0, 100.0, 12.0]


@pytest.fixture(scope="module")
def page():
    """What the page's script says of all of them."""
    if not shutil.which("node"):
        pytest.skip("needs Node.js")
    sys.path.insert(0, f"{ROOT / 'book' / '_ext'}")
    cheat_sheet = pytest.importorskip("cheat_sheet")
    given = {"configs": CONFIGS + WRONG, "logs": [*LOGS, TWO_RUNS], "numbers": NUMBERS}
    given["data"] = json.loads(cheat_sheet.data())
    done = subprocess.run(
        ["node", "-e", RUN, SCRIPT],
        input=json.dumps(given),
        text=True,
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("number", range(len(CONFIGS)))
def test_a_config_is_told_alike(number, page, tmp_path):
    path = tmp_path / "config"
    path.write_text(CONFIGS[number])
    given = read_config(path)
    ours, theirs = explain(given.options, given.library), page["configs"][number]
    assert theirs["options"] == given.options
    assert (theirs["library"], theirs["row"]) == (ours.library, ours.row)
    assert theirs["added"] == [*ours.added]
    assert theirs["notes"] == [*ours.notes]
    assert theirs["unknown"] == [*ours.unknown]
    assert theirs["why"] == [*ours.why]
    assert theirs["diversity"] == (diversity(ours.limit) if ours.limit else None)
    assert theirs["lab"] == lab_link(ours)


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_what_is_refused_is_refused_in_both(number, page, tmp_path):
    path = tmp_path / "config"
    path.write_text(WRONG[number])
    with pytest.raises(InputError):
        explain(read_config(path).options)
    assert "error" in page["configs"][len(CONFIGS) + number]


@pytest.mark.parametrize("number", range(len(LOGS)))
def test_a_log_is_told_alike(number, page, tmp_path):
    path = tmp_path / "log"
    path.write_text(LOGS[number])
    series = named(read_log(path, metrics=METRICS))
    ours, theirs = summary(series), page["logs"][number]
    assert theirs["told"].keys() == ours.keys()
    for name, value in ours.items():  # the last digit may differ: ties are rounded otherwise
        if value in ("true", "false"):
            assert theirs["told"][name] == value
        else:
            assert float(theirs["told"][name]) == pytest.approx(float(value), rel=0.011, abs=1e-9)
    assert [one["name"] for one in theirs["regimes"]] == [one.name for one in regimes(series)]
    assert not any("{" in one["says"] for one in theirs["regimes"])


def test_a_log_of_two_runs_is_refused_in_both(page, tmp_path):
    path = tmp_path / "log"
    path.write_text(TWO_RUNS)
    with pytest.raises(InputError, match="2 runs, a, b"):
        read_log(path, metrics=METRICS)
    assert "2 runs, a, b" in page["logs"][len(LOGS)]["error"]


def test_numbers_are_written_alike(page):
    assert page["short"] == [f"{value:.3g}" for value in NUMBERS]


def test_every_outcome_that_rules_lead_to_is_in_the_pages_data():
    known = outcomes()
    assert all(("why" in one) != ("diversity" in one) for one in known.values())
    for book in rules().values():
        for rule in book["rows"]:
            assert "row" not in rule or rule["row"] in known
    assert "DAPO, filtered + k2 in the loss" in known
    assert ENTRIES.keys() >= {key.partition(" + ")[0].removesuffix(", filtered") for key in known}
