"""Labs in a notebook.

widget    a live lab: its learners are trained in the kernel
panel     its widgets, which know nothing of learners
render    what its figure shows
"""
