"""Names, labels and class names in tables and indexes: kept, added to, deleted, looked up."""

import json

import numpy as np
import pytest
from reference import random_table as table

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval import CodeTable, FeatureTable, HammingIndex, baselines, load_table
from gluon_hash.retrieval.index import Branch
from gluon_hash.retrieval.index.answers import find_answers, with_sharing, with_ties
from gluon_hash.retrieval.index.items import Items
from gluon_hash.retrieval.index.kinds import Flat, Hnsw, Ivf, MultiHash

KINDS = [Flat(), MultiHash(4, 4), Hnsw(16, 256), Ivf(4, 4)]
TREE = Hierarchy.from_table(
    [["finch", "bird"], ["owl", "bird"], ["trout", "fish"], ["carp", "fish"]], ["fine", "coarse"]
)


def named(base):
    return np.array([f"photos/ü {item}.jpg" for item in base.ids])


def built(base, kind=None, names=True):
    index = HammingIndex(base.num_bits, kind, TREE)
    for rows in (slice(0, 50), slice(50, None)):
        index.add(
            base.codes[rows],
            base.ids[rows],
            named(base)[rows] if names else None,
            base.level_labels[rows],
        )
    return index


def test_tables_keep_names_and_old_files_have_none(rng, tmp_path):
    base = table(rng, 6, 12)
    with_names = CodeTable(base.ids, base.codes, base.level_labels, 12, named(base))
    with_names.save(tmp_path / "new.npz")
    base.save(tmp_path / "old.npz")
    assert CodeTable.load(tmp_path / "new.npz").names.tolist() == named(base).tolist()
    assert CodeTable.load(tmp_path / "old.npz").names is None
    assert "names" not in np.load(tmp_path / "old.npz").files
    with pytest.raises(ValueError, match=r"names: expected str \(6,\), got <U\d+ \(5,\)"):
        CodeTable(base.ids, base.codes, base.level_labels, 12, named(base)[:5])
    with pytest.raises(ValueError, match="names: expected str"):
        CodeTable(base.ids, base.codes, base.level_labels, 12, np.arange(6))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_features_of_any_framework_are_a_table(rng, tmp_path, dtype):
    base = table(rng, 5, 8)
    features = FeatureTable(
        base.ids, rng.randn(5, 3).astype(dtype), base.level_labels, {}, named(base)
    )
    features.save(tmp_path / "f.npz")
    again = load_table(tmp_path / "f.npz")
    assert again.features.dtype == dtype and again.provenance == {}
    np.testing.assert_array_equal(again.features, features.features)
    assert again.names.tolist() == named(base).tolist()
    with pytest.raises(ValueError, match="expected float16, float32 or float64 .* got int"):
        FeatureTable(base.ids, np.ones((5, 3), int), base.level_labels, {})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_index_keeps_names_labels_and_class_names(rng, tmp_path, kind):
    base = table(rng, 80, 16, first_id=200)
    index = built(base, kind)
    gone = base.ids[10:30]
    index.delete(gone)
    index.save(tmp_path / "index")
    kept = ~np.isin(base.ids, gone)
    for each in (index, HammingIndex.load(tmp_path / "index")):
        items = each.items
        assert items.names.tolist() == named(base)[kept].tolist()
        np.testing.assert_array_equal(items.level_labels, base.level_labels[kept])
        assert items.hierarchy == TREE and items.level_names == ("fine", "coarse")
        wanted = each.look_up(base.ids[[70, 3, 3]])
        assert wanted.names.tolist() == named(base)[[70, 3, 3]].tolist()
        assert wanted.class_names(0) == list(TREE.to_table()[base.level_labels[70, 0]])
        np.testing.assert_array_equal(each.look_up_codes(base.ids[[70, 3]]), base.codes[[70, 3]])
        for lost in (gone[0], 5, 10**9):
            with pytest.raises(ValueError, match=f"id {lost} is not in the index"):
                each.look_up(np.array([base.ids[0], lost]))
    hashes = json.loads((tmp_path / "index" / "index.json").read_text())["sha256"]
    assert {"items.npz", "hierarchy.tsv", "ids.npy"} <= set(hashes)


