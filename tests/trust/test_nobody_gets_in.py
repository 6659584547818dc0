"""Nobody gets in: what is loaded runs no code, reads nothing elsewhere, and puts no markup anywhere."""

import json
import os
import pickle
import re
import struct
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load, save
from stranger_files import CODE, zipped
from stranger_records import RESULT

import planrl as pr
from planrl.__main__ import main
from planrl.claims import verdicts
from planrl.experiments import datasets, store
from planrl.experiments.datasets import DatasetSettings, FileDataset
from planrl.experiments.runs import Algorithm, RunSettings, TrainingRun, resume
from planrl.io import checkpoints, files
from planrl.io.formats import read_alpine, read_graph, read_nanogpt
from planrl.tasks import Vocab
from planrl.train import adamw


# --- Code
@pytest.mark.parametrize("place", range(len(CODE)))
def test_no_checkpoint_runs_code_whatever_its_pickle_says(place, tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(os, "system", lambda *words: ran.append(words))
    monkeypatch.setattr(subprocess, "Popen", lambda *words: ran.append(words))
    for content in (CODE[place], zipped(CODE[place])):
        (tmp_path / "c.pt").write_bytes(content)
        with pytest.raises(pr.InputError):
            read_nanogpt(tmp_path / "c.pt")
    assert not ran


class Evil:
    def __reduce__(self):
        return open, ("pwned", "w")


def test_a_runs_folder_is_json_and_tensors_a_pickle_in_it_is_never_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoints.save("run", pr.LogitTable(Vocab(3)), {}, [])
    (tmp_path / "run" / "evil.pkl").write_bytes(pickle.dumps(Evil()))
    spoil(tmp_path / "run", pickle.dumps(Evil()))
    with pytest.raises(pr.InputError):
        checkpoints.load("run")
    assert not (tmp_path / "pwned").exists()


def test_the_library_loads_no_pickle_but_with_weights_only():
    for path in (store.FOLDER.parents[1]).rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for call in (
            "pickle.load(",
            "yaml.load(",
            "eval(",
            "exec(",
            "shell=True",
            "joblib.load(",
            "np.load(",
        ):
            used = [line for line in text.splitlines() if call in line and f"_{call}" not in line]
            assert not used, f"{path.name}: {used}"
        for after in text.split("torch.load(")[1:]:
            assert "weights_only=True" in after[:120], path.name
        for after in text.split("pickle.loads(")[1:]:  # of what this process has just written
            assert after.startswith("pickle.dumps("), path.name


# --- Memory that is not ours: torch takes these states without a look
def spoil(folder, content):
    """Put other content in the place of a run's tensors, honestly signed."""
    page = json.loads((folder / "run.json").read_text())
    (folder / page["tensors"]["file"]).write_bytes(content)
    page["tensors"]["sha256"] = checkpoints.hashlib.sha256(content).hexdigest()
    (folder / "run.json").write_text(json.dumps(page))


@pytest.fixture
def trained(tmp_path):
    """A run that was stopped after two updates, with optimizer and generator."""
    settings = RunSettings(
        algorithm=Algorithm(name="sft"),
        dataset=DatasetSettings(nodes=8, edge_probability=0.6, train_share=0.5),
        model=pr.TransformerConfig(width=4),
        training=pr.TrainConfig(steps=2),
        batch=4,
    )
    session = TrainingRun(settings, tmp_path / "run")
    list(session.run())
    session.save()
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("left", "at"), [(624, 624), (625, 0), (2, 624), (0, 625), (-1, 626), (1, 2**63)]
)
def test_a_generators_state_that_would_read_beyond_its_numbers_is_refused(left, at, trained):
    tensors = load(checkpoints.load(trained) and next(trained.glob("*.safetensors")).read_bytes())
    raw = bytearray(tensors["rng/walks"].numpy().tobytes())
    struct.pack_into("<iiQ", raw, 8, left, 1, at)
    tensors["rng/walks"] = torch.frombuffer(raw, dtype=torch.uint8)
    spoil(trained, save(tensors))
    with pytest.raises(pr.InputError, match="state of the generator"):
        resume(trained)


@pytest.mark.parametrize(
    "odd", [torch.zeros(()), torch.zeros(1), torch.zeros(9, 4, dtype=torch.int8), torch.zeros(0)]
)
def test_an_optimizers_state_of_another_size_or_type_is_refused_before_it_is_written_over(
    odd, trained
):
    tensors = load(next(trained.glob("*.safetensors")).read_bytes())
    tensors["optimizer/0/exp_avg"] = odd
    spoil(trained, save(tensors))
    with pytest.raises(pr.InputError, match="state of no parameter"):
        resume(trained)


