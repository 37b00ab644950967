"""A hierarchy with new classes: old numbers stay, contradictions are named."""

import pytest

from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.hierarchy.extended import extended

LEVELS = ("fine", "coarse")
OLD = Hierarchy.from_table([("b", "x"), ("a", "y")], LEVELS)


def test_new_classes_come_behind_at_every_level():
    other = Hierarchy.from_table([("d", "w"), ("c", "y"), ("a", "y")], LEVELS)
    found = extended(OLD, other)
    assert found.class_names == (("b", "a", "d", "c"), ("x", "y", "w"))
    assert found.parents[0].tolist() == [0, 1, 2, 1]


@pytest.mark.parametrize(
    "rows, levels, message",
    [
        ([("a", "y")], LEVELS, "has no finest class that is not known already"),
        ([("c", "y")], ("fine", "top"), "expected the levels fine, coarse, got fine, top"),
        ([("a", "x"), ("c", "x")], LEVELS, "'a' is below x, and was below y before"),
    ],
)
def test_what_does_not_go_together_is_named(rows, levels, message):
    with pytest.raises(DataError, match=f"new.tsv: {message}"):
        extended(OLD, Hierarchy.from_table(rows, levels), "new.tsv")


def test_a_superclass_that_moved_is_named():
    old = Hierarchy.from_table([("a", "x", "p")], ("fine", "coarse", "top"))
    other = Hierarchy.from_table([("b", "x", "q")], ("fine", "coarse", "top"))
    with pytest.raises(DataError, match="x"):
        extended(old, other)
