"""Classes that are never trained on: drawn over the superclasses, written, read, relabelled."""

import numpy as np
import pytest

from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.hierarchy.unseen import (
    check_protocols,
    draw_unseen,
    read_unseen,
    relabelled,
    without_classes,
    write_unseen,
)


def tree(*sizes):
    """A superclass of each size: names such as b2, the third class of the second."""
    rows = [(f"{p}{c}", p) for p, size in zip("abcdefghijkl", sizes) for c in range(size)]
    return Hierarchy.from_table(rows, ("fine", "coarse"))


@pytest.mark.parametrize("seed", range(5))
def test_as_many_of_each_superclass(seed):
    """5 classes in each of 4 superclasses: a fifth is 4, one of each."""
    hierarchy = tree(5, 5, 5, 5)
    drawn = draw_unseen(hierarchy, seed)
    assert sorted(hierarchy.parents[0][drawn]) == [0, 1, 2, 3]
    np.testing.assert_array_equal(drawn, draw_unseen(hierarchy, seed))


def test_other_seeds_draw_others():
    hierarchy = tree(5, 5, 5, 5)
    assert len({tuple(draw_unseen(hierarchy, seed)) for seed in range(10)}) > 5


def test_large_superclasses_give_more_and_each_keeps_one():
    """Of 1, 2 and 12 classes 3 are drawn: 1/12 and 2/12 come before 1/2, 3/12 too."""
    hierarchy = tree(1, 2, 12)
    assert hierarchy.parents[0][draw_unseen(hierarchy, 0)].tolist() == [2, 2, 2]
    most = draw_unseen(hierarchy, 0, share=0.99)  # 15 asked for: all but one of each superclass
    assert np.bincount(hierarchy.parents[0][most], minlength=3).tolist() == [0, 1, 11]


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(ValueError, match="every superclass has one finest class"):
        draw_unseen(tree(1, 1, 1), 0)
    with pytest.raises(ValueError, match="a share between 0 and 1, got 1.5"):
        draw_unseen(tree(5), 0, share=1.5)


def test_one_level_is_one_superclass():
    flat = Hierarchy.from_table([(f"c{c}",) for c in range(10)], ("class",))
    assert len(draw_unseen(flat, 0)) == 2


def test_the_trained_part_keeps_names_and_order():
    """The coarse order is not that of first appearance: z before a."""
    rows = [("p", "a"), ("q", "z"), ("r", "a"), ("s", "z")]
    hierarchy = Hierarchy.from_table(rows, ("fine", "coarse"), {"coarse": ["z", "a"]})
    trained = without_classes(hierarchy, np.array([0]))
    assert trained.class_names == (("q", "r", "s"), ("z", "a"))
    labels = np.array([[0, 1], [1, 0], [2, 1], [3, 0], [-1, 1]], np.int32)
    expected = [[-1, 1], [0, 0], [1, 1], [2, 0], [-1, 1]]
    assert relabelled(labels, hierarchy, trained).tolist() == expected
    assert relabelled(labels, hierarchy, hierarchy).tolist() == labels.tolist()


def test_names_are_written_and_read(tmp_path):
    hierarchy, path = tree(3, 3), tmp_path / "unseen_classes.txt"
    write_unseen(path, hierarchy, np.array([1, 5]))
    assert path.read_text() == "a1\nb2\n"
    path.write_text("b2\na1\n")
    assert read_unseen(path, hierarchy).tolist() == [1, 5]


@pytest.mark.parametrize(
    "text, message",
    [
        ("a1\nc9\n", "unseen_classes.txt:2: 'c9' is not a finest class"),
        ("a1\na1\n", "unseen_classes.txt:2: 'a1' is named twice"),
        ("", "names 0 of 4 finest classes"),
        ("a0\na1\nb0\nb1\n", "names 4 of 4 finest classes"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, text, message):
    path = tmp_path / "unseen_classes.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_unseen(path, tree(2, 2))


def test_protocols_are_named():
    check_protocols(["paper", "unseen-classes"])
    for wrong in ([], ["paper", "paper"], ["papers"]):
        with pytest.raises(ValueError, match="expected one of paper, unseen-images, unseen-cl"):
            check_protocols(wrong)
