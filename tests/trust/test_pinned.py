"""What is installed is what was pinned: by version, and by hash."""

import hashlib
import importlib.metadata
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".ci"))

import pins  # noqa: E402

PINNED = pins.pinned(pins.PINS.read_text(encoding="utf-8"))


def test_hashes_and_pins_name_the_same_versions_but_for_pytorch():
    hashed = pins.hashed(pins.HASHES.read_text(encoding="utf-8"))
    wanted = {f"{name}=={version}" for name, version in PINNED.items() if name not in pins.UNHASHED}
    assert set(hashed) == wanted, "`make hashes` writes .ci/hashes.txt anew"
    assert len(wanted) > 100
    for pin, hashes in hashed.items():
        assert hashes, pin
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), pin


def test_the_file_of_hashes_names_no_index():
    text = pins.HASHES.read_text(encoding="utf-8")
    assert not re.findall(r"://|--(?!hash=)\w[\w-]*", text)


def test_what_is_installed_is_what_is_pinned():
    wrong = {}
    for name, version in PINNED.items():
        there = importlib.metadata.version(name).partition("+")[0]  # torch 2.13.0+cpu
        if there != version:
            wrong[name] = f"{there}, pinned is {version}"
    assert not wrong


def needs(lines, extras=("",)):
    """The packages that a list of requirements asks for here."""
    for line in lines:
        wanted = Requirement(line)
        if not wanted.marker or any(wanted.marker.evaluate({"extra": e}) for e in extras):
            yield pins.canonical(wanted.name)


def test_nothing_that_is_needed_is_left_unpinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    apart = ("bench", "planning")  # neither the book nor a test needs them
    ours = [line for name, lines in extras.items() if name not in apart for line in lines]
    wanted = set(needs([*project["dependencies"], *ours]))
    for name in PINNED:
        if name not in pins.UNHASHED:
            wanted |= set(needs(importlib.metadata.requires(name) or []))
    assert not wanted - set(PINNED)


# --- pip refuses what has another hash, with the very options of `make setup`
@pytest.fixture
def wheel(tmp_path):
    """A wheel of ours in a folder of its own."""
    path = tmp_path / "index" / "planrl_probe-1.0-py3-none-any.whl"
    path.parent.mkdir()
    about = "planrl_probe-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("planrl_probe.py", "said = 'as it was made'\n")
        archive.writestr(
            f"{about}/METADATA", "Metadata-Version: 2.1\nName: planrl-probe\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{about}/RECORD", "planrl_probe.py,,\n")
    return path


def options():
    """What `make setup` tells pip, without the file it reads and the reader's own flags."""
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8")
    line = re.search(r"pip install(.*?)-r \.ci/hashes\.txt", recipe.replace("\\\n", " "))
    return [word for word in line[1].split() if not word.startswith("$")]


