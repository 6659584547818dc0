"""What only the book's chapters need.

notebook                    set-up, questions that answer, sources, downloads, cards
exercises                   the checks of the exercises
evidence, decision          the evidence for a sentence; which method to choose
paper_figures, _tables      the paper's figures from the saved results, and their numbers
claim_figures               claims seed by seed
"""
