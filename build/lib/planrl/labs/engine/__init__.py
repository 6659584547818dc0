"""A lab's training step: pure functions of tensors, in operations that any exporter knows.

models            the two models as functions of one flat vector of weights
data, sampling    a lab's pairs and demonstrations, and how its models sample paths
algorithms        the table: algorithm -> stream, reward, loss, options, carried state
update, measure   one update, and one evaluation
rng               random numbers that are a function of (seed, update, use)
programs          all of it as named programs whose inputs have a fixed order
"""
