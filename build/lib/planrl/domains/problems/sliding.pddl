; A sliding puzzle: a tile next to the gap moves into it.
(define (domain sliding)
  (:requirements :strips :typing)
  (:types tile cell)
  (:predicates (at ?t - tile ?c - cell) (gap ?c - cell) (next ?a ?b - cell))
  (:action slide
    :parameters (?t - tile ?from ?to - cell)
    :precondition (and (next ?from ?to) (at ?t ?from) (gap ?to))
    :effect (and (at ?t ?to) (gap ?from) (not (at ?t ?from)) (not (gap ?to)))))
