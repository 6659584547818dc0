; Packages travel by truck inside a city and by plane between airports.
(define (domain logistics)
  (:requirements :strips :typing)
  (:types package vehicle location)
  (:predicates (at ?x - (either package vehicle) ?l - location) (in ?p - package ?v - vehicle)
               (route ?v - vehicle ?a ?b - location))
  (:action load
    :parameters (?p - package ?v - vehicle ?l - location)
    :precondition (and (at ?v ?l) (at ?p ?l))
    :effect (and (in ?p ?v) (not (at ?p ?l))))
  (:action unload
    :parameters (?p - package ?v - vehicle ?l - location)
    :precondition (and (at ?v ?l) (in ?p ?v))
    :effect (and (at ?p ?l) (not (in ?p ?v))))
  (:action travel
    :parameters (?v - vehicle ?from ?to - location)
    :precondition (and (route ?v ?from ?to) (at ?v ?from))
    :effect (and (at ?v ?to) (not (at ?v ?from)))))
