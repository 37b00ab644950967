"""MilvusIndex: the codes in Milvus, for databases that outgrow one machine. Extra: [milvus]."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.progress import log, track
from gluon_hash.retrieval.codes.packing import check_packed
from gluon_hash.retrieval.codes.tables import CodeTable
from gluon_hash.retrieval.index.items import Items
from gluon_hash.retrieval.index.milvus_collection import LABELS, PATH, Collection, rows_of
from gluon_hash.retrieval.index.searcher import Near
from gluon_hash.retrieval.index.zoom import Branch

__all__ = ["MilvusIndex"]

MAX_K = 16_384  # Milvus answers no more results at a time
QUERIES_AT_A_TIME = 100


class MilvusIndex:
    """Codes in a Milvus collection: binary vectors, compared one by one (BIN_FLAT, exact).

    Parameters
    ----------
    url : str
        ``FILE.db`` runs Milvus Lite in this process; ``http://host:19530`` is a server or cluster.
    collection : str
    batch_size : int
        Codes sent at a time.

    Raises
    ------
    ValueError
        If pymilvus is not installed, or the collection holds something else.
    ConnectionError
        If the server does not answer, after several tries.
    """

    def __init__(self, url: str, collection: str = "codes", *, batch_size: int = 5000) -> None:
        self._collection, self._batch_size = Collection(url, collection), batch_size
        self._hierarchy: Hierarchy | None = None

    def __len__(self) -> int:
        return self._collection.count() if self._collection.exists() else 0

    @property
    def num_bits(self) -> int:
        """Length of the codes; ValueError if the collection is missing or not ours."""
        return self._collection.num_bits()

    def upload(self, table: CodeTable) -> int:
        """Send the codes of ``table``, with their labels and names.

        Codes whose ids are there already are skipped, so that it can be called again.

        Parameters
        ----------
        table : CodeTable

        Returns
        -------
        int
            Codes that were sent.

        Raises
        ------
        ValueError
            If the collection holds codes of another length, or labels of other levels.
        ConnectionError
            If the server fails several times in a row; what was sent stays.
        """
        if self._collection.exists():
            self._check_fits(table)
            log(f"{self._where()} is there with {len(self)} codes; going on")
        else:
            self._collection.create(table)
        fields, sent = self._collection.fields(), 0
        if table.names is not None and PATH not in fields:
            log(f"{self._where()} was made without paths; these are not kept")
        starts = range(0, len(table), self._batch_size)
        places = [range(len(table))[start : start + self._batch_size] for start in starts]
        for place in track(places, "upload", len(table), "codes", size=len):
            rows = rows_of(table, slice(place.start, place.stop), fields)
            sent += self._collection.send(rows)
        return sent

    def delete(self, ids: np.ndarray) -> None:
        """Take ids, int64 (N,), out of the collection.

        Raises
        ------
        ValueError
            If there is no such collection or an id is not in it; nothing is deleted then.
        ConnectionError
            If the server fails several times in a row.
        """
        self._collection.check_exists()
        ids = np.unique(np.asarray(ids, dtype=np.int64))
        there = self._collection.has(ids)
        if not there.all():
            raise ValueError(
                f"delete: {int((~there).sum())} ids are not in the index, the first is "
                f"{ids[~there][0]}"
            )
        client, name = self._collection.client, self._collection.name
        self._collection.again(partial(client.delete, name, ids=ids.tolist()))

    def count(self, within: Branch) -> int:
        """How many codes are in a branch; ValueError if the labels have no such level."""
        return self._collection.count(self._condition(within))

    def search(
        self, queries: np.ndarray, k: int, *, scan: bool = False, within: Branch | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ``k`` nearest codes of each query, by distance, then by id; of the last ties any.

        Parameters
        ----------
        queries : uint8, shape (Q, ceil(num_bits / 8))
        k : int
        scan : bool
            BIN_FLAT compares every code as it is.
        within : Branch, optional
            Find codes of this branch alone.

        Returns
        -------
        distances : int32, shape (Q, k)
        ids : int64, shape (Q, k)

        Raises
        ------
        ValueError
            If there is no such collection or level, the queries have another length, or ``k`` is
            too large.
        """
        queries = check_packed(queries, self.num_bits)
        count = self._collection.count(self._condition(within))
        if not 1 <= k <= min(count, MAX_K):
            raise ValueError(
                f"search: k must be from 1 to {min(count, MAX_K)} ({count} codes; Milvus answers "
                f"{MAX_K} at most), got {k}"
            )
        distances = np.empty((len(queries), k), np.int32)
        ids = np.empty((len(queries), k), np.int64)
        for row, hits in enumerate(self._nearest(queries, k, within)):
            distances[row], ids[row] = zip(*hits)
        return distances, ids

    def search_radius(
        self, queries: np.ndarray, radius: int, *, scan: bool = False, within: Branch | None = None
    ) -> Near:
        """All codes within ``radius`` bits of each query, by distance, then by id.

        Raises
        ------
        ValueError
            If there is no such collection or level, the queries have another length, the radius is
            not in [0, num_bits], or more codes lie within it than Milvus answers.
        """
        num_bits = self.num_bits
        queries = check_packed(queries, num_bits)
        if not 0 <= radius <= num_bits:
            raise ValueError(
                f"search_radius: the radius must be from 0 to {num_bits} bits, got {radius}"
            )
        hits = list(self._nearest(queries, MAX_K, within, radius))
        counts = [len(row) for row in hits]
        if max(counts, default=0) == MAX_K:
            raise ValueError(
                f"search_radius: {MAX_K} codes or more lie within {radius} bits of a query, and "
                "Milvus answers no more; ask for a smaller radius"
            )
        distances, ids = np.array([hit for row in hits for hit in row], np.int64).reshape(-1, 2).T
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return Near(offsets, distances.astype(np.int32), ids)

    def count_by_distance(
        self, queries: np.ndarray, radii: np.ndarray, *, within: Branch | None = None
    ) -> list[np.ndarray]:
        """How many codes lie at 0, 1, ..., ``radii[q]`` bits of query q.

        As of HammingIndex; -1 from the distance on at which Milvus answers no more.
        """
        queries = check_packed(queries, self.num_bits)
        counts = []
        for query, radius in zip(queries, radii):
            if radius < 0:
                counts.append(np.empty(0, np.int64))
                continue
            (hits,) = self._nearest(query[None], MAX_K, within, int(radius))
            near = np.array([distance for distance, _ in hits], np.int64)
            counts.append(np.bincount(near, minlength=radius + 1))
            if len(hits) == MAX_K:
                counts[-1][near[-1] :] = -1
        return counts

    def look_up(self, ids: np.ndarray) -> Items:
        """Names and labels of ``ids``, in their order; ValueError if one is not there."""
        ids, fields = np.asarray(ids, np.int64), self._collection.fields()
        rows = self._collection.values(ids, [name for name in (LABELS, PATH) if name in fields])
        labels = np.array([row.get(LABELS, ()) for row in rows], np.int32)
        return Items(
            ids,
            np.array([row[PATH] for row in rows], str) if PATH in fields else None,
            labels.reshape(len(ids), fields.get(LABELS, 0)),
            self._hierarchy,
        )

    def look_up_codes(self, ids: np.ndarray) -> np.ndarray:
        """The packed codes of ``ids``; ValueError if one is not there."""
        return self._collection.packed(np.asarray(ids, np.int64))

    def name_classes(self, hierarchy: Hierarchy) -> None:
        """Give the classes names; ValueError if the labels have another number of levels."""
        num_levels = self._collection.fields().get(LABELS, 0)
        if num_levels != hierarchy.num_levels:
            raise ValueError(
                f"{self._where()} has labels of {num_levels} levels, the hierarchy of "
                f"{hierarchy.num_levels}"
            )
        self._hierarchy = hierarchy

    def close(self) -> None:
        """End the connection; Milvus Lite writes its file."""
        self._collection.client.close()

    def _nearest(
        self, queries: np.ndarray, k: int, within: Branch | None, radius: int | None = None
    ) -> Iterator[list[tuple[int, int]]]:
        """(distance, id) of what Milvus finds for each query, ascending."""
        parameters: dict[str, Any] = {"metric_type": "HAMMING"}
        if radius is not None:  # nearer than the first, not nearer than the second
            parameters["params"] = {"radius": radius + 1, "range_filter": -1}
        for start in range(0, len(queries), QUERIES_AT_A_TIME):
            block = [query.tobytes() for query in queries[start : start + QUERIES_AT_A_TIME]]
            search = partial(
                self._collection.client.search,
                self._collection.name,
                data=block,
                anns_field="code",
                limit=k,
                filter=self._condition(within),
                search_params=parameters,
            )
            for hits in self._collection.again(search):
                yield sorted((int(hit["distance"]), int(hit["id"])) for hit in hits)

    def _condition(self, within: Branch | None) -> str:
        """The filter that Milvus takes."""
        if within is None:
            return ""
        num_levels = self._collection.fields().get(LABELS, 0)
        if not 0 <= within.level < num_levels:
            raise ValueError(
                f"within: there are labels of {num_levels} levels, none of {within.level}"
            )
        return f"{LABELS}[{within.level}] == {within.label}"

    def _check_fits(self, table: CodeTable) -> None:
        num_levels, table_levels = (
            self._collection.fields().get(LABELS),
            table.level_labels.shape[1],
        )
        if self.num_bits != table.num_bits:
            raise ValueError(
                f"{self._where()} holds codes of {self.num_bits} bits, these have "
                f"{table.num_bits}; name another collection"
            )
        if num_levels is not None and table_levels not in (0, num_levels):
            raise ValueError(
                f"{self._where()} holds labels of {num_levels} levels, these have {table_levels}; "
                "name another collection"
            )

    def _where(self) -> str:
        return f"{self._collection.url}: the collection {self._collection.name!r}"
