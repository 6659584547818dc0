; Peg solitaire: a peg jumps over its neighbour into an empty hole, and the neighbour is taken out.
; A game that begins with every hole full begins with the choice of the first peg to take out.
(define (domain peg)
  (:requirements :strips :typing)
  (:types hole)
  (:predicates (peg ?h - hole) (empty ?h - hole) (line ?a ?b ?c - hole) (full))
  (:action take-out
    :parameters (?h - hole)
    :precondition (and (full) (peg ?h))
    :effect (and (empty ?h) (not (peg ?h)) (not (full))))
  (:action jump
    :parameters (?from ?over ?to - hole)
    :precondition (and (line ?from ?over ?to) (peg ?from) (peg ?over) (empty ?to))
    :effect (and (peg ?to) (empty ?from) (empty ?over)
                 (not (empty ?to)) (not (peg ?from)) (not (peg ?over)))))
