"""Tables of images: CSV and TSV, levels by column, splits someone made, lines that are wrong."""

import numpy as np
import pytest

from gluon_hash import datasets
from gluon_hash.datasets.label_tables import hierarchy_of, read_table
from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records import RecordFile, read_list

ROWS = [
    ("a.png", "husky", "dog"),
    ("b.png", "husky", "dog"),
    ("sub/c.png", "siamese", "cat"),
    ("sub/d.png", "siamese", "cat"),
]


@pytest.fixture
def write(tmp_path, make_images):
    """Writes a table beside its images."""
    make_images(tmp_path, [row[0] for row in ROWS])

    def write(header, rows=ROWS, separator=",", name="t.csv", encoding="utf-8"):
        lines = [separator.join(line) for line in (header, *rows)]
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding=encoding)
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    "separator, name, encoding",
    [(",", "t.csv", "utf-8"), ("\t", "t.tsv", "utf-8"), (";", "t.csv", "utf-8-sig")],
)
def test_a_column_is_a_level_finest_first(write, separator, name, encoding):
    table = write(("path", "breed", "species"), separator=separator, name=name, encoding=encoding)
    data = datasets.csv(table, query_share=0.5)
    assert data.hierarchy.level_names == ("breed", "species")
    assert data.hierarchy.to_table() == [("husky", "dog"), ("siamese", "cat")]
    assert len(data.train) == len(data.query) == 2 and data.drawn
    assert set(data.train.names + data.query.names) == {row[0] for row in ROWS}


def test_names_with_separators_and_line_breaks_are_quoted(write):
    rows = [("a.png", '"husky, grey"'), ("b.png", '"husky, grey"'), ("sub/c.png", "cat")]
    assert datasets.csv(write(("path", "breed"), rows), query_share=0.5).hierarchy.class_names == (
        ("husky, grey", "cat"),
    )


def test_columns_in_another_order_are_named(write, make_images):
    rows = [(path, species, "1999", breed) for path, breed, species in ROWS]
    rows.append(("a2.png", "dog", "2000", "poodle"))
    table = write(("image", "species", "year", "breed"), rows)
    make_images(table.parent, ["a2.png"])
    with pytest.raises(
        DataError,
        match=r"t\.csv:6: species class 'dog' is in year 2000 / poodle here and in year 1999 / "
        r"husky .*or name the columns that are levels, finest first \(levels\)",
    ):
        datasets.csv(table)
    data = datasets.csv(table, levels=["breed", "species"], query_per_class=1)
    assert data.hierarchy.num_classes == (3, 2)


def test_a_split_someone_made(write):
    rows = [(*row, word) for row, word in zip(ROWS, ("train", "Test", "database", "val"))]
    data = datasets.csv(write(("path", "breed", "species", "split"), rows))
    assert data.train.names == ["a.png", "sub/c.png"] and not data.drawn
    assert data.query.names == ["b.png", "sub/d.png"]
    named = datasets.csv(
        write(("path", "breed", "species", "part"), rows),
        levels=["breed", "species"],
        split_column="part",
    )
    assert named.query.names == data.query.names


def test_paths_are_relative_to_the_table_or_to_root(write, tmp_path):
    table = write(("path", "breed"), [("c.png", "siamese"), ("d.png", "siamese")])
    data = datasets.csv(table, root=tmp_path / "sub", query_share=0.5)
    assert data.train.encoded(0) == (tmp_path / "sub" / data.train.names[0]).read_bytes()
    with pytest.raises(DataError, match=r"2 of 2 images are missing \(c\.png, d\.png\); paths are"):
        datasets.csv(table)


def test_a_missing_class_above_is_the_one_below_repeated(write):
    animal, car = ("husky", "dog", "animal"), ("car", "", "")
    rows = [("a.png", *animal), ("b.png", *animal), ("sub/c.png", *car), ("sub/d.png", *car)]
    data = datasets.csv(write(("path", "breed", "species", "kind"), rows), query_share=0.5)
    assert data.hierarchy.to_table() == [("husky", "dog", "animal"), ("car", "car", "car")]


