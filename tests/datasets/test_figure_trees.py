"""Drawn data of any tree: classes, long tail, wrong labels, unseen classes."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from gluon_hash.datasets import synthetic
from gluon_hash.datasets.figure_trees import FigureTree
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.hierarchy.unseen import read_unseen
from gluon_hash.records import read_list


def images(split):
    return [np.asarray(Image.open(io.BytesIO(split.encoded(p)))) for p in range(len(split))]


def test_five_levels_and_five_hundred_classes():
    """Products of the children from the root down: 2, 4, 20, 100, 500."""
    tree = FigureTree((2, 2, 5, 5, 5)).hierarchy()
    assert tree.num_classes == (500, 100, 20, 4, 2)
    assert all((np.bincount(own) == n).all() for own, n in zip(tree.parents, (5, 5, 5, 2)))
    assert tree.level_names == ("whiskers", "stripes", "satellites", "mark", "outline")
    row = tree.to_table()[125 + 25 * 3 + 5 * 2 + 1]  # 1st outline, 2nd mark, 3, 2 and 1 of them
    assert row[-2:] == ("disc, dot", "disc")
    assert row[0] == "disc, dot, 3 satellites, 2 stripes, 1 whiskers"


def test_every_trait_shows():
    """By the same random numbers all 32 classes look different, and none is blank."""
    tree = FigureTree((2, 2, 2, 2, 2))
    drawn = {tree.draw(c, 32, np.random.RandomState(3)).tobytes() for c in range(32)}
    assert len(drawn) == 32
    largest = FigureTree((9, 6))
    assert len({largest.draw(c, 32, np.random.RandomState(3)).tobytes() for c in range(54)}) == 54


def test_the_tail_is_exponential():
    """6 classes from 50 to 2: 50 * (2 / 50) ** (k / 5)."""
    data = synthetic(train_per_class=50, query_per_class=1, branching=(2, 3), rarest=2, side=16)
    counts = np.bincount(data.train.fine_labels)
    assert sorted(counts, reverse=True) == [50, 26, 14, 7, 4, 2]
    assert np.bincount(data.query.fine_labels).tolist() == [1] * 6
    other = synthetic(
        train_per_class=50, query_per_class=1, branching=(2, 3), rarest=2, side=16, seed=5
    )
    assert (np.bincount(other.train.fine_labels) != counts).any()


def test_wrong_labels_are_those_of_siblings():
    """A fifth of 240; pictures stay as they are, coarser labels are right, queries too."""
    asked = {"train_per_class": 40, "query_per_class": 2, "branching": (2, 3), "side": 16}
    right, noisy = synthetic(**asked), synthetic(**asked, wrong_labels=0.2)
    wrong = np.flatnonzero(right.train.fine_labels != noisy.train.fine_labels)
    assert len(wrong) == 48 == noisy.source["wrong_labels"]
    parents = noisy.hierarchy.parents[0]
    np.testing.assert_array_equal(
        parents[right.train.fine_labels], parents[noisy.train.fine_labels]
    )
    assert len(np.unique(noisy.train.fine_labels[wrong])) == 6
    np.testing.assert_array_equal(right.query.fine_labels, noisy.query.fine_labels)
    for p in range(240):
        assert right.train.digest(p) == noisy.train.digest(p)


def test_a_class_keeps_an_image_whatever_is_wrong():
    data = synthetic(
        train_per_class=9, query_per_class=1, branching=(2, 5), rarest=1, wrong_labels=0.9, side=16
    )
    assert len(np.unique(data.train.fine_labels)) == 10


def test_the_seed_decides_all():
    asked = {"train_per_class": 6, "query_per_class": 1, "branching": (2, 2), "side": 16}
    asked |= {"rarest": 2, "wrong_labels": 0.3}
    one, again, other = synthetic(**asked), synthetic(**asked), synthetic(**asked, seed=1)
    np.testing.assert_array_equal(one.train.fine_labels, again.train.fine_labels)
    same = [np.array_equal(a, b) for a, b in zip(images(one.train), images(again.train))]
    assert all(same)
    assert not np.array_equal(images(one.train)[0], images(other.train)[0])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"branching": (10, 2)}, "branching: expected 1 to 5 numbers .* got 10,2"),
        ({"branching": (2,) * 6}, "branching: expected 1 to 5 numbers"),
        ({"branching": (1,)}, "two classes; got 1"),
        ({"rarest": 300}, r"rarest: expected 1 to 200 \(train_per_class\), got 300"),
        ({"wrong_labels": 1.0}, "wrong_labels: expected a share from 0 to below 1, got 1.0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        synthetic(**options)


def test_all_of_it_is_prepared(run, tmp_path):
    """Unseen classes are drawn from the same tree: one of the five children of each parent."""
    out = tmp_path / "tail"
    words = "--train-per-class 8 --query-per-class 1 --size 16 --branching 2,2,5 --rarest 4"
    words += " --wrong-labels 0.2 --protocol unseen-classes --seed 3"
    code, printed, err = run("prepare", "synthetic", "--out", out, *words.split())
    assert code == 0, err
    assert "data.unseen_classes" in err and "levels\tsatellites 20, mark 4, outline 2" in printed
    hierarchy = Hierarchy.load(out / "hierarchy.tsv")
    unseen = read_unseen(out / "unseen_classes.txt", hierarchy)
    assert sorted(hierarchy.parents[0][unseen]) == [0, 1, 2, 3]
    listed = read_list(out / "train.lst", 3)
    manifest = json.loads((out / "split.json").read_text())
    assert manifest["protocol"] == "unseen-classes" and manifest["source"]["rarest"] == 4
    assert len(np.unique(listed.level_labels[:, 0])) == 20  # all are in the records
    code, _, err = run("prepare", "synthetic", "--out", tmp_path / "x", "--branching", "2,x")
    assert code == 2 and "--branching: expected numbers separated by commas" in err


def test_unseen_images_and_what_cannot_serve_a_protocol(run, tmp_path):
    out = tmp_path / "u"
    words = "--train-per-class 4 --query-per-class 2 --size 16 --branching 2,2"
    asked = ("prepare", "synthetic", *words.split())
    code, printed, err = run(*asked, "--out", out, "--protocol", "unseen-images")
    assert code == 0 and "the queries are searched among each other" in err
    assert "database\tquery.rec\t8 images" in printed
    code, _, err = run(*asked, "--out", tmp_path / "v", "--protocol", "unseen")
    assert code == 2 and "expected one of paper, unseen-images, unseen-classes" in err
    single = ("prepare", "synthetic", "--size", "16", "--branching", "2,1", "--out", tmp_path / "w")
    code, _, err = run(*single, "--train-per-class", "4", "--protocol", "unseen-classes")
    assert code == 2 and "every superclass has one finest class" in err
    assert not (tmp_path / "v").exists() and not (tmp_path / "w").exists()
