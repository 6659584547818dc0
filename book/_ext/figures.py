"""A plotly figure as HTML: a caption, the plot's data, and native controls in place of plotly's.

plotly's own slider and buttons cannot be reached with the keyboard and say nothing to a screen
reader, so the page leaves them out and gets ``<input type="range">`` and ``<button>`` instead, or a
``<select>`` where frames have no order.
``plotly-figures.js`` draws what is written here.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

from planrl.figures.sliders import have_order
from planrl.figures.svg import figure_svg

TEMPLATE = "plotly_white"  # the look of a figure in Jupyter; the page holds it once, in a script
STILL = 600  # pixels that a picture is wide where no script runs
DIGITS = 5  # of a number in a figure; a colour needs one fewer
# What the pages' part of plotly draws (live.py).
TRACES = {
    "bar",
    "box",
    "contour",
    "heatmap",
    "histogram",
    "image",
    "pie",
    "scatter",
}
_PREDICT_KEYS = {"question", "min", "max", "step", "start", "traces", "answer"}


@cache
def plotly_data() -> Path:
    """Return the folder where the installed plotly keeps its JavaScript and templates."""
    import plotly

    return Path(plotly.__file__).parent / "package_data"


@cache
def template() -> dict[str, Any]:
    """Return the template every figure shares."""
    return json.loads(
        (plotly_data() / "templates" / f"{TEMPLATE}.json").read_text("utf-8")
    )


def rounded(value: Any, digits: int = DIGITS) -> Any:
    """Return plain data with its floats rounded to `digits` digits: a page is light, then."""
    if isinstance(value, float):
        if not math.isfinite(value) or abs(value) >= 10.0**digits:
            return value
        near = float(f"{value:.{digits}g}")
        return int(near) if near.is_integer() else near
    if isinstance(value, list | tuple):
        return [rounded(one, digits) for one in value]
    if isinstance(value, dict):
        return {
            key: rounded(one, digits - (key == "z")) for key, one in value.items()
        }
    return value


def script_json(value: Any) -> str:
    """Return JSON that can stand inside a <script>."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace(
        "<", "\\u003c"
    )


def problems(figure: dict[str, Any]) -> list[str]:
    """Return what a reader would miss in this figure, one sentence each."""
    layout = figure.get("layout", {})
    meta = _meta(layout)
    found = []
    if not str(meta.get("alt", "")).strip():
        found.append("no text alternative: set layout.meta['alt']")
    if not layout.get("height"):
        found.append(
            "no height: set layout.height, or the page jumps when the figure is drawn"
        )
    if not figure.get("data"):
        found.append("no traces")
    kinds = {trace.get("type", "scatter") for trace in figure.get("data", [])}
    found += [
        f"{kind} is not among what pages draw: {', '.join(sorted(TRACES))}"
        for kind in sorted(kinds - TRACES)
    ]
    count = len(figure.get("data", []))
    predict = meta.get("predict")
    if predict is not None:
        missing = sorted(_PREDICT_KEYS - set(predict))
        if missing:
            found.append(f"layout.meta['predict'] lacks {', '.join(missing)}")
        elif not predict["min"] <= predict["start"] <= predict["max"]:
            found.append("layout.meta['predict']: start lies outside min..max")
    for name, indices in (
        ("ink", meta.get("ink")),
        ("predict", (predict or {}).get("traces")),
    ):
        if any(not 0 <= i < count for i in indices or []):
            found.append(
                f"layout.meta['{name}'] names a trace that is not there (0..{count - 1})"
            )
    if figure.get("frames"):
        try:
            _steps(figure)
        except (KeyError, IndexError, TypeError) as error:
            found.append(
                f"frames, but no slider that leads to each of them ({error!r})"
            )
    if any(re.search(r"\$[^$]+\$", text) for text in _texts(layout)):
        found.append(
            "TeX between dollar signs is not typeset inside a figure: write it in Unicode"
        )
    return found


