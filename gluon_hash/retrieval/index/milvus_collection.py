"""Collection: the rows of a Milvus collection of ours, their fields, and patience with a server."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gluon_hash.progress import log
from gluon_hash.retrieval.codes.packing import num_bytes
from gluon_hash.retrieval.codes.tables import CodeTable

__all__ = ["LABELS", "PATH", "Collection", "rows_of"]

Result = TypeVar("Result")
Row = dict[str, Any]
CODE, LABELS, PATH = "code", "level_labels", "path"
LONGEST_PATH = 16_384  # bytes: PATH_MAX characters of four
IDS_AT_A_TIME = 1000
ADDRESS = re.compile(r"(https?|tcp|unix):.+|[^\n]+\.db")
TRIES, FIRST_WAIT = 5, 0.5  # seconds; doubles with every try
DESCRIPTION = "gluon_hash {} bits, bit 0 the least significant of byte 0"


class Collection:
    """A collection with the fields id, code and, where they are known, level_labels and path.

    Parameters
    ----------
    url, name : str
        As of MilvusIndex, and its errors.
    """

    def __init__(self, url: str, name: str) -> None:
        self.url, self.name = url, name
        self.client = _connect(url)

    def exists(self) -> bool:
        """Whether it is there."""
        return bool(self.client.has_collection(self.name))

    def check_exists(self) -> None:
        """ValueError, with what makes it, if it is not there."""
        if not self.exists():
            raise ValueError(
                f"{self.url}: no collection {self.name!r}; `gluon-hash index build --url` makes it"
            )

    def num_bits(self) -> int:
        """Length of the codes; ValueError if the collection is missing or not ours."""
        self.check_exists()
        words = self.client.describe_collection(self.name)["description"].split()
        if words[:1] != ["gluon_hash"]:
            raise ValueError(f"{self.url}: the collection {self.name!r} was not made by gluon_hash")
        return int(words[1])

    def fields(self) -> dict[str, int]:
        """Names of the fields, each with how many values it holds: id and code at least."""
        self.check_exists()
        described = self.client.describe_collection(self.name)["fields"]
        return {field["name"]: int(field["params"].get("max_capacity", 1)) for field in described}

    def create(self, table: CodeTable) -> None:
        """Make it, with the fields that ``table`` has."""
        from pymilvus import DataType

        num_bits, num_levels = table.num_bits, table.level_labels.shape[1]
        schema = self.client.create_schema(auto_id=False, description=DESCRIPTION.format(num_bits))
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field(CODE, DataType.BINARY_VECTOR, dim=8 * num_bytes(num_bits))
        if num_levels:
            schema.add_field(
                LABELS, DataType.ARRAY, element_type=DataType.INT32, max_capacity=num_levels
            )
        if table.names is not None:
            schema.add_field(PATH, DataType.VARCHAR, max_length=LONGEST_PATH)
        parameters = self.client.prepare_index_params()
        parameters.add_index(CODE, index_type="BIN_FLAT", metric_type="HAMMING")
        self.client.create_collection(self.name, schema=schema, index_params=parameters)

    def count(self, condition: str = "") -> int:
        """How many rows fulfil the condition."""
        ask = partial(self.client.query, self.name, filter=condition, output_fields=["count(*)"])
        return int(self.again(ask)[0]["count(*)"])

    def has(self, ids: np.ndarray) -> np.ndarray:
        """Which ids are there: bool (N,)."""
        return self.again(partial(self._has, ids))

    def send(self, rows: Sequence[Row]) -> int:
        """Insert the rows that are not there yet; how many they were.

        So it goes on after an interruption, or after a try whose answer was lost.
        """

        def insert() -> int:
            there = self._has(np.array([row["id"] for row in rows], np.int64))
            missing = [row for row, known in zip(rows, there) if not known]
            if missing:
                self.client.insert(self.name, missing)
            return len(missing)

        return self.again(insert)

    def values(self, ids: np.ndarray, fields: Sequence[str]) -> list[Row]:
        """The fields of each id, in the order of ``ids``; ValueError if one is not there."""
        unique, rows = np.unique(ids), dict[int, Row]()
        for start in range(0, len(unique), IDS_AT_A_TIME):
            ask = partial(
                self.client.query,
                self.name,
                filter=_among(unique[start : start + IDS_AT_A_TIME]),
                output_fields=["id", *fields],
            )
            rows.update({row["id"]: row for row in self.again(ask)})
        missing = [item for item in unique.tolist() if item not in rows]
        if missing:
            raise ValueError(f"id {missing[0]} is not in the index")
        return [rows[item] for item in ids.tolist()]

    def packed(self, ids: np.ndarray) -> np.ndarray:
        """The codes of ``ids``: uint8 (N, ceil(num_bits / 8))."""
        # a server answers with bytes, Milvus Lite with a list of them
        values = (row[CODE] for row in self.values(ids, [CODE]))
        packed = [value[0] if isinstance(value, list) else value for value in values]
        return np.frombuffer(b"".join(packed), np.uint8).reshape(len(ids), -1)

    def again(self, work: Callable[[], Result]) -> Result:
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

    def _has(self, ids: np.ndarray) -> np.ndarray:
        rows = self.client.query(self.name, filter=_among(ids), output_fields=["id"])
        return np.isin(ids, [row["id"] for row in rows])


def rows_of(table: CodeTable, chosen: slice, fields: dict[str, int]) -> list[Row]:
    """Rows of a table as a collection with these fields takes them; the unknown is -1 and ""."""
    rows: list[Row] = [
        {"id": item, CODE: packed.tobytes()}
        for item, packed in zip(table.ids[chosen].tolist(), table.codes[chosen])
    ]
    if LABELS in fields:
        unknown = np.full((len(table), fields[LABELS]), -1)
        labels = table.level_labels if table.level_labels.shape[1] else unknown
        for row, values in zip(rows, labels[chosen].tolist()):
            row[LABELS] = values
    if PATH in fields:
        names = np.full(len(table), "") if table.names is None else table.names
        for row, name in zip(rows, names[chosen].tolist()):
            row[PATH] = name
    return rows


def _among(ids: np.ndarray) -> str:
    return f"id in {ids.tolist()}"


def _connect(url: str) -> Any:
    try:
        from pymilvus import MilvusClient
        from pymilvus.exceptions import MilvusException
    except ImportError as error:
        raise ValueError(
            f"Milvus needs pymilvus ({error}); install it: pip install 'gluon_hash[milvus]'"
        ) from error
    logging.getLogger("pymilvus").setLevel(
        logging.CRITICAL
    )  # it prints a traceback for what we report ourselves
    if not ADDRESS.fullmatch(url):
        raise ValueError(f"url: expected FILE.db, or http://HOST:PORT, got {url!r}")
    is_new = url.endswith(".db") and not os.path.lexists(url)
    try:
        return MilvusClient(url)
    except (MilvusException, ConnectionError, OSError) as error:
        if is_new:  # begun by a Milvus Lite that did not start, on a full disk, say
            Path(url).unlink(missing_ok=True)
        raise ConnectionError(f"{url}: no Milvus answers: {error}") from error
