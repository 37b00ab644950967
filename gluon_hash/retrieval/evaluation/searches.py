"""What is searched in what: the database that was trained on, unseen images, unseen classes.

A database that is the training set rewards a network that knows its training labels by heart. So
the same codes are measured on images, and on classes, that were never trained on too.

Source: Sablayrolles et al., "How should we evaluate supervised hashing?", ICASSP 2017, whose
queries and database are of classes that are not trained; that the relatives of such a class are
looked for, and images of trained classes among each other, is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.hierarchy.unseen import PAPER, UNSEEN, UNSEEN_IMAGES, check_protocols
from gluon_hash.retrieval.codes.tables import CodeTable
from gluon_hash.retrieval.evaluation.cutoffs import Cutoffs
from gluon_hash.retrieval.evaluation.evaluate import measure
from gluon_hash.retrieval.evaluation.measured import Measured
from gluon_hash.retrieval.evaluation.protocols import get_protocol

__all__ = ["SEARCHES", "UNSEEN_RELATIVES", "Search", "measure_searches", "searches"]

UNSEEN_RELATIVES = "unseen-relatives"
SEARCHES = {  # name -> in words
    PAPER: "queries in the database, which is the training set",
    UNSEEN_IMAGES: "queries among each other: no image of them was trained on",
    UNSEEN: "queries of classes that were never trained on, in the database's images of "
    "these classes",
    UNSEEN_RELATIVES: "the same queries among all queries, of which no image was trained on: their "
    "superclass is looked for",
}


@dataclass(frozen=True)
class Search:
    """Some of the queries, searched in some images.

    Parameters
    ----------
    name : str
        A key of SEARCHES.
    queries : int64, shape (Q,)
        Positions in the table of queries.
    items : int64, shape (N,)
        Positions in the table of the database; with ``among_queries`` in that of the queries.
    among_queries : bool
        Every query is then left out of its own ranking.
    share : float
        Of a database that the items are: a cut-off of mAHP is scaled by it.
    """

    name: str
    queries: np.ndarray
    items: np.ndarray
    among_queries: bool
    share: float

    @property
    def excluded(self) -> np.ndarray | None:
        """The position among the items that each query leaves out: int64 (Q,), or nothing."""
        return np.searchsorted(self.items, self.queries) if self.among_queries else None

    def tables(self, query: CodeTable, database: CodeTable) -> tuple[CodeTable, CodeTable]:
        """The codes of the queries and of the items."""
        if self.name == PAPER:
            return query, database
        source = query if self.among_queries else database
        return query.take(self.queries), source.take(self.items)

    def cut(self, rank: int) -> int:
        """A cut-off of the whole database as one of these items, at least 1."""
        return max(1, round(rank * self.share))


def searches(
    protocol: str,
    query_labels: np.ndarray,
    database_labels: np.ndarray,
    unseen: Sequence[int] | np.ndarray | None = None,
) -> list[Search]:
    """What is measured under a protocol of data.

    Parameters
    ----------
    protocol : str
        One of gluon_hash.hierarchy.unseen.PROTOCOLS_OF_DATA.
    query_labels, database_labels : int32, shape (Q, K) and (N, K)
    unseen : int, shape (U,), optional
        Finest classes that were not trained; unseen-classes needs them.

    Returns
    -------
    list of Search
        One; of unseen-classes two, the class and (with two levels or more) its relatives.

    Raises
    ------
    ValueError
        If there is no such protocol, or no image of an unseen class.

    Examples
    --------
    >>> labels = np.array([[0, 0], [1, 0], [0, 0], [2, 1]], np.int32)
    >>> own, relatives = searches("unseen-classes", labels, labels[[0, 1, 3]], [0])
    >>> own.queries.tolist(), own.items.tolist(), relatives.items.tolist()
    ([0, 2], [0], [0, 1, 2, 3])
    >>> relatives.excluded.tolist()
    [0, 2]
    """
    check_protocols([protocol])
    queries, items = np.arange(len(query_labels)), np.arange(len(database_labels))
    among = len(queries) / len(items)
    if protocol == PAPER:
        return [Search(PAPER, queries, items, False, 1.0)]
    if protocol == UNSEEN_IMAGES:
        return [Search(UNSEEN_IMAGES, queries, queries, True, among)]
    classes = np.array([] if unseen is None else unseen, np.int64)
    asked = np.flatnonzero(np.isin(query_labels[:, 0], classes))
    own = np.flatnonzero(np.isin(database_labels[:, 0], classes))
    if not len(asked) or not len(own):
        raise ValueError(
            f"unseen-classes: of {len(classes)} classes that were not trained there are "
            f"{len(asked)} queries and {len(own)} images in the database; give the file of the "
            "unseen classes that the network was trained without"
        )
    wanted = [Search(UNSEEN, asked, own, False, len(own) / len(items))]
    if query_labels.shape[1] > 1:
        wanted.append(Search(UNSEEN_RELATIVES, asked, queries, True, among))
    return wanted


def measure_searches(
    query: CodeTable,
    database: CodeTable,
    protocols: Sequence[str],
    *,
    unseen: np.ndarray | None = None,
    cutoffs: Cutoffs = Cutoffs(),
    rules: str = "standard",
    hierarchy: Hierarchy | None = None,
) -> dict[str, Measured]:
    """Every metric of every query under several protocols of data, by the name of the search.

    Parameters
    ----------
    query, database : CodeTable
    protocols : sequence of str
        Some of gluon_hash.hierarchy.unseen.PROTOCOLS_OF_DATA.
    unseen : int64, shape (U,), optional
        As searches.
    cutoffs : Cutoffs
        Of the database; where no cut-off of mAHP is given, the one of the rules is scaled to what
        is searched.
    rules : str
        A name of gluon_hash.retrieval.PROTOCOLS: how a ranking is measured.
    hierarchy : Hierarchy, optional
        As evaluate.

    Raises
    ------
    ValueError, DataError
        As searches and evaluate.
    """
    check_protocols(protocols)
    found = {}
    for protocol in protocols:
        for search in searches(protocol, query.level_labels, database.level_labels, unseen):
            own = cutoffs
            if cutoffs.ahp is None and search.name != PAPER:
                own = replace(cutoffs, ahp=search.cut(get_protocol(rules).ahp_at))
            found[search.name] = measure(
                *search.tables(query, database),
                cutoffs=own,
                protocol=rules,
                hierarchy=hierarchy,
                excluded=search.excluded,
            )
    return found
