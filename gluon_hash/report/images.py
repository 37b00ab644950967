"""Images of codes, found by their ids; inside a page: a data URI each, or many as one sheet."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from gluon_hash.errors import DataError
from gluon_hash.records import RecordFile
from gluon_hash.retrieval import CodeTable

__all__ = ["data_uri", "pictures_of", "sheet"]

EXACT = 64  # pixels of a side up to which an image is kept as it is (PNG); larger ones are JPEG
LARGEST = 160  # pixels of a side of an image on the page
CELL = 48  # pixels of a side of an image of a sheet


def data_uri(image: np.ndarray) -> str:
    """An image as the text of an address.

    Parameters
    ----------
    image : uint8, shape (height, width, 3)
    """
    picture = Image.fromarray(image)
    small = max(picture.size) <= EXACT
    picture.thumbnail((LARGEST, LARGEST))
    return _uri(picture, "png" if small else "jpeg")


def sheet(images: Sequence[np.ndarray | None], across: int = 32) -> str:
    """Many images as one JPEG, each in a square of 48 pixels, row by row; grey where there is none.

    Parameters
    ----------
    images : sequence of uint8 (height, width, 3), or None
    across : int
        Squares in a row.
    """
    down = max(1, -(-len(images) // across))
    whole = Image.new("RGB", (across * CELL, down * CELL), (128, 128, 128))
    for number, image in enumerate(images):
        if image is None:
            continue
        picture = Image.fromarray(image)
        factor = CELL / max(picture.size)
        size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
        corner = ((CELL - size[0]) // 2, (CELL - size[1]) // 2)
        at = (number % across * CELL + corner[0], number // across * CELL + corner[1])
        whole.paste(picture, at)
    return _uri(whole, "jpeg")


def pictures_of(path: Path, table: CodeTable) -> Callable[[int], np.ndarray | None]:
    """A function from the position of a code to its image, None where the file has none.

    Parameters
    ----------
    path : Path
        A record file.
    table : CodeTable

    Raises
    ------
    DataError
        If ids or labels of the file are not those of the codes.
    """
    records = RecordFile(path)
    order = np.argsort(records.ids)
    nearest = np.minimum(np.searchsorted(records.ids, table.ids, sorter=order), len(order) - 1)
    places = order[nearest]
    known = records.ids[places] == table.ids
    labels = records.level_labels[places]
    fits = labels.shape == table.level_labels.shape
    if not known.any() or not fits or (labels[known] != table.level_labels[known]).any():
        raise DataError(
            "these are not the images of the codes: ids or labels differ; name the records that "
            "were encoded",
            path=path,
        )
    return lambda position: records.image(int(places[position])) if known[position] else None


def _uri(picture: Image.Image, kind: str) -> str:
    stream = io.BytesIO()
    if kind == "jpeg":
        picture.save(stream, format="JPEG", quality=85)
    else:
        picture.save(stream, format="PNG")
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
