"""A lab's training step: pure functions of tensors, in operations that any exporter knows.

models            the two models as functions of one flat vector of weights
data, sampling    a lab's questions and demonstrations, and the walks of its models
update, measure   one update, and what is measured of a model
rng               random numbers that are a function of (seed, update, use)
programs          all of it as named programs with their inputs in a fixed order
"""
