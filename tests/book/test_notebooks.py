"""A lab in real notebooks: today's Notebook, and the versions that Colab has, driven in Chromium."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
import urllib.request

import pytest
from built_site import ROOT

from planrl.labs import Session
from planrl.labs.catalogue import labs

pytestmark = [
    pytest.mark.book,
    pytest.mark.skipif(not os.environ.get("PLANRL_HOSTS"), reason="part of `make hosts`"),
]
NAME = "policy-gradient"
FAILING = """import planrl as pr
from planrl.labs import lab

losses = 0
def mine(logits, batch):
    global losses
    losses += 1
    if losses == 30:
        raise ValueError("a mistake of mine")
    return pr.policy_gradient(logits, batch) * (1 if losses < 50 else float("nan"))

lab("policy-gradient", loss=mine)"""
LONG = "import time\nprint('long')\nfor _ in range(6000):\n    time.sleep(0.1)"
ENDLESS = f"""from planrl.labs import lab

live = lab({NAME!r})
live.shown = {{**live.shown, "lab": {{**live.shown["lab"], "screen": {{**live.shown["lab"]["screen"], "end": 10**6}}}}}}
live"""  # a lab that stops by itself would be done before a test is
CELLS = [ENDLESS, "40 + 2", LONG, FAILING]
# Each host's name for its application, a code cell, and the button that confirms a restart.
HOSTS = {
    "notebook": ("ServerApp", ".jp-CodeCell", ".jp-Dialog .jp-mod-accept"),
    "colab": ("NotebookApp", "div.code_cell", ".modal-dialog .btn-danger"),
}
# Whether the host's front end has a kernel that it may talk to.
CONNECTED = {
    "notebook": """() => { const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
        const kernel = session?.session?.kernel;
        return session?.isReady && !session.isRestarting
          && kernel?.connectionStatus === "connected" && kernel.status === "idle"; }""",
    "colab": """() => { const kernel = window.Jupyter?.notebook?.kernel;
        return kernel?.widget_manager && kernel.is_connected(); }""",
}
# A question that the kernel answers after all that the front end has asked before; what the front
# end does when an answer comes is done once a timer has run.
ASKED = {
    "notebook": """async () => {
        const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
        await kernel.requestCommInfo({ target_name: "jupyter.widget" }); }""",
    "colab": """() => new Promise((resolve) => {
        const ends = new Set();
        const ended = (end) => { if (ends.add(end).size === 2) resolve(); };
        Jupyter.notebook.kernel.send_shell_message(
          "comm_info_request", { target_name: "jupyter.widget" }, {
            shell: { reply: () => ended("reply") },
            iopub: { status: ({ content }) => content.execution_state === "idle" && ended("idle") },
          }); })""",
}
START = 90  # seconds in which a kernel starts and imports torch, on a busy machine


def serve(host, folder):
    """A notebook server of this host that knows no other settings than these."""
    python = ROOT / "_build" / "hosts" / host / "bin" / "python"
    if not python.exists():
        message = f"there is no {host} environment: run `make hosts` first"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "HOME")
    env = {
        **os.environ,
        **{name: str(folder / name.lower()) for name in places},
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    app = HOSTS[host][0]
    shown = ["--expose-app-in-browser"] if host == "notebook" else []
    command = [
        *(python, "-m", "notebook", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
        *(f"--port={port}", f"--{app}.token=", f"--{app}.password=", *shown),
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}/"
    for _ in range(10 * START):
        try:
            urllib.request.urlopen(f"{address}api", timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return process, address
    process.kill()
    pytest.fail((folder / "log").read_text())


@pytest.fixture(params=HOSTS)
def notebook(request, tmp_path, chromium):
    host = request.param
    cells = [
        {
            **{"cell_type": "code", "id": f"c{place}", "source": source},
            **{"metadata": {}, "outputs": [], "execution_count": None},
        }
        for place, source in enumerate(CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    text = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "lab.ipynb").write_text(json.dumps(text))
    process, address = serve(host, tmp_path)
    page = chromium.new_page(viewport={"width": 1280, "height": 1300})
    page.set_default_timeout(1000 * START)
    page.goto(f"{address}notebooks/lab.ipynb")
    yield Notebook(page, host)
    page.close()
    process.terminate()
    process.wait(30)


class Notebook:
    """An open notebook whose first cell makes a lab."""

    def __init__(self, page, host):
        self.page = page
        _, cell, self.accept = HOSTS[host]
        self.cells = page.locator(cell)
        self.cells.nth(len(CELLS) - 1).wait_for()
        self.host = host
        self.connected()
        self.lab = page.locator(".planrl-lab").last
        self.status = self.lab.locator(".planrl-lab-status")

    def connected(self):
        """Wait until a cell may be run: the kernel answers, and the front end has its widgets.

        When a kernel is connected, the front end asks it which widgets there are. It first asks
        in a way that a new kernel refuses, then in another; and when that is answered, the classic
        Notebook draws all cells anew that show widgets, in which those of a cell that was run in
        between are lost. So two questions of ours are answered, one after the other: the first
        after the refusal, the second after the answer.
        """
        self.page.wait_for_function(CONNECTED[self.host])
        self.page.evaluate(
            f"""() => {{ window.settled = false;
                const asked = async () => {{
                  await ({ASKED[self.host]})();
                  await new Promise((resolve) => setTimeout(resolve)); }};
                asked().then(asked).then(() => {{ window.settled = true; }}); }}"""
        )
        self.page.wait_for_function("window.settled")

    def run(self, place):
        self.cells.nth(place).locator(".cm-content, .CodeMirror").first.click()
        self.page.keyboard.press("Shift+Enter")

    def open_lab(self, place=0):
        """Run a lab's cell; its figure, once drawn, moves no button any more."""
        self.page.evaluate(
            "document.querySelectorAll('.planrl-lab').forEach((lab) => (lab.old = true))"
        )
        self.run(place)
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('.planrl-lab')].some((lab) => !lab.old)"
        )
        self.lab.locator(".js-plotly-plot .main-svg").first.wait_for()
        self.lab.locator(".planrl-lab-graph canvas").first.wait_for()
        assert (
            self.page.locator(".modebar-btn").count() == 0
        )  # no way to the server of plotly's maker

    def press(self, text):
        self.lab.get_by_role("button", name=text, exact=True).click()

    def wait(self, words):
        self.page.wait_for_function(
            """(words) => [...document.querySelectorAll(".planrl-lab-status")].at(-1)
                 .textContent.includes(words)""",
            arg=words,
        )

    def training(self):
        """Wait until an update comes after the one that is shown now."""
        self.wait("Training. Update")
        before = self.update()
        self.page.wait_for_function(
            """(before) => { const all = document.querySelectorAll(".planrl-lab-status");
                 const now = all[all.length - 1].textContent.match(/^Training. Update (\\d+)/);
                 return now && Number(now[1]) > before; }""",
            arg=before,
        )

    def update(self):
        return int(re.search(r"Update (\d+)", self.status.inner_text())[1])

    def drawn(self, times):
        """Wait until the figure was drawn so many times more."""
        self.page.evaluate(
            """() => { window.drawings = 0; const all = document.querySelectorAll('.js-plotly-plot');
                 all[all.length - 1].on('plotly_afterplot', () => { window.drawings += 1; }); }"""
        )
        self.page.wait_for_function("(times) => window.drawings >= times", arg=times)

    def restart(self):
        self.run(1)
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("0")
        self.page.keyboard.press("0")
        self.page.locator(self.accept).click()
        self.page.locator(self.accept).wait_for(state="detached")
        self.connected()


