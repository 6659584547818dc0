"""The graph view: the first picture plays by itself, and a graph answers mouse, keys and a host."""

from __future__ import annotations

import json

import pytest
from built_site import HTML

from planrl.labs import Hero
from planrl.labs.page.hero import recorded_hero

pytestmark = pytest.mark.book
PAGE = "book/00_welcome.html"
CHAPTER = "book/05_collapse.html"
RECORDED = recorded_hero()
METHODS, LAST = RECORDED["methods"], len(RECORDED["methods"][0]["frames"]) - 1
NUMBERS = """() => [...document.querySelectorAll('.planrl-player-panel')].map((panel) =>
  ['distinct', 'accuracy'].map((name) => panel.querySelector(`.planrl-player-${name}`).textContent))"""
# What moves: the pixels of the first panel.
PICTURE = "() => document.querySelector('.planrl-player canvas').toDataURL()"
DIAMOND = {
    "nodes": [
        {"id": 0, "name": "start", "x": 0, "y": 0.5},
        {"id": 1, "name": "up", "x": 0.5, "y": 0},
        {"id": 2, "name": "<b>down", "x": 0.5, "y": 1},
        {"id": 3, "name": "end", "x": 1, "y": 0.5},
    ],
    "edges": [[0, 1], [0, 2], [1, 3]],
    "source": 0,
    "target": 3,
}
# A view in the place of the first picture, whose host takes what the reader does.
HOST = """(graph) => {
  const box = document.createElement('div');
  box.id = 'diamond'; // the page's lab has graphs, too
  box.style.cssText = 'width: 340px; height: 200px';
  document.querySelector('.planrl-player').replaceWith(box);
  window.told = [];
  window.graph = graph;
  window.view = planrlGraphView.create(box, graph, {
    label: 'A diamond',
    onPick: (source, target) => { told.push([source, target]);
      window.graph = { ...window.graph, source, target }; view.set(window.graph); },
    onEdges: (edges) => { told.push(edges);
      window.graph = { ...window.graph, edges }; view.set(window.graph); },
  }); }"""

# What anywidget does: it has the widget's module draw a model into an element.
WIDGET = """(shown) => {
  const place = document.createElement('div');
  place.id = 'widget';
  document.querySelector('.planrl-player').replaceWith(place);
  place.scrollIntoView();
  window.end = window.widget.render({ model: { get: () => shown }, el: place }); }"""


def numbers_of(index):
    """The numbers below the panels at one frame."""
    frames = [method["frames"][index] for method in METHODS]
    return [[f"{frame['distinct']}", f"{frame['accuracy']:.2f}"] for frame in frames]


def slide(page, index):
    page.locator(".planrl-player input").evaluate(
        "(e, to) => { e.value = to; e.dispatchEvent(new Event('input', { bubbles: true })); }",
        index,
    )


def test_the_first_picture_plays_from_a_file_by_itself_and_can_be_stopped(open_page):
    visit = open_page((HTML / PAGE).as_uri(), settle=False)
    page = visit.page
    output = page.locator(".planrl-player output")
    page.wait_for_function(
        "() => /[1-9]/.test(document.querySelector('.planrl-player output').textContent)"
    )
    before = page.evaluate(PICTURE)
    page.wait_for_function(f"(before) => ({PICTURE})() !== before", arg=before)
    page.locator(".planrl-player button", has_text="Pause").click()
    stopped = output.inner_text()
    index = int(stopped.removeprefix("update ")) // (RECORDED["updates"] // LAST)
    assert page.evaluate(NUMBERS) == numbers_of(index)
    page.locator(".planrl-player button", has_text="Play").click()
    page.wait_for_function(
        "(stopped) => document.querySelector('.planrl-player output').textContent !== stopped",
        arg=stopped,
    )
    assert visit.outside("file://") == []


def test_the_figures_below_are_loaded_when_a_reader_scrolls_and_not_before(open_page, origin):
    visit = open_page(f"{origin}{PAGE}", settle=False)
    page = visit.page
    page.wait_for_load_state("load")
    page.locator(".planrl-player button", has_text="Pause").wait_for()
    heavy = ("plotly.min.js", "lab.js")
    assert not [url for url in visit.asked if url.partition("?")[0].endswith(heavy)]
    page.mouse.wheel(0, 600)
    page.locator(".plotly-plot .main-svg").first.wait_for()
    page.locator("#lab-race-seed").wait_for(state="attached")
    assert visit.errors == []


