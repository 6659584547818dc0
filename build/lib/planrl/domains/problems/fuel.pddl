; Packages travel by truck inside a city and by plane between airports. Every journey
; takes one unit of a store of fuel that all vehicles share, and nothing fills it again.
(define (domain fuel)
  (:requirements :strips :typing)
  (:types package vehicle location level)
  (:predicates (at ?x - (either package vehicle) ?l - location) (in ?p - package ?v - vehicle)
               (route ?v - vehicle ?a ?b - location)
               (fuel ?n - level) (after ?n ?m - level))
  (:action load
    :parameters (?p - package ?v - vehicle ?l - location)
    :precondition (and (at ?v ?l) (at ?p ?l))
    :effect (and (in ?p ?v) (not (at ?p ?l))))
  (:action unload
    :parameters (?p - package ?v - vehicle ?l - location)
    :precondition (and (at ?v ?l) (in ?p ?v))
    :effect (and (at ?p ?l) (not (in ?p ?v))))
  (:action travel
    :parameters (?v - vehicle ?from ?to - location ?n ?m - level)
    :precondition (and (route ?v ?from ?to) (after ?n ?m) (at ?v ?from) (fuel ?n))
    :effect (and (at ?v ?to) (fuel ?m) (not (at ?v ?from)) (not (fuel ?n)))))
