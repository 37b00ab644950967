"""What is refused where it comes in: names that cannot be written, trees too deep, binary files."""

import numpy as np
import pytest

from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy, readers
from gluon_hash.hierarchy.table import MOST_LEVELS

BREAKS = "holds a tab or a line break"
BLANKS = "begins or ends with a blank"


@pytest.mark.parametrize(
    "name, flaw",
    [
        ("a\tb", BREAKS),
        ("a\nb", BREAKS),
        ("a\rb", BREAKS),
        ("a\u2028b", BREAKS),
        ("a\x85b", BREAKS),
        ("a\x0cb", BREAKS),
        ("a\n", BREAKS),
        (" a", BLANKS),
        ("a ", BLANKS),
        ("a\u00a0", BLANKS),
        ("", "is empty"),
        (" ", "is empty"),
        ("# order: a", "begins with '# order: '"),
        ("\ud800", "cannot be written as UTF-8"),
        (5, "is not a text"),
    ],
    ids=ascii,
)
class TestNamesThatAreRefused:
    def test_of_classes(self, name, flaw):
        for row in (("x", name), (name, "x")):
            with pytest.raises(ValueError, match=flaw) as raised:
                Hierarchy.from_table([("b", "y"), row], ("fine", "coarse"))
            assert repr(name) in str(raised.value) and raised.value.row == 1
        with pytest.raises(ValueError, match=flaw) as raised:
            Hierarchy(("fine",), (("b", name),), ())
        assert repr(name) in str(raised.value)

    def test_of_levels(self, name, flaw):
        with pytest.raises(ValueError, match=flaw) as raised:
            Hierarchy.from_table([("a", "b")], ("fine", name))
        assert repr(name) in str(raised.value)


def test_all_other_names_come_back(tmp_path):
    names = ["Räv (adult)", "a  b", "#1", "# order", "'", '"', "a,b", "日本", "a\u00a0b", "\u200b"]
    tree = Hierarchy.from_table([(name, f"{name} ({name})") for name in names], ("fine", "coarse"))
    tree.save(tmp_path / "h.tsv")
    assert Hierarchy.load(tmp_path / "h.tsv") == tree


def test_a_file_with_such_a_name_names_its_line(tmp_path):
    path = tmp_path / "h.tsv"
    path.write_text("# gluon_hash hierarchy 1\nfine\tcoarse\na\tb\nc \td\n")
    with pytest.raises(DataError, match=rf"h\.tsv:4: 'c ' cannot be a class name: it {BLANKS}"):
        Hierarchy.load(path)


def test_two_orders_of_one_level_are_refused(tmp_path):
    path = tmp_path / "h.tsv"
    order = "# order: coarse\tb\td\n"
    path.write_text(f"# gluon_hash hierarchy 1\nfine\tcoarse\n{order}{order}a\tb\nc\td\n")
    with pytest.raises(DataError, match=r"h\.tsv:4: the order of level 'coarse' is given twice"):
        Hierarchy.load(path)


def test_two_levels_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two levels have one name: a, a"):
        Hierarchy.from_table([("x", "y")], ("a", "a"))


def chain(num_levels, num_leaves=1):
    """Parent lines: a branch of this many nodes below the root, and leaves beside it."""
    return "".join(f"{n + 1} {n}\n" for n in range(num_levels)) + "".join(
        f"leaf{n} 0\n" for n in range(num_leaves)
    )


def test_a_tree_may_have_so_many_levels_and_no_more(tmp_path):
    path = tmp_path / "tree.txt"
    path.write_text(chain(MOST_LEVELS))
    assert readers.from_parent_lines(path).num_levels == MOST_LEVELS
    path.write_text(chain(MOST_LEVELS + 1))
    with pytest.raises(DataError, match=f"tree.txt.*more than {MOST_LEVELS} levels: "):
        readers.from_parent_lines(path)
    folders = ["/".join("abc"[n % 3] * (n + 1) for n in range(MOST_LEVELS + 1)), "x"]
    with pytest.raises(ValueError, match=f"at most {MOST_LEVELS} levels, got {MOST_LEVELS + 1}"):
        readers.from_folders(folders)


@pytest.mark.timeout(20)  # completed, these would be 10**10 names
def test_a_deep_file_is_refused_at_once(tmp_path):
    path = tmp_path / "tree.txt"
    path.write_text(chain(100_000, 100_000))
    with pytest.raises(DataError, match="more than 64 levels"):
        readers.from_parent_lines(path)


def test_lines_of_other_systems_are_read_alike(tmp_path):
    text = "# gluon_hash hierarchy 1\nfine\tcoarse\na\tb\nc\td\n"
    (tmp_path / "unix.tsv").write_text(text)
    tree = Hierarchy.load(tmp_path / "unix.tsv")
    assert np.array_equal(tree.parents[0], [0, 1])
    for name, end in (("windows.tsv", "\r\n"), ("old.tsv", "\r")):
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", end).encode())
        assert Hierarchy.load(tmp_path / name) == tree


@pytest.mark.parametrize(
    "read",
    [
        Hierarchy.load,
        readers.from_label_table,
        readers.from_parent_lines,
        readers.read_pairs,
        lambda path: readers.for_classes(path, ["a"]),
    ],
)
def test_a_binary_in_place_of_text_is_named(tmp_path, read):
    (tmp_path / "train.rec").write_bytes(b"\x0a\x23\xd7\xce")
    with pytest.raises(DataError, match=r"train\.rec:2: expected UTF-8 text, got byte 0xd7"):
        read(tmp_path / "train.rec")
    with pytest.raises(DataError, match=r"none: no such file"):
        read(tmp_path / "none")
