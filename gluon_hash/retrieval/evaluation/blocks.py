"""Queries some at a time: each is measured alone, so that long work can show how far it is."""

from __future__ import annotations

from collections.abc import Iterator

from gluon_hash.progress import track

__all__ = ["query_blocks"]

PAIRS_AT_A_TIME = 1 << 31  # of a query and an item: some seconds of work


def query_blocks(
    num_queries: int, num_items: int, description: str, pairs_at_a_time: int = PAIRS_AT_A_TIME
) -> Iterator[slice]:
    """Slices of the queries, in order; progress is shown where there are several.

    Parameters
    ----------
    num_queries, num_items : int
    description : str
        Of the progress shown.
    pairs_at_a_time : int
        Of a query and an item, in one slice.

    Examples
    --------
    >>> list(query_blocks(5, 10, "measure", pairs_at_a_time=20))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    >>> list(query_blocks(0, 10, "measure"))
    [slice(0, 0, None)]
    """
    at_a_time = max(pairs_at_a_time // max(num_items, 1), 1)
    blocks = [
        slice(start, min(start + at_a_time, num_queries))
        for start in range(0, max(num_queries, 1), at_a_time)
    ]
    if len(blocks) == 1:
        return iter(blocks)
    return track(blocks, description, num_queries, "queries", size=lambda b: b.stop - b.start)
