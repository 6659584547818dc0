; The tower of Hanoi: one disc at a time, never onto a smaller one.
(define (domain hanoi)
  (:requirements :strips)
  (:predicates (on ?disc ?x) (clear ?x) (fits ?disc ?x))
  (:action move
    :parameters (?disc ?from ?to)
    :precondition (and (fits ?disc ?to) (on ?disc ?from) (clear ?disc) (clear ?to))
    :effect (and (on ?disc ?to) (clear ?from) (not (on ?disc ?from)) (not (clear ?to)))))
