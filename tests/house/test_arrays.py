"""Named arrays in an .npz: what is written comes back; what is not ours is said in one line."""

import numpy as np
import pytest

from gluon_hash.arrays import array_shape, load_arrays, save_arrays
from gluon_hash.errors import DataError


def test_what_is_written_comes_back(tmp_path):
    save_arrays(tmp_path / "a.npz", codes=np.arange(6).reshape(2, 3), ids=np.array([4, 5]))
    loaded = load_arrays(tmp_path / "a.npz", ("ids", "codes"))
    assert list(loaded) == ["ids", "codes"]
    np.testing.assert_array_equal(loaded["codes"], [[0, 1, 2], [3, 4, 5]])


def test_the_name_must_say_what_it_is(tmp_path):
    with pytest.raises(ValueError, match=r"a\.npy: the name must end in \.npz"):
        save_arrays(tmp_path / "a.npy", x=np.zeros(1))


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("a.npz", b"", "got an empty file$"),
        ("a.npz", b"\x93NUMPY and an array", "got a file of another kind$"),
        ("a.rec", b"\x0a\x23\xd7\xce records", "another kind; `gluon-hash encode` makes it of rec"),
        ("a.npz", b"PK\x03\x04 cut", "not a readable .npz, or cut short"),
    ],
)
def test_another_file_is_refused_by_its_name(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"^{tmp_path / name}: .*{message}"):
        load_arrays(tmp_path / name, ("codes",))


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"codes": [1]}, "it has no version"),
        ({"version": 2, "codes": [1]}, "expected version 1, got 2"),
        ({"version": 1, "ids": [1]}, "expected the arrays codes; codes missing"),
        ({"version": 1, "codes": np.array([{}])}, "not a readable .npz"),
    ],
    ids=["version missing", "newer version", "array missing", "object array"],
)
def test_an_npz_that_is_not_ours_is_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **{name: np.asarray(value) for name, value in arrays.items()})
    with pytest.raises(DataError, match=message):
        load_arrays(tmp_path / "a.npz", ("codes",))


def test_a_missing_file_stays_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_arrays(tmp_path / "none.npz", ("codes",))


def test_the_shape_of_an_array_is_read_without_the_array(tmp_path):
    save_arrays(tmp_path / "a.npz", x=np.zeros((3, 5), np.float16), y=np.zeros(2))
    assert array_shape(tmp_path / "a.npz", "x") == (3, 5)
    with pytest.raises(DataError, match="z missing"):
        array_shape(tmp_path / "a.npz", "z")
