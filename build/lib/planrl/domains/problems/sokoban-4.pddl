; A room of four by four cells, rows a to d, and one box, which is to be pushed into a corner.
(define (problem sokoban-4)
  (:domain sokoban)
  (:objects
    a1 a2 a3 a4 b1 b2 b3 b4 c1 c2 c3 c4 d1 d2 d3 d4 - cell
    box - box
    right left down up - direction)
  (:init
    (next a1 a2 right) (next a1 b1 down) (next a2 a3 right) (next a2 a1 left) (next a2 b2 down)
    (next a3 a4 right) (next a3 a2 left) (next a3 b3 down) (next a4 a3 left) (next a4 b4 down)
    (next b1 b2 right) (next b1 c1 down) (next b1 a1 up) (next b2 b3 right) (next b2 b1 left)
    (next b2 c2 down) (next b2 a2 up) (next b3 b4 right) (next b3 b2 left) (next b3 c3 down)
    (next b3 a3 up) (next b4 b3 left) (next b4 c4 down) (next b4 a4 up) (next c1 c2 right)
    (next c1 d1 down) (next c1 b1 up) (next c2 c3 right) (next c2 c1 left) (next c2 d2 down)
    (next c2 b2 up) (next c3 c4 right) (next c3 c2 left) (next c3 d3 down) (next c3 b3 up)
    (next c4 c3 left) (next c4 d4 down) (next c4 b4 up) (next d1 d2 right) (next d1 c1 up)
    (next d2 d3 right) (next d2 d1 left) (next d2 c2 up) (next d3 d4 right) (next d3 d2 left)
    (next d3 c3 up) (next d4 d3 left) (next d4 c4 up)
    (player a1) (at box b2) (free a2) (free a3) (free a4) (free b1) (free b3) (free b4)
    (free c1) (free c2) (free c3) (free c4) (free d1) (free d2) (free d3) (free d4))
  (:goal (and
    (at box d4))))
