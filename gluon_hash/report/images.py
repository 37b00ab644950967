"""Images inside a page: one as a data URI, many small ones as one sheet."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

__all__ = ["data_uri", "sheet"]

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


def _uri(picture: Image.Image, kind: str) -> str:
    stream = io.BytesIO()
    if kind == "jpeg":
        picture.save(stream, format="JPEG", quality=85)
    else:
        picture.save(stream, format="PNG")
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
