"""A database that is read part by part gives the numbers of the whole, bit for bit."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gluon_hash import retrieval
from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval import PROTOCOLS, CodeTable, Cutoffs
from gluon_hash.retrieval.codes.shards import Shard
from gluon_hash.retrieval.evaluation import parts as evaluation_parts
from gluon_hash.retrieval.evaluation.database_parts import DatabaseParts
from gluon_hash.retrieval.evaluation.parts import curves_of_parts, measure_parts

NUM_CLASSES = (8, 4, 2)


def table(rng, count, num_bits, num_levels, first_id=0):
    """Few different codes, so that most distances are tied; some classes are rare."""
    fine = rng.randint(0, NUM_CLASSES[0], count) // rng.choice([1, 2], count)
    labels = np.stack([fine, fine // 2, fine // 4][:num_levels], axis=1).astype(np.int32)
    centers = rng.randint(0, 2, (NUM_CLASSES[0], num_bits))
    noise = rng.rand(count, num_bits) < 0.2
    packed = retrieval.codes.pack(np.where((centers[fine] ^ noise) > 0, 1.0, -1.0))
    return CodeTable(first_id + rng.permutation(count), packed, labels, num_bits)


def rows(whole, begin, end):
    return CodeTable(
        whole.ids[begin:end],
        whole.codes[begin:end],
        whole.level_labels[begin:end],
        whole.num_bits,
        model=whole.model,
    )


def cut(whole, *ends):
    """The table in parts that end there."""
    bounds = [0, *ends, len(whole)]
    return [rows(whole, begin, end) for begin, end in zip(bounds, bounds[1:])]


def same(one, other):
    assert one.names == other.names and one.num_database == other.num_database
    assert one.protocol == other.protocol
    np.testing.assert_array_equal(one.values, other.values)  # NaN where NaN is


@pytest.mark.parametrize("num_bits, num_levels", [(6, 3), (12, 1), (70, 2)])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_metric_is_that_of_the_whole(rng, protocol, num_bits, num_levels):
    database = table(rng, 400, num_bits, num_levels)
    query = rows(database, 90, 130) if PROTOCOLS[protocol].query_excluded else None
    query = query or table(rng, 40, num_bits, num_levels, first_id=1000)
    expected = retrieval.measure(query, database, protocol=protocol)
    for parts in (cut(database), cut(database, 1, 100, 101, 350)):
        measured, about = measure_parts(query, DatabaseParts(parts), protocol=protocol)
        same(measured, expected)
        assert about.num_items == 400 and about.step == 1
    # memory for few queries at a time, some of which alone need more
    few = measure_parts(query, DatabaseParts(cut(database, 200)), protocol=protocol, memory=2000)[0]
    same(few, expected)


@pytest.mark.parametrize(
    "cutoffs",
    [
        Cutoffs(map=7, ahp=5, ndcg=3, precision=11, hit=2, radius=0),
        Cutoffs(map=10**6, ahp=10**6, ndcg=10**6, precision=10**6),
    ],
)
def test_cutoffs_and_a_hierarchy(rng, cutoffs):
    names = [(f"f{i}", f"m{i // 2}", f"c{i // 4}") for i in range(8)]
    tree = Hierarchy.from_table(names, ("fine", "middle", "coarse"))
    database, query = table(rng, 300, 16, 3), table(rng, 30, 16, 3, first_id=1000)
    options = {"cutoffs": cutoffs, "hierarchy": tree}
    measured, _ = measure_parts(query, DatabaseParts(cut(database, 50, 260)), **options)
    same(measured, retrieval.measure(query, database, **options))


def test_queries_without_anything_relevant(rng):
    database, query = table(rng, 200, 8, 2), table(rng, 10, 8, 2, first_id=1000)
    strange = replace(query, level_labels=query.level_labels + np.int32([[50, 50]]))
    measured, _ = measure_parts(strange, DatabaseParts(cut(database, 77)))
    same(measured, retrieval.measure(strange, database))
    assert np.isnan(measured.column("map_tie_averaged")).all()


def test_tables_in_files_have_the_same_bits(rng, monkeypatch, tmp_path):
    memory = evaluation_parts._tables(3, 1000, tmp_path)
    monkeypatch.setattr(evaluation_parts, "ITEMS_IN_MEMORY", 64)
    disk = evaluation_parts._tables(3, 1000, tmp_path)
    for name in memory._fields:
        np.testing.assert_array_equal(getattr(disk, name), getattr(memory, name))
    database, query = table(rng, 300, 16, 2), table(rng, 20, 16, 2, first_id=1000)
    same(
        measure_parts(query, DatabaseParts(cut(database, 99)))[0],
        retrieval.measure(query, database),
    )


def test_curves_are_those_of_the_whole(rng):
    database, query = table(rng, 500, 24, 2), table(rng, 30, 24, 2, first_id=1000)
    expected = retrieval.curves(query, database).to_dict()
    for memory in (1 << 20, 700):
        found = curves_of_parts(query, DatabaseParts(cut(database, 3, 400)), memory)
        assert found.to_dict() == expected


def test_shards_are_put_into_their_order(rng, tmp_path):
    """As a shell lists them, codes-10 comes before codes-2."""
    database, query = table(rng, 240, 6, 2), table(rng, 30, 6, 2, first_id=1000)
    for number, part in enumerate(cut(database, *range(20, 240, 20)), start=1):
        shard = Shard(number, 12, "x.rec", "d" * 64, 240, 20 * (number - 1))
        replace(part, shard=shard).save(tmp_path / f"codes-{number}.npz")
    paths = sorted(tmp_path.glob("codes-*.npz"))
    assert paths[1].name == "codes-10.npz"
    same(measure_parts(query, DatabaseParts(paths))[0], retrieval.measure(query, database))


def test_parts_that_do_not_go_together_are_named(rng, tmp_path, capsys):
    database, query = table(rng, 60, 16, 2), table(rng, 5, 16, 2, first_id=1000)
    one, other = cut(database, 30)
    with pytest.raises(ValueError, match="is in two parts of the database"):
        measure_parts(query, DatabaseParts([one, replace(other, ids=one.ids)]))
    with pytest.raises(DataError, match="part 2: query codes have 16 bits, database codes 15"):
        narrow = CodeTable(other.ids, other.codes & np.uint8([255, 127]), other.level_labels, 15)
        measure_parts(query, DatabaseParts([one, narrow]))
    with pytest.raises(DataError, match="part 2: .*lacks a label"):
        without = replace(other, level_labels=np.full((30, 2), -1, np.int32))
        measure_parts(query, DatabaseParts([one, without]))
    with pytest.raises(DataError, match="part 2: made by another model"):
        measure_parts(query, DatabaseParts([one, replace(other, model="m")]))
    with pytest.raises(ValueError, match="query id 1000 is in no part of the database"):
        measure_parts(
            replace(query, ids=1000 + np.arange(5)), DatabaseParts([one, other]), protocol="barz"
        )
    shard = Shard(1, 3, "x.rec", "d" * 64, 90, 0)
    replace(one, shard=shard).save(tmp_path / "1.npz")
    DatabaseParts([tmp_path / "1.npz"])
    assert "2 of 3 parts of x.rec are not given, the first is part 2" in capsys.readouterr().err


def test_the_sample_for_advice_is_every_nth_image(rng, monkeypatch):
    from gluon_hash.retrieval.evaluation import database_parts

    database, query = table(rng, 300, 16, 2), table(rng, 20, 16, 2, first_id=1000)
    monkeypatch.setattr(database_parts, "LARGEST_SAMPLE", 40)
    about = measure_parts(query, DatabaseParts(cut(database, 7, 150)))[1]
    assert about.step == 8 and about.sample.ids.tolist() == database.ids[::8].tolist()
    labels, counts = np.unique(database.level_labels[:, 1], return_counts=True)
    assert about.class_counts[1] == dict(zip(labels.tolist(), counts.tolist()))


def test_the_command_takes_several_files(rng, run, tmp_path):
    database, query = table(rng, 400, 24, 3), table(rng, 40, 24, 3, first_id=1000)
    query.save(tmp_path / "q.npz")
    database.save(tmp_path / "d.npz")
    paths = []
    for number, part in enumerate(cut(database, 120, 300)):
        paths.append(tmp_path / f"{number}.npz")
        part.save(paths[-1])

    def evaluate(*files, name):
        code, out, err = run(
            *("evaluate", "--query", tmp_path / "q.npz", "--database", *files, "--json"),
            *("--confidence", 95, "--curves", tmp_path / f"{name}.json"),
            *("--per-class", tmp_path / f"{name}.csv"),
        )
        assert code == 0, err
        written = [(tmp_path / f"{name}.{kind}").read_text() for kind in ("json", "csv")]
        return {**json.loads(out), "seconds": 0}, written, err

    assert evaluate(*paths, name="parts") == evaluate(tmp_path / "d.npz", name="whole")
    several = ["evaluate", "--query", tmp_path / "q.npz", "--database", *paths]
    code, _, err = run(*several, "--segments", "12,12", "--segment-weights", "1,1")
    assert code == 2 and "of one database file" in err
    code, _, err = run(*several, tmp_path / "no.npz")
    assert code == 2 and "no.npz" in err
