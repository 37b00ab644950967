"""Folders of images: any nested tree is a hierarchy; ImageNet's flat folders take theirs from a
WordNet tree."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from gluon_hash.datasets.dataset import Dataset, Split
from gluon_hash.errors import DataError
from gluon_hash.hierarchy import readers
from gluon_hash.records.lists import held_out_positions
from gluon_hash.records.images import decode_image

__all__ = ["read_folder", "read_imagenet", "image_split"]

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".ppm", ".tif", ".tiff")
QUERY_FOLDERS = ("query", "test", "val")


def read_folder(root: str | os.PathLike[str], query_per_class: int, seed: int) -> Dataset:
    """A nested folder tree: the folders are the classes, those that hold images the finest.

    Parameters
    ----------
    root : path-like
        With ``train`` and one of ``query``, ``test``, ``val`` inside, these are the splits; else
        queries are drawn.
    query_per_class : int
        Images of each class drawn as queries.
    seed : int

    Raises
    ------
    DataError
        If there are no images, classes of the splits differ, or a folder holds images and folders
        of images.
    """
    root = Path(root)
    query_root = next((root / name for name in QUERY_FOLDERS if (root / name).is_dir()), None)
    try:
        if (root / "train").is_dir() and query_root is not None:
            files = _images(root / "train")
            hierarchy = readers.from_folders(_folders(files))
            train, query = (
                _by_folder(part, found, _folders(files))
                for part, found in ((root / "train", files), (query_root, _images(query_root)))
            )
            return Dataset("folder", hierarchy, train, query, source={"name": root.name})
        files = _images(root)
        hierarchy = readers.from_folders(_folders(files))
    except ValueError as error:
        raise error if isinstance(error, DataError) else DataError(str(error), path=root) from error
    labels = _labels(root, files, _folders(files))
    drawn = held_out_positions(labels, query_per_class, seed)
    kept = np.setdiff1d(np.arange(len(files)), drawn)
    train, query = (
        image_split(root, [files[p].as_posix() for p in part], labels[part])
        for part in (kept, drawn)
    )
    return Dataset(
        "folder",
        hierarchy,
        train,
        query,
        source={"name": root.name, "query_per_class": query_per_class},
    )


def read_imagenet(
    root: str | os.PathLike[str],
    tree: str | os.PathLike[str],
    names: str | os.PathLike[str] | None = None,
) -> Dataset:
    """train/ and val/ with one folder for each WordNet id, and ``parent child`` lines over those
    ids.

    Parameters
    ----------
    root, tree : path-like
    names : path-like, optional
        ``id name`` lines; by default the ids are the names.

    Raises
    ------
    DataError
        If a folder's id is not in the tree, or the tree is none.
    """
    root = Path(root)
    files = _images(root / "train")
    folders = _folders(files)
    hierarchy = readers.from_parent_lines(
        tree,
        None if names is None else readers.read_pairs(names),
        parent_first=True,
        leaves=folders,
    )
    return Dataset(
        "imagenet",
        hierarchy,
        _by_folder(root / "train", files, folders),
        _by_folder(root / "val", _images(root / "val"), folders),
        source={"name": root.name},
    )


def image_split(root: Path, names: list[str], labels: np.ndarray) -> Split:
    """A split of image files below ``root``; their bytes are kept, their pixels hashed."""

    def encoded(position: int) -> bytes:
        data = (root / names[position]).read_bytes()
        _pixels(data, root / names[position])
        return data

    def digest(position: int) -> bytes:
        path = root / names[position]
        return hashlib.sha256(_pixels(path.read_bytes(), path).tobytes()).digest()

    return Split(np.asarray(labels, np.int64), names, encoded, digest)


def _pixels(data: bytes, path: Path) -> np.ndarray:
    try:
        return decode_image(data)
    except ValueError as error:
        raise DataError(f"{error}; mend the image or take it out", path=path) from error


def _images(root: Path) -> list[Path]:
    """Image files below ``root``, relative to it, sorted; hidden ones (a dot leads a name) are left
    out."""
    if not root.is_dir():
        raise DataError("no such folder", path=root)
    found = (file.relative_to(root) for file in root.rglob("*") if file.suffix.lower() in SUFFIXES)
    files = sorted(file for file in found if not any(part.startswith(".") for part in file.parts))
    if not files:
        raise DataError(f"no images ({', '.join(SUFFIXES)}) here", path=root)
    return files


def _folders(files: list[Path]) -> list[str]:
    """Folders that hold the files, sorted."""
    return sorted({file.parent.as_posix() for file in files})


def _by_folder(root: Path, files: list[Path], folders: list[str]) -> Split:
    return image_split(root, [file.as_posix() for file in files], _labels(root, files, folders))


def _labels(root: Path, files: list[Path], folders: list[str]) -> np.ndarray:
    """Place among ``folders`` of the folder of each file."""
    index = {folder: position for position, folder in enumerate(folders)}
    for file in files:
        if file.parent.as_posix() not in index:
            raise DataError(
                f"class {file.parent.as_posix()!r} has no training image", path=root / file
            )
    return np.array([index[file.parent.as_posix()] for file in files])
