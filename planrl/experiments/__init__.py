"""The paper's experiments as plain values, the runner that trains them, and their saved results.

datasets, streams, checked_streams, algorithms
                                graphs with their data; batches; losses and streams with options
study, evaluations, probes      a Study and its runner; what is measured; what models hold
alpine                          what paths show of a graph, which pairs are hard, what weights hold
records, store, comparison      when two records say the same; the saved results in results/
paper, ablations, extensions, imitation, regimes, theorems, costs, tools    the studies
objectives, objective_graphs, methods   which objective: on a table, and on the Transformer
all_studies                     all of them in one list
tool_calls                      what is measured of models that learn chains of calls
named, runs, sweeps             functions by dotted path; a training run in a folder; many runs
"""
