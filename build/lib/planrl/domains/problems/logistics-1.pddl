; Two cities with an airport each, north and south. A package is at the depot, outside the north
; airport, and is wanted in the shop, outside the south one.
(define (problem logistics-1)
  (:domain logistics)
  (:objects
    p1 - package
    van truck plane - vehicle
    depot north south shop - location)
  (:init
    (route van depot north) (route van north depot) (route truck shop south)
    (route truck south shop) (route plane north south) (route plane south north)
    (at van north) (at truck south) (at plane north) (at p1 depot))
  (:goal (and
    (at p1 shop))))
