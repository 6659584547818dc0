"""A live lab on a built page, as a reader has it before them; the tests of labs share it."""

from __future__ import annotations

import re

import pytest

from planrl.labs.catalogue import labs

PAGES = {
    "race": "00_welcome",
    "imitation": "03_imitation",
    "policy-gradient": "04_policy_gradient",
    "rewards": "07_reward",
    "blocks": "09_blocksworld",
    "tools": "13_tools",
    "objectives": "12_objective",
}
SAVING = """Object.defineProperty(navigator, "connection", { value: { saveData: true } });"""
STILL = {"reduced_motion": "reduce"}  # a press of Train is 50 updates
PRESS = 50
SLOW = "?lab=policy-gradient&model=transformer"  # does not end before a test has done what it does
# Counts what a lab asks of its worker and what it is answered, and keeps the worker at hand.
SPY = """window.asked = window.answered = 0; const made = window.Worker;
window.Worker = class extends made {
  constructor(...given) { super(...given); window.lastWorker = this;
    this.addEventListener("message", ({ data }) => { window.answered += data.type === "progress"; }); }
  postMessage(message) { window.asked += message.type === "run"; super.postMessage(message); } };"""


class LabPage:
    """One lab on its page, as a reader has it before them."""

    def __init__(self, visit, name):
        self.visit, self.page = visit, visit.page
        self.host = self.page.locator(f"#lab-{name}")
        self.host.scroll_into_view_if_needed()
        self.host.evaluate("e => e.querySelectorAll('details').forEach((d) => { d.open = true; })")

    def choose_preset(self, place):
        """Press the preset at this place, whatever else is going on."""
        self.host.locator(".planrl-lab-presets button").nth(place).evaluate("e => e.click()")

    def press(self, text):
        self.host.get_by_role("button", name=text, exact=True).click()

    def status(self):
        return self.host.locator(".planrl-lab-status").inner_text()

    def wait(self, pattern):
        self.page.wait_for_function(
            """([id, pattern]) => new RegExp(pattern).test(
                 document.querySelector(`#${id} .planrl-lab-status`).textContent)""",
            arg=[self.host.get_attribute("id"), pattern],
        )

    def wait_for_update(self, step):
        """Wait until it has trained further than this update."""
        self.page.wait_for_function(
            """([id, step]) => Number(/[Uu]pdate ([0-9]+)/.exec(document.querySelector(
                 `#${id} .planrl-lab-status`).textContent)?.[1]) > step""",
            arg=[self.host.get_attribute("id"), step],
        )

    def update(self):
        """The update that is told now."""
        return int(re.search(r"[Uu]pdate (\d+)", self.status())[1])

    def check_numbers(self, session, updates, learners=None):
        """The table holds what a kernel's session has after so many updates."""
        session.train(updates)
        metrics = labs()[session.lab.name].metrics
        expected = [[one[metric] for metric in metrics] for one in session.evaluate()][:learners]
        shown = self.numbers()[:learners]
        assert len(shown) == len(expected)
        for ours, theirs in zip(shown, expected, strict=True):
            assert ours == pytest.approx(theirs, abs=6e-3, rel=6e-3, nan_ok=True)

    def numbers(self):
        """The table of the latest numbers, a list of floats a learner; nan where there is none."""
        rows = self.host.locator(".planrl-lab-numbers tbody tr").all()
        cells = [row.locator("td").all_inner_texts() for row in rows]
        return [[float("nan" if cell == "–" else cell) for cell in row] for row in cells]

    def set(self, name, place):
        """Choose the value at this place of a control, whatever kind of control it is."""
        self.host.locator(f"#{self.host.get_attribute('id')}-{name}").evaluate(
            """(e, place) => {
                 if (e.type === "checkbox") e.checked = place === 1;
                 else if (e.localName === "select") e.selectedIndex = place;
                 else e.value = `${place}`;
                 for (const kind of ["input", "change"])
                   e.dispatchEvent(new Event(kind, { bubbles: true })); }""",
            place,
        )
