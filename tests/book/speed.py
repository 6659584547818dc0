"""How fast the labs of the built pages are: `python tests/book/speed.py` prints a table.

Updates are timed by the CPU seconds of the worker's own thread, which a busy machine does not
stretch much; redraws and the main thread's longest task by the clock. On Linux only.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import threading
import time
from pathlib import Path

from conftest import FLAGS, HTML, find_chromium
from playwright.sync_api import sync_playwright

PAGES = {
    "imitation": "03_imitation",
    "policy-gradient": "04_policy_gradient",
    "rewards": "07_reward",
}
GOALS = {("table", "policy-gradient"): 400, ("transformer", "policy-gradient"): 60}
UPDATES = {"table": 1500, "transformer": 150}
TICK = os.sysconf("SC_CLK_TCK")
SPY = """
const made = window.Worker;
window.Worker = class extends made {
  constructor(...given) { super(...given); window.lastAddress = given[0]; }
  postMessage(message) { if (message.type === "open") window.lastOpen = message;
    if (message.type === "run") window.lastRun = message; super.postMessage(message); }
};
window.plainWorker = made;
window.tasks = [];
new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((e) => e.duration)))
  .observe({ entryTypes: ["longtask"] });
"""
ALONE = """async (steps) => {
  if (!window.bench) {
    window.bench = new window.plainWorker(window.lastAddress, { type: "module" });
    window.answer = (wanted) => new Promise((resolve, reject) => {
      window.bench.onmessage = ({ data }) => {
        if (data.type === "error") reject(data.message);
        if (data.type === wanted) resolve(data);
      }; });
    const ready = window.answer("ready");
    window.bench.postMessage({ ...window.lastOpen, epoch: 0 });
    await ready;
  }
  const done = window.answer("progress");
  window.bench.postMessage({ ...window.lastRun, epoch: 0, steps, evaluation: false });
  return (await done).ms;
}"""
SLIDES = """async (id) => {
  const slider = document.querySelector(`#${id} input[type=range]`);
  const waits = [];
  for (let i = 0; i < 40; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const begun = performance.now();
    slider.value = `${i % 8}`;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise(requestAnimationFrame);
    waits.push(performance.now() - begun);
  }
  return waits.sort((a, b) => a - b);
}"""


def worker_seconds() -> float:
    """CPU seconds of all workers' threads of this process' browser."""
    total, parents = 0, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            parents[stat.parent.name] = stat.read_text().rsplit(")", 1)[1].split()[1]
    ours = {f"{os.getpid()}"}
    for _ in range(6):  # the driver, the browser, its helpers
        ours |= {child for child, parent in parents.items() if parent in ours}
    for task in (task for pid in ours for task in Path(f"/proc/{pid}/task").glob("*")):
        try:
            if task.joinpath("comm").read_text().startswith("DedicatedWorker"):
                fields = task.joinpath("stat").read_text().rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return total / TICK


def measure(page, origin: str, lab: str, model: str) -> str:
    """One row of the table."""
    page.goto(f"{origin}book/{PAGES[lab]}.html?lab={lab}&model={model}")
    host = page.locator(f"#lab-{lab}")
    status = host.locator(".planrl-lab-status")
    page.evaluate(
        """() => { const react = Plotly.react; window.drawn = 0;
             const press = (button) => button.textContent === "Continue" && button.click();
             setInterval(() => document.querySelectorAll(".planrl-lab button").forEach(press), 20);
             Plotly.react = (...given) => { window.drawn += 1; return react(...given); }; }"""
    )
    host.get_by_role("button", name="Train", exact=True).click()
    status.get_by_text("a second").wait_for(timeout=60_000)
    time.sleep(1)
    before = page.evaluate("() => { window.tasks.length = 0; return [performance.now(), drawn]; }")
    waits = page.evaluate(SLIDES, f"lab-{lab}")
    after = page.evaluate("() => [performance.now(), drawn]")
    longest = page.evaluate("Math.max(0, ...window.tasks)")
    redraws = 1000 * (after[1] - before[1]) / (after[0] - before[0])
    host.get_by_role("button", name="Pause", exact=True).click()
    page.evaluate(ALONE, UPDATES[model] // 5)  # what is new is slow
    began, clock = worker_seconds(), time.perf_counter()
    page.evaluate(ALONE, UPDATES[model])
    spent, wall = worker_seconds() - began, time.perf_counter() - clock
    rate, goal = UPDATES[model] / spent, GOALS.get((model, lab), "")
    return (
        f"| {model} {lab} | {rate:.0f} | {goal} | {UPDATES[model] / wall:.0f} | {redraws:.1f} "
        f"| {waits[len(waits) // 2]:.0f} / {waits[-1]:.0f} | {longest:.0f} |"
    )


def main() -> None:
    """Measure every algorithm on both models."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(quiet, directory=str(HTML))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}")
    print(
        "| lab | updates per CPU second | goal | by the clock | redraws/s | slider to frame, median / worst (ms) | longest task (ms) |"
    )
    print("|---|---|---|---|---|---|---|")
    with sync_playwright() as playwright:
        for model in UPDATES:
            for lab in PAGES:
                browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
                page = browser.new_page(viewport={"width": 1280, "height": 900})
                page.add_init_script(SPY)
                print(
                    measure(page, f"http://127.0.0.1:{server.server_port}/", lab, model), flush=True
                )
                browser.close()
    print(f"load of the machine after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
