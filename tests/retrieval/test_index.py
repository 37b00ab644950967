"""HammingIndex of every kind against a slow twin."""

import json

import numpy as np
import pytest
import reference
from reference import random_table as table

from gluon_hash.errors import DataError
from gluon_hash.retrieval import HammingIndex, codes
from gluon_hash.retrieval.index.kinds import KINDS, Flat, Hnsw, Ivf, MultiHash, kind_for

EXHAUSTIVE = [
    Flat(),
    MultiHash(4, 4),
    Hnsw(16, 256),
    Ivf(4, 4),
]  # kinds whose answers here are exact


def built(base, kind=None):
    index = HammingIndex(base.num_bits, kind)
    half = len(base) // 2
    index.add(base.codes[:half], base.ids[:half])
    index.add(base.codes[half:], base.ids[half:])
    return index


def slow_search(query, base, kept=None):
    """Ids and distances of all codes for each query, nearest first, ties in the order of adding."""
    kept = np.ones(len(base), bool) if kept is None else kept
    bits = codes.unpack(base.codes, base.num_bits)[kept]
    for row in codes.unpack(query.codes, base.num_bits):
        order, distance = reference.rank(row, bits)
        yield base.ids[kept][order], distance


@pytest.mark.parametrize("num_bits", [5, 8, 48, 65])
def test_index_is_exact_with_ties_in_the_order_of_adding(rng, tmp_path, num_bits):
    base, query = table(rng, 60, num_bits, first_id=1000), table(rng, 4, num_bits)
    index = HammingIndex(num_bits)
    index.add(base.codes[:30], base.ids[:30])
    index.add(base.codes[30:], base.ids[30:])
    index.save(tmp_path / "index")
    for searched in (index, HammingIndex.load(tmp_path / "index")):
        distances, ids = searched.search(query.codes, 11)
        for q in range(4):
            order, expected = reference.rank(
                codes.unpack(query.codes, num_bits)[q], codes.unpack(base.codes, num_bits)
            )
            assert distances[q].tolist() == expected[:11].tolist()
            assert ids[q].tolist() == base.ids[order[:11]].tolist()


def test_index_refuses_what_does_not_fit(rng, tmp_path):
    index, base = HammingIndex(16), table(rng, 5, 16)
    index.add(base.codes, base.ids)
    with pytest.raises(ValueError, match="id appears twice"):
        index.add(base.codes, base.ids)
    with pytest.raises(ValueError, match="k must be from 1 to 5"):
        index.search(base.codes, 6)
    with pytest.raises(ValueError, match="of 16 bits: expected uint8"):
        index.search(table(rng, 1, 8).codes, 1)
    index.save(tmp_path / "index")
    with pytest.raises(ValueError, match="exists already"):
        index.save(tmp_path / "index")
    (tmp_path / "index" / "ids.npy").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"ids\.npy: missing or damaged"):
        HammingIndex.load(tmp_path / "index")


@pytest.mark.parametrize("kind", EXHAUSTIVE, ids=lambda kind: kind.name)
def test_every_kind_finds_the_nearest(rng, tmp_path, kind):
    base, query = table(rng, 200, 16, first_id=1000), table(rng, 10, 16)
    index = built(base, kind)
    index.save(tmp_path / "index")
    for searched in (index, HammingIndex.load(tmp_path / "index")):
        assert searched.kind == kind
        distances, ids = searched.search(query.codes, 5, scan=True)
        for q, (expected, distance) in enumerate(slow_search(query, base)):
            assert distances[q].tolist() == distance[:5].tolist()
            near = int(
                (distance < distance[4]).sum()
            )  # of equally near ones at the end an hnsw keeps any
            if kind.name in ("flat", "multihash"):
                assert ids[q].tolist() == expected[:5].tolist()
            else:
                assert set(ids[q, :near]) == set(expected[:near])


@pytest.mark.parametrize("kind", [Flat(), MultiHash(4, 4), Ivf(4, 4)], ids=lambda kind: kind.name)
@pytest.mark.parametrize("radius", [0, 3, 5, 16])
def test_radius_search_is_exact(rng, kind, radius):
    base, query = table(rng, 200, 16, first_id=1000), table(rng, 10, 16)
    near = built(base, kind).search_radius(query.codes, radius, scan=True)
    for q, (expected, distance) in enumerate(slow_search(query, base)):
        part = slice(near.offsets[q], near.offsets[q + 1])
        assert near.ids[part].tolist() == expected[distance <= radius].tolist()
        assert near.distances[part].tolist() == distance[distance <= radius].tolist()