def test_a_tree_of_ones_own(write, tmp_path):
    tree = Hierarchy.from_table(
        [("siamese", "cat"), ("husky", "dog"), ("wolf", "dog")], ("breed", "species")
    )
    data = datasets.csv(
        write(("path", "breed", "species")), levels=["breed"], hierarchy=tree, query_share=0.5
    )
    assert data.hierarchy is tree and sorted(data.train.fine_labels) == [0, 1]
    swapped = [(path, breed, "cat" if species == "dog" else "dog") for path, breed, species in ROWS]
    with pytest.raises(
        DataError,
        match=r"t\.csv:2: species 'cat' disagrees with the hierarchy, .*'husky' is in 'dog'",
    ):
        datasets.csv(write(("path", "breed", "species"), swapped), hierarchy=tree)


@pytest.mark.parametrize(
    "header, rows, message",
    [
        (("path", "breed"), [("a.png",)], r"t\.csv:2: expected 2 fields \(path, breed\), got 1"),
        (("path", "path"), ROWS, r"t\.csv:1: expected a name of its own for every column"),
        (("where", "breed", "kind"), ROWS, r"no column is called path, file.* where, breed, kind"),
        (("path", "breed"), [], "expected a header and at least one row"),
        (("path", "breed"), [("a.png", "")], r"t\.csv:2: breed is '': every row needs its class"),
        (("path", "breed"), [("a.png", "-1")], r"t\.csv:2: breed is '-1': every row needs"),
        (
            ("path", "breed"),
            [("a.png", "x"), ("a.png", "x")],
            r"t\.csv:3: 'a\.png' is on line 2 too; an image has one row",
        ),
        (("path", "breed"), [("", "x")], r"t\.csv:2: the path is empty"),
        (
            ("path", "breed", "split"),
            [("a.png", "x", "train"), ("b.png", "x", "tset")],
            r"t\.csv:3: split: expected one of train, .*got 'tset'",
        ),
        (
            ("path", "breed", "split"),
            [("a.png", "x", "train"), ("b.png", "x", "train")],
            "expected training images and queries, got one of the two",
        ),
        (("path",), [("a.png",)], "no column is left that could be a level"),
        (
            ("path", "breed", "species"),
            [("a.png", "x", "dog"), ("b.png", "x", "cat")],
            r"t\.csv:3: breed class 'x' is in cat here and in dog before; give one of them another",
        ),
        (
            ("path", "breed", "species", "kind"),
            [("a.png", "x", "dog", "wild"), ("b.png", "y", "dog", "tame")],
            r"t\.csv:3: species class 'dog' has two parents, 'wild' and 'tame'",
        ),
    ],
)
def test_wrong_tables_name_the_line(write, header, rows, message):
    with pytest.raises(DataError, match=message):
        datasets.csv(write(header, rows), query_share=0.5)


def test_a_binary_in_place_of_a_table_is_named(tmp_path, make_images):
    make_images(tmp_path, ["a.png"])
    with pytest.raises(DataError, match=r"a\.png:1: expected UTF-8 text, got byte 0x89"):
        datasets.csv(tmp_path / "a.png")


def test_classes_that_are_numbers_are_in_their_order_and_told_apart_by_level(write):
    rows = [("a.png", "10", "1"), ("b.png", "2", "0"), ("sub/c.png", "9", "1")]
    table = read_table(write(("path", "fine", "coarse"), rows)).select(["fine", "coarse"])
    # by number, not by text, which would put 10 before 2
    assert hierarchy_of(table).class_names == (("2", "9", "10"), ("coarse 0", "coarse 1"))
    assert hierarchy_of(table).parents[0].tolist() == [0, 1, 1]


def test_an_image_is_read_from_the_table_as_from_a_folder(write, tmp_path):
    datasets.csv(write(("path", "breed", "species")), query_share=0.5).write(tmp_path / "out")
    records = RecordFile(tmp_path / "out" / "train.rec")
    listed = read_list(tmp_path / "out" / "train.lst")
    for position, name in enumerate(listed.paths):
        assert records.image_bytes(position) == (tmp_path / name).read_bytes()
    assert np.array_equal(records.level_labels, listed.level_labels)
