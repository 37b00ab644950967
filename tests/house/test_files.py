"""Files as users meet them: a folder that cannot be written is named."""

import os

import pytest

from gluon_hash import files


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
