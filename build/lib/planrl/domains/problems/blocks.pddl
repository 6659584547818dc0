; Blocksworld with one step a move: from the top of a pile to the table or onto another pile.
(define (domain blocks)
  (:requirements :strips :equality)
  (:predicates (on ?x ?y) (table ?x) (clear ?x))
  (:action move
    :parameters (?x ?from ?to)
    :precondition (and (not (= ?x ?to)) (on ?x ?from) (clear ?x) (clear ?to))
    :effect (and (on ?x ?to) (clear ?from) (not (on ?x ?from)) (not (clear ?to))))
  (:action to-table
    :parameters (?x ?from)
    :precondition (and (on ?x ?from) (clear ?x))
    :effect (and (table ?x) (clear ?from) (not (on ?x ?from))))
  (:action from-table
    :parameters (?x ?to)
    :precondition (and (not (= ?x ?to)) (table ?x) (clear ?x) (clear ?to))
    :effect (and (on ?x ?to) (not (table ?x)) (not (clear ?to)))))
