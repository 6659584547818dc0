"""What strangers say on the command line."""

from __future__ import annotations

import contextlib
import io
import shutil

import ground
import hypothesis.strategies as st

import planrl as pr
from planrl.__main__ import main as command_line

# --- The command line
TINY = [
    "--nodes",
    "8",
    "--edge-probability",
    "0.6",
    "--train-share",
    "0.5",
    "--width",
    "4",
    "--steps",
    "1",
    "--batch",
    "4",
]
FLAGS = [
    "--nodes",
    "--edge-probability",
    "--train-share",
    "--width",
    "--heads",
    "--layers",
    "--positions",
    "--steps",
    "--batch",
    "--lr",
]
FLAGS += [
    "--kl",
    "--reward",
    "--reward-scale",
    "--discount",
    "--epsilon",
    "--algorithm",
    "--clip",
    "--weight-decay",
    "--seed",
    "--blocks",
]
FLAGS += [
    "--eval-every",
    "--save-every",
    "--paths-per-pair",
    "--graph",
    "--train",
    "--test",
    "--start",
    "--resume",
    "--value-bounds",
    "--nonsense",
]
SAID = st.one_of(
    st.sampled_from(
        [
            "0",
            "-1",
            "nan",
            "inf",
            "1e400",
            "1e-9",
            "99999999999",
            "",
            "a",
            "{given}/good.txt",
            "{given}",
            "/dev/zero",
            "/dev/null",
            "pg",
            "q",
            "process",
            "2.5",
            "--",
            "x" * 5000,
            "\udc80",
        ]
    ),
    st.integers(-5, 40).map(str),
    st.floats().map(str),
    st.text(st.characters(exclude_characters="\0"), max_size=5),
)


@st.composite
def arguments(draw):
    command = draw(
        st.sampled_from(
            [
                "train",
                "train",
                "train",
                "evaluate",
                "inspect",
                "plan",
                "claims",
                "reproduce",
                "export",
                "nonsense",
            ]
        )
    )
    if command == "train":
        more = [
            part
            for _ in range(draw(st.integers(1, 2)))
            for part in (draw(st.sampled_from(FLAGS)), draw(SAID))
        ]
        return ["train", *TINY, "--out", "{new}/run", *more]
    if command == "evaluate":
        options = [
            draw(st.sampled_from(["--samples", "--temperature", "--seed", "--graph", "--train"])),
            draw(SAID),
        ]
        return [
            "evaluate",
            draw(st.one_of(st.just("{given}/run"), SAID)),
            "--samples",
            "2",
            *options,
        ]
    if command in ("reproduce", "export"):  # what is good would run for long: these are all bad
        return [
            command,
            *draw(
                st.sampled_from(
                    [
                        ["--only", "nonsense"],
                        ["--tier", "quick", "--only", "fig2", "--seeds", "77"],
                        ["--jobs", "x"],
                        ["--seeds", "a"],
                        ["--tier", "slow"],
                        ["--folder"],
                        ["{new}/x", "--only", "nonsense"],
                        ["{new}/x", "--record", "nonsense"],
                        ["{new}/x", "--jobs", "0"],
                    ]
                )
            ),
        ]
    if command == "claims":
        return [
            "claims",
            *draw(
                st.sampled_from(
                    [["--only", "nonsense"], ["--folder", "{new}/nowhere"], ["--tier", "x"]]
                )
            ),
        ]
    return [command, *draw(st.lists(SAID, max_size=3))]


def commands(given_words):
    words = [
        word.replace("{new}", str(ground.UNTOUCHED)).replace("{given}", str(ground.GIVEN))
        for word in given_words
    ]
    if ["--steps", "99999999999"] in [words[at : at + 2] for at in range(len(words))]:
        return  # good, and it would take that long
    error = io.StringIO()
    try:
        with contextlib.redirect_stderr(error):
            code = command_line(words)
    except SystemExit as ended:
        code = ended.code
    if code == 2:
        said = error.getvalue()
        assert "Traceback" not in said
        if "Saved in" in said:
            shutil.rmtree(ground.UNTOUCHED / "run")
        raise pr.InputError(said.strip()[-500:])
    assert code in (0, 1)
    shutil.rmtree(ground.UNTOUCHED / "run", ignore_errors=True)