def render(figure: dict[str, Any], name: str) -> str:
    """Return the HTML of one figure; `name` is its id, unique on the page."""
    layout = dict(figure.get("layout", {}))
    meta = _meta(layout)
    predict = meta.get("predict")
    payload: dict[str, Any] = {"data": figure["data"], "ink": meta.get("ink", [])}
    if layout.get("template") == template():
        layout.pop("template")
    title, subtitle = _take_title(layout)
    controls = ""
    if figure.get("frames"):
        payload |= _steps(figure)
        write = _frame_controls if have_order(payload["labels"]) else _choices
        controls = write(payload, name, hidden=predict is not None)
    layout.pop("sliders", None)
    layout.pop("updatemenus", None)
    finding = _finding(title, subtitle)
    caption, guess = finding, ""
    named_by = f"{name}-title {name}-alt"
    if predict:  # the figure asks first: its finding and its description come with the answer
        payload["predict"] = dict(predict) | {"finding": finding}
        for kind in (
            "shapes",
            "annotations",
        ):  # the guess of a notebook; the page draws its own
            layout[kind] = [
                mark
                for mark in layout.get(kind) or []
                if mark.get("name") != "guess"
            ]
        caption = f'<span class="plotly-question">{_markup(str(predict["question"]))}</span>'
        guess = _guess_controls(predict, name)
        named_by = f"{name}-title"
    payload["layout"] = {
        k: v for k, v in layout.items() if k not in ("meta", "width")
    }
    height = int(layout.get("height", 400))
    heights = f"--height: {height}px"
    stacked = _stacked(payload["layout"])
    if (
        stacked
    ):  # plots side by side stand one below the other where the page is narrow
        payload["narrow"], rows = stacked
        heights += f"; --tall: {round(0.85 * rows * height)}px"
    return (
        f'<figure class="plotly-figure" id="{name}" aria-labelledby="{named_by}">\n'
        f'<figcaption id="{name}-title">{caption}</figcaption>\n'
        f'<div class="plotly-plot" style="{heights}"></div>\n'
        f"{_still(figure | {'layout': layout}, predict, finding)}"
        f"{guess}{controls}"
        f'<p class="plotly-alt" id="{name}-alt">{escape(str(meta.get("alt", "")))}</p>\n'
        f'<script type="application/json">{script_json(rounded(payload))}</script>\n'
        "</figure>\n"
    )


def _still(
    figure: dict[str, Any], predict: dict[str, Any] | None, finding: str
) -> str:
    """Return the figure as a picture for a browser that runs no script, folded if it is an answer."""
    height = int(figure["layout"].get("height", 400))
    picture = figure_svg(
        figure, size=(STILL, min(height, STILL if height < 800 else height))
    )
    if predict:
        answer = _markup(str(predict["answer"]))
        picture = (
            "<details><summary>Show what happened</summary>"
            f"{finding}{picture}<p>{answer}</p></details>"
        )
    return f'<noscript><div class="plotly-still">{picture}</div></noscript>\n'


def _meta(layout: dict[str, Any]) -> dict[str, Any]:
    meta = layout.get("meta")
    return meta if isinstance(meta, dict) else {}


def _texts(value: Any) -> list[str]:
    """Return every string that plotly would print, in layout's titles, annotations and labels."""
    if isinstance(value, dict):
        return [
            t
            for k, v in value.items()
            if k not in ("template", "meta")
            for t in _texts(v)
        ]
    if isinstance(value, list):
        return [t for v in value for t in _texts(v)]
    return [value] if isinstance(value, str) else []


def _take_title(layout: dict[str, Any]) -> tuple[str, str]:
    """Remove the title from the layout and return it: in HTML it wraps and is read aloud."""
    title = layout.pop("title", None)
    if isinstance(title, str):
        return title, ""
    title = title or {}
    return title.get("text") or "", (title.get("subtitle") or {}).get("text") or ""


def _markup(text: str) -> str:
    """Return plotly's pseudo-HTML as HTML: a few inline tags pass, the rest is text."""
    return re.sub(
        r"&lt;(/?(?:b|i|sub|sup|em|br))\s*/?&gt;",
        r"<\1>",
        escape(text, quote=False),
    )


def _finding(title: str, subtitle: str) -> str:
    """Return the figure's title and subtitle as HTML."""
    html = f'<span class="plotly-title">{_markup(title)}</span>' if title else ""
    if subtitle:
        html += f'<span class="plotly-subtitle">{_markup(subtitle)}</span>'
    return html


def _steps(figure: dict[str, Any]) -> dict[str, Any]:
    """Return the frames in the slider's order, their labels, where to start and how fast."""
    slider = figure["layout"]["sliders"][0]
    frames = {frame.get("name"): frame for frame in figure["frames"]}
    ordered, labels = [], []
    for number, step in enumerate(slider["steps"]):
        target = step["args"][0]
        frame_name = target[0] if isinstance(target, list) else target
        if frame_name not in frames:
            raise KeyError(
                f"step {number} leads to {frame_name!r}, which is no frame"
            )
        frame = frames[frame_name]
        ordered.append(
            {k: frame[k] for k in ("data", "layout", "traces") if frame.get(k)}
        )
        labels.append(str(step.get("label", frame_name)))
    current = slider.get("currentvalue") or {}
    return {
        "frames": ordered,
        "labels": labels,
        "prefix": current.get("prefix", ""),
        "suffix": current.get("suffix", ""),
        "active": int(slider.get("active") or 0),
        "duration": _duration(figure["layout"]),
    }


