"""The guard layer: what is damaged, too large, too deep or hostile is refused with its name."""

import errno
import io
import json
import os
import struct
import tokenize
import zipfile
import zlib

import numpy as np
import pytest

from gluon_hash import guard
from gluon_hash.errors import DataError, MissingPackageError
from gluon_hash.guard import json_text, numpy_files, yaml_text
from gluon_hash.guard.reading import PIPE_LIMIT


@pytest.mark.parametrize(
    "content, message",
    [
        # a PNG begins so: the second byte of the line is no UTF-8
        (b"\x89PNG\r\n", r"x\.txt:1: expected UTF-8 text, got byte 0x89"),
        (b"one\ntwo\n\xd7ree", r"x\.txt:3: expected UTF-8 text, got byte 0xd7"),
        ("größer".encode("latin-1"), r"x\.txt:1: .*got byte 0xf6.* saved as UTF-8"),
    ],
)
def test_bytes_that_are_no_text_are_named_with_their_line(tmp_path, content, message):
    (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        guard.read_text(tmp_path / "x.txt")


def test_a_byte_order_mark_is_not_a_part_of_the_text(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"\xef\xbb\xbfa\n")
    assert guard.read_text(tmp_path / "x.txt") == "a\n"


def test_a_missing_file_says_what_makes_it(tmp_path):
    with pytest.raises(DataError, match=r"x\.txt: no such file; `gluon-hash prepare` makes it"):
        guard.read_text(tmp_path / "x.txt", made_by="gluon-hash prepare")
    with pytest.raises(DataError, match=r"x\.txt: no such file$"):
        guard.read_text(tmp_path / "x.txt")


@pytest.mark.parametrize(
    "error",
    [
        zlib.error("Error -3"),
        tokenize.TokenError("EOF"),
        struct.error("unpack"),
        zipfile.BadZipFile("bad"),
        RecursionError("too deep"),
        MemoryError(),
        KeyError("x"),
        OSError("a decoder's own, without a number"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_library_raises_becomes_an_error_of_the_file(error):
    with pytest.raises(DataError, match=r"^a\.x:3: not a readable thing, .*; do this$") as raised:
        with guard.reading("a.x", "thing", "do this", line=3):
            raise error
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        DataError("said already", path="b"),
        KeyboardInterrupt(),
        MissingPackageError("pip install x"),
        PermissionError(errno.EACCES, "Permission denied", "b"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_not_the_fault_of_the_file_passes(error):
    with pytest.raises(type(error)) as raised:
        with guard.reading("a.x", "thing"):
            raise error
    assert raised.value is error


def test_an_error_of_the_disk_is_given_the_name_of_the_file():
    with pytest.raises(OSError, match="a.x") as raised:
        with guard.reading("a.x", "thing"):
            raise OSError(errno.EIO, "Input/output error")
    assert raised.value.errno == errno.EIO and raised.value.filename == "a.x"


def test_what_cannot_be_shown_is_not(capsys):
    with pytest.raises(DataError, match=r"broken\?\[31m;") as raised:
        with guard.reading("a.x", "thing"):
            raise ValueError("broken\x1b[31m\nsecond line")
    assert "second" not in str(raised.value)


class TestBytes:
    def test_the_limit_is_that_of_the_file(self, tmp_path):
        (tmp_path / "x").write_bytes(b"12345")
        assert guard.read_bytes(tmp_path / "x", 5) == b"12345"
        with pytest.raises(DataError, match="x: expected at most 4 bytes, got 5 or more"):
            guard.read_bytes(tmp_path / "x", 4)

    def test_a_folder_and_a_device_without_end_are_refused(self, tmp_path):
        with pytest.raises(DataError, match="expected a file, got a folder"):
            guard.read_bytes(tmp_path, 5)
        with pytest.raises(DataError, match=f"/dev/zero: expected at most {PIPE_LIMIT} bytes"):
            guard.read_bytes("/dev/zero", 1 << 40)

    def test_an_empty_file_and_a_pipe_are_read(self, tmp_path):
        (tmp_path / "x").write_bytes(b"")
        assert guard.read_bytes(tmp_path / "x", 5) == b"" == guard.read_bytes("/dev/null", 5)
        reader, writer = os.pipe()
        os.write(writer, b"abc")
        os.close(writer)
        assert guard.read_text(f"/dev/fd/{reader}") == "abc"
        os.close(reader)

    def test_lines_end_only_where_lines_end(self, tmp_path):
        (tmp_path / "x").write_bytes("a\u2028b\x85c\x0cd\r\ne\rf\n\ng".encode())
        assert guard.read_lines(tmp_path / "x") == ["a\u2028b\x85c\x0cd", "e", "f", "", "g"]


class TestJson:
    def test_what_is_json_is_read(self, tmp_path):
        value = {"a": [1, 2.5, '\\"[{', None], "b": {"c": True}}
        (tmp_path / "x.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(value).encode())
        assert guard.load_json(tmp_path / "x.json") == value

    @pytest.mark.parametrize(
        "text, message",
        [
            ("{", "x:1: not JSON: Expecting property name"),
            ('{"a": 1,\n "a": 2}', "the key 'a' appears twice"),
            ("[NaN]", "NaN is not a number of JSON"),
            ("[-Infinity]", "-Infinity is not a number"),
            ("[" * 3000, "lists and objects more than 64 deep"),
            ("[" * 65 + "]" * 65, "lists and objects more than 64 deep"),
            ('{"a":' * 100_000 + "1" + "}" * 100_000, "lists and objects more than 64 deep"),
        ],
    )
    def test_what_is_not_is_refused(self, text, message):
        with pytest.raises(DataError, match=message):
            guard.parse_json(text, "x")

    def test_depth_is_that_of_brackets_outside_of_strings(self):
        deepest = "[" * 64 + "]" * 64
        assert json.dumps(guard.parse_json(deepest, "x")) == deepest
        many = ["[[[[{{", "\\", '"[', '\\[\\"['] * 100
        assert guard.parse_json(json.dumps(many), "x") == many
        assert json_text._depth(json.dumps([[many], [[1]] * 100])) == 3

    def test_a_value_of_another_type_is_named_with_its_place(self):
        schema = dict[str, list[float]]
        assert guard.as_schema({"a": [1, 2.5]}, schema, "x") == {"a": [1.0, 2.5]}
        with pytest.raises(DataError, match=r"^x:4: a\.1: .*valid number.*, got 'b'"):
            guard.as_schema({"a": [1, "b"]}, schema, "x", line=4)


class TestYaml:
    @pytest.mark.parametrize(
        "text, line, message",
        [
            ("a: [\n", 2, "expected the node content"),
            ("[" * 3000, 1, "more than 40 deep"),
            ("- " * 3000 + "a", 1, "more than 40 deep"),
            ("a: &a [*a]", 1, "an alias inside of what it stands for"),
            ("a: 1\nb: 2\na: 3", 3, "the key 'a' appears twice"),
            ("a: *b", 1, "found undefined alias"),
            ("a: !!python/object:os.system x", 1, "could not determine a constructor"),
            ("a: 2024-13-45", None, r"month must be in 1\.\.12"),
            ("? [a]\n: 1", 1, "unhashable key"),
        ],
    )
    def test_what_is_not_read_has_its_line(self, text, line, message):
        with pytest.raises(yaml_text.YamlError, match=message) as raised:
            yaml_text.parse_yaml(text)
        assert raised.value.line == line
        with pytest.raises(DataError, match=f"x.yaml.*: not YAML: .*{message}"):
            yaml_text.load_yaml(text, "x.yaml")

    def test_aliases_count_as_often_as_they_are_used(self):
        # nine lists of nine of the one before: 9**6 values by six aliases; 9**4 are few
        bomb = "a0: &a0 [1,1,1,1,1,1,1,1,1]\n" + "".join(
            f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)
        )
        with pytest.raises(yaml_text.YamlError, match="more than 100000 values"):
            yaml_text.parse_yaml(bomb)
        small = "".join(bomb.splitlines(keepends=True)[:4])
        assert np.shape(yaml_text.parse_yaml(small)["a3"]) == (9, 9, 9, 9)

    def test_what_is_long_is_refused_unread(self):
        with pytest.raises(yaml_text.YamlError, match="at most 1048576 characters"):
            yaml_text.parse_yaml("a" * (yaml_text.LONGEST + 1))


def npy(descr, shape, data=b"", version=1):
    header = str({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + data


class TestNumpy:
    @pytest.mark.parametrize("array", [np.zeros((3, 0)), np.array(5), np.asfortranarray(np.eye(3))])
    @pytest.mark.parametrize("memory_mapped", [False, True])
    def test_a_file_of_numpy_is_read(self, tmp_path, array, memory_mapped):
        np.save(tmp_path / "a.npy", array)
        read = guard.load_npy(tmp_path / "a.npy", memory_mapped=memory_mapped)
        assert read.dtype == array.dtype and np.array_equal(read, array)

    @pytest.mark.parametrize(
        "data, message",
        [
            (npy("<f4", (1 << 30, 1)), r"float32 \(1073741824, 1\) has 4294967296 bytes, 0 are"),
            (npy("<f4", (2,), b"1234567"), "has 8 bytes, 7 are there"),
            (npy("|O", (2,), b"1" * 16), "holds Python objects"),
            (npy("<f4", (-1,)), r"cannot be float32 of shape \(-1,\)"),
            (npy("<f4", (True,), b"1234"), r"cannot be float32 of shape \(True,\)"),
            (npy("<U1", (1,), b"\0\0\x11\0"), "a text holds what is not a character"),
            (npy(">U1", (1,), b"\0\x11\0\0"), "a text holds what is not a character"),
            (npy("<U-1", (2,)), "an array cannot be <U-1|not a readable .npy file"),
            (npy("<f4", "x"), "not a readable .npy file"),
            (npy("<f4", (2,), b"12345678", version=7), "format 7 of .npy is not known"),
            (b"\x93NUMPY\2\0" + struct.pack("<I", 1 << 31), "header of 2147483648 bytes"),
            (b"\x93NUMPY\1\0\3\0{'d", "not a readable .npy file"),
            (b"", "not a readable .npy file"),
        ],
    )
    def test_a_header_that_does_not_fit_is_refused(self, tmp_path, data, message):
        (tmp_path / "a.npy").write_bytes(data)
        for memory_mapped in (False, True):
            with pytest.raises(DataError, match=message):
                guard.load_npy(tmp_path / "a.npy", memory_mapped=memory_mapped)
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("a.npy", data)
        message = message.replace(".npy file", ".npz")
        with guard.open_npz(tmp_path / "a.npz") as arrays, pytest.raises(DataError, match=message):
            arrays.read("a")

    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    def test_arrays_of_an_archive_are_read_one_by_one(self, tmp_path, save):
        save(tmp_path / "a.npz", x=np.arange(6).reshape(2, 3), y=np.array("text"))
        with guard.open_npz(tmp_path / "a.npz") as arrays:
            assert arrays.names == ["x", "y"]
            assert arrays.header("x").shape == (2, 3) and arrays.header("y").dtype.kind == "U"
            assert (
                arrays.read("x").tolist() == [[0, 1, 2], [3, 4, 5]]
                and str(arrays.read("y")) == "text"
            )
            with pytest.raises(DataError, match="expected the array 'z', got x, y"):
                arrays.read("z")

    def test_zeros_that_pack_well_are_read_and_a_bomb_is_not(self, tmp_path, monkeypatch):
        zeros = np.zeros(1 << 18)  # 2 MB, which pack to about 2 kB
        np.savez_compressed(tmp_path / "a.npz", zeros=zeros)
        with guard.open_npz(tmp_path / "a.npz") as arrays:
            assert np.array_equal(arrays.read("zeros"), zeros)
            monkeypatch.setattr(numpy_files, "FREE_BYTES", 1 << 20)
            with pytest.raises(DataError, match="more than 200 to 1; .*np.save"):
                arrays.read("zeros")

    def test_a_size_that_cannot_come_out_of_the_file_is_refused(self, tmp_path):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a.npy", npy("<f4", (1 << 30, 1)))
        data = bytearray(buffer.getvalue())
        directory = data.rindex(b"PK\x01\x02")
        data[directory + 20 : directory + 28] = struct.pack("<II", 0xFFFFFF00, 0xFFFFFF00)
        (tmp_path / "a.npz").write_bytes(data)
        with guard.open_npz(tmp_path / "a.npz") as arrays:
            with pytest.raises(DataError, match="a: 4294967040 bytes cannot come out of"):
                arrays.header("a")
