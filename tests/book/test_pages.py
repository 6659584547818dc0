"""Every built page in a real browser, as it is read: opened once in each view, asked everything there.

The visits go on in test_pages_controls.py, whose last test asks what went wrong on the way.
"""

from __future__ import annotations

import gzip
import re
from functools import cache
from urllib.parse import unquote, urlsplit

import pytest
from built_site import (
    EVERY_FIGURE,
    FRAMES,
    FULL,
    HTML,
    NARROW,
    ROOT,
    check_figures,
    check_mathematics,
    open_everything,
    resize,
)

from planrl.figures import style

pytestmark = pytest.mark.book

NARROWEST = 360  # pixels of a small phone
HEAVIEST = 1_200_000  # bytes of all that a page loads before a lab comes near, gzipped
LOADED = (".html", ".js", ".mjs", ".css", ".woff2", ".svg")
CALMEST = 0.05  # half of the layout shift that is still called good
# Reads the page to its end, and goes back to where it began.
SCROLL = f"""async () => {{ for (let y = 0; y < document.body.scrollHeight; y += innerHeight) {{
  scrollTo(0, y); await ({FRAMES})(); }} scrollTo(0, 0); await ({FRAMES})(); return window.shift; }}"""
AXE = ROOT / "_build" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
# Words that fade in are pale for a moment: axe looks when they have.
VIOLATIONS = """async (asked) => {
  await Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {})));
  const drawn = [['.main-svg'], ['.gl-container']];
  const found = [];
  for (const [without, rules] of asked)
    found.push(...(await axe.run({exclude: [...drawn, ...without]},
                                 {resultTypes: ['violations'], ...rules})).violations);
  return found; }"""
# What of a page's controls shows no sign of having the keyboard, or can't have it.
UNSEEN = """() => {
  const look = (e) => { const s = getComputedStyle(e);
    return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.backgroundColor,
      s.borderColor, s.textDecoration].join(); };
  return [...document.querySelectorAll(
      'article :is(a[href], button, input, select, textarea, summary)')]
    .filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.disabled)
    .filter((e) => {
      const before = look(e);
      e.focus({preventScroll: true, focusVisible: true});
      const seen = document.activeElement === e && look(e) !== before;
      e.blur();
      // Of a graph's nodes one is reached with Tab, the others with the arrow keys.
      const group = e.closest('.planrl-graph-nodes')?.querySelector('[tabindex="0"]');
      return !seen || (e.tabIndex < 0 && !group); })
    .map((e) => e.outerHTML.slice(0, 150)); }"""
# The words of figures, beside their marks, that are too pale on what is below them.
PALE = """() => {
  const parts = (c) => (c.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (c) => { const [r, g, b] = parts(c).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (e) => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor; if ((parts(c)[3] ?? 1) > 0.5) return c; } };
  const words = '.xtick text, .ytick text, .xtitle, .ytitle, .legendtext';
  return [...document.querySelectorAll('.main-svg :is(' + words + ')')]
    .filter((e) => e.textContent.trim() && e.checkVisibility())
    .map((e) => { const [a, b] = [getComputedStyle(e).fill, ground(e)].map(light);
      return [e.textContent, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]; })
    .filter(([, contrast]) => contrast < 4.5); }"""
# In the full view, every rule; in the narrow one those that a theme or a width changes, and every
# rule for what stands around the text, as its menus are others there.
SEEN = {"runOnly": ["color-contrast", "link-in-text-block", "scrollable-region-focusable"]}
ASKED = {FULL[0]: [([], {})], NARROW[0]: [([], SEEN), ([["article"]], {})]}
OVER_THE_EDGE = """() => {
  const edge = document.documentElement.clientWidth;
  const scrolls = (e) => { for (; e; e = e.parentElement) {
    if (getComputedStyle(e).overflowX !== 'visible') return true; } return false; };
  return [document.documentElement.scrollWidth - edge,
    [...document.querySelectorAll('article *')].filter((e) =>
      e.getBoundingClientRect().right > edge + 1 && !scrolls(e.parentElement))
      .map((e) => e.outerHTML.slice(0, 120)),
    [...document.querySelectorAll('div.math > math')].every((e) =>
      e.getBoundingClientRect().left >= e.parentElement.getBoundingClientRect().left - 1)]; }"""


def test_nothing_jumps_while_a_page_is_loaded_and_read(visit):
    assert visit.page.evaluate(SCROLL) < CALMEST


def test_a_page_has_the_readers_theme(visit):
    assert visit.page.evaluate("document.documentElement.dataset.theme") == visit.theme


def test_every_figure_is_drawn(visit):
    check_figures(visit)


def test_lines_that_a_dark_page_would_swallow_are_brighter_there_and_only_there(visit):
    open_everything(visit.page)
    visit.settle()
    lines = "(all) => all.map((line) => line.style.stroke)"
    drawn = set(visit.page.locator(".js-line").evaluate_all(lines))
    others = style.ON_DARK if visit.theme == "dark" else style.ON_DARK.values()
    wrong = [tuple(int(name[k : k + 2], 16) for k in (1, 3, 5)) for name in others]
    assert not drawn & {f"rgb{parts}" for parts in wrong}


