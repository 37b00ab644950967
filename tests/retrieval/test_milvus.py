"""Milvus Lite against the exact index."""

import numpy as np
import pytest
from reference import random_table as table

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval import CodeTable, HammingIndex
from gluon_hash.retrieval.index import Branch, milvus, milvus_collection
from gluon_hash.retrieval.index.answers import find_answers, with_sharing
from gluon_hash.retrieval.index.milvus import MilvusIndex

pymilvus = pytest.importorskip("pymilvus")


@pytest.fixture
def url(tmp_path):
    return str(tmp_path / "milvus.db")


@pytest.mark.parametrize("num_bits", [8, 13, 48])
def test_results_are_those_of_the_exact_index_up_to_ties(rng, url, num_bits):
    base, query = table(rng, 400, num_bits, first_id=1 << 40), table(rng, 7, num_bits)
    index, exact = MilvusIndex(url, batch_size=150), HammingIndex(num_bits)
    assert index.upload(base) == 400 == len(index)
    exact.add(base.codes, base.ids)
    for (near, found), (expected, ids) in zip(
        zip(*index.search(query.codes, 20)), zip(*exact.search(query.codes, 20))
    ):
        assert near.tolist() == expected.tolist()
        inside = expected < expected[-1]
        assert set(found[inside]) == set(ids[inside])
    index.close()


def test_an_interrupted_upload_goes_on(rng, url, monkeypatch):
    base = table(rng, 50, 16)
    index, sent = MilvusIndex(url, batch_size=20), []
    insert = index._collection.client.insert

    def fails_after_one(collection, rows):
        if sent:
            raise pymilvus.MilvusException(message="the line is cut")
        sent.append(len(rows))
        return insert(collection, rows)

    monkeypatch.setattr(milvus_collection, "FIRST_WAIT", 0.0)
    monkeypatch.setattr(index._collection.client, "insert", fails_after_one)
    with pytest.raises(ConnectionError, match="5 tries failed, the last with: .*the line is cut"):
        index.upload(base)
    monkeypatch.undo()
    assert len(index) == 20
    assert index.upload(base) == 30
    assert index.upload(base) == 0 and len(index) == 50
    index.close()


def test_deleted_ids_are_gone(rng, url):
    base = table(rng, 60, 16)
    index, exact = MilvusIndex(url), HammingIndex(16)
    index.upload(base)
    exact.add(base.codes, base.ids)
    with pytest.raises(ValueError, match="1 ids are not in the index, the first is 99"):
        index.delete(np.array([3, 99]))
    for each in (index, exact):
        each.delete(base.ids[:20])
        assert len(each) == 40
    found, expected = (each.search(base.codes[:5], 40) for each in (index, exact))
    np.testing.assert_array_equal(found[0], expected[0])
    assert not np.isin(found[1], base.ids[:20]).any()
    index.close()


def test_what_does_not_fit_is_said(rng, url):
    index = MilvusIndex(url)
    with pytest.raises(ValueError, match="no collection 'codes'"):
        index.search(table(rng, 1, 16).codes, 1)
    index.upload(table(rng, 5, 16))
    with pytest.raises(ValueError, match="holds codes of 16 bits, these have 8"):
        index.upload(table(rng, 5, 8))
    with pytest.raises(ValueError, match=r"k must be from 1 to 5 \(5 codes"):
        index.search(table(rng, 1, 16).codes, 6)
    with pytest.raises(ValueError, match="of 16 bits: expected uint8"):
        index.search(table(rng, 1, 32).codes, 1)
    index.close()


@pytest.mark.parametrize("radius", [0, 3, 13])
def test_radius_search_is_that_of_the_exact_index(rng, url, radius):
    base, query = table(rng, 200, 13, first_id=50), table(rng, 5, 13)
    index, exact = MilvusIndex(url), HammingIndex(13)
    index.upload(base)
    exact.add(base.codes, base.ids)  # ascending ids: the order of adding is the order of ids
    for ours, expected in zip(
        index.search_radius(query.codes, radius), exact.search_radius(query.codes, radius)
    ):
        np.testing.assert_array_equal(ours, expected)
    with pytest.raises(ValueError, match="radius must be from 0 to 13 bits, got 14"):
        index.search_radius(query.codes, 14)
    index.close()


