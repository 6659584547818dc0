"""The chapters' two faces: NN_name.py is edited, NN_name.ipynb is generated from it.

``python book/_ext/pairs.py write`` stamps the repository's address into the scripts and rewrites
the notebooks; ``python book/_ext/pairs.py check`` says which pairs disagree and changes nothing.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_INSTALL_FROM = re.compile(r"git\+[^\s\"']+")


def repository_url(root: Path = ROOT) -> str:
    """Return the repository's address, from the one place where it stands."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    return project["urls"]["Repository"].strip().rstrip("/").removesuffix(".git")


def scripts(root: Path = ROOT) -> list[Path]:
    """Return the chapters' scripts, in the order of their numbers."""
    return sorted((root / "book").glob("[0-9]*.py"))


def first_cell(script: str) -> tuple[int, int]:
    """Return where the first code cell of a py:percent script starts and ends."""
    starts = [
        m
        for m in re.finditer(r"^# %%(.*)$", script, re.M)
        if "[markdown]" not in m[1]
    ]
    if not starts:
        raise ValueError("no code cell: expected a line that starts with '# %%'")
    following = re.search(r"^# %%", script[starts[0].end() :], re.M)
    end = starts[0].end() + following.start() if following else len(script)
    return starts[0].start(), end


def stamp(script: str, url: str) -> str:
    """Return the script with the first code cell installing from `url`."""
    start, end = first_cell(script)
    cell = _INSTALL_FROM.sub(lambda _: f"git+{url}", script[start:end])
    return script[:start] + cell + script[end:]


def cells(path: Path) -> list[tuple[str, str, list[str]]]:
    """Return what the two faces of a chapter must agree on: kind, source and tags of each cell."""
    import jupytext

    notebook = jupytext.read(path)
    return [
        (c.cell_type, c.source, c.metadata.get("tags", [])) for c in notebook.cells
    ]


def disagreements(root: Path = ROOT) -> list[str]:
    """Return one sentence for each pair that disagrees, and for each that lacks a half."""
    found = []
    paired = {script.with_suffix(".ipynb"): script for script in scripts(root)}
    for notebook, script in paired.items():
        if not notebook.exists():
            found.append(f"{script.name} has no {notebook.name}")
        elif cells(script) != cells(notebook):
            found.append(f"{notebook.name} does not say what {script.name} says")
        if script.read_text(encoding="utf-8") != stamp(
            script.read_text(encoding="utf-8"), repository_url(root)
        ):
            found.append(
                f"{script.name} installs from another address than pyproject.toml's"
            )
    for notebook in sorted((root / "book").glob("[0-9]*.ipynb")):
        if notebook not in paired:
            found.append(f"{notebook.name} has no script")
    return found


def write(root: Path = ROOT) -> None:
    """Stamp the scripts and regenerate the notebooks; cell ids that exist are kept."""
    from planrl.io.files import write_atomically

    for script in scripts(root):
        text = script.read_text(encoding="utf-8")
        stamped = stamp(text, repository_url(root))
        if stamped != text:
            write_atomically(
                script, stamped.encode()
            )  # edited by hand: never half of it
    names = [str(script) for script in scripts(root)]
    if names:
        command = [
            sys.executable,
            "-m",
            "jupytext",
            "--quiet",
            "--to",
            "ipynb",
            "--update",
        ]
        subprocess.run([*command, *names], check=True, cwd=root)


def main(arguments: list[str]) -> int:
    """Run `write` or `check`."""
    if arguments == ["write"]:
        write()
    elif arguments != ["check"]:
        print("usage: python book/_ext/pairs.py write|check", file=sys.stderr)
        return 2
    wrong = disagreements()
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        print(
            "`make notebooks` writes the notebooks anew from the scripts.",
            file=sys.stderr,
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
