"""Figures, all in one style.

style               the style: a colour, dash and marker for each algorithm, and titles
charts, scatter     curves, bars and heatmaps of records and tensors; points in a plane
graphs, blocks      graphs, with a path or a policy; states of Blocksworld
layout, graph_svg   where nodes stand; graphs as pictures without a script
passing             the share of paths that pass each edge
frames              a model at one moment, as a graph on which paths travel shows it
sliders             a slider over many figures, a guess that is drawn in beforehand
table               rows of named values
"""