def test_more_than_milvus_answers_is_not_cut_in_silence(rng, url, monkeypatch):
    base = table(rng, 30, 8)
    index = MilvusIndex(url)
    index.upload(base)
    monkeypatch.setattr(milvus, "MAX_K", 30)
    with pytest.raises(ValueError, match="30 codes or more lie within 8 bits of a query"):
        index.search_radius(base.codes[:1], 8)
    index.close()


def named(base):
    names = np.array([f"photos/ü'\"{item}.jpg" for item in base.ids])
    return CodeTable(base.ids, base.codes, base.level_labels, base.num_bits, names)


def test_names_labels_and_filters_are_those_of_the_exact_index(rng, url):
    base, query = named(table(rng, 150, 12, first_id=9)), table(rng, 4, 12)
    index, exact = MilvusIndex(url, batch_size=40), HammingIndex(12)
    index.upload(base)
    exact.add(base.codes, base.ids, base.names, base.level_labels)
    wanted = base.ids[[30, 2, 2, 149]]
    ours, expected = index.look_up(wanted), exact.look_up(wanted)
    assert ours.names.tolist() == expected.names.tolist()
    np.testing.assert_array_equal(ours.level_labels, expected.level_labels)
    np.testing.assert_array_equal(index.look_up_codes(wanted), exact.look_up_codes(wanted))
    for branch in (Branch(0, 3), Branch(1, 0)):
        assert index.count(branch) == exact.count(branch)
        for found, right in zip(
            index.search_radius(query.codes, 5, within=branch),
            exact.search_radius(query.codes, 5, within=branch),
        ):
            np.testing.assert_array_equal(found, right)
        np.testing.assert_array_equal(
            index.search(query.codes, 9, within=branch)[0],
            exact.search(query.codes, 9, within=branch)[0],
        )
    shared = [
        with_sharing(each, query.codes, find_answers(each, query.codes, k=20))
        for each in (index, exact)
    ]
    for row, right in zip(*shared):
        assert row.sharing.tolist() == right.sharing.tolist()
    tree = Hierarchy.from_table(
        [["finch", "bird"], ["owl", "bird"], ["trout", "fish"], ["carp", "fish"]],
        ["fine", "coarse"],
    )
    index.name_classes(tree)
    label = base.level_labels[30, 0]
    assert index.look_up(wanted[:1]).class_names(0) == list(tree.to_table()[label])
    with pytest.raises(ValueError, match="labels of 2 levels, the hierarchy of 1"):
        index.name_classes(tree.keep_levels(1))
    with pytest.raises(ValueError, match="id 5 is not in the index"):
        index.look_up(np.array([5]))
    with pytest.raises(ValueError, match="there are labels of 2 levels, none of 2"):
        index.search(query.codes, 1, within=Branch(2, 0))
    index.close()


def test_what_only_some_tables_know_is_unknown_of_the_others(rng, url, capsys):
    base = table(rng, 6, 16, first_id=100)
    index = MilvusIndex(url)
    index.upload(named(base))
    nothing = np.empty((6, 0), np.int32)
    index.upload(CodeTable(base.ids + 50, base.codes, nothing, 16))
    items = index.look_up(base.ids + 50)
    assert items.names.tolist() == [""] * 6 and (items.level_labels == -1).all()
    with pytest.raises(ValueError, match="holds labels of 2 levels, these have 1"):
        index.upload(CodeTable(base.ids + 90, base.codes, base.level_labels[:, :1], 16))
    plain = MilvusIndex(url, "plain")
    plain.upload(CodeTable(base.ids, base.codes, nothing, 16))
    assert plain.look_up(base.ids).names is None and plain.look_up(base.ids).num_levels == 0
    plain.upload(named(table(rng, 2, 16)))
    assert "made without paths" in capsys.readouterr().err
    index.close()
    plain.close()


def test_where_milvus_answers_no_more_sharing_is_unknown(url, monkeypatch):
    codes = np.array([[0]] * 3 + [[1]] * 4, np.uint8)
    index = MilvusIndex(url)
    index.upload(CodeTable(np.arange(7), codes, np.zeros((7, 1), np.int32), 8))
    monkeypatch.setattr(milvus, "MAX_K", 5)
    (counts,) = index.count_by_distance(codes[:1], np.array([1]))
    assert index.count_by_distance(codes[:1], np.array([-1]))[0].tolist() == []
    assert counts.tolist() == [3, -1]  # five were answered: all three at 0 bits, some at 1
    index.close()