def install(wheel, lines, *more):
    """Let pip install these lines from the wheel's folder."""
    wanted = wheel.parents[1] / "hashes.txt"
    wanted.write_text(lines, encoding="utf-8")
    target = wheel.parents[1] / "target"
    command = [sys.executable, "-m", "pip", "install", *options(), "-r", str(wanted)]
    command += [
        "--no-index",
        "--find-links",
        str(wheel.parent),
        "--target",
        str(target),
        "-q",
        *more,
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    done = subprocess.run(
        command,
        env={**kept, "PIP_CONFIG_FILE": os.devnull},
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    return done, (target / "planrl_probe.py").exists()


def line(hashed):
    return f"planrl-probe==1.0 \\\n    --hash=sha256:{hashed}\n"


def test_pip_takes_the_file_whose_hash_is_written_down(wheel):
    done, there = install(wheel, line(hashlib.sha256(wheel.read_bytes()).hexdigest()))
    assert done.returncode == 0, done.stderr
    assert there


@pytest.mark.parametrize("how", ["another hash", "another file", "no hash"])
def test_pip_refuses_another_hash_another_file_and_a_line_without_hash(how, wheel):
    right = hashlib.sha256(wheel.read_bytes()).hexdigest()
    wanted = line(right)
    if how == "another hash":
        wanted = line(f"{int(right[0], 16) ^ 1:x}{right[1:]}")
    if how == "another file":
        with zipfile.ZipFile(wheel, "a") as archive:
            archive.writestr("planrl_more.py", "said = 'a guest'\n")
    if how == "no hash":
        wanted = "planrl-probe==1.0\n"
    done, there = install(wheel, wanted)
    assert done.returncode != 0
    assert "hash" in done.stderr.lower()
    assert not there


def test_a_source_whose_own_script_would_run_is_not_taken(tmp_path, wheel):
    wheel.unlink()
    source, ran = wheel.parent / "planrl_probe-1.0.tar.gz", tmp_path / "ran"
    script = f"import pathlib, setuptools\npathlib.Path({str(ran)!r}).touch()\nsetuptools.setup(name='planrl-probe', version='1.0', py_modules=[])\n"
    with tarfile.open(source, "w:gz") as archive:
        entry = tarfile.TarInfo("planrl_probe-1.0/setup.py")
        entry.size = len(script)
        archive.addfile(entry, io.BytesIO(script.encode()))
    wanted = line(hashlib.sha256(source.read_bytes()).hexdigest())
    done, _ = install(wheel, wanted, "--no-build-isolation")
    assert done.returncode != 0
    assert not ran.exists()


# --- What Colab has, as `python .ci/pins.py colab FILE` reads it
def test_constraints_have_colabs_versions_of_the_packages_that_we_name():
    freeze = (
        "# a comment\nanywidget==0.9.21\nbrotli==1.0\nipykernel==6.17.1\njupyter-client==7.4.9\n"
        "google-colab @ file:///colabtools/dist/google_colab-1.0.0.tar.gz\nnumpy==2.1.3\n"
        "torch @ https://a.org/whl/cu128/torch-2.11.0%2Bcu128-cp313-cp313-linux_x86_64.whl#sha256=0\n"
    )
    names = ["numpy", "jupyter_client", "torch", "gone"]
    wanted = "numpy==2.1.3\njupyter-client==7.4.9\ntorch==2.11.0\n# gone: Colab has none\n"
    assert pins.constraints(freeze, names) == wanted
    with pytest.raises(SystemExit, match="no list of Colab's packages"):
        pins.constraints("<html>404: Not Found</html>", names)


# --- What the index says of the pins, as `python .ci/pins.py check` reads it
def test_a_file_that_the_index_serves_no_more_is_told():
    kept = (
        "a==1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\nb-c==2 \\\n    --hash=sha256:22\n"
    )
    assert pins.gone(kept, kept) == []
    assert pins.gone(kept, kept + "d==1 \\\n    --hash=sha256:33\n") == []
    changed = kept.replace("11", "12")
    assert pins.gone(kept, changed) == ["a==1: 1 of 2 files are not served any more"]
    assert pins.gone(kept, kept.replace("b-c==2", "b-c==3"))


def test_pins_are_read_whatever_their_spelling():
    assert pins.pinned("# a\nA_b.C==1.0\nd==2 ; x\n") == {"a-b-c": "1.0", "d": "2"}


YANKED = 'warning: `a==1` is yanked (reason: "leaks")'  # as uv says it


@pytest.mark.parametrize(
    ("served", "said", "code"),
    [("kept", [], 0), ("kept", [YANKED], 1), ("", [], 1)],
    ids=["as it was", "withdrawn", "changed"],
)
def test_a_check_fails_when_a_release_was_withdrawn_or_changed(
    served, said, code, monkeypatch, capsys
):
    kept = pins.HASHES.read_text(encoding="utf-8") if served else ""
    monkeypatch.setattr(pins, "asked", lambda text: (kept, said))
    assert pins.main(["check"]) == code
    assert bool(capsys.readouterr().err) == bool(code)


def test_what_npm_brings_has_hashes_too():
    lock = json.loads((pins.LOCK / "package-lock.json").read_text(encoding="utf-8"))
    brought = {name: about for name, about in lock["packages"].items() if name}
    assert len(brought) > 10
    assert not [
        name
        for name, about in brought.items()
        if not about.get("integrity", "").startswith("sha512-")
    ]
