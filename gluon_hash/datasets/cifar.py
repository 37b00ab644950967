"""CIFAR-100 and CIFAR-10 from the official binary archives.

Source: Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html. A record of CIFAR-100 is a
coarse byte, a fine byte and 3,072 bytes (red, green, blue planes, row by row); of CIFAR-10, a label
byte and the pixels. CIFAR-10's three levels are ours (data/cifar10/hierarchy.tsv).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from gluon_hash import archives
from gluon_hash.datasets.dataset import Dataset, Split
from gluon_hash.errors import DataError
from gluon_hash.guard import read_text
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.progress import log
from gluon_hash.records.pack import encode_png

__all__ = [
    "cifar10",
    "cifar100",
    "cifar100_hierarchy",
    "cifar10_hierarchy",
    "describe_source",
    "folder_with",
    "make_split",
    "named_hierarchy",
]

URL100 = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"
URL10 = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
MD5_100 = "03b5dce01913d631647c71ecec9e9cb8"
MD5_10 = "c32a1d4ab5d03f1284b67883e8d87530"
SIDE = 32
PIXELS = 3 * SIDE * SIDE
LONGEST_NAMES = 1 << 20  # bytes
FINE_TO_COARSE = np.array(  # coarse class of each fine class
    (
        "4 1 14 8 0 6 7 7 18 3 3 14 9 18 7 11 3 9 7 11 6 11 5 10 7 "
        "6 13 15 3 15 0 11 1 10 12 14 16 9 11 5 5 19 8 8 15 13 14 17 18 10 "
        "16 4 17 4 2 0 17 4 18 17 10 3 2 12 12 16 12 1 9 19 2 10 0 1 16 "
        "12 9 13 15 13 16 19 2 4 6 19 5 5 8 19 18 1 2 15 6 0 17 8 14 13"
    ).split(),
    np.int64,
)
CIFAR10 = (  # class, group, kind
    ("airplane", "aircraft", "vehicle"),
    ("automobile", "road vehicle", "vehicle"),
    ("bird", "bird group", "animal"),
    ("cat", "pet", "animal"),
    ("deer", "hoofed", "animal"),
    ("dog", "pet", "animal"),
    ("frog", "amphibian", "animal"),
    ("horse", "hoofed", "animal"),
    ("ship", "watercraft", "vehicle"),
    ("truck", "road vehicle", "vehicle"),
)


def cifar100(source: str | os.PathLike[str] | None = None) -> Dataset:
    """CIFAR-100 in its official binary version: 100 fine classes in 20 coarse ones.

    Training set = database = train.bin, queries = test.bin (50,000 and 10,000 in the official
    archive), in their official order.

    Parameters
    ----------
    source : path-like, optional
        The archive or its unpacked folder; by default the archive is downloaded, its MD5 checked.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If a file is missing, was cut short, or a label is not in the official table; names the
        record. If the archive cannot be downloaded.
    """
    with _fetched(source, URL100, MD5_100) as path, archives.opened(path, _is_wanted) as folder:
        inner = folder_with(folder, "train.bin", path)
        names = [
            _names(inner / f"{level}_label_names.txt", count)
            for level, count in (("fine", 100), ("coarse", 20))
        ]
        hierarchy = named_hierarchy(inner, *names)
        train, query = (
            make_split(_rows(inner / f"{name}.bin", 2), 1, hierarchy, inner / f"{name}.bin", name)
            for name in ("train", "test")
        )
        described = describe_source(path, MD5_100)
    return Dataset("cifar100", hierarchy, train, query, source=described, in_order=True)


def cifar10(source: str | os.PathLike[str] | None = None) -> Dataset:
    """CIFAR-10 in its official binary version, under three levels of ours; as cifar100."""
    hierarchy = cifar10_hierarchy()
    with _fetched(source, URL10, MD5_10) as path, archives.opened(path, _is_wanted) as folder:
        inner = folder_with(folder, "test_batch.bin", path)
        batches = sorted(inner.glob("data_batch_*.bin"))
        if len(batches) != 5:
            raise DataError(
                f"expected data_batch_1.bin to data_batch_5.bin, got {len(batches)}", path=path
            )
        rows = np.concatenate([_rows(batch, 1) for batch in batches])
        train = make_split(rows, 0, hierarchy, inner / "data_batch", "train")
        query = make_split(
            _rows(inner / "test_batch.bin", 1), 0, hierarchy, inner / "test_batch.bin", "test"
        )
        described = describe_source(path, MD5_10)
    return Dataset("cifar10", hierarchy, train, query, source=described, in_order=True)


def cifar100_hierarchy(fine_names: list[str], coarse_names: list[str]) -> Hierarchy:
    """The official fine and coarse classes in their official order."""
    rows = [(name, coarse_names[coarse]) for name, coarse in zip(fine_names, FINE_TO_COARSE)]
    return Hierarchy.from_table(rows, ("fine", "coarse"), {"coarse": coarse_names})


def named_hierarchy(
    path: str | os.PathLike[str], fine_names: list[str], coarse_names: list[str]
) -> Hierarchy:
    """As cifar100_hierarchy, of names that a file at ``path`` holds; DataError if it is damaged."""
    try:
        return cifar100_hierarchy(fine_names, coarse_names)
    except (ValueError, LookupError) as error:
        raise DataError(f"not the names of CIFAR-100: {error}", path=path) from error


def cifar10_hierarchy() -> Hierarchy:
    """CIFAR-10's official classes under seven groups and two kinds of ours."""
    return Hierarchy.from_table(CIFAR10, ("class", "group", "kind"))


