"""Write when each result with committed predictions was committed, from the repository's history.

For results that do not carry the date of their run. Run by `make dates` after new ones are
committed.
"""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "planrl" / "experiments" / "results"
PREDICTED = ("regimes", "tools")
HEAD = "# When these results were committed; written by `make dates`.\n"


def committed(path: Path) -> datetime | None:
    """The time of the commit that a file's content is from; None if it is in no commit."""
    command = ["git", "log", "-1", "--format=%cI", "--", str(path)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return datetime.fromisoformat(said.strip()).astimezone(UTC) if said.strip() else None


def main() -> None:
    """Write the list."""
    lines = []
    for path in sorted(p for name in PREDICTED for p in FOLDER.glob(f"{name}-*.json")):
        own = json.loads(path.read_text(encoding="utf-8"))["made_with"].get("date")
        when = None if own else committed(path)
        if when:
            lines.append(f'"{path.name}" = {when:%Y-%m-%dT%H:%M:%SZ}\n')
    (FOLDER / "dates.toml").write_text(HEAD + "".join(lines), encoding="utf-8")
    print(f"{len(lines)} dates written")


if __name__ == "__main__":
    main()
