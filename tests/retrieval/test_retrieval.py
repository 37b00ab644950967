"""Codes and tables: packing, saving, damage."""

import numpy as np
import pytest
from reference import random_table as table

from gluon_hash.errors import DataError
from gluon_hash.retrieval import CodeTable, FeatureTable, codes


@pytest.mark.parametrize("num_bits", [1, 7, 8, 9, 48, 63, 64, 65, 130])
def test_pack_and_unpack_are_inverse(rng, num_bits):
    binary = rng.randint(0, 2, (5, num_bits)) * 2 - 1
    packed = codes.pack(binary)
    assert packed.shape == (5, -(-num_bits // 8))
    np.testing.assert_array_equal(codes.unpack(packed, num_bits), binary)


@pytest.mark.parametrize("kept", [1, 7, 8, 9, 16, 20])
def test_first_bits_are_those_of_the_unpacked_codes(rng, kept):
    binary = rng.randint(0, 2, (5, 20)) * 2 - 1
    packed = codes.pack(binary)
    cut = codes.first_bits(packed, 20, kept)
    np.testing.assert_array_equal(codes.unpack(cut, kept), binary[:, :kept])
    np.testing.assert_array_equal(codes.unpack(packed, 20), binary)  # inputs stay


@pytest.mark.parametrize("kept", [0, -1, 21])
def test_more_bits_than_there_are_or_none_are_refused(rng, kept):
    with pytest.raises(ValueError, match=f"expected 1 to 20, the bits of the codes, got {kept}"):
        codes.first_bits(codes.pack(rng.randn(5, 20)), 20, kept)


def test_zero_is_plus_one_and_nan_is_refused():
    assert codes.pack(np.array([[0.0, -0.0, -1e-9]])).tolist() == [[0b011]]
    with pytest.raises(ValueError, match="NaN in row 1"):
        codes.binarize(np.array([[1.0], [np.nan]]))
    with pytest.raises(ValueError, match="padding bit"):
        codes.unpack(np.array([[0b100]], np.uint8), 2)


def test_tables_round_trip_and_damage_is_named(rng, tmp_path):
    base = table(rng, 5, 12)
    base.save(tmp_path / "codes.npz")
    again = CodeTable.load(tmp_path / "codes.npz")
    np.testing.assert_array_equal(again.codes, base.codes)
    assert again.num_bits == 12
    features = FeatureTable(
        base.ids, rng.randn(5, 3).astype(np.float16), base.level_labels, {"backbone": "x"}
    )
    features.save(tmp_path / "features.npz")
    assert FeatureTable.load(tmp_path / "features.npz").provenance == {"backbone": "x"}
    with pytest.raises(DataError, match="codes, ids"):
        CodeTable.load(tmp_path / "features.npz")
    whole = (tmp_path / "codes.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"cut\.npz: not a readable \.npz"):
        CodeTable.load(tmp_path / "cut.npz")
    np.savez(tmp_path / "newer.npz", version=2)
    with pytest.raises(DataError, match="expected version 1, got 2"):
        CodeTable.load(tmp_path / "newer.npz")