def test_an_optimizers_state_that_lacks_a_part_is_refused(trained):
    tensors = load(next(trained.glob("*.safetensors")).read_bytes())
    del tensors["optimizer/0/exp_avg"]
    spoil(trained, save(tensors))
    with pytest.raises(pr.InputError, match="not whole"):
        resume(trained)


# --- Files elsewhere
@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "/etc/passwd",
        "..",
        "",
        ".",
        "run.json",
        "a/b",
        "a\\..\\b",
        "state-0.safetensors",
    ],
)
def test_a_run_names_no_file_but_its_own(name, tmp_path):
    checkpoints.save(tmp_path / "run", pr.LogitTable(Vocab(3)), {}, [])
    page = json.loads((tmp_path / "run" / "run.json").read_text())
    page["tensors"]["file"] = name
    (tmp_path / "run" / "run.json").write_text(json.dumps(page))
    with pytest.raises(pr.InputError, match="outside its folder"):
        checkpoints.load(tmp_path / "run")
    with pytest.raises(pr.InputError, match="outside its folder"):  # nor is it deleted
        checkpoints.save(tmp_path / "run", pr.LogitTable(Vocab(3)), {}, [])
    assert (tmp_path / "run" / "run.json").exists()


needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")


@needs_links
@pytest.mark.parametrize("which", ["run.json", "tensors"])
def test_no_link_leads_out_of_a_runs_folder(which, tmp_path):
    checkpoints.save(tmp_path / "run", pr.LogitTable(Vocab(3)), {}, [])
    path = next((tmp_path / "run").glob("run.json" if which == "run.json" else "*.safetensors"))
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(pr.InputError, match="leads out of"):
        checkpoints.load(tmp_path / "run")


@needs_links
def test_no_link_leads_out_of_a_folder_of_results(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "choices-seed0.json").symlink_to(RESULT)
    with pytest.raises(pr.InputError, match="leads out of"):
        store.results("choices", folder=tmp_path / "results")
    with pytest.raises(pr.InputError, match="a name like"):
        store.results("../choices", folder=tmp_path / "results")


@needs_links
def test_a_folder_may_itself_be_a_link(tmp_path):
    checkpoints.save(tmp_path / "run", pr.LogitTable(Vocab(3)), {}, [])
    (tmp_path / "link").symlink_to(tmp_path / "run")
    assert checkpoints.load(tmp_path / "link").settings == {}


def test_a_strangers_run_cannot_have_a_file_of_this_machine_read_and_told_of(tmp_path, trained):
    secret = tmp_path / "secret.txt"
    secret.write_text("password of the house: sesame\n")
    page = json.loads((trained / "run.json").read_text())
    for digest in ("", "0" * 64):
        named = FileDataset(graph=str(secret), train=str(secret), test=str(secret), digest=digest)
        page["settings"]["dataset"] = named.plain()
        (trained / "run.json").write_text(json.dumps(page))
        with pytest.raises(pr.InputError, match=r"without their digest|has changed") as error:
            resume(trained)
        assert "sesame" not in str(error.value)


@pytest.mark.parametrize(
    "named",
    [
        {"loss": "evil:code"},
        {"stream": "evil:code"},
        {"loss": "evil:code", "trusted": True},
        {"options": {"reward": "evil:code"}},
        {"options": {"trusted": True}, "loss": "evil:code"},
    ],
    ids=str,
)
def test_a_strangers_run_cannot_have_code_imported(named, trained, tmp_path, monkeypatch, capsys):
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    page = json.loads((trained / "run.json").read_text())
    page["settings"]["algorithm"] |= {"name": "pg", "loss": "", "stream": "", **named}
    (trained / "run.json").write_text(json.dumps(page))
    with pytest.raises(pr.InputError, match=r"not planrl's: evil:code|trusted=True"):
        resume(trained)
    main(["evaluate", str(trained), "--samples", "2"])
    assert main(["train", "--resume", str(trained), "--steps", "3"]) == 2
    capsys.readouterr()
    assert "evil" not in sys.modules


