"""Sources of data sets: a folder as it is, an archive safely unpacked, a download."""

from __future__ import annotations

import errno
import hashlib
import http.client
import lzma
import os
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

from gluon_hash.errors import DataError
from gluon_hash.files import replace_path
from gluon_hash.progress import track

__all__ = ["opened", "download", "md5", "check_md5"]

BLOCK = 1 << 20
TIMEOUT_SECONDS = 30
# what a decoder's own OSError carries: a checksum that is wrong, an offset outside
DAMAGED = (None, errno.EINVAL)
SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".zip")


@contextmanager
def opened(
    source: str | os.PathLike[str], wanted: Callable[[str], bool] = lambda name: True
) -> Iterator[Path]:
    """A folder with the files of ``source``.

    Parameters
    ----------
    source : path-like
        A folder (used as it is) or an archive (unpacked into a temporary folder, removed
        afterwards).
    wanted : callable
        Of a member's name; only those are unpacked.

    Raises
    ------
    DataError
        If the archive is damaged, cut short or of another kind, or a member would leave the folder
        (an absolute path, "..", a link, a device). A DataError about an unpacked file, raised while
        the folder is used, names the archive in place of the temporary folder.
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
        try:
            (_unzip if source.suffix.lower() == ".zip" else _untar)(source, Path(folder), wanted)
        except (
            tarfile.TarError,
            zipfile.BadZipFile,
            EOFError,
            lzma.LZMAError,
            zlib.error,
            UnicodeDecodeError,
            OSError,
        ) as error:
            if isinstance(error, OSError) and error.errno not in DAMAGED:
                if error.errno == errno.ENOSPC:
                    raise OSError(
                        error.errno,
                        f"no space left to unpack {source}; name a folder with room in TMPDIR",
                        folder,
                    ) from error
                raise
            reason = str(error).splitlines()[0].rstrip(":")
            raise DataError(
                f"the archive is damaged or was cut short ({reason}); it has "
                f"{source.stat().st_size} bytes and MD5 {md5(source)}; get it again",
                path=source,
            ) from error
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
                for block in track(
                    blocks, f"download {Path(path).name}", -(-size // BLOCK), unit="MB"
                ):
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


def _untar(source: Path, folder: Path, wanted: Callable[[str], bool]) -> None:
    with tarfile.open(source) as archive:
        for member in archive:
            if member.isdir():
                continue
            target = _inside(folder, member.name, source)
            if not member.isfile():
                raise DataError(
                    f"member {member.name!r} is a link or a device; only files are unpacked",
                    path=source,
                )
            if wanted(member.name):
                stream = archive.extractfile(member)
                assert stream is not None  # it is a file
                _write(target, iter(partial(stream.read, BLOCK), b""), member.size)
        assert archive.fileobj is not None  # it is open
        # to the end, where the checksum of the compressed stream is
        while archive.fileobj.read(BLOCK):
            pass


def _unzip(source: Path, folder: Path, wanted: Callable[[str], bool]) -> None:
    with zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            target = _inside(folder, member.filename, source)
            if not member.is_dir() and wanted(member.filename):
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
