; Five tiles in two rows of three cells, to be put in order.
(define (problem sliding-6)
  (:domain sliding)
  (:objects
    t1 t2 t3 t4 t5 - tile
    a1 a2 a3 b1 b2 b3 - cell)
  (:init
    (next a1 a2) (next a1 b1) (next a2 a3) (next a2 a1) (next a2 b2) (next a3 a2) (next a3 b3)
    (next b1 b2) (next b1 a1) (next b2 b3) (next b2 b1) (next b2 a2) (next b3 b2) (next b3 a3)
    (gap a1) (at t5 a2) (at t4 a3) (at t3 b1) (at t2 b2) (at t1 b3))
  (:goal (and
    (at t1 a1) (at t2 a2) (at t3 a3) (at t4 b1) (at t5 b2))))
