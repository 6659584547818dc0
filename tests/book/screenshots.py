"""Pictures of the built pages: ``python tests/book/screenshots.py [PAGE ...]``, all without a name.

Each page comes in two widths and two themes, whole, as `_build/screenshots/PAGE-WIDTH-THEME.png`.
Nothing is tested here: the pictures are for a person to look at.
"""

from __future__ import annotations

import functools
import http.server
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from built_site import HTML, PAGES, ROOT, served
from conftest import FLAGS, Visit, opener
from paper import find_chromium
from playwright.sync_api import sync_playwright

SHOTS = ROOT / "_build" / "screenshots"
VIEWS = [(w, h, theme) for w, h in ((1280, 900), (390, 844)) for theme in ("light", "dark")]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main(names: list[str]) -> int:
    """Write the pictures, and say where they are."""
    known = {page.rpartition("/")[2]: page for page in PAGES}
    if unknown := [name for name in names if name not in known]:
        print(f"There is no page {unknown[0]!r}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    if not (HTML / "index.html").exists() or not (path := find_chromium()):
        print("This needs the built book (make book) and Chromium.", file=sys.stderr)
        return 2
    SHOTS.mkdir(parents=True, exist_ok=True)
    handler = functools.partial(Quiet, directory=str(HTML))
    with served(handler) as address, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=FLAGS)
        with opener(browser.new_context) as open_page:
            for name in names or known:
                for view in VIEWS:
                    visit: Visit = open_page(f"{address}{known[name]}.html", name=name, view=view)
                    shot = SHOTS / f"{name}-{view[0]}-{view[2]}.png"
                    visit.page.screenshot(path=shot, full_page=True)
                    visit.page.close()
                print(f"{name}: {', '.join(f'{w} {theme}' for w, _, theme in VIEWS)}", flush=True)
        browser.close()
    print(f"The pictures are in {SHOTS.relative_to(ROOT)}/")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
