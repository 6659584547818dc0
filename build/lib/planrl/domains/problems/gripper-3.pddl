; Two rooms, two grippers, three balls that are all to be brought to the other room.
(define (problem gripper-3)
  (:domain gripper)
  (:objects
    here there - room
    b1 b2 b3 - ball
    left right - gripper)
  (:init
    (door here there) (door there here)
    (robot here) (free left) (free right) (at b1 here) (at b2 here) (at b3 here))
  (:goal (and
    (at b1 there) (at b2 there) (at b3 there))))
