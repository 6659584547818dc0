; Sokoban: a player moves among free cells and pushes boxes, one at a time, never pulling.
(define (domain sokoban)
  (:requirements :strips :typing)
  (:types cell box direction)
  (:predicates (player ?c - cell) (at ?b - box ?c - cell) (free ?c - cell)
               (next ?a ?b - cell ?w - direction))
  (:action move
    :parameters (?from ?to - cell ?w - direction)
    :precondition (and (next ?from ?to ?w) (player ?from) (free ?to))
    :effect (and (player ?to) (free ?from) (not (player ?from)) (not (free ?to))))
  (:action push
    :parameters (?b - box ?from ?to ?behind - cell ?w - direction)
    :precondition (and (next ?from ?to ?w) (next ?to ?behind ?w)
                       (player ?from) (at ?b ?to) (free ?behind))
    :effect (and (player ?to) (at ?b ?behind) (free ?from)
                 (not (player ?from)) (not (at ?b ?to)) (not (free ?behind)))))
