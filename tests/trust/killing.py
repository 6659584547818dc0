"""Does jobs that get killed, for the tests beside it: ``python killing.py SEED JOB:HOW:KILLS...``.

It loads torch once and forks: each child begins or goes on with the job in a folder, as its user
would after a crash, and is killed by SIGKILL. HOW is where: `anywhen`, at a random moment; `lines`,
before a line of the code that writes; `torn`, with half of a file's bytes on the disk. After every
kill the folder is read, and what is read must be whole. At the end the results must equal, bit for
bit, those of a child that nobody disturbed, and no other file may be left.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

import planrl as pr
from planrl.__main__ import main
from planrl.experiments import store, theorems
from planrl.experiments.sweeps import grid, sweep
from planrl.io import checkpoints
from planrl.io import files as folders
from planrl.labs.page import export as exporting


def digest(*parts: Any) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(part if isinstance(part, bytes) else repr(part).encode())
    return total.hexdigest()


# Training with the command line, into a folder.


def train(folder: Path) -> int:
    if (folder / "run.json").exists():
        return main(["train", "--resume", str(folder), "--json"])
    shape = "--nodes 10 --steps 20 --save-every 2 --batch 16 --width 16 --heads 2 --json"
    return main(["train", "--out", str(folder), "--algorithm", "pg", "--kl", "0.1", *shape.split()])


def of_train(folder: Path) -> str:
    if not (folder / "run.json").exists():
        return ""
    saved = checkpoints.load(folder)
    tensors = [(name, saved.tensors[name].numpy().tobytes()) for name in sorted(saved.tensors)]
    return digest(saved.records, *tensors)


# A sweep with a store.


@dataclass(frozen=True)
class Setting:
    seed: int = 0


def one_run(setting: Setting) -> dict[str, Any]:
    task = pr.all_pairs(pr.random_dag(9, 0.4, pr.seeded(setting.seed, "graph")))
    model = pr.LogitTable(task.vocab)
    rollouts = pr.on_policy(model, task, rng=pr.seeded(setting.seed, "walks"), size=16)
    steps = list(pr.train(model, rollouts, pr.policy_gradient, pr.TrainConfig(steps=10)))
    return {
        "loss": [step.loss for step in steps],
        "weights": digest(model.table.detach().numpy().tobytes()),
    }


def swept(folder: Path, jobs: int = 1) -> int:
    for _ in sweep(one_run, grid(Setting(), seed=range(6)), store=folder, n_jobs=jobs):
        pass
    return 0


def of_sweep(folder: Path) -> str:
    pages = {path.name: json.loads(path.read_bytes())["value"] for path in folder.glob("*.json")}
    return digest(sorted(pages.items()))


# Saved results.


def reproduce(folder: Path) -> int:
    """Three results of a small run; what is tested is how they are kept."""
    store.STUDIES = store.STUDIES[:3]
    theorems.measure = lambda seed: {"facts": {}, **one_run(Setting(seed))}
    main(["reproduce", "--only", "theorems", "--folder", str(folder)])  # not 0: no stored bands
    return 0 if len(list(folder.glob("*.json"))) == 3 else 1


def of_results(folder: Path) -> str:
    found = {}
    for path in sorted(folder.glob("*.json")):
        result = store.read(path)["result"]
        found[path.name] = {part: value for part, value in result.items() if part != "facts"}
    return digest(json.dumps(found))


# The labs' programs.


def export(folder: Path, names: tuple[str, ...] = ("policy_start", "table-evaluate")) -> int:
    exporting.export(folder, programs_wanted())
    return 0


def programs_wanted() -> list[str]:
    from planrl.labs.engine.programs import programs

    return sorted(
        programs(), key=lambda name: sum(v.numel() for v in programs()[name].examples.values())
    )[:2]


def export_fast(folder: Path) -> int:
    """With the exporter, which takes its time, replaced by one that gives the same every time."""
    exporting.to_onnx = lambda program, traced: program.name.encode() * 999
    return export(folder)


def of_export(folder: Path) -> str:
    for page in folder.glob("*.json"):
        content = page.with_suffix(".onnx").read_bytes()
        told = json.loads(page.read_bytes())["sha256"]
        if told != hashlib.sha256(content).hexdigest():
            return f"{page.name} is of another export, which the reader refuses"
    return digest(*[path.read_bytes() for path in sorted(folder.glob("*.*"))])


HANGS = 120.0  # seconds in which each of these has long ended

JOBS: dict[str, tuple[Callable[[Path], int], Callable[[Path], str]]] = {
    "train": (train, of_train),
    "sweep": (swept, of_sweep),
    "sweep-2": (lambda folder: swept(folder, 2), of_sweep),
    "reproduce": (reproduce, of_results),
    "export": (export, of_export),
    "export-fast": (export_fast, of_export),
}


# Saving by the library alone, where nobody holds the folder.


def saves(folder: Path) -> int:
    model = pr.LogitTable(pr.Vocab(4))
    for value in range(25):
        with torch.no_grad():
            model.table.fill_(os.getpid() + value / 100)
        checkpoints.save(folder, model, {"value": value}, [])
    with torch.no_grad():
        model.table.zero_()
    checkpoints.save(folder, model, {}, [])
    return 0


JOBS["saves"] = saves, of_train


def two(name: str) -> dict[str, Any]:
    """Two at once in one folder, which is read all the time: it is whole at every moment."""
    job, read = JOBS[name]
    base = Path(tempfile.mkdtemp(prefix="planrl-two-"))
    try:
        (base / "both").mkdir()
        assert job(base / "calm") == 0
        both = {child(job, base / "both", calmly): None for _ in range(2)}
        reads = 0
        while None in both.values():
            for pid, status in both.items():
                both[pid] = ended(pid) if status is None else status
            read(base / "both")
            reads += 1
        statuses = sorted(both.values())
        assert statuses in ([0, 0], [0, 2]), f"{statuses}: {(base / 'said').read_text()[-2000:]}"
        assert read(base / "both") == read(base / "calm"), f"{name}: other results than by one"
        files = [sorted(path.name for path in (base / who).iterdir()) for who in ("both", "calm")]
        assert files[0] == files[1], files
        return {"job": name, "how": "two", "kills": 0, "reads": reads, "statuses": statuses}
    finally:
        shutil.rmtree(base, ignore_errors=True)


def calmly() -> None:
    """Nothing is killed."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def before_line(number: int) -> None:
    """Be killed before the `number`-th line that the writing code goes through."""
    left = number

    def line(frame: Any, event: str, argument: Any) -> Any:
        nonlocal left
        if event == "line":
            left -= 1
            if not left:
                die()
        return line

    def call(frame: Any, event: str, argument: Any) -> Any:
        code = frame.f_code
        writes = code.co_filename == folders.__file__
        return line if writes or code is checkpoints.save.__code__ else None

    sys.settrace(call)


