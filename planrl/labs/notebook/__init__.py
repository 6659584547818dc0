"""Labs in a notebook.

This host does not use the page's scripts, because these need a whole page (its address, one global
plotly, a worker), and as an anywidget they and plotly's 4.8 MB would pass through the kernel for
each lab. Colab shows an anywidget only with files from another server, which planrl's figures never
load and which no test here can try.

widget    a live lab: its learners are trained in the kernel
panel     its widgets, which know nothing of learners
render    what its figure shows
"""
