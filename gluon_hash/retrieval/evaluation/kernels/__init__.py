"""Compiled kernels: a query's ranking, every metric of it, and the loops over queries in parallel.

A metric is one function of a Ranking, in ``binary`` or ``graded`` or a file beside them, and one
line of ``table``: nothing else names it. The rules are those of
gluon_hash.retrieval.evaluation.metrics.
"""
