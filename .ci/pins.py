"""Hashes of the pinned packages, which `make setup` has pip compare.

``write`` makes ``.ci/hashes.txt`` anew from requirements.txt; ``check`` asks the package index
whether it has withdrawn one of those releases or changed one of its files; ``advisories`` asks the
services that know of weak versions. PyTorch has no hashes here: each index has files of its own.
``colab FILE`` prints .ci/colab-constraints.txt with the versions of FILE, a pip freeze of Colab's.
"""

from __future__ import annotations

import datetime
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "requirements.txt"
HASHES = ROOT / ".ci" / "hashes.txt"
COLAB = ROOT / ".ci" / "colab-constraints.txt"
LOCK = ROOT / "book" / "_ext"  # npm's
# uv lists the hashes of every platform's files, of which pip knows this machine's only.
TOOLS = ("uv==0.13.9", "pip-audit==2.10.1")
LOWEST = "3.11.5"  # the first Python that all pinned packages take
UNHASHED = {"torch"}
HEAD = """\
# Made by `make hashes` from requirements.txt, on {day}: the SHA-256 of every file of each release,
# for all platforms, none of them withdrawn that day. PyTorch and what it alone brings are not here.
"""


def canonical(name: str) -> str:
    """Return a package's name as indexes write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(text: str) -> dict[str, str]:
    """Return name and version of every line `name==version`."""
    found = re.findall(r"^([\w.-]+)==([^\s;\\#]+)", text, re.M)
    return {canonical(name): version for name, version in found}


def hashed(text: str) -> dict[str, set[str]]:
    """Return the hashes of every `name==version`."""
    found: dict[str, set[str]] = {}
    for block in re.split(r"^(?=[\w.-]+==)", text, flags=re.M)[1:]:
        name, version = re.match(r"([\w.-]+)==([^\s;\\]+)", block).groups()  # type: ignore[union-attr]
        found[f"{canonical(name)}=={version}"] = set(re.findall(r"--hash=(\S+)", block))
    return found


def tools() -> str:
    """Return the Python that has the tools, below _build, installed on first use."""
    home = ROOT / "_build" / "pins"
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    ready = home / " ".join(TOOLS)
    if not ready.exists():
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *TOOLS], check=True)
        ready.touch()
    return f"{python}"


def asked(pins: str, options: list[str] | None = None) -> tuple[str, list[str]]:
    """Return what the index says of the pins, and which releases it has withdrawn."""
    names = "|".join(UNHASHED)
    wanted = re.sub(rf"^(?:{names})==.*\n", "", pins, flags=re.M)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "pins.in"
        source.write_text(wanted, encoding="utf-8")
        command = [
            tools(),
            "-m",
            "uv",
            "pip",
            "compile",
            f"{source}",
            "--no-deps",
            "--generate-hashes",
        ]
        command += ["--universal", "--python-version", LOWEST, "--no-header", "--no-annotate"]
        done = subprocess.run(
            [*command, *(options or [])], check=False, capture_output=True, encoding="utf-8"
        )
    if done.returncode:
        raise SystemExit(f"The index could not be asked:\n{done.stderr[-2000:]}")
    return done.stdout, [line for line in done.stderr.splitlines() if "yanked" in line]


def gone(kept: str, served: str) -> list[str]:
    """Return what `kept` has and the index no longer serves: files changed, or taken away."""
    now = hashed(served)
    return [
        f"{pin}: {len(missing)} of {len(hashes)} files are not served any more"
        for pin, hashes in hashed(kept).items()
        if (missing := hashes - now.get(pin, set()))
    ]


def advisories() -> int:
    """Ask what is known against the pins. What could not be asked about is a failure, too."""
    options = ["-r", f"{PINS}", "--no-deps", "--disable-pip", "--strict"]
    python = subprocess.run([tools(), "-m", "pip_audit", *options], check=False)
    npm = shutil.which("npm") or "npm"
    node = subprocess.run([npm, "audit", "--package-lock-only"], check=False, cwd=LOCK)
    return int(bool(python.returncode or node.returncode))


def constraints(freeze: str, names: list[str]) -> str:
    """Return the lines of what `pip freeze` printed that pin one of these packages.

    A package that was installed from a wheel's address has its version in the wheel's name.
    """
    found = {}
    for line in freeze.splitlines():
        name, _, address = line.partition(" @ ")
        wheel = re.search(r"/[\w.]+-([^-/]+)-[^/]*\.whl", urllib.parse.unquote(address))
        pin = f"{name}=={wheel[1].partition('+')[0]}" if wheel else line
        if pinned(pin):
            found[canonical(pin.partition("==")[0])] = pin
    wanted = [canonical(name) for name in names]
    if missing := {"torch", "numpy", "ipykernel"} - set(found):
        raise SystemExit(f"This is no list of Colab's packages: it has no {', '.join(missing)}")
    return "\n".join(found.get(name, f"# {name}: Colab has none") for name in wanted) + "\n"


def main(words: list[str]) -> int:
    """Write or check the hashes, or print what Colab has."""
    if words[:1] == ["colab"] and len(words) == 2:
        names = list(pinned(COLAB.read_text(encoding="utf-8")))
        print(constraints(Path(words[1]).read_text(encoding="utf-8"), names), end="")
        return 0
    if words not in (["write"], ["check"], ["advisories"]):
        print("python .ci/pins.py write | check | advisories | colab FILE", file=sys.stderr)
        return 2
    if words == ["advisories"]:
        return advisories()
    served, problems = asked(PINS.read_text(encoding="utf-8"))
    if words == ["check"]:
        problems += gone(HASHES.read_text(encoding="utf-8"), served)
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 1
    if words == ["write"]:
        head = HEAD.format(day=datetime.date.today().isoformat())
        HASHES.write_text(head + served, encoding="utf-8")
    print(f"{len(hashed(served))} releases, {sum(map(len, hashed(served).values()))} files")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
