import json
import math

import pytest
import torch

import planrl as pr
from planrl.io import checkpoints
from planrl.tasks import Vocab
from planrl.train import adamw


def test_a_saved_model_comes_back_bit_for_bit_with_its_settings_and_records(make_model, tmp_path):
    model = make_model(Vocab(6), seed=4)
    records = [pr.Step(1, 0.5, 0.25), pr.Step(2, 0.25, 1.0, {"accuracy": 0.1 + 0.2})]
    checkpoints.save(tmp_path / "run", model, {"lr": 0.1, "names": ["a"]}, records)
    saved = checkpoints.load(tmp_path / "run")
    assert saved.settings == {"lr": 0.1, "names": ["a"]}
    assert saved.records == records
    for key, value in model.state_dict().items():
        assert torch.equal(saved.model.state_dict()[key], value)


def test_a_linear_transformer_of_version_0_1_0_is_loaded(tmp_path, monkeypatch):
    model = pr.LinearTransformer(Vocab(4))
    torch.nn.init.normal_(model.current, generator=pr.seeded(0, "weights"))
    older = {"here": model.current.detach(), "target": model.target.detach()}
    with monkeypatch.context() as patch:
        patch.setattr(model, "state_dict", lambda: older)
        checkpoints.save(tmp_path, model, {}, [])
    assert torch.equal(checkpoints.load(tmp_path).model.current, model.current)


def test_numbers_that_are_not_finite_are_saved_as_null(tmp_path):
    records = [pr.Step(1, 1.0, 0.0, {"coverage": math.nan})]
    checkpoints.save(tmp_path, pr.LogitTable(Vocab(2)), {}, records)
    assert checkpoints.load(tmp_path).records[0].measured == {"coverage": None}


def test_going_on_gives_the_same_bits_as_never_having_stopped(make_model, tmp_path, small_task):
    def begin():
        model = make_model(small_task.vocab)
        config = pr.TrainConfig(steps=10, lr=1e-2)
        return model, config, adamw(model, config), pr.seeded(0, "walks")

    def go(model, config, optimizer, rng, done=0, steps=10):
        batches = pr.on_policy(model, small_task, rng=rng, size=16)
        config = pr.TrainConfig(steps=steps, lr=config.lr)
        return list(
            pr.train(model, batches, pr.policy_gradient, config, optimizer=optimizer, done=done)
        )

    model, config, optimizer, rng = begin()
    whole = go(model, config, optimizer, rng)

    stopped, config, optimizer, rng = begin()
    first = go(stopped, config, optimizer, rng, steps=4)
    checkpoints.save(tmp_path, stopped, {}, first, optimizer=optimizer, rngs={"walks": rng})

    saved = checkpoints.load(tmp_path)
    optimizer, rng = adamw(saved.model, config), pr.seeded(99, "other")
    done = saved.resume(optimizer, {"walks": rng})
    assert saved.records + go(saved.model, config, optimizer, rng, done) == whole
    for key, value in model.state_dict().items():
        assert torch.equal(saved.model.state_dict()[key], value)


def test_saving_again_replaces_the_state_and_leaves_no_other_file(tmp_path):
    model = pr.LogitTable(Vocab(3))
    checkpoints.save(tmp_path, model, {}, [])
    (tmp_path / "state-mine.safetensors").write_text("not planrl's to delete")
    with torch.no_grad():
        model.table += 1
    checkpoints.save(tmp_path, model, {}, [])
    assert len(list(tmp_path.iterdir())) == 3
    assert checkpoints.load(tmp_path).model.table[0, 0, 0] == 1


def test_a_save_that_fails_leaves_the_earlier_state(tmp_path, monkeypatch):
    model = pr.LogitTable(Vocab(3))
    checkpoints.save(tmp_path, model, {"try": 1}, [])
    with torch.no_grad():
        model.table += 1

    def full(path, content):
        if path.name == "run.json":
            raise OSError(28, "No space left on device")
        real(path, content)

    real = checkpoints.write_atomically
    monkeypatch.setattr(checkpoints, "write_atomically", full)
    with pytest.raises(OSError, match="No space"):
        checkpoints.save(tmp_path, model, {"try": 2}, [])
    saved = checkpoints.load(tmp_path)
    assert saved.settings == {"try": 1}
    assert saved.model.table[0, 0, 0] == 0


@pytest.mark.parametrize("moment", ["before the state is opened", "again and again"])
def test_a_run_saved_anew_while_it_is_read_is_read_anew(tmp_path, monkeypatch, moment):
    model = pr.LogitTable(Vocab(3))
    checkpoints.save(tmp_path, model, {}, [])
    saves = 1 if moment == "before the state is opened" else 3

    def overtaken(path, **settings):
        nonlocal saves
        if path.name.startswith("state-") and saves:
            saves -= 1
            with torch.no_grad():
                model.table += 1
            checkpoints.save(tmp_path, model, {"left": saves}, [])
        return real(path, **settings)

    real = checkpoints.read_bytes
    monkeypatch.setattr(checkpoints, "read_bytes", overtaken)
    saved = checkpoints.load(tmp_path)
    assert saved.settings == {"left": 0}
    assert torch.equal(saved.model.table, model.table)


def spoil(folder, how):
    manifest = folder / "run.json"
    state = next(folder.glob("state-*"))
    page = json.loads(manifest.read_text())
    if how == "truncated":
        state.write_bytes(state.read_bytes()[:-7])
    elif how == "no tensors":
        state.unlink()
    elif how == "no manifest":
        manifest.unlink()
    elif how == "half a manifest":
        manifest.write_text(manifest.read_text()[:40])
    elif how == "foreign":
        manifest.write_text('{"format": "something/9"}')
    elif how == "a list":
        manifest.write_text("[1, 2]")
    else:
        if how == "outside":
            page["tensors"]["file"] = "../secrets.safetensors"
        elif how == "wrong sizes":
            page["model"]["n_nodes"] = 77
        elif how == "unknown kind":
            page["model"]["kind"] = "os.system"
        elif how == "bad record":
            page["records"] = [{"step": 1}]
        manifest.write_text(json.dumps(page))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("truncated", "truncated or altered"),
        ("no tensors", "does not hold a whole planrl run"),
        ("no manifest", "there is no run.json"),
        ("half a manifest", "not readable JSON"),
        ("foreign", "format 'something/9', expected 'planrl-run/1'"),
        ("a list", "format 'list'"),
        ("outside", "outside its folder"),
        ("wrong sizes", "does not hold a whole planrl run"),
        ("unknown kind", "unknown model kind"),
        ("bad record", "does not hold a whole planrl run"),
    ],
)
def test_a_spoilt_folder_is_refused_with_the_reason(how, words, tmp_path):
    checkpoints.save(tmp_path, pr.LogitTable(Vocab(3)), {}, [])
    spoil(tmp_path, how)
    with pytest.raises(pr.InputError, match=words):
        checkpoints.load(tmp_path)


def test_only_planrl_models_can_be_saved(tmp_path):
    with pytest.raises(pr.InputError, match="not Linear"):
        checkpoints.save(tmp_path, torch.nn.Linear(2, 2), {}, [])
    assert list(tmp_path.iterdir()) == []


def test_resuming_needs_the_generators_state(tmp_path):
    checkpoints.save(tmp_path, pr.LogitTable(Vocab(3)), {}, [])
    with pytest.raises(pr.InputError, match="generator 'walks'"):
        checkpoints.load(tmp_path).resume(rngs={"walks": pr.seeded(0, "walks")})
