"""Files as users meet them: text that is none, a missing one, a folder that cannot be written."""

import os

import pytest

from gluon_hash import files
from gluon_hash.errors import DataError


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
        files.read_text(tmp_path / "x.txt")


def test_a_byte_order_mark_is_not_a_part_of_the_text(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"\xef\xbb\xbfa\n")
    assert files.read_text(tmp_path / "x.txt") == "a\n"


def test_a_missing_file_says_what_makes_it(tmp_path):
    with pytest.raises(DataError, match=r"x\.txt: no such file; `gluon-hash prepare` makes it"):
        files.read_text(tmp_path / "x.txt", made_by="gluon-hash prepare")
    with pytest.raises(DataError, match=r"x\.txt: no such file$"):
        files.read_text(tmp_path / "x.txt")


@pytest.mark.parametrize("maker", ["mkstemp", "mkdtemp"])
def test_a_folder_that_cannot_be_written_is_named_not_a_hidden_file(tmp_path, monkeypatch, maker):
    def refused(*_, dir, **__):  # the suite may run as root, whom no folder refuses
        raise PermissionError(13, "Permission denied", os.fspath(dir / ".hidden.x1y2"))

    monkeypatch.setattr(files.tempfile, maker, refused)
    with pytest.raises(PermissionError) as raised:
        if maker == "mkstemp":
            files.atomic_write_text(tmp_path / "x.txt", "a")
        else:
            with files.atomic_folder(tmp_path / "x"):
                pass
    assert raised.value.filename == os.fspath(tmp_path)
    assert "hidden" not in str(raised.value)
