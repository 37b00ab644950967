"""Codes, tables, index and metrics against slow twins and closed forms."""
import numpy as np
import pytest

import reference
from gluon_hash.errors import DataError
from gluon_hash.retrieval import CodeTable, FeatureTable, HammingIndex, codes, evaluate, leave_one_out


def table(rng, count, num_bits, num_levels=2, num_classes=4, first_id=0):
    fine = rng.randint(0, num_classes, count)
    labels = np.stack([fine // 2**level for level in range(num_levels)], axis=1).astype(np.int32)
    return CodeTable(np.arange(count) + first_id, codes.pack(rng.randn(count, num_bits)), labels, num_bits)


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


@pytest.mark.parametrize("num_bits", [1, 3, 9, 48, 64, 100])
@pytest.mark.parametrize("num_levels", [1, 2, 3])
def test_every_metric_matches_its_slow_twin(rng, num_bits, num_levels):
    query, database = table(rng, 6, num_bits, num_levels), table(rng, 40, num_bits, num_levels, first_id=100)
    found = evaluate(query, database, ahp_at=15, ndcg_at=10, precision_at=7)
    bits, base = codes.unpack(query.codes, num_bits), codes.unpack(database.codes, num_bits)
    rows = []
    for q in range(6):
        order, distance = reference.rank(bits[q], base)
        match = database.level_labels[order] == query.level_labels[q]
        gains, fine = match.sum(axis=1).tolist(), match[:, 0].tolist()
        within = [f for f, d in zip(fine, distance) if d <= 2]
        rows.append([*(reference.average_precision(match[:, level].tolist()) for level in range(num_levels)),
                     reference.ahp(gains, 15), reference.ndcg(gains, 10), reference.mean_ndcg_released(gains, 40),
                     sum(fine[:7]) / 7, sum(fine[:7]) / max(sum(fine), 1), np.mean(within) if within else 0.0])
    names = ["map", *(f"map_level_{level}" for level in range(1, num_levels)), "mahp@15", "ndcg@10",
             "mean_ndcg_released@40", "precision@7", "recall@7", "precision_radius_2"]
    np.testing.assert_allclose([found[name] for name in names], np.nanmean(rows, axis=0), rtol=1e-10)


def test_tie_average_best_and_worst_match_enumeration(rng):
    query, database = table(rng, 1, 2, 1, 2), table(rng, 7, 2, 1, 2, first_id=10)
    database.level_labels[:3] = query.level_labels[0]
    order, distance = reference.rank(codes.unpack(query.codes, 2)[0], codes.unpack(database.codes, 2))
    relevant = (database.level_labels[order, 0] == query.level_labels[0, 0]).tolist()
    values = reference.tie_orders(relevant, distance.tolist())
    found = evaluate(query, database)
    assert found["map_tie_averaged"] == pytest.approx(np.mean(values))
    assert found["map_tie_best"] == pytest.approx(max(values))
    assert found["map_tie_worst"] == pytest.approx(min(values))


def test_closed_form_of_the_method():
    # gains 2, 0, 1, 2 with K = 2: HP 1, .5, .6, 1; AHP@4 .775; fine AP (1 + 2/4) / 2; released nDCG mean .738093
    labels = np.array([[0, 0], [2, 1], [1, 0], [0, 0]], np.int32)
    ranked = codes.pack(np.array([[1, 1, 1], [1, 1, -1], [1, -1, -1], [-1, -1, -1]]))
    query = CodeTable(np.array([9]), ranked[:1], labels[:1], 3)
    found = evaluate(query, CodeTable(np.arange(4), ranked, labels, 3), ahp_at=4)
    assert found["mahp@4"] == pytest.approx(0.775)
    assert found["map"] == pytest.approx(0.75)
    assert found["mean_ndcg_released@4"] == pytest.approx(0.738093, abs=1e-6)


def test_perfect_ranking_scores_one_and_leave_one_out_leaves_the_query_out():
    labels = np.repeat(np.arange(4), 5)
    codebook = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [-1, -1, 1, 1], [-1, -1, -1, -1]])
    perfect = CodeTable(np.arange(20), codes.pack(codebook[labels]), labels[:, None].astype(np.int32), 4)
    for result in (evaluate(perfect, perfect), leave_one_out(perfect)):
        for name in ("map", "map_tie_averaged", "map_tie_worst"):
            assert result[name] == pytest.approx(1.0)
    assert leave_one_out(perfect)["num_database"] == 19


def test_random_ranking_has_the_sanity_value_of_its_class_count():
    rng = np.random.RandomState(0)
    labels = (np.arange(20000) % 100)[:, None].astype(np.int32)
    base = CodeTable(np.arange(20000), codes.pack(rng.randn(20000, 64)), labels, 64)
    query = CodeTable(np.arange(200), codes.pack(rng.randn(200, 64)), labels[:200], 64)
    assert evaluate(query, base)["map"] == pytest.approx(0.010, abs=0.002)


def test_queries_without_relevant_items_are_left_out_and_counted(rng):
    query, database = table(rng, 3, 8), table(rng, 9, 8)
    query.level_labels[0] = 77
    result = evaluate(query, database)
    assert result["num_queries_without_relevant"] == 1
    kept = CodeTable(query.ids[1:], query.codes[1:], query.level_labels[1:], 8)
    assert result["map"] == pytest.approx(evaluate(kept, database)["map"])


def test_evaluate_names_what_does_not_fit(rng):
    with pytest.raises(ValueError, match="query codes have 8 bits, database codes 16"):
        evaluate(table(rng, 3, 8), table(rng, 3, 16))
    with pytest.raises(ValueError, match="query labels have 1 levels, database labels 2"):
        evaluate(table(rng, 3, 8, 1), table(rng, 3, 8, 2))


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