def test_an_id_that_came_back_has_its_new_name(rng):
    base = table(rng, 40, 16)
    index = built(base, MultiHash(4, 4))
    index.delete(base.ids[:2])
    index.add(base.codes[:1], base.ids[:1], np.array(["new.jpg"]), base.level_labels[:1])
    assert index.look_up(base.ids[[0, 5]]).names.tolist() == ["new.jpg", named(base)[5]]


def test_an_index_of_before_has_neither_names_nor_labels(rng, tmp_path):
    base = table(rng, 20, 16)
    index = HammingIndex(16)
    index.add(base.codes, base.ids)
    index.save(tmp_path / "index")
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == [
        "codes.faissbinary",
        "ids.npy",
        "index.json",
    ]
    loaded = HammingIndex.load(tmp_path / "index")
    assert loaded.items.names is None and loaded.items.num_levels == 0
    assert loaded.items.level_names == () and loaded.items.class_names(0) == []
    loaded.add(base.codes, base.ids + 50, named(base), base.level_labels)
    assert loaded.items.names.tolist() == [""] * 20 + named(base).tolist()
    assert (loaded.items.level_labels[:20] == -1).all()
    assert loaded.items.class_names(20) == [str(label) for label in base.level_labels[0]]


def test_what_does_not_fit_leaves_the_index_as_it_was(rng):
    base = table(rng, 10, 16)
    index = built(base)
    for names, labels, message in (
        (named(base)[:3], None, "names: expected 10 of them"),
        (None, base.level_labels[:3], "level_labels: expected int"),
        (None, base.level_labels[:, :1], "labels of 1 levels, the hierarchy has 2"),
        (None, np.full((10, 2), 9, np.int32), "not in the hierarchy"),
    ):
        with pytest.raises(ValueError, match=message):
            index.add(base.codes, base.ids + 100, names, labels)
    assert len(index) == 10 and len(index.items.names) == 10
    plain = HammingIndex(16)
    plain.add(base.codes, base.ids, None, base.level_labels)
    with pytest.raises(ValueError, match="the index has labels of 2 levels, these have 1"):
        plain.add(base.codes, base.ids + 100, None, base.level_labels[:, :1])
    with pytest.raises(ValueError, match="not in the hierarchy"):
        plain.name_classes(Hierarchy.from_table([["a", "x"], ["b", "y"]], ["fine", "coarse"]))
    plain.name_classes(TREE)
    assert plain.items.hierarchy == TREE


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("branch", [Branch(0, 2), Branch(1, 0)])
def test_a_filter_finds_the_nearest_of_the_branch(rng, kind, branch):
    base, query = table(rng, 300, 16), table(rng, 6, 16)
    index = built(base, kind)
    index.delete(base.ids[::7])
    inside = base.level_labels[:, branch.level] == branch.label
    inside[::7] = False
    assert index.count(branch) == inside.sum()
    only = HammingIndex(16)
    only.add(base.codes[inside], base.ids[inside])
    distances, ids = index.search(query.codes, 8, scan=True, within=branch)
    expected, expected_ids = only.search(query.codes, 8)
    np.testing.assert_array_equal(distances, expected)
    assert np.isin(ids, base.ids[inside]).all()
    if kind.name in ("flat", "multihash"):
        np.testing.assert_array_equal(ids, expected_ids)
    for ours, exact in zip(
        index.search_radius(query.codes, 6, scan=True, within=branch),
        only.search_radius(query.codes, 6),
    ):
        np.testing.assert_array_equal(ours, exact)
    with pytest.raises(ValueError, match=f"from 1 to {inside.sum()}, the codes in the branch"):
        index.search(query.codes, int(inside.sum()) + 1, within=branch)


@pytest.mark.parametrize(
    "kind", [Flat(), MultiHash(4, 2), Hnsw(16, 256), Ivf(4, 4)], ids=lambda kind: kind.name
)
def test_sharing_counts_the_whole_index(rng, kind):
    base, query = table(rng, 200, 8), table(rng, 5, 8)  # 8 bits: many ties
    index = built(base, kind)
    index.delete(base.ids[:20])
    bits = np.unpackbits(base.codes[20:, None] ^ query.codes[None], axis=2).sum(axis=2)  # (180, 5)
    answers = with_sharing(index, query.codes, find_answers(index, query.codes, k=12, scan=True))
    for row, distances in zip(answers, bits.T):
        assert row.sharing.tolist() == [(distances == near).sum() for near in row.distances]
    fish = Branch(1, 1)
    inside = base.level_labels[20:, 1] == 1
    found = find_answers(index, query.codes, k=3, scan=True, within=fish)
    for row, distances in zip(with_sharing(index, query.codes, found, within=fish), bits.T):
        assert row.sharing.tolist() == [(distances[inside] == near).sum() for near in row.distances]


