"""An image file -> RGB pixels: the one place that says what transparency, EXIF and 16 bits become.

What is prepared, encoded and searched comes through decode_image, so that one file gives the same
pixels everywhere.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from gluon_hash.errors import DataError
from gluon_hash.guard import read_bytes
from gluon_hash.records.ordinary import MAX_PIXELS, decode_ordinary

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "WHITE",
    "Color",
    "decode_image",
    "has_transparency",
    "parse_color",
    "read_image",
]

Color = tuple[int, int, int]  # red, green, blue, each 0-255
WHITE: Color = (255, 255, 255)
# Pillow knows more; for some of them (EPS) it starts other programs.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "PPM", "TIFF")
FILE_LIMIT = 1 << 29  # bytes; a record holds no more
BAND_PIXELS = 1 << 22  # of a large image, so many are converted at a time
SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")
WITH_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")
# what Pillow's decoders raise for files that are not what their first bytes promise
DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    EOFError,
    OverflowError,
    NotImplementedError,
    struct.error,
    zlib.error,
)


def decode_image(
    data: bytes, background: Color = WHITE, *, at_least: int | None = None
) -> np.ndarray:
    """An encoded image (JPEG, PNG, ...) as uint8 RGB, shape (height, width, 3).

    Transparent pixels show the background; the image is turned as its EXIF block says; of 16 bits
    the upper 8 are kept; CMYK, grey and palette images become RGB; of an animation, the first frame
    is taken.

    Parameters
    ----------
    data : bytes
        What the file holds.
    background : Color
    at_least : int, optional
        A short side, in pixels, that is enough: of a larger JPEG an eighth, a quarter or half of
        each side is decoded, which takes a fraction of the time.

    Raises
    ------
    ValueError
        If the bytes are not a whole image of FORMATS, or one of more than MAX_PIXELS.
    """
    pixels = decode_ordinary(data) if at_least is None else None
    if pixels is not None:
        return pixels
    with _opened(data) as image:
        if at_least is not None:
            short = min(image.size)  # what follows does nothing but to a JPEG
            image.draft(None, (image.width * at_least // short, image.height * at_least // short))
        image.load()
        upright = _upright(image)
        if upright is not image:
            image.close()  # its pixels are not needed any more
        return _pixels(upright, background)


def read_image(path: str | os.PathLike[str], background: Color = WHITE) -> np.ndarray:
    """The image in a file, as decode_image.

    Raises
    ------
    DataError
        With the path: there is no such file, or it is not a whole image.
    OSError
        If it cannot be read.
    """
    data = read_bytes(path, FILE_LIMIT)
    try:
        return decode_image(data, background)
    except ValueError as error:
        raise DataError(str(error), path=path) from error


def has_transparency(data: bytes) -> bool:
    """Whether the pixels of an encoded image depend on the background; errors as decode_image."""
    with _opened(data) as image:
        return _is_transparent(image)


def parse_color(text: str) -> Color:
    """A colour by its name ("white"), as "#rrggbb", or as anything else that Pillow knows.

    Raises
    ------
    ValueError
        If it is not one.

    Examples
    --------
    >>> parse_color("white"), parse_color("#102030")
    ((255, 255, 255), (16, 32, 48))
    """
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError as error:
        raise ValueError(
            f"background: expected a colour such as white or #ff8800, got {text!r}"
        ) from error
    return red, green, blue


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """The image in ``data``; whatever goes wrong with it in the block is a ValueError."""
    # GluonCV, when it is imported, makes Pillow fill up images that were cut short
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(image.width, image.height)
            yield image
    except UnidentifiedImageError as error:
        raise ValueError(
            f"not a readable image ({len(data)} bytes): of no known format ({', '.join(FORMATS)})"
        ) from error
    except Image.DecompressionBombError as error:
        raise ValueError(
            f"not a readable image ({len(data)} bytes): it would unpack to more "
            f"than the {MAX_PIXELS:,} pixels that are read; shrink it first"
        ) from error
    except DAMAGED as error:
        raise ValueError(f"not a readable image ({len(data)} bytes): {error}") from error


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise ValueError(f"it has {width} x {height} pixels")
    if width * height > MAX_PIXELS:
        raise Image.DecompressionBombError


def _pixels(image: Image.Image, background: Color) -> np.ndarray:
    """RGB; a large image band by band, so that not all of it is there in every mode on the way."""
    width, height = image.size
    rows = max(1, BAND_PIXELS // width)
    if rows >= height:
        return np.asarray(_to_rgb(image, background))
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, rows):
        band = image.crop((0, top, width, min(top + rows, height)))
        pixels[top : top + rows] = np.asarray(_to_rgb(band, background))
    return pixels


def _upright(image: Image.Image) -> Image.Image:
    """The image as its EXIF block says that it was held; Pillow has turned a TIFF itself."""
    if "exif" not in image.info or image.format == "TIFF":
        return image
    try:
        return ImageOps.exif_transpose(image) or image
    except DAMAGED:  # a block that cannot be read says nothing of the orientation
        return image


def _to_rgb(image: Image.Image, background: Color) -> Image.Image:
    if image.mode in SIXTEEN_BITS:
        return _upper_8_bits(image, background)
    if image.mode == "F":
        raise ValueError("float pixels have no stated range; save it with 8 or 16 bits")
    if not _is_transparent(image):
        return image if image.mode == "RGB" else image.convert("RGB")
    canvas = Image.new("RGBA", image.size, (*background, 255))
    return Image.alpha_composite(canvas, image.convert("RGBA")).convert("RGB")


def _upper_8_bits(image: Image.Image, background: Color) -> Image.Image:
    values = np.asarray(image)
    if values.size and not 0 <= values.min() <= values.max() < 1 << 16:
        raise ValueError("pixels of 32 bits; save it with 8 or 16 bits")
    pixels = np.repeat((values >> 8).astype(np.uint8)[..., None], 3, axis=2)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        pixels[values == transparent] = background
    return Image.fromarray(pixels)


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in WITH_ALPHA or "transparency" in image.info
