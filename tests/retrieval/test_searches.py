"""Protocols of data: what is searched in what, against the same pieced together by hand."""

import numpy as np
import pytest
from reference import random_table

from gluon_hash.retrieval import CodeTable, Cutoffs, evaluate, leave_one_out
from gluon_hash.retrieval.evaluation import measure_searches, searches


@pytest.fixture
def tables(rng):
    """40 queries, 100 database images, of four classes in two superclasses."""

    def table(count, first):
        drawn = random_table(rng, count, 16, num_levels=2)
        fine = np.arange(count) % 4
        labels = np.stack([fine, fine // 2], axis=1).astype(np.int32)
        return CodeTable(first + np.arange(count), drawn.codes, labels, 16)

    return table(40, 1000), table(100, 0)


def test_the_paper_is_what_evaluate_gives(tables):
    found = measure_searches(*tables, ["paper"], cutoffs=Cutoffs(ahp=30))["paper"].summary()
    expected = evaluate(*tables, cutoffs=Cutoffs(ahp=30))
    assert {k: v for k, v in found.items() if k != "seconds"} == {
        k: v for k, v in expected.items() if k != "seconds"
    }


def test_unseen_images_are_searched_among_each_other(tables):
    """2,500 of the 100 in the database are 1,000 of the 40 queries, which are 39 others."""
    found = measure_searches(*tables, ["unseen-images"])["unseen-images"]
    expected = leave_one_out(tables[0], cutoffs=Cutoffs(ahp=1000))
    assert found.summary()["map"] == expected["map"] and found.num_database == 39
    assert found.summary()["mahp@39"] == expected["mahp@39"]
    cut = measure_searches(*tables, ["unseen-images"], cutoffs=Cutoffs(ahp=7))["unseen-images"]
    assert "mahp@7" in cut.names


def test_unseen_classes_among_their_own_images_and_among_all_queries(tables):
    """Classes 1 and 2: 20 queries, 50 images; their relatives are 0 and 3."""
    query, database = tables
    found = measure_searches(query, database, ["unseen-classes"], unseen=np.array([1, 2]))
    assert list(found) == ["unseen-classes", "unseen-relatives"]
    asked = np.array([p for p in range(40) if p % 4 in (1, 2)])
    items = np.array([p for p in range(100) if p % 4 in (1, 2)])
    own = evaluate(query.take(asked), database.take(items))
    assert found["unseen-classes"].summary()["map"] == own["map"]
    assert len(found["unseen-classes"].values) == 20 and own["num_database"] == 50
    among = []  # each query against the 39 others, one by one
    for p in asked:
        others = np.setdiff1d(np.arange(40), [p])
        among.append(evaluate(query.take([p]), query.take(others))["map_level_1"])
    relatives = found["unseen-relatives"]
    np.testing.assert_allclose(relatives.column("map_level_1"), among)
    assert relatives.num_database == 39


def test_cut_offs_follow_what_is_searched():
    """Half of 1,000 database images are of unseen classes; 100 queries are a tenth."""
    labels = np.stack([np.arange(1000) % 2, np.zeros(1000)], axis=1).astype(np.int32)
    own, relatives = searches("unseen-classes", labels[:100], labels, [1])
    assert own.cut(2500) == 1250 and relatives.cut(2500) == 250 and relatives.cut(3) == 1


def test_flat_classes_have_no_relatives(tables):
    query, database = (t.level_labels[:, :1] for t in tables)
    assert len(searches("unseen-classes", query, database, [0])) == 1


@pytest.mark.parametrize("unseen", [None, [7]])
def test_unseen_classes_must_be_there(tables, unseen):
    labels = [table.level_labels for table in tables]
    with pytest.raises(ValueError, match="there are 0 queries and 0 images"):
        searches("unseen-classes", *labels, unseen)
