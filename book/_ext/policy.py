"""What a page may load and run, written into every page: its Content-Security-Policy.

No script stands in a page. What Sphinx and the theme write there becomes a file, and their
`onclick` becomes a word that planrl.js acts upon, so that a script which gets into a page, in
whatever way, does not run. book/security.md says what the policy allows, and why.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "object-src 'none'; frame-src 'none'; form-action 'self'; base-uri 'none'"
)
META = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
# What a server may send with every file. A worker obeys the header of its own file, not its page's
# policy, and the labs' worker compiles WebAssembly.
HEADER = f"{POLICY}; script-src 'self' 'wasm-unsafe-eval'; frame-ancestors 'none'"
# What the theme's buttons do when they are pressed, and the word for it in planrl.js.
PRESSES = {"window.print()": "print", "toggleFullScreen()": "fullscreen"}

_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.S | re.I)
_TAG = re.compile(r"<[a-z](?:[^<>\"']|\"[^\"]*\"|'[^']*')*>", re.I)
_ATTRIBUTE = re.compile(
    r"(\s+)([^\s=<>\"'/]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>]+))?"
)


def runs(attributes: str) -> bool:
    """Say whether a script's text is run, rather than loaded from elsewhere or only data."""
    kind = re.search(r"\btype\s*=\s*[\"']?([^\"'\s>]*)", attributes)
    is_code = not kind or kind[1] in ("module", "text/javascript")
    return is_code and not re.search(r"\bsrc\s*=", attributes)


def apart(page: str, static: str, scripts: dict[str, str]) -> str:
    """Return the page without scripts in it, and put them into `scripts` by the names of files.

    Those of the head become one file, at the place of the first: they only set what others read.
    """

    def file(code: str) -> str:
        name = f"page-{hashlib.sha256(code.encode()).hexdigest()[:8]}.js"
        scripts[name] = code
        return f'<script src="{static}{name}"></script>'

    def move(part: str, together: list[str] | None) -> str:
        def one(match: re.Match[str]) -> str:
            if not runs(match[1]):
                return match[0]
            code = match[2].strip() + "\n;\n"  # so that none goes on in the next
            if together is None:
                return file(code)
            together.append(code)
            return "\0" if len(together) == 1 else ""

        return _SCRIPT.sub(one, part)

    head, end, body = page.partition("</head>")
    early: list[str] = []
    head = move(head, early)
    if early:
        head = head.replace("\0", file("".join(early)))
    return head + end + move(body, None)


def pressed(page: str) -> str:
    """Return the page with words that planrl.js knows in the place of `onclick`."""

    def word(match: re.Match[str]) -> str:
        space, name, value = match.groups(default="")
        if not name.lower().startswith("on"):
            return match[0]
        code = value.strip("\"'")
        if name != "onclick" or code not in PRESSES:
            raise ExtensionError(
                f"a page holds {name}={value}, which its policy would block"
            )
        return f'{space}data-press="{PRESSES[code]}"'

    def tag(match: re.Match[str]) -> str:
        return _ATTRIBUTE.sub(word, match[0])

    parts = re.split(r"(<script\b.*?</script>)", page, flags=re.S | re.I)
    parts[::2] = [_TAG.sub(tag, part) for part in parts[::2]]
    return "".join(parts)


def guarded(page: str, static: str, scripts: dict[str, str]) -> str:
    """Return the page under the policy; `static` leads from it to _static."""
    if META in page:
        return page
    page = pressed(apart(page, static, scripts))
    charset = re.search(r"<meta charset=[^>]*>", page)
    place = charset.end() if charset else 0
    return page[:place] + META + page[place:]


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Put every page that was written under the policy."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    static = out / "_static"
    scripts: dict[str, str] = {}
    for path in out.rglob("*.html"):
        if static in path.parents:
            continue
        up = os.path.relpath(static, path.parent).replace(os.sep, "/")
        page = path.read_text(encoding="utf-8")
        made = guarded(page, f"{up}/", scripts)
        if made != page:
            path.write_text(made, encoding="utf-8")
    for name, code in scripts.items():
        (static / name).write_text(code, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Connect the functions above to Sphinx's events."""
    app.connect("build-finished", finish, priority=950)  # after all else wrote
