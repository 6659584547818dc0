; A triangle of ten holes, rows a to d. Any peg may be taken out first; one peg is to be left,
; in hole b1.
(define (problem peg-4)
  (:domain peg)
  (:objects
    a1 b1 b2 c1 c2 c3 d1 d2 d3 d4 - hole)
  (:init
    (line a1 b1 c1) (line a1 b2 c3) (line b1 c1 d1) (line b1 c2 d3) (line b2 c2 d2)
    (line b2 c3 d4) (line c1 b1 a1) (line c1 c2 c3) (line c3 b2 a1) (line c3 c2 c1)
    (line d1 c1 b1) (line d1 d2 d3) (line d2 c2 b2) (line d2 d3 d4) (line d3 c2 b1)
    (line d3 d2 d1) (line d4 c3 b2) (line d4 d3 d2)
    (full) (peg a1) (peg b1) (peg b2) (peg c1) (peg c2) (peg c3) (peg d1) (peg d2) (peg d3)
    (peg d4))
  (:goal (and
    (peg b1) (empty a1) (empty b2) (empty c1) (empty c2) (empty c3) (empty d1) (empty d2)
    (empty d3) (empty d4))))
