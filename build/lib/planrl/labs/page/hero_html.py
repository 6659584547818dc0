"""The first picture of the book, as a player of its recorded runs."""

from __future__ import annotations

from statistics import fmean

from planrl.figures.style import style_of
from planrl.labs.page.hero import METHODS, recorded_hero
from planrl.labs.page.player import Player, RecordedRun


class Hero(Player):
    """One small graph four times while four methods train, as recorded runs."""

    kind, size = "planrl-hero", (330, 150)  # on the first screen, four times

    def __init__(self) -> None:
        self.recorded = recorded_hero()
        race = next(one for one in METHODS if one.lab == "race")
        self.link = f"?lab=race&{race.link()}#lab-race", "Train it yourself"
        runs = [
            RecordedRun(
                name=kept["name"],
                colour=style_of(kept["name"], index)[0],
                frames=kept["frames"],
                note=method.note,
            )
            for index, (method, kept) in enumerate(
                zip(METHODS, self.recorded["methods"], strict=True)
            )
        ]
        super().__init__(
            self.recorded["graph"],
            runs,
            correct_paths=self.recorded["correct_paths"],
            label="Four methods on one small graph",
            finding=self._seen(),
            conditions=self._when(),
        )

    def _seen(self) -> str:
        """What the last frame shows."""
        told = self.recorded
        found = {one["name"]: one["frames"][-1]["distinct"] for one in told["methods"]}
        kept = found.pop("policy gradient")
        return (
            f"After {told['updates']} updates {told['samples']} paths sampled under policy "
            f"gradient hold {kept} of the {told['correct_paths']} correct paths from the square to "
            f"the star; under the other methods they hold {min(found.values())} to "
            f"{max(found.values())}."
        )

    def _when(self) -> str:
        """Which run this is, how typical it is, and how to read it."""
        told = self.recorded
        means = ", ".join(
            f"{fmean(one['over_seeds']['distinct']):.1f} ({one['name']})" for one in told["methods"]
        )
        return (
            f"This is one recorded run (seed {told['seed']}) of a one-layer Transformer on this "
            f"graph of {len(told['graph']['nodes'])} nodes, sampled at temperature 1; the outcome "
            "reward is 1, Q-learning's process reward 10. Over "
            f"{told['seeds']} seeds the mean number of distinct correct paths ends at {means}. An "
            "edge is as wide as paths pass it; a dashed red line is a step that is no edge. The "
            "lab below trains the same four methods live, on another graph and with a weaker KL "
            "penalty (λ = 0.1)."
        )