def test_a_strangers_result_cannot_have_code_imported(tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("theorems-seed0.json", "choices-seed0.json"):
        text = (store.FOLDER / name).read_text()
        spoilt = re.sub(r'"planrl\.[a-z_.]+:\w+"', '"evil:code"', text)
        assert spoilt != text
        (tmp_path / name).write_text(spoilt)
    for name in ("theorems", "choices"):
        store.results(name, folder=tmp_path)
        for job in store.jobs([name], folder=tmp_path):
            assert not store.is_there(job)
    verdicts(["theorems"], folder=tmp_path)
    assert "evil" not in sys.modules


COMMANDS = {"evaluate": ["evaluate"], "resume": ["train", "--steps", "3", "--resume"]}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no /etc/passwd")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("digest", ["", "0" * 64])
@pytest.mark.parametrize(
    "named", ["../secret.txt", "{place}/secret.txt", f"{'../' * 20}etc/passwd"]
)
def test_no_command_reads_a_file_that_a_run_names_without_its_digest(
    command, digest, named, trained, monkeypatch, capsys
):
    (trained.parent / "secret.txt").write_text("password of the house: sesame\n")
    monkeypatch.chdir(trained)
    name = named.format(place=trained.parent)
    page = json.loads((trained / "run.json").read_text())
    page["settings"]["dataset"] = {
        "kind": "files",
        "graph": name,
        "train": name,
        "test": name,
        "digest": digest,
    }
    (trained / "run.json").write_text(json.dumps(page))

    def never(*given):
        raise AssertionError(f"{given} was parsed")

    for reader in ("read_graph", "read_paths"):
        monkeypatch.setattr(datasets, reader, never)
    assert main([*COMMANDS[command], str(trained)]) == 2
    said = capsys.readouterr()
    assert ("has changed" if digest else "without their digest") in said.err
    assert "sesame" not in said.out + said.err
    assert "root:" not in said.out + said.err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_no_command_reads_tools_that_a_run_names_without_their_digest(
    command, digest, trained, monkeypatch, capsys
):
    for name in ("graph_desc.json", "data.json"):
        (trained.parent / name).write_text("password of the house: sesame\n")
    page = json.loads((trained / "run.json").read_text())
    options = {"data": str(trained.parent), "digest": digest}
    page["settings"]["dataset"] = {
        **page["settings"]["dataset"],
        "kind": "tools",
        "options": options,
    }
    (trained / "run.json").write_text(json.dumps(page))

    def never(*given):
        raise AssertionError(f"{given} was parsed")

    monkeypatch.setattr(datasets, "read_tool_graph", never)
    assert main([*COMMANDS[command], str(trained)]) == 2
    said = capsys.readouterr()
    assert ("has changed" if digest else "without their digest") in said.err
    assert "sesame" not in said.out + said.err


@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_a_strangers_run_cannot_have_another_run_of_this_machine_read(
    digest, trained, tmp_path, monkeypatch, capsys
):
    checkpoints.save(tmp_path / "mine", checkpoints.load(trained).model, {"note": "sesame"}, [])
    page = json.loads((trained / "run.json").read_text())
    page["settings"] |= {"start": str(tmp_path / "mine"), "start_digest": digest}
    (trained / "run.json").write_text(json.dumps(page))
    read, real = [], files.read_bytes
    for module in (checkpoints, files):  # weights, and what is JSON
        monkeypatch.setattr(module, "read_bytes", lambda p, **how: read.append(p) or real(p, **how))
    assert main(["train", "--resume", str(trained), "--steps", "3"]) == 2
    said = capsys.readouterr().err
    assert ("another state" if digest else "without its digest") in said
    assert "sesame" not in said
    names = [path.name for path in read if path.is_relative_to(tmp_path / "mine")]
    assert names == (["run.json"] if digest else [])  # in which its digest stands


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes there")
def test_pipes_devices_and_folders_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (
        tmp_path / "pipe",
        tmp_path,
        "/dev/zero",
        "/dev/stdin",
        tmp_path / ("x" * 400),
        "a\0b",
    ):
        for read in (read_graph, read_nanogpt, lambda p: read_alpine(p, pr.chain(3))):
            with pytest.raises(pr.InputError, match="cannot read"):
                read(path)


def test_an_optimizer_of_a_good_run_still_goes_on(trained):
    saved = checkpoints.load(trained)
    assert saved.resume(adamw(saved.model, pr.TrainConfig()), {"walks": pr.seeded(1, "x")}) == 2
    assert len(list(resume(trained, steps=4).run())) == 2
