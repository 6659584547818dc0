; A robot with grippers carries balls from room to room.
(define (domain gripper)
  (:requirements :strips :typing)
  (:types room ball gripper)
  (:predicates (robot ?r - room) (at ?b - ball ?r - room) (free ?g - gripper)
               (holds ?g - gripper ?b - ball) (door ?a ?b - room))
  (:action go
    :parameters (?from ?to - room)
    :precondition (and (door ?from ?to) (robot ?from))
    :effect (and (robot ?to) (not (robot ?from))))
  (:action pick
    :parameters (?b - ball ?r - room ?g - gripper)
    :precondition (and (robot ?r) (at ?b ?r) (free ?g))
    :effect (and (holds ?g ?b) (not (at ?b ?r)) (not (free ?g))))
  (:action drop
    :parameters (?b - ball ?r - room ?g - gripper)
    :precondition (and (robot ?r) (holds ?g ?b))
    :effect (and (at ?b ?r) (free ?g) (not (holds ?g ?b)))))
