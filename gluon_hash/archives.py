"""Sources of data sets: a folder as it is, an archive safely unpacked, a download."""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from gluon_hash.errors import DataError
from gluon_hash.files import replace_path
from gluon_hash.progress import track
from gluon_hash.xz_blocks import XzBlocks, find_blocks

__all__ = ["opened", "download", "md5", "check_md5"]

BLOCK = 1 << 20
TIMEOUT_SECONDS = 30
# what a decoder's own OSError carries (a checksum that is wrong, an offset outside), and what the
# system says of names that no files can have beside each other
DAMAGED = (None, errno.EINVAL, errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.EEXIST)
# What may come out of an archive: this many bytes, or so many times its own size.
FREE_BYTES, HIGHEST_RATIO = 1 << 30, 200
DISK_BLOCK = 4096  # what a small file takes
LONGEST_HEADER = 1 << 20  # bytes of a long name in a tar
LONG_HEADERS = (
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
)
SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".zip")


@contextmanager
def opened(
    source: str | os.PathLike[str],
    wanted: Callable[[str], bool] = lambda name: True,
    *,
    limit: int | None = None,
) -> Iterator[Path]:
    """A folder with the files of ``source``.

    Parameters
    ----------
    source : path-like
        A folder (used as it is) or an archive (unpacked into a temporary folder, removed
        afterwards).
    wanted : callable
        Of a member's name; only those are unpacked.
    limit : int, optional
        Bytes that an archive may unpack to. Default: 200 times its own size, and 1 GB at least; in
        any case what is free on the disk.

    Raises
    ------
    DataError
        If the archive is damaged, cut short or of another kind, would unpack to more than the
        limit, or a member would leave the folder (an absolute path, "..", a link, a device) or is a
        sparse file. A DataError about an unpacked file, raised while the folder is used, names the
        archive in place of the temporary folder.
    """
    source = Path(source)
    if source.is_dir():
        yield source
        return
    if not source.exists():
        raise DataError("no such file or folder", path=source)
    if not source.name.lower().endswith(SUFFIXES):
        raise DataError(f"expected a folder or an archive ({', '.join(SUFFIXES)})", path=source)
    with tempfile.TemporaryDirectory(prefix="gluon_hash.") as folder:
        with _naming_the_archive(source, folder):
            room = _Room(source, folder, limit)
            unpack = _unzip if source.suffix.lower() == ".zip" else _untar
            unpack(source, Path(folder), wanted, room)
        try:
            yield Path(folder)
        except DataError as error:
            raise error.moved(folder, source) from error.__cause__


def download(url: str, path: str | os.PathLike[str], expected_md5: str) -> None:
    """Fetch ``url`` to ``path``: beside it first, renamed when the MD5 is right.

    Raises
    ------
    DataError
        If the server cannot be reached or the MD5 is another.
    """
    try:
        with (
            urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response,
            replace_path(path) as temporary,
        ):
            size = int(response.headers.get("Content-Length", 0))
            with open(temporary, "wb") as stream:
                blocks = iter(lambda: response.read(BLOCK), b"")
                for block in track(blocks, f"download {Path(path).name}", size, "bytes", size=len):
                    stream.write(block)
            check_md5(temporary, expected_md5)
    except (
        urllib.error.URLError,
        http.client.HTTPException,
        TimeoutError,
        ConnectionError,
    ) as error:
        raise DataError(
            f"could not be fetched ({error}); get it by other means and name it as the source",
            path=url,
        ) from error


def md5(path: str | os.PathLike[str]) -> str:
    """MD5 of a file's bytes, 32 hexadecimal digits: what data sets publish, no protection."""
    digest = hashlib.md5()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


def check_md5(path: str | os.PathLike[str], expected: str) -> None:
    """Raise DataError unless the file's MD5 is ``expected``."""
    if os.path.isdir(path):
        raise DataError(
            "is a folder; an MD5 is that of an archive: name the archive, or leave the MD5 out",
            path=path,
        )
    actual = md5(path)
    if actual != expected.lower():
        raise DataError(
            f"expected MD5 {expected.lower()}, got {actual} ({os.path.getsize(path)} bytes); "
            "the file is damaged, cut short or another one: get it again",
            path=path,
        )


