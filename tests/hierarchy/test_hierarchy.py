"""Hierarchies: the file format, the readers, completion, similarities, and errors that name the
line."""

import tarfile
from pathlib import Path

import numpy as np
import pytest

from gluon_hash.datasets.cifar import FINE_TO_COARSE, cifar10_hierarchy
from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy, readers, similarity

DATA = Path(__file__).parents[2] / "data"
ROWS = [
    ("husky", "dog", "animal"),
    ("poodle", "dog", "animal"),
    ("siamese", "cat", "animal"),
    ("truck", "truck", "car"),
]


@pytest.fixture
def tree():
    return Hierarchy.from_table(ROWS, ("breed", "species", "kind"))


@pytest.fixture
def write(tmp_path):
    def write(text):
        (tmp_path / "tree.txt").write_text(text)
        return tmp_path / "tree.txt"

    return write


def test_indices_are_ranks_of_first_appearance(tree):
    assert tree.num_classes == (4, 3, 2)
    assert tree.ancestors.tolist() == [[0, 0, 0], [1, 0, 0], [2, 1, 0], [3, 2, 1]]
    assert tree.level_labels(np.array([3, 0])).tolist() == [[3, 2, 1], [0, 0, 0]]
    assert tree.keep_levels(1).num_classes == (4,)


def test_round_trip_with_and_without_an_order_line(tree, tmp_path):
    ordered = Hierarchy.from_table(ROWS, ("breed", "species", "kind"), {"kind": ["car", "animal"]})
    for name, hierarchy in (("plain.tsv", tree), ("ordered.tsv", ordered)):
        hierarchy.save(tmp_path / name)
        assert Hierarchy.load(tmp_path / name) == hierarchy
    assert "# order: kind\tcar\tanimal" in (tmp_path / "ordered.tsv").read_text()
    assert ordered.ancestors[:, 2].tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize(
    "lines, message",
    [
        ("a\tb\nx\ty\n", r":1: expected '# gluon_hash hierarchy 1'"),
        (
            "# gluon_hash hierarchy 1\nfine\tcoarse\na\tx\nb\n",
            r":4: expected 2 names \(fine, coarse\), got 1",
        ),
        ("# gluon_hash hierarchy 1\nfine\tcoarse\na\tx\na\tx\n", r":4: class 'a' appears twice"),
        (
            "# gluon_hash hierarchy 1\na\tb\tc\n1\tx\tp\n2\tx\tq\n",
            r":4: b class 'x' has two parents, 'p' and 'q'",
        ),
        (
            "# gluon_hash hierarchy 1\nfine\tcoarse\n\tx\nb\tx\n",
            r":3: '' cannot be a class name: it is empty",
        ),
        (
            "# gluon_hash hierarchy 1\nfine\tcoarse\n# order: coarse\tx\na\ty\n",
            r"order of level 'coarse'",
        ),
    ],
)
def test_damaged_files_name_the_line(write, lines, message):
    with pytest.raises(DataError, match=message):
        Hierarchy.load(write(lines))


@pytest.mark.parametrize(
    "lines, message",
    [
        ("1 0\n2 1\n3 1\n2 3\n", r":4: node 2 has two parents, 1 \(line 2\) and 3"),
        ("1 2\n2 3\n3 1\n", r":1: cycle: 1 -> 2 -> 3 -> 1"),
        ("1 0\n5 6\n", r":2: expected one root, got 0, 6: 6, the parent of 5, has no parent"),
        ("1 0\n2\n", r":2: expected two node ids, got 1"),
        ("1 0\n2 3\n3 2\n", "cycle: 2 -> 3 -> 2"),
        ("1 0\n2 0\n1 0\n", r":3: node 1 is on line 1 too"),
        (
            "2 -1\n1 0\n3 0\n",
            r":1: expected one root, got 0, -1: -1, the parent of 2, has no parent",
        ),  # most have root 0
        ("\n", "the file is empty"),
    ],
)
def test_wrong_trees_name_the_line(write, lines, message):
    with pytest.raises(DataError, match=message):
        readers.from_parent_lines(write(lines))


def test_short_leaves_are_completed_by_repetition(write):
    # root 0; 1 under 0; 2 under 1; 3 under 2 (depth 3), 4 under 1 (depth 2)
    hierarchy = readers.from_parent_lines(write("1 0\n2 1\n3 2\n4 1\n"), {"3": "wren", "4": "owl"})
    assert hierarchy.to_table() == [("wren", "2", "1"), ("owl", "owl", "1")]