def _duration(layout: dict[str, Any]) -> int:
    """Return the milliseconds a frame stays while playing, from plotly's own Play button."""
    for menu in layout.get("updatemenus") or []:
        for button in menu.get("buttons") or []:
            for argument in button.get("args") or []:
                if isinstance(argument, dict) and isinstance(
                    argument.get("frame"), dict
                ):
                    duration = int(argument["frame"].get("duration", 0))
                    if duration > 0:
                        return max(duration, 60)
    return 400


def _stacked(layout: dict[str, Any]) -> tuple[dict[str, Any], int] | None:
    """Return what to change in a layout of one row of plots to make it one column, and its rows."""
    across = {
        k: v
        for k, v in layout.items()
        if re.fullmatch(r"xaxis\d*", k) and "domain" in v
    }
    names = sorted(across, key=lambda name: across[name]["domain"][0])
    partners = ["yaxis" + across[name].get("anchor", "y")[1:] for name in names]
    domains = [across[name]["domain"] for name in names]
    overlap = any(left[1] > right[0] for left, right in pairwise(domains))
    heights = {
        tuple(layout.get(name, {}).get("domain", (0, 1))) for name in partners
    }
    if (
        len(names) < 2
        or overlap
        or len(heights) > 1
        or len(set(partners)) < len(names)
    ):
        return None
    gap = 0.36 / len(names)
    height = (1 - gap * (len(names) - 1)) / len(names)
    tops = [1 - place * (height + gap) for place in range(len(names))]
    change: dict[str, Any] = {}
    title = layout.get(partners[0], {}).get("title")
    for name, partner, top in zip(names, partners, tops, strict=True):
        change[name] = {"domain": [0, 1]}
        change[partner] = {
            "domain": [max(top - height, 0), top],
            "showticklabels": True,
        }
        if title and not layout.get(partner, {}).get("title"):
            change[partner]["title"] = title
    change["annotations"] = [
        _moved(note, domains, tops) for note in layout.get("annotations", [])
    ]
    return change, len(names)


def _moved(
    note: dict[str, Any], domains: list[list[float]], tops: list[float]
) -> dict[str, Any]:
    """Return the annotation with the name of a plot moved to where that plot stands now."""
    if (
        note.get("xref") != "paper"
        or note.get("yref") != "paper"
        or note.get("y", 0) < 1
    ):
        return note
    for (left, right), top in zip(domains, tops, strict=True):
        if left <= note.get("x", 0.5) <= right:
            return note | {"x": 0.5, "y": top}
    return note


def _frame_controls(payload: dict[str, Any], name: str, *, hidden: bool) -> str:
    label = payload["prefix"].strip().rstrip(":=").strip() or "Frame"
    active, last = payload["active"], len(payload["labels"]) - 1
    shown = f"{payload['prefix']}{payload['labels'][active]}{payload['suffix']}"
    return (
        f'<div class="plotly-controls plotly-frames"{" hidden" if hidden else ""}>\n'
        '<button type="button" class="plotly-play">Play</button>\n'
        f'<input type="range" class="plotly-frame" id="{name}-frame" aria-label="{escape(label)}"'
        f' min="0" max="{last}" step="1" value="{active}" aria-valuetext="{escape(shown)}">\n'
        f'<output for="{name}-frame">{escape(shown)}</output>\n'
        "</div>\n"
    )


def _choices(payload: dict[str, Any], name: str, *, hidden: bool) -> str:
    """Return a list to choose from, for frames that have no order."""
    label = payload["prefix"].strip().rstrip(":=").strip() or "show"
    options = "".join(
        f'<option value="{place}"{" selected" if place == payload["active"] else ""}>'
        f"{escape(text)}</option>"
        for place, text in enumerate(payload["labels"])
    )
    return (
        f'<div class="plotly-controls plotly-frames"{" hidden" if hidden else ""}>\n'
        f'<label for="{name}-frame">{escape(label.capitalize())}</label>\n'
        f'<select class="plotly-frame" id="{name}-frame">{options}</select>\n'
        "</div>\n"
    )


def _guess_controls(predict: dict[str, Any], name: str) -> str:
    unit = f" {predict['unit']}" if predict.get("unit") else ""
    shown = f"{predict['start']}{unit}"
    limits = " ".join(f'{k}="{predict[k]}"' for k in ("min", "max", "step"))
    return (
        '<div class="plotly-controls plotly-predict">\n'
        f'<label for="{name}-guess">Your guess</label>\n'
        f'<input type="range" class="plotly-guess" id="{name}-guess" {limits}'
        f' value="{predict["start"]}" aria-valuetext="{escape(shown)}"'
        f' aria-describedby="{name}-title">\n'
        f'<output for="{name}-guess">{escape(shown)}</output>\n'
        '<button type="button" class="plotly-reveal">Show what happened</button>\n'
        "</div>\n"
        '<div class="plotly-answer" aria-live="polite"></div>\n'
    )
