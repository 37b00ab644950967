"""What databases load: bit order and sign survive the round trip, distances too."""

import json
import re

import numpy as np
import pytest
from reference import random_table as table

from gluon_hash.retrieval import CodeTable, codes
from gluon_hash.retrieval.index.handover import ENGINES, ROWS_AT_A_TIME, hand_over

BITS = [1, 7, 8, 13, 48, 64, 100]


def from_signed_bytes(values):
    """The engine's view: 128 of byte 0 is the first bit."""
    return np.unpackbits(np.array(values, np.int8).view(np.uint8))


def rows(folder, engine):
    """(id, level_labels, bits as the engine orders them) of every row, parsed as that engine parses
    it."""
    lines = (folder / ENGINES[engine][0]).read_text().splitlines()
    if engine == "pgvector":
        for line in lines:
            item, labels, bits = line.split("\t")
            yield (
                int(item),
                [int(label) for label in labels.strip("{}").split(",")],
                [int(bit) for bit in bits],
            )
    elif engine in ("elasticsearch", "opensearch"):
        for action, source in zip(lines[::2], lines[1::2]):
            source = json.loads(source)
            yield (
                int(json.loads(action)["index"]["_id"]),
                source["level_labels"],
                from_signed_bytes(source["code"]),
            )
    else:
        for row in map(json.loads, lines):
            if engine == "vespa":
                fields = row["fields"]
                yield (
                    fields["item"],
                    fields["level_labels"],
                    from_signed_bytes(fields["code"]["values"]),
                )
            elif engine == "milvus":
                packed = np.frombuffer(bytes(row["code"]), np.uint8)
                yield row["id"], row["level_labels"], np.unpackbits(packed, bitorder="little")
            else:
                yield (
                    row["id"],
                    row["payload"]["level_labels"],
                    [int(value > 0) for value in row["vector"]],
                )


@pytest.mark.parametrize("num_bits", BITS)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_bit_arrives_where_it_was(rng, tmp_path, engine, num_bits):
    original = table(rng, 9, num_bits, first_id=1 << 40)
    folder = hand_over(original, engine, tmp_path / engine)
    found = list(rows(folder, engine))
    assert [item for item, _, _ in found] == original.ids.tolist()
    assert [labels for _, labels, _ in found] == original.level_labels.tolist()
    expected = codes.unpack(original.codes, num_bits) > 0
    for (_, _, bits), bit in zip(found, expected):
        assert np.array_equal(np.asarray(bits)[:num_bits], bit)
        assert not np.any(bits[num_bits:])  # padding
    texts = {path.name: path.read_text() for path in folder.iterdir()}
    assert len(texts) == 4 and not any(
        "@NUM" in text or "@NAME" in text or "@B" in text for text in texts.values()
    )
    for name, text in texts.items():
        if name.endswith(".json"):
            json.loads(text)


def test_a_table_longer_than_a_block_is_whole(rng, tmp_path):
    folder = hand_over(
        table(rng, ROWS_AT_A_TIME + 3, 8), "pgvector", tmp_path / "out", name="birds"
    )
    assert len((folder / "data.tsv").read_text().splitlines()) == ROWS_AT_A_TIME + 3
    assert "CREATE TABLE birds (" in (folder / "schema.sql").read_text()


def test_what_cannot_be_handed_over_is_said_and_leaves_nothing(rng, tmp_path):
    base = table(rng, 3, 8)
    with pytest.raises(
        ValueError, match="expected one of pgvector, elasticsearch, .*, got 'oracle'"
    ):
        hand_over(base, "oracle", tmp_path / "out")
    with pytest.raises(ValueError, match="got 'Drop table'"):
        hand_over(base, "pgvector", tmp_path / "out", name="Drop table")
    assert list(tmp_path.iterdir()) == []
    hand_over(base, "vespa", tmp_path / "out")
    with pytest.raises(ValueError, match="exists already"):
        hand_over(base, "vespa", tmp_path / "out")


NAMES = ["a b/ü 1.jpg", 'it\'s "x".png', "tab\\t and \\ back\\nslash.jpg"]


def paths(folder, engine):
    """The path of every row, read as that engine reads it."""
    lines = (folder / ENGINES[engine][0]).read_text().splitlines()
    if engine == "pgvector":
        escapes = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}
        unescaped = re.compile(r"\\.")
        return [unescaped.sub(lambda m: escapes[m[0]], line.split("\t")[3]) for line in lines]
    if engine in ("elasticsearch", "opensearch"):
        return [json.loads(line)["path"] for line in lines[1::2]]
    inside = {"vespa": "fields", "qdrant": "payload"}.get(engine)
    rows = map(json.loads, lines)
    return [row[inside]["path"] if inside else row["path"] for row in rows]


@pytest.mark.parametrize("engine", ENGINES)
def test_paths_arrive_where_there_are_any(rng, tmp_path, engine):
    base = table(rng, 4, 16)
    names = np.array([*NAMES, "with\ttab and\nline.jpg"])
    named = CodeTable(base.ids, base.codes, base.level_labels, 16, names)
    folder = hand_over(named, engine, tmp_path / "named")
    assert paths(folder, engine) == names.tolist()
    plain = hand_over(base, engine, tmp_path / "plain")
    texts = {path.name: path.read_text() for path in folder.iterdir()}
    for name, text in texts.items():
        assert "@" not in text.replace("--data-binary @", "")
        if name.endswith(".json"):
            json.loads(text)
            json.loads((plain / name).read_text())
    schema = next(name for name in texts if name.startswith("schema"))
    if engine != "qdrant":  # its payload has no schema
        assert "path" in texts[schema] and "path" not in (plain / schema).read_text()