def test_levels_can_be_left_out(tree):
    ends = tree.take_levels([0, 2])
    assert ends.level_names == ("breed", "kind") and ends.parents[0].tolist() == [0, 0, 0, 1]
    assert tree.take_levels([0, 1, 2]) == tree
    for wrong in ([], [1, 2], [0, 2, 1], [0, 0], [0, 3]):
        with pytest.raises(ValueError, match="expected 0 and then some of 1 to 2, ascending"):
            tree.take_levels(wrong)


def test_a_tree_of_ones_own_over_given_classes(write, tmp_path):
    # root 9; animal 8: dog 1, cat 2; car 3; a wolf (4) that is no class of the data set
    path = write("9 8\n8 1\n8 2\n9 3\n8 4\n")
    (tmp_path / "names").write_text("1 dog\n2 cat\n3 car\n4 wolf\n8 animal\n9 all\n")
    hierarchy = readers.for_classes(path, ["car", "cat", "dog"], tmp_path / "names")
    assert hierarchy.to_table() == [("car", "car"), ("cat", "animal"), ("dog", "animal")]
    hierarchy.save(tmp_path / "h.tsv")
    assert readers.for_classes(tmp_path / "h.tsv", ["dog", "car"]).to_table() == [
        ("dog", "animal"),
        ("car", "car"),
    ]
    assert readers.for_classes(path, ["1", "3"]).to_table() == [("1", "8"), ("3", "3")]
    for file in (path, tmp_path / "h.tsv"):
        with pytest.raises(DataError, match=r"1 of 2 classes are not in the t\w+: bus"):
            readers.for_classes(file, ["car", "bus"], tmp_path / "names")


@pytest.mark.parametrize(
    "names, message",
    [
        ("1 dog\n2 dog\n", "class 'dog' is the name of several nodes"),
        ("1 dog\n1 cat\n", ":2: id 1 appears twice"),
        ("1 dog\n2\n", ":2: expected an id and a value, got '2'"),
    ],
)
def test_wrong_names_of_nodes(write, tmp_path, names, message):
    (tmp_path / "names").write_text(names)
    with pytest.raises(DataError, match=message):
        readers.for_classes(write("0 1\n0 2\n"), ["dog"], tmp_path / "names")


def test_shared_names_get_their_ids(write):
    hierarchy = readers.from_parent_lines(write("1 0\n2 0\n"), {"1": "gull", "2": "gull"})
    assert hierarchy.class_names == (("gull (1)", "gull (2)"),)


def test_folders_are_a_hierarchy():
    hierarchy = readers.from_folders(["animal/dog/husky", "animal/dog/poodle", "car"])
    assert hierarchy.to_table() == [
        ("husky", "dog", "animal"),
        ("poodle", "dog", "animal"),
        ("car", "car", "car"),
    ]
    with pytest.raises(ValueError, match="holds images and folders"):
        readers.from_folders(["animal", "animal/dog"])


def test_images_beside_folders_of_images_are_a_class_of_their_own():
    folders = [".", "animal", "animal/dog", "car"]
    assert readers.mixed_folders(folders) == [".", "animal"]
    hierarchy = readers.from_folders(folders, other="other {}")
    # class i is folder i; those without a level below are completed by repetition
    assert hierarchy.to_table() == [
        ("other", "other"),
        ("other animal", "animal"),
        ("dog", "animal"),
        ("car", "car"),
    ]
    with pytest.raises(ValueError, match="lie in no folder, so they have no class"):
        readers.from_folders(["."], other="{}")


def test_folders_of_one_name_in_different_branches_are_told_apart_by_their_paths():
    hierarchy = readers.from_folders(["english/upper", "english/lower", "german/upper"])
    assert hierarchy.to_table() == [
        ("english/upper", "english"),
        ("lower", "english"),
        ("german/upper", "german"),
    ]
    # at another depth too: else the leaf "road" would look like the class above it, repeated
    assert readers.from_folders(["road/car", "toy/road", "toy/car"]).to_table() == [
        ("road/car", "road"),
        ("toy/road", "toy"),
        ("toy/car", "toy"),
    ]


def test_a_folder_in_a_folder_of_its_name_is_the_same_class_if_nothing_else_is_in_it():
    assert readers.from_folders(["bird/bird", "mammal/cat", "mammal/dog"]).to_table() == [
        ("bird", "bird"),
        ("cat", "mammal"),
        ("dog", "mammal"),
    ]
    assert readers.from_folders(["bird/bird", "bird/owl"]).to_table() == [
        ("bird/bird", "bird"),
        ("owl", "bird"),
    ]