@pytest.mark.parametrize("kind", [Flat(), Hnsw(16, 256)], ids=lambda kind: kind.name)
def test_with_ties_no_order_decides_who_votes(kind):
    """Six codes at 0 bits: a search for two finds those that were added first."""
    base = np.array([[0]] * 6 + [[1]] * 2, np.uint8)
    index = HammingIndex(8, kind)
    index.add(base, np.arange(8))
    found = find_answers(index, base[[0, 7]], k=2)
    first, second = with_ties(index, base[[0, 7]], found)
    assert sorted(first.items.ids.tolist()) == [0, 1, 2, 3, 4, 5]
    assert second.items.ids.tolist() == [6, 7] and second.distances.tolist() == [0, 0]
    assert with_ties(index, base[:1], [first.take(np.arange(0))])[0].distances.tolist() == []


def test_sharing_of_memory_mapped_codes_is_unknown(rng, tmp_path):
    base = table(rng, 60, 8)
    built(base, Ivf(4, 4)).save(tmp_path / "index")
    mapped = HammingIndex.load(tmp_path / "index", memory_mapped=True)
    answers = find_answers(mapped, base.codes[:2], k=3)
    assert with_sharing(mapped, base.codes[:2], answers)[1].sharing.tolist() == [-1, -1, -1]


def test_answers_by_radius_are_cut_by_query(rng):
    base = table(rng, 60, 8)
    index = built(base)
    near = index.search_radius(base.codes[:9], 1)
    answers = find_answers(index, base.codes[:9], radius=1)
    assert [len(row) for row in answers] == np.diff(near.offsets).tolist()
    assert np.concatenate([row.items.ids for row in answers]).tolist() == near.ids.tolist()
    for arguments in ({}, {"k": 3, "radius": 1}):
        with pytest.raises(ValueError, match="give k or radius, one of the two"):
            find_answers(index, base.codes[:1], **arguments)
    assert find_answers(index, base.codes[:0], k=3) == []


def test_an_index_without_enough_gives_shorter_answers():
    codes = np.array([[0], [0], [255], [255], [255]], np.uint8)
    index = HammingIndex(8, Ivf(2, 1))
    index.add(codes, np.arange(5))
    (row,) = find_answers(index, codes[:1], k=3)
    assert row.items.ids.tolist() == [0, 1] and row.distances.tolist() == [0, 0]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("coarse=fish", Branch(1, 1)),
        ("1=fish", Branch(1, 1)),
        ("fine=owl", Branch(0, 1)),
        ("fine=owll", "level fine has no class 'owll'; expected one of 4, such as owl"),
        ("fine=7", "level fine has no class '7'; expected one of 4, such as finch, owl, trout"),
        ("family=owl", "level: expected one of fine, coarse, got 'family'"),
        ("owl", "expected LEVEL=CLASS, got 'owl'"),
    ],
)
def test_a_branch_is_found_by_name(text, expected):
    items = Items.none(TREE).append(np.arange(1), None, np.array([[1, 0]], np.int32))
    if isinstance(expected, Branch):
        assert items.branch(text) == expected
    else:
        with pytest.raises(ValueError, match=expected):
            items.branch(text)


def test_numbers_do_where_there_are_no_names():
    items = Items.none().append(np.arange(1), None, np.array([[1, 0]], np.int32))
    assert items.branch("level_1=0") == items.branch("1=0") == Branch(1, 0)
    with pytest.raises(ValueError, match="expected the number of a class"):
        items.branch("1=fish")
    with pytest.raises(ValueError, match="the index knows no classes"):
        Items.none().branch("fine=owl")


def test_names_go_through_a_baseline(rng):
    base = table(rng, 300, 8)
    features = FeatureTable(
        base.ids, rng.randn(300, 6).astype(np.float32), base.level_labels, {}, named(base)
    )
    for name in ("lsh", "pq"):
        model = baselines.fit(name, features.features, base.level_labels[:, 0], 16, seed=0)
        encoded = baselines.encode_features_with(model, features)
        assert encoded.names.tolist() == named(base).tolist()