@contextmanager
def _naming_the_archive(source: Path, folder: str) -> Iterator[None]:
    """Whatever goes wrong while it is unpacked is a DataError; a full disk and the like are not."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in DAMAGED:
            if error.errno == errno.ENOSPC:
                raise OSError(
                    error.errno,
                    f"no space left to unpack {source}; name a folder with room in TMPDIR",
                    folder,
                ) from error
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(":")
        raise DataError(
            f"the archive is damaged or was cut short ({reason}); it has "
            f"{source.stat().st_size} bytes and MD5 {md5(source)}; get it again",
            path=source,
        ) from error


class _Room:
    """How much may still come out of an archive; asked before anything is written."""

    def __init__(self, source: Path, folder: str, limit: int | None) -> None:
        self._source, self._folder = source, folder
        self._limit = limit or max(FREE_BYTES, HIGHEST_RATIO * source.stat().st_size)
        self._free = shutil.disk_usage(folder).free
        self._taken = 0

    def pass_over(self, end: int) -> None:
        """DataError if an archive, unpacked, has a byte ``end`` beyond the limit."""
        if end > self._limit:
            raise DataError(
                f"would unpack to {end} bytes or more, the limit is {self._limit}, "
                f"{HIGHEST_RATIO} times its size and at least {FREE_BYTES}; if that is meant, "
                "unpack it yourself and name the folder",
                path=self._source,
            )

    def take(self, num_bytes: int) -> None:
        """DataError if a file of so many bytes is beyond the limit, or there is no disk for it."""
        self._taken += max(num_bytes, DISK_BLOCK)
        self.pass_over(self._taken)
        if self._taken > self._free:
            raise DataError(
                f"would unpack to {self._taken} bytes or more, {self._free} are free in "
                f"{self._folder}; name a folder with room in TMPDIR",
                path=self._source,
            )


class _Member(tarfile.TarInfo):
    """A member of a tar whose headers are short; sparse files, which grow, are refused.

    The methods are tarfile's own, made to be overridden; what they raise says what is wrong.
    """

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.type in LONG_HEADERS and not 0 <= self.size <= LONGEST_HEADER:
            raise tarfile.TarError(f"a name of {self.size} bytes")
        if self.type == tarfile.GNUTYPE_SPARSE:
            self._refuse()
        return super()._proc_member(archive)  # type: ignore[misc]

    def _refuse(self, *_: Any) -> None:
        raise tarfile.TarError(f"{self.name!r:.60} is a sparse file, which is not unpacked")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _refuse


@contextmanager
def _opened_tar(source: Path) -> Iterator[tarfile.TarFile]:
    blocks = find_blocks(source) if source.suffix.lower() in (".xz", ".txz") else []
    if not blocks:
        with tarfile.open(source, tarinfo=_Member) as archive:
            yield archive
        return
    with closing(XzBlocks(source, blocks)) as stream:
        with tarfile.open(fileobj=stream, mode="r:", tarinfo=_Member) as archive:  # type: ignore[call-overload]  # it has what tarfile uses
            yield archive


def _untar(source: Path, folder: Path, wanted: Callable[[str], bool], room: _Room) -> None:
    with _opened_tar(source) as archive:
        num_members = 0
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # tarfile would keep them all
            num_members += 1
            room.pass_over(max(member.offset_data + member.size, num_members * DISK_BLOCK))
            if member.isdir():
                continue
            target = _inside(folder, member.name, source)
            if not member.isfile() or member.issparse():
                raise DataError(
                    f"member {member.name!r} is a link or a device; only files are unpacked",
                    path=source,
                )
            if wanted(member.name):
                room.take(member.size)
                stream = archive.extractfile(member)
                assert stream is not None  # it is a file
                _write(target, iter(partial(stream.read, BLOCK), b""), member.size)
        assert archive.fileobj is not None  # it is open
        # to the end, where the checksum of the compressed stream is
        while archive.fileobj.read(BLOCK):
            room.pass_over(archive.fileobj.tell())


def _unzip(source: Path, folder: Path, wanted: Callable[[str], bool], room: _Room) -> None:
    with zipfile.ZipFile(source) as archive:
        targets = {}
        for member in archive.infolist():  # all of them, before the first is written
            target = _inside(folder, member.filename, source)
            if not member.is_dir() and wanted(member.filename):
                room.take(member.file_size)
                targets[member] = target
        for member, target in targets.items():
            with archive.open(member) as stream:
                _write(target, iter(partial(stream.read, BLOCK), b""), member.file_size)


def _inside(folder: Path, name: str, source: Path) -> Path:
    member = PurePosixPath(name)
    if member.is_absolute() or ".." in member.parts or "\\" in name:
        raise DataError(
            f"member {name!r} would leave the folder it is unpacked into; refused", path=source
        )
    return folder / member


def _write(target: Path, blocks: Iterator[bytes], size: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "wb") as stream:
        for block in blocks:
            stream.write(block)
    if target.stat().st_size != size:
        raise EOFError(f"{target.name}: expected {size} bytes, got {target.stat().st_size}")