@pytest.mark.parametrize("kind", EXHAUSTIVE, ids=lambda kind: kind.name)
def test_deleted_ids_are_never_found_again(rng, tmp_path, kind):
    base, query = table(rng, 120, 16, first_id=1000), table(rng, 5, 16)
    index = built(base, kind)
    gone = base.ids[rng.permutation(120)[:40]]
    index.delete(gone)
    index.save(tmp_path / "index")
    loaded = HammingIndex.load(tmp_path / "index")
    kept = ~np.isin(base.ids, gone)
    np.testing.assert_array_equal(loaded.ids, base.ids[kept])
    np.testing.assert_array_equal(loaded.codes(), base.codes[kept])
    distances, ids = loaded.search(query.codes, 7, scan=True)
    for q, (_, distance) in enumerate(slow_search(query, base, kept)):
        assert distances[q].tolist() == distance[:7].tolist()
        assert not np.isin(ids[q], gone).any()
    with pytest.raises(ValueError, match="1 ids are not in the index, the first is 5"):
        loaded.delete(np.array([base.ids[kept][0], 5]))
    assert len(loaded) == 80
    loaded.add(base.codes[~kept], base.ids[~kept])  # an id that was deleted may come back
    assert len(loaded) == 120


def test_multihash_promises_a_radius_and_says_when_it_does_not_pay(rng):
    codes_48 = rng.randint(0, 256, (100_000, 6)).astype(np.uint8)
    index, flat = HammingIndex(48, MultiHash(2, 20)), HammingIndex(48)
    for each in (index, flat):
        each.add(codes_48, np.arange(len(codes_48)))
    largest = index.kind.largest_radius(len(index))
    # 20-bit parts of 100,000 codes, 0.095 a bucket, each bucket 500 + 191: at 1 flip 2 * 21 buckets
    # are 29,000, at 2 flips 2 * 211 are 292,000; radius 3 needs 3 // 2 = 1 flip
    assert largest == 3
    queries = codes_48[:30].copy()
    for query in queries:  # up to 3 bits from a code, in any of the parts
        np.bitwise_xor.at(query, rng.randint(0, 6, 3), (1 << rng.randint(0, 8, 3)).astype(np.uint8))
    found, expected = (each.search_radius(queries, largest) for each in (index, flat))
    for ours, exact in zip(found, expected):
        np.testing.assert_array_equal(ours, exact)
    assert (np.diff(found.offsets) >= 1).all()
    np.testing.assert_array_equal(index.search(queries, 1)[1], flat.search(queries, 1)[1])
    with pytest.raises(
        ValueError, match="at radius 4 a query would look into 422 buckets of 100000 codes.* is 3;"
    ):
        index.search_radius(queries, largest + 1)
    np.testing.assert_array_equal(
        index.search_radius(queries, 12, scan=True).ids, flat.search_radius(queries, 12).ids
    )
    small = built(table(rng, 30, 16), MultiHash(2, 8))
    with pytest.raises(ValueError, match="no radius pays here; ask for a scan"):
        small.search_radius(small.codes(), 0)


def test_kinds_for_a_size_fit_it():
    assert kind_for("multihash", 64, 10_000_000) == MultiHash(2, 23)
    assert kind_for("multihash", 1, 1) == MultiHash(1, 1)
    assert kind_for("ivf", 48, 10_000).num_lists == 400
    with pytest.raises(ValueError, match=f"expected one of {', '.join(KINDS)}, got 'tree'"):
        kind_for("tree", 48, 10)


def test_what_a_kind_cannot_do_is_said(rng, tmp_path):
    base = table(rng, 20, 16)
    with pytest.raises(ValueError, match="hnsw index has no radius search; ask for a scan"):
        built(base, Hnsw()).search_radius(base.codes, 1)
    with pytest.raises(ValueError, match="first 10 codes cannot make 16 lists"):
        built(base, Ivf(16, 4))
    with pytest.raises(ValueError, match="1 <= num_probes <= num_lists, got 9 of 4"):
        HammingIndex(16, Ivf(4, 9))
    with pytest.raises(ValueError, match="5 hashes of 4 bits do not fit into a code of 16 bits"):
        HammingIndex(16, MultiHash(5, 4))
    with pytest.raises(ValueError, match="radius must be from 0 to 16 bits, got 17"):
        built(base).search_radius(base.codes, 17)
    built(base).save(tmp_path / "flat")
    with pytest.raises(
        ValueError, match="only an ivf index can be memory-mapped, this one is flat"
    ):
        HammingIndex.load(tmp_path / "flat", memory_mapped=True)


def test_a_memory_mapped_index_answers_like_the_loaded_one(rng, tmp_path):
    base, query = table(rng, 300, 24), table(rng, 4, 24)
    built(base, Ivf(8, 8)).save(tmp_path / "index")
    found = [
        HammingIndex.load(tmp_path / "index", memory_mapped=mapped).search(query.codes, 6)
        for mapped in (0, 1)
    ]
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_a_newer_or_foreign_index_is_named(rng, tmp_path):
    built(table(rng, 10, 8)).save(tmp_path / "index")
    path = tmp_path / "index" / "index.json"
    description = json.loads(path.read_text())
    for changes, message in (
        ({"version": 9}, "expected index version 1, got 9"),
        ({"kind": "x"}, "not a description"),
    ):
        path.write_text(json.dumps({**description, **changes}))
        with pytest.raises(DataError, match=message):
            HammingIndex.load(tmp_path / "index")
