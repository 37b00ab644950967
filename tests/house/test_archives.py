"""Archives and downloads: damage, other files, members that would leave their folder."""

import errno
import os
import tarfile
import zipfile

import pytest

from gluon_hash import archives
from gluon_hash.errors import DataError


def test_wrong_md5_is_named(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    with pytest.raises(
        DataError, match="expected MD5 " + "0" * 32 + ", got 900150983cd24fb0d6963f7d28e17f72"
    ):
        archives.check_md5(tmp_path / "x", "0" * 32)


def test_an_unreachable_server_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match="name it as the source"):
        archives.download("http://127.0.0.1:9/none", tmp_path / "x", "0" * 32)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "suffix, mode",
    [(".tar.gz", "w:gz"), (".tar.xz", "w:xz"), (".tar.bz2", "w:bz2"), (".zip", None)],
)
def test_one_changed_byte_of_an_archive_is_noticed(tmp_path, rng, suffix, mode):
    (tmp_path / "f").write_bytes(rng.bytes(30_000))
    path = tmp_path / f"x{suffix}"
    if mode is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(tmp_path / "f", "f")
    else:
        with tarfile.open(path, mode) as archive:
            archive.add(tmp_path / "f", "f")
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 255
    path.write_bytes(damaged)
    with pytest.raises(
        DataError, match=rf"x{suffix}: the archive is damaged or was cut short .*get it again"
    ):
        with archives.opened(path):
            pass


def test_a_full_disk_is_no_damaged_archive(tmp_path, monkeypatch):
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("f"))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archives, "_write", full)
    with pytest.raises(OSError, match=r"no space left to unpack .*x\.tar; .* TMPDIR"):
        with archives.opened(tmp_path / "x.tar"):
            pass


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil"])
def test_archives_stay_in_their_folder(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(name, "boo")
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    for file in ("x.zip", "x.tar"):
        with (
            pytest.raises(DataError, match="would leave the folder"),
            archives.opened(tmp_path / file),
        ):
            pass


def test_an_md5_is_that_of_an_archive(tmp_path):
    with pytest.raises(DataError, match="is a folder; an MD5 is that of an archive"):
        archives.check_md5(tmp_path, "0" * 32)
