; Two cities with an airport each, north and south. Two packages are at the depot, outside the
; north airport, and are wanted in the shop, outside the south one.
(define (problem logistics-2)
  (:domain logistics)
  (:objects
    p1 p2 - package
    van truck plane - vehicle
    depot north south shop - location)
  (:init
    (route van depot north) (route van north depot) (route truck shop south)
    (route truck south shop) (route plane north south) (route plane south north)
    (at van north) (at truck south) (at plane north) (at p1 depot) (at p2 depot))
  (:goal (and
    (at p1 shop) (at p2 shop))))
