; A triangle of fifteen holes, rows a to e, with the top one empty. One peg is to be left there.
(define (problem peg-5)
  (:domain peg)
  (:objects
    a1 b1 b2 c1 c2 c3 d1 d2 d3 d4 e1 e2 e3 e4 e5 - hole)
  (:init
    (line a1 b1 c1) (line a1 b2 c3) (line b1 c1 d1) (line b1 c2 d3) (line b2 c2 d2)
    (line b2 c3 d4) (line c1 b1 a1) (line c1 c2 c3) (line c1 d1 e1) (line c1 d2 e3)
    (line c2 d2 e2) (line c2 d3 e4) (line c3 b2 a1) (line c3 c2 c1) (line c3 d3 e3)
    (line c3 d4 e5) (line d1 c1 b1) (line d1 d2 d3) (line d2 c2 b2) (line d2 d3 d4)
    (line d3 c2 b1) (line d3 d2 d1) (line d4 c3 b2) (line d4 d3 d2) (line e1 d1 c1)
    (line e1 e2 e3) (line e2 d2 c2) (line e2 e3 e4) (line e3 d2 c1) (line e3 d3 c3)
    (line e3 e2 e1) (line e3 e4 e5) (line e4 d3 c2) (line e4 e3 e2) (line e5 d4 c3)
    (line e5 e4 e3)
    (empty a1) (peg b1) (peg b2) (peg c1) (peg c2) (peg c3) (peg d1) (peg d2) (peg d3) (peg d4)
    (peg e1) (peg e2) (peg e3) (peg e4) (peg e5))
  (:goal (and
    (peg a1) (empty b1) (empty b2) (empty c1) (empty c2) (empty c3) (empty d1) (empty d2)
    (empty d3) (empty d4) (empty e1) (empty e2) (empty e3) (empty e4) (empty e5))))