def test_the_slider_shows_any_update_and_the_end_offers_to_play_again(open_page, origin):
    page = open_page(f"{origin}{PAGE}").page
    for index in (0, LAST // 2, LAST):
        slide(page, index)
        assert page.evaluate(NUMBERS) == numbers_of(index)
        assert (
            page.locator(".planrl-player output").inner_text()
            == f"update {METHODS[0]['frames'][index]['update']}"
        )
    page.locator(".planrl-player button", has_text="Play again").click()
    page.locator(".planrl-player button", has_text="Pause").wait_for()


def test_nothing_moves_for_readers_who_want_no_motion(open_page, origin):
    page = open_page(f"{origin}{PAGE}", reduced_motion="reduce").page
    assert page.evaluate(NUMBERS) == numbers_of(LAST)
    assert page.locator(".planrl-player button").count() == 1
    assert page.locator(".planrl-player button:visible").count() == 0
    before = page.evaluate(PICTURE)
    page.wait_for_function(
        "() => new Promise((go) => { let n = 30; const f = () => n-- ? requestAnimationFrame(f) : go(true); f(); })"
    )
    assert page.evaluate(PICTURE) == before
    slide(page, 0)
    page.wait_for_function(f"(before) => ({PICTURE})() !== before", arg=before)
    assert page.evaluate(NUMBERS) == numbers_of(0)


def test_without_scripts_and_on_paper_the_last_frame_is_a_picture(open_page, origin):
    page = open_page(f"{origin}{PAGE}", java_script_enabled=False, settle=False).page
    assert page.locator(".planrl-player svg:visible").count() == len(METHODS)
    assert page.locator(".planrl-player-controls:visible").count() == 0
    page = open_page(f"{origin}{PAGE}").page
    assert page.locator(".planrl-player svg:visible").count() == 0
    slide(page, 0)
    page.emulate_media(media="print")
    page.wait_for_function(
        f"(end) => JSON.stringify(({NUMBERS})()) === end",
        arg=json.dumps(numbers_of(LAST), separators=(",", ":")),
    )
    assert page.locator(".planrl-player svg:visible").count() == len(METHODS)
    assert page.locator(".planrl-player :is(canvas, button):visible").count() == 0


def test_a_chapters_runs_play_once_they_are_on_the_screen(open_page, origin):
    page = open_page(f"{origin}{CHAPTER}").page
    output = page.locator(".planrl-player output")
    assert output.inner_text() == "update 0"
    page.locator(".planrl-player").scroll_into_view_if_needed()
    page.wait_for_function(
        "() => /[1-9]/.test(document.querySelector('.planrl-player output').textContent)"
    )
    slide(page, page.locator(".planrl-player input").get_attribute("max"))
    assert output.inner_text() == "update 1000"
    assert page.locator(".planrl-player canvas:visible").count() == 2


def test_the_widget_of_a_notebook_plays_and_ends(open_page, origin):
    notebook = pytest.importorskip("planrl.labs.notebook")
    page = open_page(f"{origin}{CHAPTER}").page
    hero = Hero()
    module = notebook.PlayedRuns(hero.markup(page=False), hero.data)
    scripts, _, exported = module._esm.rpartition("export default ")
    # As a function of its own: the page's policy lets no module in.
    page.evaluate(f"() => {{ {scripts} window.widget = {exported} }}")
    page.evaluate(WIDGET, module.shown)
    page.wait_for_function(
        "() => /[1-9]/.test(document.querySelector('#widget output').textContent)"
    )
    assert page.locator("#widget canvas:visible").count() == len(METHODS)
    assert page.locator("#widget a").count() == 0, "there is no lab below"
    page.evaluate("window.end()")
    assert page.locator("#widget canvas").count() == 0


def test_the_lab_takes_the_settings_of_the_first_picture(open_page, origin):
    page = open_page(f"{origin}{PAGE}").page
    page.locator(".planrl-player a").click()
    page.wait_for_url("**lab=race**")
    page.locator("#lab-race-graph").wait_for(state="attached")
    assert page.locator("#lab-race-alert").inner_text() == ""
    assert "graph=own" in page.url
    assert page.locator("#lab-race-graph").input_value() == "your own"
    assert page.locator("#lab-race-seed").input_value() == f"{RECORDED['seed']}"


@pytest.fixture
def diamond(open_page, origin):
    """A page with a view of DIAMOND that a reader can change."""
    page = open_page(f"{origin}{PAGE}").page
    page.evaluate(HOST, DIAMOND)
    return page


def node(page, name):
    return page.get_by_role("button", name=f"node {name}")


def told(page):
    return json.loads(page.evaluate("() => JSON.stringify(window.told)"))


def test_a_pair_is_chosen_by_mouse_and_by_keyboard(diamond):
    node(diamond, "up").click()
    assert "up" in diamond.locator("#diamond .planrl-graph-said").inner_text()
    node(diamond, "end").click()
    assert told(diamond) == [[1, 3]]
    assert "source" in node(diamond, "up").get_attribute("aria-label")
    node(diamond, "start").focus()
    for key in ("Enter", "ArrowRight", "ArrowDown", "Enter"):
        diamond.keyboard.press(key)
    assert told(diamond)[1:] == [[0, 2]]


def test_edges_are_drawn_by_a_drag_and_cut_by_a_click(diamond):
    diamond.evaluate("view.mode('draw')")
    boxes = {name: node(diamond, name).bounding_box() for name in ("start", "<b>down", "end", "up")}
    middle = {n: (b["x"] + b["width"] / 2, b["y"] + b["height"] / 2) for n, b in boxes.items()}
    diamond.mouse.move(*middle["<b>down"])
    diamond.mouse.down()
    diamond.mouse.move(*middle["end"], steps=4)
    diamond.mouse.up()
    assert told(diamond) == [[*DIAMOND["edges"], [2, 3]]]
    diamond.evaluate("view.mode('cut')")
    (x, y), (to_x, to_y) = middle["start"], middle["up"]
    diamond.mouse.click((x + to_x) / 2, (y + to_y) / 2)
    assert told(diamond)[1] == [[0, 2], [1, 3], [2, 3]]


def test_the_edges_are_a_table_with_the_shares_and_names_are_text(diamond):
    diamond.evaluate(
        "view.update({probs: [[0, 1, 0.75], [1, 3, 0.5], [1, 0, 0.25]], paths: []}, 0)"
    )
    rows = "() => [...document.querySelectorAll('#diamond .planrl-graph-aloud tr')].map((row) => row.innerText)"
    diamond.wait_for_function(f"() => ({rows})().length === 5")
    found = [row.split("\t") for row in diamond.evaluate(rows)]
    assert found[0] == ["from", "to", "share of paths"]
    assert ["start", "up", "75 %"] in found
    assert ["start", "<b>down", "0 %"] in found
    assert ["up", "start (no edge)", "25 %"] in found
    diamond.evaluate("view.remove()")
    assert diamond.locator("#diamond.planrl-graph").count() == 0
