"""Answers: what was found for each query, with names and classes, and how sharp a distance is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gluon_hash.retrieval.index.items import Items
from gluon_hash.retrieval.index.searcher import Searcher
from gluon_hash.retrieval.index.zoom import Branch

__all__ = ["Answers", "find_answers", "with_sharing", "with_ties"]


@dataclass(frozen=True)
class Answers:
    """What was found for one query, nearest first.

    Parameters
    ----------
    distances : int32, shape (m,), in bits
    items : Items
        m rows: ids, names, labels.
    sharing : int64, shape (m,), optional
        Codes of the whole index (or of the branch that was searched) at the same distance, the
        answer itself among them; -1 where that is not known.
    scores : float32, shape (m,), optional
        What the answers were ordered by after the search, small is near.
    """

    distances: np.ndarray
    items: Items
    sharing: np.ndarray | None = None
    scores: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.distances)

    def take(self, places: np.ndarray) -> Answers:
        """Some of the answers, in the order of ``places``."""
        return Answers(
            self.distances[places],
            self.items.take(places),
            None if self.sharing is None else self.sharing[places],
            None if self.scores is None else self.scores[places],
        )


def find_answers(
    searcher: Searcher,
    queries: np.ndarray,
    *,
    k: int | None = None,
    radius: int | None = None,
    scan: bool = False,
    within: Branch | None = None,
) -> list[Answers]:
    """The ``k`` nearest of each query, or all within ``radius`` bits, as Answers.

    Parameters
    ----------
    searcher : HammingIndex or MilvusIndex
    queries : uint8, shape (Q, ceil(num_bits / 8))
    k, radius : int
        One of the two.
    scan, within :
        As HammingIndex.search.

    Returns
    -------
    list of Q Answers
        Fewer than ``k`` where an approximate index found fewer.

    Raises
    ------
    ValueError
        As the searcher's, or unless one of ``k`` and ``radius`` is given.
    """
    if (k is None) == (radius is None):
        raise ValueError("find_answers: give k or radius, one of the two")
    if radius is not None:
        near = searcher.search_radius(queries, radius, scan=scan, within=within)
        return _with_items(searcher, near.distances, near.ids, np.diff(near.offsets))
    assert k is not None  # one of the two is given
    distances, ids = searcher.search(queries, k, scan=scan, within=within)
    there = ids >= 0
    return _with_items(searcher, distances[there], ids[there], there.sum(axis=1))


def with_sharing(
    searcher: Searcher,
    queries: np.ndarray,
    answers: list[Answers],
    *,
    within: Branch | None = None,
) -> list[Answers]:
    """The answers with ``sharing`` filled in: how many codes lie as near as each of them."""
    radii = np.array([row.distances.max(initial=-1) for row in answers], np.int64)
    counted = searcher.count_by_distance(queries, radii, within=within)
    return [replace(row, sharing=counts[row.distances]) for row, counts in zip(answers, counted)]


def with_ties(
    searcher: Searcher,
    queries: np.ndarray,
    answers: list[Answers],
    *,
    within: Branch | None = None,
) -> list[Answers]:
    """For each query all codes as near as its last answer: what no order of the ties decides.

    Of many codes at one distance a search for k takes the first that were added; where answers vote
    (zoom_out), those would decide by their order alone.

    Returns
    -------
    list of Q Answers
        As many as the answers, or more; ivf: of the lists that it looks into.
    """
    ties = []
    for query, row in zip(queries, answers):
        radius = int(row.distances.max(initial=-1))
        if radius < 0:
            ties.append((row.distances, row.items.ids))
        else:
            near = searcher.search_radius(query[None], radius, scan=True, within=within)
            ties.append((near.distances, near.ids))
    counts = np.array([len(ids) for _, ids in ties], np.int64)
    distances = np.concatenate([np.empty(0, np.int32), *(near for near, _ in ties)])
    ids = np.concatenate([np.empty(0, np.int64), *(ids for _, ids in ties)])
    return _with_items(searcher, distances, ids, counts)


def _with_items(
    searcher: Searcher, distances: np.ndarray, ids: np.ndarray, counts: np.ndarray
) -> list[Answers]:
    """Answers of all queries, ``counts`` of each in turn, looked up at once."""
    items, ends = searcher.look_up(ids), np.cumsum(counts)
    return [
        Answers(distances[start:end], items.take(np.arange(start, end)))
        for start, end in zip(ends - counts, ends)
    ]
