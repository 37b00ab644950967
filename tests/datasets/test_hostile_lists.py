"""Lists from elsewhere: paths out of their folder, names that cannot be written, bombs."""

import os
import pickle
import struct

import numpy as np
import pytest

from gluon_hash import datasets
from gluon_hash.datasets import cifar_python
from gluon_hash.errors import DataError
from gluon_hash.guard import check_pickle
from gluon_hash.records import RecordFile
from gluon_hash.records.lists import ImageList, read_list, write_list


@pytest.fixture
def nabirds(tmp_path, make_images):
    root = tmp_path / "nabirds"
    make_images(root / "images", ["1/one.png", "1/two.png"])
    make_images(tmp_path, ["secret.png"])
    for name, lines in (
        ("images.txt", ["a 1/one.png", "b 1/two.png"]),
        ("image_class_labels.txt", ["a 1", "b 1"]),
        ("train_test_split.txt", ["a 1", "b 0"]),
        ("classes.txt", ["0 Birds", "1 Ducks"]),
        ("hierarchy.txt", ["1 0"]),
    ):
        (root / name).write_text("\n".join(lines) + "\n")
    return root


@pytest.mark.parametrize("outside", ["../../secret.png", "1/../../../secret.png", "absolute"])
def test_a_list_of_a_data_set_stays_in_its_folder(nabirds, tmp_path, outside):
    assert (nabirds / "images" / "../../secret.png").exists()
    name = str(tmp_path / "secret.png") if outside == "absolute" else outside
    (nabirds / "images.txt").write_text(f"a {name}\nb 1/two.png\n")
    with pytest.raises(DataError, match=r"images\.txt: '.*secret\.png' is outside of .*; refused"):
        datasets.nabirds(nabirds)


def test_a_table_of_ones_own_may_name_images_anywhere(tmp_path, make_images):
    make_images(tmp_path / "images", [f"{n}.png" for n in range(6)])
    (tmp_path / "tables").mkdir()
    rows = [f"../images/{n}.png,{'ab'[n % 2]}" for n in range(3)]
    rows += [f"{tmp_path}/images/{n}.png,{'ab'[n % 2]}" for n in range(3, 6)]
    (tmp_path / "tables" / "t.csv").write_text("path,label\n" + "\n".join(rows) + "\n")
    data = datasets.csv(tmp_path / "tables" / "t.csv", query_per_class=1)
    data.write(tmp_path / "out", validation_per_class=1)
    assert len(RecordFile(tmp_path / "out" / "train.rec")) == 4


@pytest.mark.parametrize(
    "file, content, message",
    [
        ("image_class_labels.txt", "a one\nb 1\n", r"labels\.txt: image a: expected .*got 'one'"),
        ("train_test_split.txt", "a 2\nb 0\n", r"split\.txt: image a: expected \[01\], got '2'"),
    ],
)
def test_values_of_other_kinds_are_named(nabirds, file, content, message):
    (nabirds / file).write_text(content)
    with pytest.raises(DataError, match=message):
        datasets.nabirds(nabirds)


@pytest.mark.parametrize("name", ["a\tb.png", "a\nb.png", "a\rb.png", os.fsdecode(b"a\xffb.png")])
def test_a_file_that_no_list_can_name_is_refused_before_it_is_read(tmp_path, make_images, name):
    make_images(tmp_path / "photos", ["cat/x.png", "dog/y.png", "dog/z.png"])
    (tmp_path / "photos" / "cat" / name).write_bytes(b"not even an image")
    with pytest.raises(DataError, match="cannot be written into a list: it ") as raised:
        datasets.folder(tmp_path / "photos")
    assert repr(name)[1:-1] in str(raised.value)


@pytest.mark.parametrize("name", ["c\u2028d", "c\x85d", " c", "c "])
def test_a_folder_that_cannot_be_a_class_is_refused_when_it_is_found(tmp_path, make_images, name):
    make_images(tmp_path / "photos", [f"{name}/x.png", "dog/y.png"])
    with pytest.raises(DataError, match="photos: .* cannot be a class name: it ") as raised:
        datasets.folder(tmp_path / "photos")
    assert repr(name) in str(raised.value)


def test_names_of_images_that_survive_are_kept(tmp_path):
    names = [" a.png", "b\u2028c.png", "d\x85e.png", "f .png ", "日本.png"]
    images = ImageList(np.arange(5), np.zeros((5, 1), np.int32), names)
    write_list(tmp_path / "x.lst", images)
    assert read_list(tmp_path / "x.lst").paths == names
    with pytest.raises(ValueError, match=r"x\.lst: 'a\\tb' cannot be a name in a list: it holds"):
        write_list(tmp_path / "x.lst", ImageList(images.ids[:1], images.level_labels[:1], ["a\tb"]))


@pytest.mark.parametrize(
    "line, message",
    [
        (
            "9223372036854775808\t0\ta",
            r"x\.lst:1: expected an integer >= 0 and <= 92233720",
        ),
        ("0\t2147483648\ta", r"x\.lst:1: expected an integer >= -1 and <= 2147483647, got '21474"),
        ("0\t1e400\ta", r"x\.lst:1: expected an integer >= -1"),
        ("0\tnan\ta", r"x\.lst:1: expected an integer >= -1, got 'nan'"),
        ("9" * 5000 + "\t0\ta", r"x\.lst:1: expected an integer"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(tmp_path, line, message):
    (tmp_path / "x.lst").write_text(line + "\n")
    with pytest.raises(DataError, match=message) as raised:
        read_list(tmp_path / "x.lst")
    assert len(raised.value.message) < 200


def test_ids_beyond_a_float_are_read_to_the_last_digit(tmp_path):
    (tmp_path / "x.lst").write_text(f"{2**53 + 1}\t3.000000\ta.jpg\n")
    images = read_list(tmp_path / "x.lst")
    assert images.ids.tolist() == [2**53 + 1] and images.level_labels.tolist() == [[3]]


@pytest.mark.parametrize(
    "data, message",
    [
        # a table of 2**31 values, 16 GB, out of nine bytes
        (b"\x80\x02}r\xff\xff\xff\x7f.", "it numbers a value 2147483647, in 9 bytes"),
        # an array of 10**12 bytes
        (
            b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n\x8a\x06"
            + struct.pack("<Q", 10**12)[:6]
            + b"U\x01btR.",
            "expected a dictionary",
        ),
        (b"\x80\x02cnumpy\nzeros\n\x8a\x06" + b"\xff" * 6 + b"\x85R.", "asks for numpy.zeros"),
        (b"\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x03\0\0\0hex\x86R.", "the encoding 'hex'"),
    ],
)
def test_pickles_that_ask_for_much_are_refused(tmp_path, data, message):
    (tmp_path / "train").write_bytes(b"")
    (tmp_path / "meta").write_bytes(data)
    with pytest.raises(DataError, match=message):
        cifar_python.cifar100_python(tmp_path)


def test_a_pickle_may_number_its_values_up_to_its_size():
    check_pickle(pickle.dumps({str(n): [n] for n in range(1000)}, protocol=2))
    check_pickle(pickle.dumps({str(n): [n] for n in range(1000)}, protocol=5))
