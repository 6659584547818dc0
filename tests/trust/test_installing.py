"""`make setup` that is killed at any moment gives a whole environment when it is said again."""

import base64
import contextlib
import csv
import hashlib
import importlib.metadata
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from soaking import SOAK, times

import planrl as pr

ROOT = Path(pr.__file__).parents[1]
PINNED = ("setuptools", "networkx", "tqdm")  # without the first, planrl itself can't be installed
GIVEN = ("Makefile", "pyproject.toml", "README.md", "LICENSE", ".ci/installed.py")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.name == "nt" or not shutil.which("make") or not (ROOT / "Makefile").exists(),
        reason="needs make and the sources, on POSIX",
    ),
]


def digest(content):
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip(
        "="
    )


def repacked(name, folder):
    """A wheel of what is installed here under this name, without tests and scripts."""
    about = importlib.metadata.distribution(name)
    wheel = folder / f"{name}-{about.version}-py3-none-any.whl"
    left_out = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in sorted(about.files, key=lambda path: (".dist-info" in path.parts[0], path)):
            if {"..", "tests", "__pycache__"} & set(path.parts) or path.name in left_out:
                continue
            content = path.read_binary()
            archive.writestr(str(path), content)
            rows.writerow([path, digest(content), len(content)])
        rows.writerow([f"{name}-{about.version}.dist-info/RECORD", "", ""])
        archive.writestr(f"{name}-{about.version}.dist-info/RECORD", record.getvalue())
    return f"{name}=={about.version}"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A small project with our Makefile, and its few packages on this disk."""
    place = tmp_path_factory.mktemp("installing")
    (place / "wheels").mkdir()
    (place / "project" / "planrl").mkdir(parents=True)
    (place / "project" / ".ci").mkdir()
    for name in GIVEN:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, place / "project" / name)
    (place / "project" / "planrl" / "__init__.py").write_text('__version__ = "0"\n')
    pins = [repacked(name, place / "wheels") for name in PINNED]
    (place / "project" / "requirements.txt").write_text("\n".join(pins))
    hashed = [
        f"{pin} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
        for pin in pins[:-1]  # the last comes by its version only, as PyTorch does
        for wheel in (place / "wheels").glob(f"{pin.split('==')[0]}-*")
    ]
    (place / "project" / ".ci" / "hashes.txt").write_text("\n".join(hashed))
    return place / "project"


def setup(project):
    """`make setup`, begun."""
    plain = {
        "PATH": os.environ["PATH"],
        "HOME": str(project),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    flags = f"PIP_FLAGS=--no-index --no-compile --find-links {project.parent / 'wheels'}"
    return subprocess.Popen(
        ["make", "setup", f"PYTHON={sys.executable}", flags],
        cwd=project,
        env=plain,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def again(project):
    """`make setup` to its end: what it said. All of it must be there, and work."""
    running = setup(project)
    said, _ = running.communicate(timeout=600)
    assert running.returncode == 0, said[-3000:]
    python = project / ".venv" / "bin" / "python"
    code = "import planrl, networkx, tqdm, setuptools; print(planrl.__file__)"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(project / "planrl" / "__init__.py")
    subprocess.run([python, "-I", "-m", "pip", "list"], capture_output=True, check=True)
    (site,) = project.glob(".venv/lib/python3*/site-packages")
    found = sorted(info.name.split("-")[0] for info in site.glob("*.dist-info"))
    assert {*found} >= {"pip", "planrl", *PINNED}
    assert len(found) == len(set(found))
    assert not list(site.glob("~*"))
    for info in site.glob("*.dist-info"):
        rows = list(csv.reader((info / "RECORD").read_text().splitlines()))
        assert f"{info.name}/INSTALLER" in [row[0] for row in rows]
        for name, told, _ in rows:
            if told and "__pycache__" not in name:
                assert digest((site / name).read_bytes()) == told, name
    assert (project / ".venv" / "bin" / "activate").exists()
    return said


@pytest.fixture(scope="module")
def installed(project):
    """Where packages are, installed once without being disturbed, and how long that took."""
    began = time.monotonic()
    again(project)
    return next(project.glob(".venv/lib/python3*/site-packages")), time.monotonic() - began


def half(folder):
    """Take away every second file of a package, and half of another."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files[1::2]:
        path.unlink()
    files[0].write_bytes(files[0].read_bytes()[: files[0].stat().st_size // 2])


def cut(site, name, *parts):
    """Have a package look as if pip had been killed while it copied it."""
    (info,) = site.glob(f"{name}-*.dist-info")
    for part in parts:
        (info / part).unlink()
    if name != "planrl":
        half(site / name)


ALONE = {
    "files": lambda site: cut(site, "networkx"),
    "no list": lambda site: cut(site, "networkx", "RECORD"),
    "no installer": lambda site: cut(site, "tqdm", "RECORD", "INSTALLER"),
    "ours": lambda site: cut(site, "planrl", "RECORD"),
    "put away": lambda site: (site / "networkx").rename(site / "~etworkx"),
    "no scripts": lambda site: (site.parents[2] / "bin" / "activate").unlink(),
}


def packages(site):
    """Several of these at once."""
    for state in ("files", "no installer", "ours"):
        ALONE[state](site)
    shutil.copytree(site / "tqdm", site / "~qdm")


STATES = {"packages": packages, "pip": lambda site: half(site / "pip" / "_vendor" / "rich")}


@pytest.mark.parametrize("state", [*STATES, *(ALONE if SOAK else ())])
def test_what_a_killed_pip_left_is_not_taken_for_installed(state, project, installed):
    (STATES | ALONE)[state](installed[0])
    (project / ".venv" / ".planrl-ready").unlink()
    assert "cut short" in again(project)


def test_an_environment_that_is_whole_is_kept(project, installed):
    kept = installed[0] / "kept.txt"
    kept.write_text("a file of the reader's own")
    (info,) = installed[0].glob("tqdm-*.dist-info")
    with (info / "RECORD").open("a") as record:  # as in NumPy 2.1.3: bytecode, written anew since
        record.write("tqdm/__pycache__/old.pyc,sha256=x,3\n")
    (installed[0] / "tqdm" / "__pycache__").mkdir(exist_ok=True)
    (installed[0] / "tqdm" / "__pycache__" / "old.pyc").write_text("longer")
    (project / ".venv" / ".planrl-ready").unlink()
    assert "cut short" not in again(project)
    assert kept.exists()
    kept.unlink()


def wait_for(what, running):
    """Until there is such a file, or the process has ended; one that does neither hangs."""
    for _ in range(200_000):
        if list(what[0].glob(what[1])) or running.poll() is not None:
            return
        time.sleep(0.005)
    pytest.fail(f"there is no {what[1]}, and the process does not end")


@pytest.mark.parametrize("seed", range(times(1, 40)))
def test_killed_at_any_moment_it_goes_on_to_a_whole_environment(seed, project, installed):
    (site, seconds), rng = installed, random.Random(seed)
    shutil.rmtree(project / ".venv")
    for _ in range(rng.choice([1, 1, 2])):  # some are interrupted twice
        running = setup(project)
        if aimed := rng.choice(["", "pip", "setuptools", "networkx", "networkx-*", "planrl-*"]):
            wait_for((site, aimed), running)
        time.sleep(rng.uniform(0.0, 0.3 if aimed else seconds))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
    print(seed, aimed, "left", sorted(path.name for path in site.glob("[!_]*") if path.is_dir()))
    again(project)
