"""The paper's experiments: frozen settings, a `run`, and the results that `reproduce` wrote.

datasets, algorithms, runs    a graph with its data, an algorithm, a training run: plain settings
study, probes                 what experiments share: a base and its learners; what models hold
fig2, fig3, theorems, imitation, conditions, falsify, choices, beyond, quantised, costs
store                         the experiments by name, and their saved results in results/
"""
