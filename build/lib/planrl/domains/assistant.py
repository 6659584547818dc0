"""The tools of an everyday assistant: a small tool-dependency graph of planrl's own.

Each tool takes and gives typed things, and a tool may be called after one that gives what it takes.
`write` makes the two files in `tools/`, in the public format (see `planrl.io.tool_graphs`), and
draws the chains: real data use few links often and many once or never, so the popularity of first
tools and of links falls like 1/rank^1.5.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import torch

from planrl.graphs import Graph, seeded

FOLDER = Path(__file__).parent / "tools"
CHAINS, SEED = 1_000, 0
LENGTHS = {2: 0.25, 3: 0.35, 4: 0.25, 5: 0.15}
"""Number of calls of a chain -> its probability; a chain ends early where no link leads on."""
TOOLS: dict[str, tuple[str, str]] = {
    "hear_speech": ("", "text"),
    "scan_page": ("", "text"),
    "read_mail": ("", "mail"),
    "list_inbox": ("", "mail"),
    "take_photo": ("", "picture"),
    "locate_me": ("", "place"),
    "list_calendar": ("", "event"),
    "open_contacts": ("", "person"),
    "summarise": ("text", "text"),
    "translate": ("text", "text"),
    "find_dates": ("text", "date"),
    "find_names": ("text", "person"),
    "find_addresses": ("text", "place"),
    "extract_text": ("mail", "text"),
    "find_attachment": ("mail", "picture"),
    "mail_sender": ("mail", "person"),
    "recognise_text": ("picture", "text"),
    "recognise_place": ("picture", "place"),
    "crop_photo": ("picture", "picture"),
    "store_photo": ("picture", "done"),
    "weather": ("place", "forecast"),
    "read_forecast": ("forecast", "done"),
    "find_route": ("place", "route"),
    "show_map": ("route", "done"),
    "travel_time": ("route", "duration"),
    "find_restaurant": ("place", "venue"),
    "find_hotel": ("place", "venue"),
    "opening_hours": ("venue", "date"),
    "check_table": ("venue", "offer"),
    "compare_prices": ("offer", "offer"),
    "book": ("offer", "booking"),
    "pay": ("booking", "receipt"),
    "file_receipt": ("receipt", "done"),
    "free_time": ("date", "date"),
    "make_event": ("date", "event"),
    "invite": ("event", "person"),
    "remind_me": ("event", "done"),
    "shift_event": ("duration", "event"),
    "phone": ("person", "done"),
    "where_is": ("person", "place"),
    "write_mail": ("person", "draft"),
    "send_mail": ("draft", "done"),
}
"""Tool -> what it takes ("" for nothing) and what it gives."""
OFFICE = (
    "scan_page",
    "list_inbox",
    "extract_text",
    "mail_sender",
    "summarise",
    "translate",
    "find_dates",
    "find_names",
    "find_addresses",
    "make_event",
    "invite",
    "weather",
    "find_route",
    "travel_time",
    "write_mail",
    "remind_me",
    "phone",
    "send_mail",
    "show_map",
    "read_forecast",
)
"""Twenty of the tools, from a page or a mail to what can be done with it: few enough for a lab."""


def links() -> list[tuple[str, str]]:
    """Which tool may be called after which other one, in the order of the tools."""
    return [
        (first, then)
        for first, (_, gives) in TOOLS.items()
        for then, (takes, _) in TOOLS.items()
        if gives == takes and first != then
    ]


def office() -> Graph:
    """The part of the graph that begins with mail or paper: `OFFICE`, with the tools' names."""
    number = {name: v for v, name in enumerate(OFFICE)}
    edges = [(number[a], number[b]) for a, b in links() if a in number and b in number]
    return Graph(len(OFFICE), edges, OFFICE)


def chains(count: int = CHAINS, seed: int = SEED) -> list[list[str]]:
    """So many chains of calls, the same for the same seed."""
    rng = seeded(seed, "chains of an assistant")
    after: dict[str, list[str]] = {name: [] for name in TOOLS}
    for first, then in links():
        after[first].append(then)
    starts = _shuffled([name for name in TOOLS if after[name]], rng)
    after = {name: _shuffled(names, rng) for name, names in after.items()}
    lengths, weights = list(LENGTHS), torch.tensor(list(LENGTHS.values()))
    found: list[list[str]] = []
    while len(found) < count:
        chain = [_popular(starts, rng)]
        length = lengths[int(torch.multinomial(weights, 1, generator=rng))]
        while len(chain) < length and (more := [t for t in after[chain[-1]] if t not in chain]):
            on = [name for name in more if after[name]] if len(chain) < length - 1 else []
            chain.append(_popular(on or more, rng))
        if len(chain) > 1:
            found.append(chain)
    return found


def _shuffled(names: list[str], rng: torch.Generator) -> list[str]:
    return [names[k] for k in torch.randperm(len(names), generator=rng).tolist()]


def _popular(names: list[str], rng: torch.Generator) -> str:
    """One of the names, the first the most likely: 1/rank^1.5."""
    weights = 1.0 / torch.arange(1, len(names) + 1) ** 1.5
    return names[int(torch.multinomial(weights, 1, generator=rng))]


def write(folder: Path = FOLDER) -> None:
    """Write `graph_desc.json` and `data.json`."""
    nodes = [
        {"id": name, "input-type": [takes] if takes else [], "output-type": [gives]}
        for name, (takes, gives) in TOOLS.items()
    ]
    graph = {"nodes": nodes, "links": [{"source": a, "target": b} for a, b in links()]}
    (folder / "graph_desc.json").write_text(json.dumps(graph, indent=1) + "\n", encoding="utf-8")
    lines = [
        {
            "task_nodes": [{"task": name} for name in chain],
            "task_links": [{"source": a, "target": b} for a, b in pairwise(chain)],
        }
        for chain in chains()
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "data.json").write_text(text, encoding="utf-8")
