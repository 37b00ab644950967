"""The .npz files that we write and read: named arrays with a version, no pickles."""

from __future__ import annotations

import os
import zipfile

import numpy as np

from gluon_hash.errors import DataError
from gluon_hash.files import atomic_path

__all__ = ["load_arrays", "save_arrays"]

VERSION = 1


def save_arrays(path: str | os.PathLike[str], **arrays: np.ndarray) -> None:
    """Write named arrays and the version, whole or not at all; ValueError unless the name ends in
    .npz."""
    if not os.fspath(path).endswith(".npz"):
        raise ValueError(f"{os.fspath(path)}: the name must end in .npz")
    with atomic_path(path) as temporary:
        np.savez(temporary, version=np.int64(VERSION), **arrays)


def load_arrays(path: str | os.PathLike[str], wanted: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The arrays named; DataError if the file is damaged, of a newer version, or has not all of
    them."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile) or "version" not in file.files:
                raise DataError("no .npz of ours: it has no version", path=path)
            if int(file["version"]) != VERSION:
                raise DataError(
                    f"expected version {VERSION}, got {int(file['version'])}; use the gluon_hash "
                    "that "
                    "wrote it",
                    path=path,
                )
            missing = [name for name in wanted if name not in file.files]
            if missing:
                raise DataError(
                    f"expected the arrays {', '.join(wanted)}; {', '.join(missing)} missing",
                    path=path,
                )
            return {name: file[name] for name in wanted}
    except FileNotFoundError:
        raise
    except DataError:
        raise
    except (ValueError, OSError, zipfile.BadZipFile, EOFError, AttributeError) as error:
        raise DataError(f"no readable .npz, or cut short: {error}", path=path) from error
