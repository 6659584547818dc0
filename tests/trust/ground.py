"""What the attacks share: a small graph and problem, and folders, which `strangers.prepare` sets."""

from __future__ import annotations

from pathlib import Path

import torch

import planrl as pr
from planrl.labs import Session as LabSession

UNTOUCHED = Path()  # planrl's own writing would go here
GIVEN = Path()  # the stranger's files
TENSOR_FILE = ""  # of the good run
LAB: LabSession  # a session that has trained
GRAPH = pr.Graph(4, [(0, 1), (1, 2), (0, 3), (3, 2)])
TASK = pr.all_pairs(GRAPH)
PROBLEM = "(define (problem p) (:domain {name}) (:objects a b) (:init (ontable a) (on b a) (clear b) (handempty) ) (:goal (and (on a b) ) ) )"
DOMAIN = """(define (domain blocks) (:requirements :strips ) (:predicates (on ?x ?y) (ontable ?x) (clear ?x) (handempty) (holding ?x) )
 (:action pick-up :parameters (?x) :precondition (and (clear ?x) (ontable ?x) (handempty) ) :effect (and (not (ontable ?x) ) (not (clear ?x) ) (not (handempty) ) (holding ?x) ) )
 (:action put-down :parameters (?x) :precondition (holding ?x) :effect (and (not (holding ?x) ) (clear ?x) (handempty) (ontable ?x) ) )
 (:action stack :parameters (?x ?y) :precondition (and (holding ?x) (clear ?y) ) :effect (and (not (holding ?x) ) (not (clear ?y) ) (clear ?x) (handempty) (on ?x ?y) ) )
 (:action unstack :parameters (?x ?y) :precondition (and (on ?x ?y) (clear ?x) (handempty) ) :effect (and (holding ?x) (clear ?y) (not (clear ?x) ) (not (handempty) ) (not (on ?x ?y) ) ) ) )"""


def given(name: str, content: bytes | str) -> Path:
    path = GIVEN / name
    path.write_bytes(
        content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    )
    return path


def rng() -> torch.Generator:
    return pr.seeded(0, "attack")
