"""What runs on GitHub: workflows and hooks that only say what is there, and a Makefile that says all."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import planrl as pr

ROOT = Path(pr.__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

pytestmark = pytest.mark.skipif(
    os.name == "nt" or not shutil.which("make") or not WORKFLOWS,
    reason="needs make and the repository, on POSIX",
)


def steps(workflow):
    """Each step of each job."""
    for job in yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values():
        assert job["timeout-minutes"] <= 90
        yield from job["steps"]


def commands():
    """All that is run, by workflows, by continuous integration and by hooks."""
    for workflow in WORKFLOWS:
        yield from (step["run"] for step in steps(workflow) if "run" in step)
    yield (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    yield from (hook["entry"] for repo in config["repos"] for hook in repo["hooks"])


def make(*words, cwd=ROOT):
    plain = {"PATH": os.environ["PATH"], "HOME": str(cwd)}
    command = ["make", "--no-print-directory", *words]
    done = subprocess.run(command, cwd=cwd, env=plain, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A folder with the Makefile, where all is installed that it installs first."""
    folder = tmp_path_factory.mktemp("alone")
    shutil.copy(ROOT / "Makefile", folder)
    wanted = ("requirements.txt", "pyproject.toml", ".ci/hashes.txt", ".venv/bin/python")
    wanted += (".ci/colab-constraints.txt", ".ci/notebook-constraints.txt", ".venv/.planrl-ready")
    for name in wanted:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def targets(said):
    """The words of `make help` that are targets."""
    return re.findall(r"^  ([a-z-]+) {2,}\S", said, re.M)


def test_workflows_and_hooks_run_only_targets_that_the_makefile_has():
    lines = "\n".join(commands()).replace("\\\n", " ").splitlines()
    runs = [re.match(r"\s*make ([a-z]+)", line) for line in lines]
    used = {run[1] for run in runs if run}
    assert {"ci", "setup", "book", "colab"} <= used
    assert used <= set(targets(make("help")))


def test_workflows_and_hooks_name_only_files_that_are_there():
    named = set()
    for text in commands():
        named |= set(re.findall(r"(?<![\w/$.:\"\\-])(?!\.venv|_build)\.?\w[\w-]*/[\w./-]*\w", text))
    for workflow in WORKFLOWS:
        for step in steps(workflow):
            given = step.get("with", {})
            named |= set(given.get("cache-dependency-path", "").split())
            named |= set(re.findall(r"hashFiles\('([^']*)'\)", given.get("key", "")))
    assert {".ci/run", "book/_ext/pairs.py", "book/_ext/package-lock.json"} <= named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_workflows_use_actions_by_the_hash_of_a_commit_and_may_write_only_what_they_must():
    for workflow in WORKFLOWS:
        used = [step["uses"] for step in steps(workflow) if "uses" in step]
        assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", name) for name in used), used
        granted = yaml.safe_load(workflow.read_text(encoding="utf-8"))["permissions"]
        assert set(granted.values()) <= {"read"}, "what a job writes, it asks for itself"


@pytest.mark.parametrize("given", ["", "https://a.org/book/"])
def test_published_pages_have_the_address_in_pyproject_or_else_that_of_github_pages(
    given, tmp_path
):
    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    import shell

    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = re.sub(r"^Documentation = .*\n", "", project, flags=re.M)
    if given:
        project = project.replace("Repository =", f'Documentation = "{given}"\nRepository =')
    (tmp_path / "pyproject.toml").write_text(project, encoding="utf-8")
    (command,) = (
        step["run"]
        for step in steps(ROOT / ".github" / "workflows" / "pages.yml")
        if "ADDRESS" in step.get("env", {})
    )
    there = {**os.environ, "ADDRESS": "https://planrl.github.io/planrl"}
    subprocess.run(["bash", "-ec", command], cwd=tmp_path, env=there, check=True)
    assert shell.site_url(tmp_path) == (given or "https://planrl.github.io/planrl/")


def test_make_help_names_each_target_once_and_no_file_of_its_name_is_in_its_way(alone):
    said = targets(make("help"))
    assert len(said) == len(set(said)) > 15
    before = {target: make("-n", target, cwd=alone) for target in said}
    for target in said:
        (alone / target).touch()
    assert {target: make("-n", target, cwd=alone) for target in said} == before
    assert [target for target, done in before.items() if not done.strip()] == []
