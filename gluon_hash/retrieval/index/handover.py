"""Codes in the form that databases load: data, schema, an example query, and how the bits are
ordered.

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
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from gluon_hash.files import atomic_folder, refuse_existing
from gluon_hash.retrieval import codes
from gluon_hash.retrieval.codes.tables import CodeTable
from gluon_hash.retrieval.index.handover_schemas import README, SCHEMAS

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
        The folder: the data, the schema, an example query (with the first code) and README.txt.

    Raises
    ------
    ValueError
        If the engine is unknown, the folder exists, the table is empty or the name is no plain
        name.
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
    """One packed code, most significant bit first (our bit 0 is the 128 of byte 0), as int8
    values."""
    return np.packbits(np.unpackbits(packed, bitorder="little")).view(np.int8).tolist()


def _write_rows(stream: TextIO, table: CodeTable, name: str, row: Callable[..., str]) -> None:
    for start in range(0, len(table), ROWS_AT_A_TIME):
        part = slice(start, start + ROWS_AT_A_TIME)
        for item, labels, packed in zip(
            table.ids[part].tolist(), table.level_labels[part].tolist(), table.codes[part]
        ):
            stream.write(row(name, item, labels, packed, table.num_bits) + "\n")


def _pgvector(name: str, item: int, labels: list[int], packed: np.ndarray, num_bits: int) -> str:
    return "\t".join(
        [str(item), "{" + ",".join(map(str, labels)) + "}", bit_string(packed, num_bits)]
    )


def _bulk(name: str, item: int, labels: list[int], packed: np.ndarray, num_bits: int) -> str:
    action = json.dumps({"index": {"_index": name, "_id": str(item)}})
    return action + "\n" + json.dumps({"code": signed_bytes(packed), "level_labels": labels})


def _vespa(name: str, item: int, labels: list[int], packed: np.ndarray, num_bits: int) -> str:
    return json.dumps(
        {
            "put": f"id:{name}:{name}::{item}",
            "fields": {
                "item": item,
                "level_labels": labels,
                "code": {"values": signed_bytes(packed)},
            },
        }
    )


def _milvus(name: str, item: int, labels: list[int], packed: np.ndarray, num_bits: int) -> str:
    return json.dumps({"id": item, "code": packed.tolist(), "level_labels": labels})


def _qdrant(name: str, item: int, labels: list[int], packed: np.ndarray, num_bits: int) -> str:
    vector = codes.unpack(packed[None], num_bits)[0].tolist()
    return json.dumps({"id": item, "vector": vector, "payload": {"level_labels": labels}})


# engine -> (file of the data, one row of it)
ENGINES: dict[str, tuple[str, Callable[..., str]]] = {
    "pgvector": ("data.tsv", _pgvector),
    "elasticsearch": ("bulk.ndjson", _bulk),
    "opensearch": ("bulk.ndjson", _bulk),
    "vespa": ("feed.jsonl", _vespa),
    "milvus": ("rows.jsonl", _milvus),
    "qdrant": ("points.jsonl", _qdrant),
}


def _texts(table: CodeTable, engine: str, name: str) -> dict[str, str]:
    """Schema, example query and README.txt, filled in."""
    first = table.codes[0]
    values: dict[str, Any] = {
        "NAME": name,
        "NUM_BITS": table.num_bits,
        "PADDED_BITS": 8 * len(first),
        "NUM_BYTES": len(first),
        "DATA": ENGINES[engine][0],
        "BITS": bit_string(first, table.num_bits),
        "BYTES": json.dumps(signed_bytes(first)),
        "PACKED": json.dumps(first.tolist()),
        "COUNT": len(table),
        "SIGNS": json.dumps(codes.unpack(first[None], table.num_bits)[0].tolist()),
    }
    texts = {**SCHEMAS[engine], "README.txt": README[engine]}
    return {file: _filled(text, values) for file, text in texts.items()}


def _filled(text: str, values: dict[str, Any]) -> str:
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    return text
