; Four blocks in a pile, which is to be turned upside down.
(define (problem blocks-4)
  (:domain blocks)
  (:objects
    a b c d)
  (:init
    (table a) (on b a) (on c b) (on d c) (clear d))
  (:goal (and
    (on a b) (on b c) (on c d))))
