; Two cities with an airport each, north and south. A package is at the depot, outside the north
; airport, and is wanted in the shop, outside the south one. There is fuel for 4 journeys.
(define (problem fuel-4)
  (:domain fuel)
  (:objects
    p1 - package
    van truck plane - vehicle
    depot north south shop - location
    f0 f1 f2 f3 f4 - level)
  (:init
    (route van depot north) (route van north depot) (route truck shop south)
    (route truck south shop) (route plane north south) (route plane south north)
    (after f4 f3) (after f3 f2) (after f2 f1) (after f1 f0)
    (at van north) (at truck south) (at plane north) (at p1 depot) (fuel f4))
  (:goal (and
    (at p1 shop))))