@contextmanager
def _fetched(source: str | os.PathLike[str] | None, url: str, md5: str) -> Iterator[Path]:
    """The archive or folder that was named, or the archive, downloaded for the time being."""
    if source is not None:
        yield Path(source)
        return
    with tempfile.TemporaryDirectory(prefix="gluon_hash.") as folder:
        path = Path(folder) / url.rpartition("/")[2]
        archives.download(url, path, md5)
        yield path


def _is_wanted(name: str) -> bool:
    return name.endswith((".bin", "names.txt"))


def _rows(path: Path, num_label_bytes: int) -> np.ndarray:
    """Label bytes and pixels of each image: uint8, (N, num_label_bytes + 3,072)."""
    if not path.exists():
        raise DataError("missing from the archive; use the binary version", path=path)
    size, length = path.stat().st_size, num_label_bytes + PIXELS
    if size == 0 or size % length:
        raise DataError(
            f"expected a multiple of {length} bytes (labels and {PIXELS} pixels a record), "
            f"got {size}: it was cut short inside record {size // length}",
            path=path,
            record=size // length,
        )
    return np.fromfile(path, np.uint8).reshape(-1, length)


def make_split(
    rows: np.ndarray, label_byte: int, hierarchy: Hierarchy, path: Path, name: str
) -> Split:
    """One split from rows of labels and pixels; a coarse label, if there is one, comes first."""
    labels = rows[:, : label_byte + 1][:, ::-1].astype(np.int64)
    known = labels[:, 0] < hierarchy.num_classes[0]
    right = known.copy()
    if label_byte:
        right &= hierarchy.ancestors[np.where(known, labels[:, 0], 0), 1] == labels[:, 1]
    if not right.all():
        position = int(np.argmin(right))
        raise DataError(
            f"labels (fine, coarse, ...) {labels[position].tolist()} are not in the official "
            "table; the file is damaged or of another data set",
            path=path,
            record=position,
        )
    pixels = rows[:, label_byte + 1 :].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return Split(
        labels[:, 0],
        [f"{name}/{number:05d}.png" for number in range(len(pixels))],
        lambda position: encode_png(np.ascontiguousarray(pixels[position])),
        lambda position: hashlib.sha256(pixels[position].tobytes()).digest(),
    )


def folder_with(folder: Path, name: str, source: str | os.PathLike[str]) -> Path:
    """The folder inside ``folder`` that holds the file ``name``; DataError unless there is one."""
    files = sorted(folder.rglob(name))
    if len(files) != 1:
        raise DataError(
            f"expected one {name} inside, got {len(files)}; the binary version is read by default, "
            "the Python version, whose files are pickles, by `prepare --allow-pickle`",
            path=source,
        )
    return files[0].parent


def _names(path: Path, count: int) -> list[str]:
    if not path.exists():
        raise DataError("missing from the archive", path=path)
    names = read_text(path, limit=LONGEST_NAMES).split()
    if len(names) != count:
        raise DataError(f"expected {count} class names, got {len(names)}", path=path)
    return names


def describe_source(source: str | os.PathLike[str], official_md5: str) -> dict[str, object]:
    """What split.json says of the source; a file that is not the official archive is said aloud."""
    path = Path(source)
    if path.is_dir():
        return {"name": path.name}
    md5 = archives.md5(path)
    if md5 != official_md5:
        log(
            f"{path.name}: MD5 {md5} is not the official archive's ({official_md5}); the layout "
            "was checked"
        )
    return {"name": path.name, "md5": md5, "official": md5 == official_md5}