def torn_write(number: int) -> None:
    """Be killed in the `number`-th write, when half of the file is on the disk."""
    left, real = number, os.fsync

    def fsync(handle: int) -> None:
        nonlocal left
        size = os.fstat(handle).st_size
        left -= Path(f"/proc/self/fd/{handle}").resolve().is_file()
        if not left:
            os.ftruncate(handle, size // 2)
            die()
        real(handle)

    os.fsync = fsync


def child(job: Callable[[Path], int], folder: Path, prepare: Callable[[], Any]) -> int:
    """The process that does the job; its output goes nowhere."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setpgrp()
        said = os.open(folder.parent / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        prepare()
        code = job(folder)
    finally:
        sys.settrace(None)
        os._exit(code)


def ended(pid: int) -> int | None:
    """The exit status, or None while it runs."""
    who, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if who else None


def kill_after(pid: int, seconds: float) -> int:
    """Kill it after so long; its status, which is not -9 if it ended before.

    One that hangs is no kill, but a failure.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        status = ended(pid)
        if status is not None:
            return status
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    assert seconds < HANGS, f"process {pid} did nothing for {seconds} seconds"
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def clear(pid: int) -> None:
    """End what a killed process had started."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def attack(name: str, how: str, kills: int, seed: int) -> dict[str, Any]:
    job, read = JOBS[name]
    rng = random.Random(seed)
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a disk waits at each write
    base = Path(tempfile.mkdtemp(prefix="planrl-kill-", dir=memory))
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            (swept if name == "sweep-2" else job)(
                base / "warm"
            )  # what is loaded late is loaded now
        began = time.monotonic()
        assert os.waitstatus_to_exitcode(os.waitpid(child(job, base / "calm", calmly), 0)[1]) == 0
        took = time.monotonic() - began
        calm, files = read(base / "calm"), sorted(p.name for p in (base / "calm").iterdir())
        every = how == "torn" or kills > 99  # place after place, or a sample of them
        done, rounds, place = 0, 0, 1 if every else rng.randint(1, 9)
        finished = False
        while done < kills and not (how != "anywhen" and finished):
            folder = base / f"round-{rounds}"
            rounds += 1
            first = True
            while True:
                prepare: Callable[[], Any] = calmly
                seconds = HANGS
                if how == "anywhen":
                    seconds = rng.uniform(0, took) if done < kills else HANGS
                elif first:
                    prepare = partial(before_line if how == "lines" else torn_write, place)
                pid = child(job, folder, prepare)
                status = kill_after(pid, seconds)
                clear(pid)
                if status != -signal.SIGKILL:
                    said = (base / "said").read_text()[-2000:]
                    assert status == 0, f"{name} did not go on after a kill ({status}): {said}"
                    finished = first  # the place was never reached: all have been tried
                    break
                done += 1
                first = False
                if folder.exists():
                    read(folder)  # raises if half a file is taken for a whole one
            place += 1 if every else rng.randint(5, 40)
            assert read(folder) == calm, f"{name}: other results than without kills"
            left = sorted(path.name for path in folder.iterdir())
            assert left == files, f"{name}: {left}"
            shutil.rmtree(folder)
        return {"job": name, "how": how, "kills": done, "rounds": rounds}
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    # tqdm's own lock is shared by forked processes, and one that is killed would never give it
    # back to the next; processes that are started by a user share none.
    tqdm.set_lock(threading.RLock())
    for argument in sys.argv[2:]:
        name, how, kills = argument.split(":")
        with contextlib.redirect_stdout(sys.stderr):
            found = two(name) if how == "two" else attack(name, how, int(kills), int(sys.argv[1]))
        print(json.dumps(found), flush=True)