def test_label_table_names_the_line(write):
    assert readers.from_label_table(write("fine\tcoarse\na\tx\nb\tx\n")).num_classes == (2, 1)
    with pytest.raises(DataError, match=":3: class 'a' appears twice"):
        readers.from_label_table(write("fine\tcoarse\na\tx\na\tx\n"))


def test_labels_outside_the_hierarchy_are_named(tree):
    with pytest.raises(
        DataError, match=r"codes\.npz: record 1: labels \[1, 2, 0\] .* has \[1, 0, 0\]"
    ):
        tree.check_level_labels(np.array([[0, 0, 0], [1, 2, 0]]), "codes.npz")
    with pytest.raises(DataError, match="labels of 3 levels"):
        tree.check_level_labels(np.zeros((2, 2), int))


def test_labels_may_be_missing_at_the_finest_levels_only(tree):
    tree.check_partial_labels(np.array([[0, 0, 0], [-1, 1, 0], [-1, -1, 1]]))
    for wrong in ([-1, 2, 0], [0, -1, 0], [-1, 5, 0], [-2, 0, 0], [-1, -1, -1]):
        with pytest.raises(DataError, match="record 1"):
            tree.check_partial_labels(np.array([[0, 0, 0], wrong]), "codes.npz")


def test_similarities_in_closed_form(tree):
    assert similarity.matching_levels(tree)[0].tolist() == pytest.approx([1, 2 / 3, 1 / 3, 0])
    assert similarity.level_weighted(tree, [1, 0, 3])[0].tolist() == [1, 0.75, 0.75, 0]
    # heights: breeds 0, species 1, animal 2, root 3; truck is one node (a leaf repeated) under car
    assert similarity.lcs_height(tree)[0].tolist() == pytest.approx([1, 2 / 3, 1 / 3, 0])
    # depths: root 1, animal 2, dog 3, husky 4; car 2, truck 3
    assert similarity.wu_palmer(tree)[0].tolist() == pytest.approx([1, 6 / 8, 4 / 8, 2 / 7])
    with pytest.raises(ValueError, match="weights"):
        similarity.level_weighted(tree, [1, 2])


@pytest.mark.parametrize(
    "measure", [similarity.matching_levels, similarity.lcs_height, similarity.wu_palmer]
)
def test_similarities_are_symmetric_and_one_on_the_diagonal(tree, measure):
    values = measure(tree)
    np.testing.assert_array_equal(values, values.T)
    np.testing.assert_array_equal(np.diag(values), 1)
    assert 0 <= values.min() and values.max() <= 1


def test_the_tables_in_data_are_what_the_recipes_use():
    assert Hierarchy.load(DATA / "cifar10" / "hierarchy.tsv") == cifar10_hierarchy()
    cifar100 = Hierarchy.load(DATA / "cifar100" / "hierarchy.tsv")
    assert cifar100.parents[0].tolist() == FINE_TO_COARSE.tolist()
    assert np.bincount(FINE_TO_COARSE).tolist() == [5] * 20


def test_the_real_nabirds_tree_has_its_official_counts(datasets, tmp_path):
    from gluon_hash.datasets.birds import nabirds_hierarchy

    with tarfile.open(datasets / "nabirds-metadata.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    hierarchy = nabirds_hierarchy(tmp_path)
    assert hierarchy.num_classes == (555, 495, 228, 22)
    assert (np.bincount(hierarchy.parents[0]) == 1).sum() == 444


def test_cifar100_under_its_deep_wordnet_tree(datasets):
    folder = datasets / "cifar100-wordnet"
    fine = [row[0] for row in Hierarchy.load(DATA / "cifar100" / "hierarchy.tsv").to_table()]
    hierarchy = readers.for_classes(
        folder / "cifar.parent-child.txt", fine, folder / "class_names.txt"
    )
    # the tree has leaves at depth 2 to 8 below its root, 162 nodes without it, four of them on top
    assert (
        hierarchy.num_levels == 8
        and hierarchy.class_names[0] == tuple(fine)
        and hierarchy.num_classes[-1] == 4
    )
    assert len(set().union(*hierarchy.class_names)) == 162
    assert hierarchy.to_table()[fine.index("trout")][1:4] == (
        "soft-finned_fish",
        "bony_fish",
        "fish",
    )
    assert hierarchy.to_table()[fine.index("sea")] == ("sea",) * 7 + ("natural_scenes",)
