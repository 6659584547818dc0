"""Plans as pictures: every state is drawn as it is, and the plan is checked on the way."""

from dataclasses import replace
from itertools import pairwise

import pytest
from bs4 import BeautifulSoup

from planrl.domains import example
from planrl.domains.blocksworld import Action
from planrl.errors import InputError
from planrl.teaching.plan_pictures import COLOURS, OWN, PICTURES, PlanPictures


def steps_of(shown):
    return BeautifulSoup(shown._repr_html_(), "html.parser").select(".planrl-step")


@pytest.mark.parametrize("name", ["hanoi-4", "peg-4", "logistics-1", "logistics-2"])
def test_each_state_of_a_shortest_plan_has_a_picture_and_its_action(name):
    shown = PlanPictures(example(name))
    assert len(shown.plan) == len(example(name).solve())
    assert not shown.problem.goal.unmet(shown.states[-1])
    page = BeautifulSoup(shown._repr_html_(), "html.parser")
    steps = page.select(".planrl-step")
    assert len(steps) == len(shown.plan) + 1 == len(page.select("input[type=radio]"))
    assert len(page.select("input[checked]")) == 1
    for action, step in zip(shown.plan, steps[1:], strict=True):
        assert str(action) in step.text
        assert str(action) in step.svg["aria-label"]
    drawn = [str(step.svg.decode_contents()) for step in steps]
    assert len(set(drawn)) == len(drawn)
    assert len(PlanPictures(example(name))._repr_html_()) < 150_000


def test_pegs_are_counted_down_to_one():
    shown = PlanPictures(example("peg-4"))
    full = [len(step.select(f'circle[fill="{COLOURS[0]}"]')) for step in steps_of(shown)]
    assert full == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert all(len(step.select("circle")) == 10 for step in steps_of(shown))


def test_discs_lie_from_the_largest_to_the_smallest_and_end_on_the_right():
    for step in steps_of(PlanPictures(example("hanoi-4"))):
        discs = step.select("rect")
        assert len(discs) == 4
        pegs = {}
        for disc in discs:
            middle = round(float(disc["x"]) + float(disc["width"]) / 2)
            pegs.setdefault(middle, []).append((float(disc["y"]), float(disc["width"])))
        for stack in pegs.values():
            assert sorted(stack) == sorted(stack, key=lambda disc: disc[1])
    assert list(pegs) == [300]  # the middle of the right one of three pegs


def test_a_package_travels_inside_its_vehicle():
    shown = PlanPictures(example("logistics-1"))
    for state, step in zip(shown.states, steps_of(shown), strict=True):
        package = step.select_one('rect[fill="#E69F00"]')
        x, y = float(package["x"]) + 15, float(package["y"])
        around = [
            box
            for box in step.select('rect[stroke="#0072B2"]')
            if abs(float(box["x"]) + 36 - x) < 1 and 0 < y - float(box["y"]) < 42
        ]
        assert len(around) == sum(atom[0] == "in" for atom in state)


def test_what_cannot_be_shown_is_refused():
    with pytest.raises(InputError, match="no pictures of the domain gripper; there are of hanoi"):
        PlanPictures(example("gripper-3"))
    with pytest.raises(InputError, match=r"step 1, \(move d4 left right\), needs"):
        PlanPictures(example("hanoi-4"), [Action("move", ("d4", "left", "right"))])
    assert set(PICTURES) == set(OWN) == {"hanoi", "peg", "logistics"}
    for name, own in OWN.items():
        assert example(own).domain == name


def test_another_domain_of_the_same_name_and_names_without_a_place_are_refused():
    other = replace(example("gripper-3"), domain="logistics")
    with pytest.raises(InputError, match="planrl's own domain logistics, whose actions are not"):
        PlanPictures(other)
    peg = example("peg-4")
    renamed = frozenset(
        tuple("top" if word == "a1" else word for word in atom) for atom in peg.init
    )
    with pytest.raises(InputError, match="a hole is called top"):
        PlanPictures(replace(peg, init=renamed), [])


def test_a_tall_tower_and_places_that_no_road_joins_are_drawn_whole():
    discs = [f"d{size}" for size in range(9, 0, -1)]
    fits = {("fits", disc, on) for disc in discs for on in [*discs, "left", "right"] if disc < on}
    stack = {("on", disc, on) for on, disc in pairwise(["left", *discs])}
    hanoi = replace(example("hanoi-4"), init=frozenset(fits | stack))
    (step,) = steps_of(PlanPictures(hanoi, []))
    assert min(float(disc["y"]) for disc in step.select("rect")) >= 0
    assert len(step.select("rect")) == 9
    parcels = example("logistics-1")
    lost = frozenset(atom for atom in parcels.init if atom[:2] != ("route", "plane")) | {
        ("at", "p9", "island")
    }
    (step,) = steps_of(PlanPictures(replace(parcels, init=lost), []))
    assert {"depot", "north", "shop", "south", "island", "p1", "p9"} <= set(
        step.svg.stripped_strings
    )