def test_a_lab_in_a_notebook_trains_and_outlives_what_a_reader_does(notebook):
    notebook.open_lab()
    notebook.press("Train")
    notebook.training()
    notebook.drawn(8)

    # λ acts in a run, by the arrow keys, which JupyterLab would rather have for itself.
    slider = notebook.lab.locator("input[type=range]").first
    slider.focus()
    values = labs()[NAME].controls[0].values
    for value in values[1:4]:
        slider.press("ArrowRight")
        assert notebook.lab.locator("output").first.inner_text() == f"{value:g}"
        notebook.training()

    # Other cells are answered while it trains.
    notebook.run(1)
    notebook.cells.nth(1).get_by_text("42", exact=True).wait_for()
    notebook.training()
    notebook.press("Pause")
    notebook.wait("Paused at update")

    # After a reset it takes the updates that any kernel takes.
    notebook.press("Reset")
    notebook.wait("Recorded runs")
    notebook.press("One step")
    notebook.wait("Paused at update 1.")
    explained = notebook.lab.locator(".planrl-lab-step")
    explained.get_by_text("sampled paths are correct").first.wait_for()
    session = Session(NAME, f"kl={values[3]:g}")
    session.train(1)
    expected = [session.evaluate()[0][metric] for metric in labs()[NAME].metrics]
    row = notebook.lab.locator(".planrl-lab-numbers tbody tr")
    shown = [float(text) for text in row.locator("td").all_inner_texts()]
    assert shown == pytest.approx(expected, abs=6e-3)

    # Running the cell anew makes a new lab, and stops the old one.
    notebook.press("Train")
    notebook.training()
    notebook.open_lab()
    notebook.press("Train")
    notebook.training()

    # A kernel that starts again forgets its labs; the cell makes one more.
    notebook.restart()
    notebook.open_lab()
    notebook.press("Train")
    notebook.training()
    assert notebook.page.locator(".planrl-lab").count() == 1


def test_a_browser_slower_than_the_kernel_does_not_fall_behind(notebook):
    notebook.open_lab()
    browser = notebook.page.context.new_cdp_session(notebook.page)
    browser.send("Emulation.setCPUThrottlingRate", {"rate": 10})
    notebook.press("Train")
    notebook.training()
    notebook.drawn(8)  # meanwhile a backlog of some hundred would grow
    notebook.press("Pause")
    notebook.wait("Paused at update")


def test_an_interrupted_cell_and_a_loss_that_fails_cost_a_reader_nothing(notebook):
    notebook.open_lab()
    notebook.press("Train")
    notebook.training()
    notebook.run(2)  # nothing else runs in a kernel meanwhile
    notebook.cells.nth(2).get_by_text("long", exact=True).wait_for()
    notebook.page.keyboard.press("Escape")
    notebook.page.keyboard.press("i")
    notebook.page.keyboard.press("i")
    notebook.cells.nth(2).get_by_text("KeyboardInterrupt").first.wait_for()
    notebook.training()
    notebook.press("Pause")
    notebook.wait("Paused at update")

    notebook.open_lab(3)
    notebook.press("Train")
    notebook.wait("Training stopped: ValueError: a mistake of mine. Paused at update 29.")
    notebook.press("Train")  # the learner is as it was before the mistake
    notebook.wait("update 49 of policy-gradient: loss nan. The model keeps its weights")
    notebook.wait("Paused at update 48.")
    notebook.press("Reset")
    notebook.wait("Nothing has been trained yet")
    notebook.run(1)
    notebook.cells.nth(1).get_by_text("42", exact=True).wait_for()
