"""Codes in the form that databases load: data, schema, an example query, the order of the bits.

Our bit j is bit (j mod 8) of byte (j // 8), least significant first, and 1 where u_j >= 0. Engines
that count from the most significant bit get bytes with their bits reversed; a Hamming distance is
the same either way, as long as queries are written like the data.

Source: the engines' own documents, as of pgvector 0.7, Elasticsearch 8.15, OpenSearch 2.16, Vespa
8, Milvus 2.4 and Qdrant 1.9.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np

from gluon_hash.files import atomic_folder, refuse_existing
from gluon_hash.retrieval import codes
from gluon_hash.retrieval.codes.tables import CodeTable
from gluon_hash.retrieval.index.handover_schemas import PATH_FIELDS, README, SCHEMAS

__all__ = ["ENGINES", "hand_over"]

ROWS_AT_A_TIME = 10_000


def hand_over(
    table: CodeTable, engine: str, folder: str | os.PathLike[str], *, name: str = "codes"
) -> Path:
    """Write a folder that ``engine`` loads.

    Parameters
    ----------
    table : CodeTable
    engine : str
        A key of ENGINES.
    folder : path-like
        Must not exist; appears whole or not at all.
    name : str
        Of the table, index or collection: lower-case letters, digits, _.

    Returns
    -------
    Path
        The folder: the data, the schema, an example query (with the first code) and README.txt. The
        data have the path of each image where the table has names.

    Raises
    ------
    ValueError
        If the engine is unknown, the folder exists, the table is empty or the name is not a plain
        one.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine: expected one of {', '.join(ENGINES)}, got {engine!r}")
    folder = Path(folder)
    refuse_existing(folder)
    if not (name.isidentifier() and name.isascii() and name.islower()):
        raise ValueError(f"name: expected lower-case letters, digits and _, got {name!r}")
    if not len(table):
        raise ValueError("hand_over: there is no code to hand over")
    data_name, row = ENGINES[engine]
    with atomic_folder(folder) as temporary:
        with open(temporary / data_name, "w", encoding="utf-8", newline="\n") as stream:
            _write_rows(stream, table, name, row)
        for file, text in _texts(table, engine, name).items():
            (temporary / file).write_text(text, encoding="utf-8")
    return folder


def bit_string(packed: np.ndarray, num_bits: int) -> str:
    """One packed code as '0' and '1', bit 0 first."""
    return "".join("01"[bit] for bit in np.unpackbits(packed, count=num_bits, bitorder="little"))


def signed_bytes(packed: np.ndarray) -> list[int]:
    """One packed code as int8 values, highest bit first: our bit 0 is the 128 of byte 0."""
    return np.packbits(np.unpackbits(packed, bitorder="little")).view(np.int8).tolist()


class _Item(NamedTuple):
    """One image: ``packed`` uint8 (ceil(num_bits / 8),); ``path`` None where the table has none."""

    id: int
    labels: list[int]
    packed: np.ndarray
    num_bits: int
    path: str | None

    def fields(self) -> dict[str, Any]:
        """What engines keep beside the code."""
        known = {} if self.path is None else {"path": self.path}
        return {"level_labels": self.labels, **known}


def _write_rows(
    stream: TextIO, table: CodeTable, name: str, row: Callable[[str, _Item], str]
) -> None:
    for start in range(0, len(table), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        ids, labels = table.ids[rows].tolist(), table.level_labels[rows].tolist()
        paths = [None] * len(ids) if table.names is None else table.names[rows].tolist()
        for item in zip(ids, labels, table.codes[rows], repeat(table.num_bits), paths):
            stream.write(row(name, _Item(*item)) + "\n")


def _pgvector(name: str, item: _Item) -> str:
    columns = [
        str(item.id),
        "{" + ",".join(map(str, item.labels)) + "}",
        bit_string(item.packed, item.num_bits),
    ]
    return "\t".join(columns + ([] if item.path is None else [_copy_text(item.path)]))


def _copy_text(text: str) -> str:
    """As COPY reads it: backslash, tab and line breaks are escaped."""
    for mark, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(mark, escaped)
    return text


def _bulk(name: str, item: _Item) -> str:
    action = json.dumps({"index": {"_index": name, "_id": str(item.id)}})
    return action + "\n" + json.dumps({"code": signed_bytes(item.packed), **item.fields()})


def _vespa(name: str, item: _Item) -> str:
    code = {"values": signed_bytes(item.packed)}
    fields = {"item": item.id, **item.fields(), "code": code}
    return json.dumps({"put": f"id:{name}:{name}::{item.id}", "fields": fields})


def _milvus(name: str, item: _Item) -> str:
    return json.dumps({"id": item.id, "code": item.packed.tolist(), **item.fields()})


def _qdrant(name: str, item: _Item) -> str:
    vector = codes.unpack(item.packed[None], item.num_bits)[0].tolist()
    return json.dumps({"id": item.id, "vector": vector, "payload": item.fields()})


# engine -> (file of the data, one row of it)
ENGINES: dict[str, tuple[str, Callable[[str, _Item], str]]] = {
    "pgvector": ("data.tsv", _pgvector),
    "elasticsearch": ("bulk.ndjson", _bulk),
    "opensearch": ("bulk.ndjson", _bulk),
    "vespa": ("feed.jsonl", _vespa),
    "milvus": ("rows.jsonl", _milvus),
    "qdrant": ("points.jsonl", _qdrant),
}


def _texts(table: CodeTable, engine: str, name: str) -> dict[str, str]:
    """Schema, example query and README.txt, filled in."""
    example = table.codes[0]
    values: dict[str, Any] = {
        "NAME": name,
        "NUM_BITS": table.num_bits,
        "PADDED_BITS": 8 * len(example),
        "NUM_BYTES": len(example),
        "DATA": ENGINES[engine][0],
        "BITS": bit_string(example, table.num_bits),
        "BYTES": json.dumps(signed_bytes(example)),
        "PACKED": json.dumps(example.tolist()),
        "COUNT": len(table),
        "SIGNS": json.dumps(codes.unpack(example[None], table.num_bits)[0].tolist()),
    }
    path_field = "" if table.names is None else PATH_FIELDS[engine]
    values |= {"PATH_FIELD": path_field, "MAX_LEVELS": max(table.level_labels.shape[1], 1)}
    texts = {**SCHEMAS[engine], "README.txt": README[engine]}
    return {file: _filled(text, values) for file, text in texts.items()}


def _filled(text: str, values: dict[str, Any]) -> str:
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    return text
