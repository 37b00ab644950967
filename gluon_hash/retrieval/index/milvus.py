"""MilvusIndex: the codes in a Milvus collection, for databases that outgrow one machine. Extra:
[milvus]."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import numpy as np

from gluon_hash.progress import log, track
from gluon_hash.retrieval.codes.packing import check_packed, num_bytes
from gluon_hash.retrieval.codes.tables import CodeTable
from gluon_hash.retrieval.index.searcher import Near

__all__ = ["MilvusIndex"]

Result = TypeVar("Result")
MAX_K = 16_384  # Milvus answers no more results at a time
QUERIES_AT_A_TIME = 100
TRIES, FIRST_WAIT = 5, 0.5  # seconds; doubles with every try
DESCRIPTION = "gluon_hash {} bits, bit 0 the least significant of byte 0"


class MilvusIndex:
    """Codes in a Milvus collection: binary vectors, Hamming metric, compared one by one (BIN_FLAT,
    exact).

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
        self.url, self.collection, self._batch_size = url, collection, batch_size
        self._client = _connect(url)

    def __len__(self) -> int:
        if not self._client.has_collection(self.collection):
            return 0
        answer = self._again(
            lambda: self._client.query(self.collection, filter="", output_fields=["count(*)"])
        )
        return int(answer[0]["count(*)"])

    def upload(self, table: CodeTable) -> int:
        """Send the codes of ``table``; those whose ids are there already are skipped, so that it
        can be called again.

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
            If the collection holds codes of another length.
        ConnectionError
            If the server fails several times in a row; what was sent stays.
        """
        resumed = self._client.has_collection(self.collection)
        if resumed:
            self._check_bits(table.num_bits)
            log(f"{self.url}: {self.collection} is there with {len(self)} codes; going on")
        else:
            self._create(table.num_bits)
        sent = 0
        starts = range(0, len(table), self._batch_size)
        for start in track(starts, "upload", len(starts), unit="batches"):
            rows = slice(start, start + self._batch_size)
            sent += self._again(partial(self._send, table.ids[rows], table.codes[rows]))
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
        self._check_exists()
        ids = np.unique(np.asarray(ids, dtype=np.int64))
        there = self._again(lambda: self._there(ids))
        if not there.all():
            raise ValueError(
                f"delete: {int((~there).sum())} ids are not in the index, the first is "
                f"{ids[~there][0]}"
            )
        self._again(lambda: self._client.delete(self.collection, ids=ids.tolist()))

    def search(
        self, queries: np.ndarray, k: int, *, scan: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ``k`` nearest codes of each query, by distance, then by id; of the last ties any.

        Parameters
        ----------
        queries : uint8, shape (Q, ceil(num_bits / 8))
        k : int
        scan : bool
            BIN_FLAT compares every code as it is.

        Returns
        -------
        distances : int32, shape (Q, k)
        ids : int64, shape (Q, k)

        Raises
        ------
        ValueError
            If there is no such collection, the queries have another length, or ``k`` is too large.
        """
        num_bits, count = self.num_bits, len(self)
        queries = check_packed(queries, num_bits)
        if not 1 <= k <= min(count, MAX_K):
            raise ValueError(
                f"search: k must be from 1 to {min(count, MAX_K)} ({count} codes; Milvus answers "
                f"{MAX_K} at most), got {k}"
            )
        distances = np.empty((len(queries), k), np.int32)
        ids = np.empty((len(queries), k), np.int64)
        for row, hits in enumerate(self._nearest(queries, k)):
            distances[row], ids[row] = zip(*hits)
        return distances, ids

    def search_radius(self, queries: np.ndarray, radius: int, *, scan: bool = False) -> Near:
        """All codes within ``radius`` bits of each query, by distance, then by id.

        Raises
        ------
        ValueError
            If there is no such collection, the queries have another length, the radius is not in
            [0, num_bits], or more codes lie within it than Milvus answers.
        """
        num_bits = self.num_bits
        queries = check_packed(queries, num_bits)
        if not 0 <= radius <= num_bits:
            raise ValueError(
                f"search_radius: the radius must be from 0 to {num_bits} bits, got {radius}"
            )
        hits = list(self._nearest(queries, min(len(self), MAX_K), radius))
        counts = [len(row) for row in hits]
        if max(counts, default=0) == MAX_K:
            raise ValueError(
                f"search_radius: {MAX_K} codes or more lie within {radius} bits of a query, and "
                "Milvus answers no more; ask for a smaller radius"
            )
        distances, ids = np.array([hit for row in hits for hit in row], np.int64).reshape(-1, 2).T
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return Near(offsets, distances.astype(np.int32), ids)

    def _nearest(
        self, queries: np.ndarray, k: int, radius: int | None = None
    ) -> Iterator[list[tuple[int, int]]]:
        """(distance, id) of what Milvus finds for each query, ascending."""
        parameters: dict[str, Any] = {"metric_type": "HAMMING"}
        if radius is not None:  # nearer than the first, not nearer than the second
            parameters["params"] = {"radius": radius + 1, "range_filter": -1}
        for start in range(0, len(queries), QUERIES_AT_A_TIME):
            block = [query.tobytes() for query in queries[start : start + QUERIES_AT_A_TIME]]
            search = partial(
                self._client.search,
                self.collection,
                data=block,
                anns_field="code",
                limit=k,
                search_params=parameters,
            )
            for hits in self._again(search):
                yield sorted((int(hit["distance"]), int(hit["id"])) for hit in hits)

    @property
    def num_bits(self) -> int:
        """Length of the codes; ValueError if the collection is missing or not ours."""
        self._check_exists()
        words = self._client.describe_collection(self.collection)["description"].split()
        if words[:1] != ["gluon_hash"]:
            raise ValueError(
                f"{self.url}: the collection {self.collection!r} was not made by gluon_hash"
            )
        return int(words[1])

    def close(self) -> None:
        """End the connection; Milvus Lite writes its file."""
        self._client.close()

    def _create(self, num_bits: int) -> None:
        from pymilvus import DataType

        schema = self._client.create_schema(auto_id=False, description=DESCRIPTION.format(num_bits))
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("code", DataType.BINARY_VECTOR, dim=8 * num_bytes(num_bits))
        parameters = self._client.prepare_index_params()
        parameters.add_index("code", index_type="BIN_FLAT", metric_type="HAMMING")
        self._client.create_collection(self.collection, schema=schema, index_params=parameters)

    def _send(self, ids: np.ndarray, codes: np.ndarray) -> int:
        """Send what is not there yet: after an interruption, or a try whose answer was lost."""
        missing = ~self._there(ids)
        rows = [
            {"id": item, "code": code.tobytes()}
            for item, code in zip(ids[missing].tolist(), codes[missing])
        ]
        if rows:
            self._client.insert(self.collection, rows)
        return len(rows)

    def _there(self, ids: np.ndarray) -> np.ndarray:
        """Which ids are in the collection: bool (N,)."""
        rows = self._client.query(
            self.collection, filter=f"id in {ids.tolist()}", output_fields=["id"]
        )
        return np.isin(ids, [row["id"] for row in rows])

    def _check_exists(self) -> None:
        if not self._client.has_collection(self.collection):
            raise ValueError(
                f"{self.url}: no collection {self.collection!r}; `gluon-hash index build --url` "
                "makes it"
            )

    def _check_bits(self, num_bits: int) -> None:
        if self.num_bits != num_bits:
            raise ValueError(
                f"{self.url}: the collection {self.collection!r} holds codes of {self.num_bits} "
                "bits, "
                f"these have {num_bits}; name another collection"
            )

    def _again(self, work: Callable[[], Result]) -> Result:
        """``work``, tried again after a pause when the server fails."""
        from pymilvus.exceptions import MilvusException

        for attempt in range(1, TRIES + 1):
            try:
                return work()
            except MilvusException as error:
                if attempt == TRIES:
                    raise ConnectionError(
                        f"{self.url}: {TRIES} tries failed, the last with: {error}"
                    ) from error
                wait = FIRST_WAIT * 2 ** (attempt - 1)
                log(f"{self.url}: {error}; trying again in {wait:g} s")
                time.sleep(wait)
        raise AssertionError("unreachable")


def _connect(url: str) -> Any:
    try:
        from pymilvus import MilvusClient
        from pymilvus.exceptions import MilvusException
    except ImportError as error:
        raise ValueError(
            f"--url needs pymilvus ({error}); install it: pip install 'gluon_hash[milvus]'"
        ) from error
    logging.getLogger("pymilvus").setLevel(
        logging.CRITICAL
    )  # it prints a traceback for what we report ourselves
    try:
        return MilvusClient(url)
    except (MilvusException, ConnectionError, OSError) as error:
        raise ConnectionError(f"{url}: no Milvus answers: {error}") from error
