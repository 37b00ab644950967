"""Milvus Lite against the exact index."""

import numpy as np
import pytest
from reference import random_table as table

from gluon_hash.retrieval import HammingIndex
from gluon_hash.retrieval.index import milvus
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
    insert = index._client.insert

    def fails_after_one(collection, rows):
        if sent:
            raise pymilvus.MilvusException(message="the line is cut")
        sent.append(len(rows))
        return insert(collection, rows)

    monkeypatch.setattr(milvus, "FIRST_WAIT", 0.0)
    monkeypatch.setattr(index._client, "insert", fails_after_one)
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
