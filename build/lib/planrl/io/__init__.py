"""Every reader and writer, and all that guards them.

files                       whole files or none, of bounded size, one run at a time in a folder
checkpoints, keys           a run in a folder; what names a stored run of a sweep
formats                     the door to files of others: graphs, rows of text, checkpoints
edge_lists, edge_lines, node_names, graphml, node_link    files of graphs
tool_graphs                 tools, which may follow which, and chains of calls
text_rows, prompts          rows of paths as text, and prompts that differ from planrl's
nanogpt, weights            checkpoints of others, read without running code
layouts                     which file of a folder is the graph, the rows, the checkpoint
"""