def at_another_width(visit):
    """What a page looks like at its width, at another one, and at its own again; asked once.

    The other one is that of a small phone for the narrow view; a full one is only a little wider.
    """
    if not visit.evaluations:
        open_everything(visit.page)
        visit.settle()
        other = NARROWEST if visit.width == NARROW[0] else visit.width + 37
        for width in (visit.width, other, visit.width):
            resize(visit.page, width)
            drawn = visit.page.evaluate(EVERY_FIGURE)
            visit.evaluations.append((width, visit.page.evaluate(OVER_THE_EDGE), drawn))
    return visit.evaluations


def test_nothing_hangs_over_the_edge(visit):
    for width, (over, wide, reached), _ in at_another_width(visit):
        assert over <= 0, f"at {width} the page scrolls sideways: {wide[:3]}"
        assert reached, f"at {width} the left end of an equation is out of reach"


def test_a_figure_drawn_again_looks_the_same_whatever_width_it_had_before(visit):
    (_, _, first), _, (_, _, second) = at_another_width(visit)
    assert [k for k, (a, b) in enumerate(zip(first, second, strict=True)) if a != b] == []


def test_axe_finds_nothing_serious_on_a_page(visit):
    if not AXE.exists():
        pytest.skip("axe-core is not there: build the book with npm")
    open_everything(visit.page)
    if visit.width == NARROW[0]:  # what answers say is read in the dark, too
        asked = ".planrl-check input[type=radio]:first-of-type, .plotly-reveal"
        visit.page.locator(asked).evaluate_all("(all) => all.forEach((one) => one.click())")
    visit.settle()
    visit.page.evaluate(AXE.read_text("utf-8"))  # no script gets in as an element
    bad = [
        f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:200]}"
        for v in visit.page.evaluate(VIOLATIONS, ASKED[visit.width])
        if v["impact"] in ("serious", "critical")
    ]
    assert bad == []


def test_the_keyboard_reaches_every_control_and_is_seen_there(visit):
    open_everything(visit.page)
    assert visit.page.evaluate(UNSEEN) == []


def test_the_words_of_figures_are_read_on_the_page(visit):
    open_everything(visit.page)
    visit.settle()
    assert visit.page.evaluate(PALE) == []


def test_every_control_of_a_figure_can_be_reached(visit):
    open_everything(visit.page)
    covered = ".plotly-figure:has(.plotly-frames[hidden]) .plotly-reveal"
    visit.page.locator(covered).evaluate_all("(all) => all.forEach((b) => b.click())")
    out_of_reach = visit.page.evaluate(
        """() => [...document.querySelectorAll('article figure :is(input, select, button)')]
             .filter((e) => !e.checkVisibility({visibilityProperty: true}) || !e.offsetWidth ||
                            e.getBoundingClientRect().left < 0)
             .map((e) => e.outerHTML)"""
    )
    assert out_of_reach == []


@cache
def weight(path):
    return len(gzip.compress((HTML / path).read_bytes()))


@pytest.mark.any_view
def test_a_page_is_light(visit, origin):
    if not AXE.exists():
        pytest.skip("plotly is loaded whole: build the book with npm")
    paths = {unquote(urlsplit(url).path)[1:] for url in visit.loaded if url.startswith(origin)}
    assert f"{visit.name}.html" in paths
    loaded = {path: weight(path) for path in paths if path.endswith(LOADED)}
    heaviest = sorted(loaded.items(), key=lambda one: -one[1])[:4]
    assert sum(loaded.values()) < HEAVIEST, f"{sum(loaded.values())}: {heaviest}"


@pytest.mark.any_view
def test_mathematics_is_set(visit):
    check_mathematics(visit)


@pytest.mark.any_view
def test_every_letter_of_a_chapters_formulas_is_explained(visit):
    if not (re.search(r"/\d\d_", visit.name) and visit.page.locator("article mi").count()):
        return  # the page is no chapter, or has no formulas
    visit.page.locator(".planrl-symbol-said").wait_for(state="attached")
    silent = visit.page.evaluate(  # upright letters, as those of END or KL, are words
        """() => [...document.querySelectorAll('article mi:not(.planrl-symbol, [mathvariant])')]
             .map((e) => e.textContent).filter((sign) => /^\\p{L}$/u.test(sign))"""
    )
    assert sorted(set(silent)) == []
    assert visit.page.locator("details.planrl-symbols-list dt").count() > 0


@pytest.mark.any_view
def test_every_icon_is_drawn(visit):
    visit.page.wait_for_selector("svg.svg-inline--fa", state="attached")
    assert visit.page.locator("i[class*='fa-']").count() == 0
    assert visit.page.locator("svg.svg-inline--fa").count() >= 5
    assert visit.page.locator("svg.svg-inline--fa animate").count() == 0, "an icon is missing"
