"""Files as users meet them: a folder that cannot be written is named."""

import os

import pytest

from gluon_hash import files, leftovers


@pytest.mark.parametrize("maker", ["_make_file", "_make_folder"])
def test_a_folder_that_cannot_be_written_is_named_not_a_hidden_file(tmp_path, monkeypatch, maker):
    def refused(path):  # the suite may run as root, whom no folder refuses
        raise PermissionError(13, "Permission denied", os.fspath(path))

    monkeypatch.setattr(leftovers, maker, refused)
    with pytest.raises(PermissionError) as raised:
        if maker == "_make_file":
            files.atomic_write_text(tmp_path / "x.txt", "a")
        else:
            with files.atomic_folder(tmp_path / "x"):
                pass
    assert raised.value.filename == os.fspath(tmp_path)
    assert "gluon_hash-" not in str(raised.value)
