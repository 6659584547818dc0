"""What a lab consists of, as data.

lab         a lab: its controls, learners, presets and figure; how its base models are made
controls    what a reader can set, the controls that several labs share, a lab's settings as a link
graphs      the graphs that labs run on: ours, or a reader's own, from a list of edges
objective_terms   what the lab of two objectives can choose, with its names and formulas
figure      a lab's figure, and the bindings that say what a host puts into its traces
"""
