"""Codes, tables and the index against slow twins."""
import numpy as np
import pytest

import reference
from gluon_hash.errors import DataError
from gluon_hash.retrieval import CodeTable, FeatureTable, HammingIndex, codes
from reference import random_table as table


@pytest.mark.parametrize("num_bits", [1, 7, 8, 9, 48, 63, 64, 65, 130])
def test_pack_and_unpack_are_inverse(rng, num_bits):
    binary = rng.randint(0, 2, (5, num_bits)) * 2 - 1
    packed = codes.pack(binary)
    assert packed.shape == (5, -(-num_bits // 8))
    np.testing.assert_array_equal(codes.unpack(packed, num_bits), binary)


def test_zero_is_plus_one_and_nan_is_refused():
    assert codes.pack(np.array([[0.0, -0.0, -1e-9]])).tolist() == [[0b011]]
    with pytest.raises(ValueError, match="NaN in row 1"):
        codes.binarize(np.array([[1.0], [np.nan]]))
    with pytest.raises(ValueError, match="padding bit"):
        codes.unpack(np.array([[0b100]], np.uint8), 2)


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
            order, expected = reference.rank(codes.unpack(query.codes, num_bits)[q], codes.unpack(base.codes, num_bits))
            assert distances[q].tolist() == expected[:11].tolist()
            assert ids[q].tolist() == base.ids[order[:11]].tolist()


def test_index_refuses_what_does_not_fit(rng, tmp_path):
    index, base = HammingIndex(16), table(rng, 5, 16)
    index.add(base.codes, base.ids)
    with pytest.raises(ValueError, match="id stands twice"):
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


def test_tables_round_trip_and_damage_is_named(rng, tmp_path):
    base = table(rng, 5, 12)
    base.save(tmp_path / "codes.npz")
    again = CodeTable.load(tmp_path / "codes.npz")
    np.testing.assert_array_equal(again.codes, base.codes)
    assert again.num_bits == 12
    features = FeatureTable(base.ids, rng.randn(5, 3).astype(np.float16), base.level_labels, {"backbone": "x"})
    features.save(tmp_path / "features.npz")
    assert FeatureTable.load(tmp_path / "features.npz").provenance == {"backbone": "x"}
    with pytest.raises(DataError, match="codes, ids"):
        CodeTable.load(tmp_path / "features.npz")
    whole = (tmp_path / "codes.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:len(whole) // 2])
    with pytest.raises(DataError, match=r"cut\.npz: no readable \.npz"):
        CodeTable.load(tmp_path / "cut.npz")
    np.savez(tmp_path / "newer.npz", version=2)
    with pytest.raises(DataError, match="expected version 1, got 2"):
        CodeTable.load(tmp_path / "newer.npz")
