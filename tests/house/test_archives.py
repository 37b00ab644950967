"""Archives and downloads: damage, other files, members that would leave their folder."""

import errno
import gzip
import io
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


def unpacked(path, **options):
    with archives.opened(path, **options) as folder:
        return {
            file.relative_to(folder).as_posix(): file.stat().st_size
            for file in folder.rglob("*")
            if file.is_file()
        }


def write_tar(path, *members, mode="w", **options):
    """A tar of (name, size) pairs, all zeros, or of TarInfo objects without data."""
    with tarfile.open(path, mode, **options) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = member[1]
            archive.addfile(info, io.BytesIO(bytes(info.size)))


def test_only_what_is_wanted_comes_out(tmp_path):
    write_tar(tmp_path / "x.tar.gz", ("a/b", 5), ("c", 0), mode="w:gz")
    assert unpacked(tmp_path / "x.tar.gz") == {"a/b": 5, "c": 0}
    assert unpacked(tmp_path / "x.tar.gz", wanted=lambda name: name == "c") == {"c": 0}


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.xz", ".tar.bz2", ".zip"])
@pytest.mark.parametrize("is_wanted", [True, False])
def test_a_bomb_is_refused_before_it_is_written(tmp_path, monkeypatch, suffix, is_wanted):
    """4 MB of zeros in some KB, where the limit is 1 MB; of a tar, what is passed over counts."""
    monkeypatch.setattr(archives, "FREE_BYTES", 1 << 20)
    path, size = tmp_path / f"x{suffix}", 4 << 20
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb", bytes(size))
            archive.writestr("small", "x")
    else:
        write_tar(path, ("bomb", size), ("small", 1), mode=f"w:{suffix[5:]}")
    assert path.stat().st_size * archives.HIGHEST_RATIO < size
    written = []
    monkeypatch.setattr(archives, "_write", lambda target, blocks, size: written.append(target))
    if suffix == ".zip" and not is_wanted:
        unpacked(path, wanted=lambda name: name == "small")  # the bomb is not looked at
        return
    with pytest.raises(
        DataError, match=r"would unpack to 419\d+ bytes or more, the limit is 1048576,"
    ):
        unpacked(path, wanted=lambda name: is_wanted)
    assert not written
    unpacked(path, limit=2 * size)  # who means it says so
    assert len(written) == 2


def test_what_lies_behind_the_members_counts_too(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FREE_BYTES", 1 << 20)
    write_tar(tmp_path / "x.tar", ("small", 1))
    packed = gzip.compress((tmp_path / "x.tar").read_bytes() + bytes(4 << 20))
    (tmp_path / "x.tar.gz").write_bytes(packed)
    with pytest.raises(DataError, match="would unpack to .* the limit is 1048576"):
        unpacked(tmp_path / "x.tar.gz")


def test_many_small_files_count_by_what_they_take_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FREE_BYTES", 100 * archives.DISK_BLOCK)
    monkeypatch.setattr(archives, "HIGHEST_RATIO", 0)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for number in range(101):
            archive.writestr(str(number), b"")
    write_tar(tmp_path / "x.tar", *((str(number), 0) for number in range(101)))
    for name in ("x.zip", "x.tar"):
        with pytest.raises(DataError, match=f"would unpack to {101 * archives.DISK_BLOCK} bytes"):
            unpacked(tmp_path / name)


def test_more_than_is_free_on_the_disk_is_refused(tmp_path, monkeypatch):
    free = archives.shutil.disk_usage(tmp_path)._replace(free=archives.DISK_BLOCK)
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda folder: free)
    write_tar(tmp_path / "x.tar", ("one", 1), ("two", 1))
    with pytest.raises(DataError, match="8192 bytes or more, 4096 are free in .* TMPDIR"):
        unpacked(tmp_path / "x.tar")


def sparse_member(kind):
    """A file of 64 GB without data: in old GNU tars, or as a PAX header says (0.0, 0.1, 1.0)."""
    info = tarfile.TarInfo("sparse")
    if kind == "old":
        info.type = tarfile.GNUTYPE_SPARSE
        return info
    info.pax_headers = {
        "0.0": {"GNU.sparse.size": str(64 << 30), "GNU.sparse.numblocks": "0"},
        "0.1": {"GNU.sparse.size": str(64 << 30), "GNU.sparse.map": "0,0"},
        "1.0": {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.realsize": str(64 << 30),
        },
    }[kind]
    return info


@pytest.mark.parametrize("kind", ["old", "0.0", "0.1", "1.0"])
def test_a_sparse_file_is_refused(tmp_path, kind):
    write_tar(tmp_path / "x.tar", sparse_member(kind), format=tarfile.PAX_FORMAT)
    with pytest.raises(DataError, match=r"x\.tar: .*is a sparse file, which is not unpacked"):
        unpacked(tmp_path / "x.tar")


@pytest.mark.parametrize("kind", archives.LONG_HEADERS)
def test_a_name_of_gigabytes_is_refused_unread(tmp_path, kind):
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, 8 << 30
    header = info.tobuf(tarfile.GNU_FORMAT)
    (tmp_path / "x.tar").write_bytes(header + bytes(2048))
    with pytest.raises(DataError, match="a name of 8589934592 bytes"):
        unpacked(tmp_path / "x.tar")


def test_what_cannot_be_unpacked_names_the_archive(tmp_path):
    write_tar(tmp_path / "x.tar", ("a", 1), ("a/b", 1))  # a file and a folder
    write_tar(tmp_path / "y.tar", ("a" * 300, 1))
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("a", "x")
    data = bytearray((tmp_path / "z.zip").read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1  # encrypted, says the directory
    (tmp_path / "z.zip").write_bytes(data)
    for name in ("x.tar", "y.tar", "z.zip"):
        with pytest.raises(DataError, match=rf"{name}: the archive is damaged or was cut short"):
            unpacked(tmp_path / name)
