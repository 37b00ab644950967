"""Ordinary files are decoded to Pillow's pixels whatever happened to them; windows to the bit."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from gluon_hash.records import ImageTransform, decode_image, ordinary
from gluon_hash.records.kernels import fill, unfilter
from gluon_hash.records.ordinary import decode_ordinary, expect_many
from gluon_hash.records.pack import encode_jpeg, encode_png


@pytest.fixture(autouse=True)
def tools(monkeypatch):
    """What decodes ordinary files, loaded for the test."""
    monkeypatch.setattr(ordinary, "_tools", ordinary._Tools())
    assert decode_ordinary(encode_png(np.zeros((2, 2, 3), np.uint8))) is None  # nothing is loaded
    expect_many()
    return ordinary._tools


def outcome(data):
    """The pixels, or that it is an error."""
    try:
        return decode_image(data)
    except ValueError:
        return np.empty(0)


def by_pillow(monkeypatch, files):
    with monkeypatch.context() as patch:
        patch.setattr(ordinary, "_tools", ordinary._Tools())
        return [outcome(file) for file in files]


def changed(whole, positions):
    """One bit of a byte, and all of it."""
    for position in positions:
        for change in (1 << position % 8, 255):
            yield whole[:position] + bytes([whole[position] ^ change]) + whole[position + 1 :]


def png(rows, width, *, height=None, more=b""):
    """A PNG of these bytes in its one IDAT, with right checksums."""

    def chunk(kind, content):
        content = kind + content
        length = struct.pack(">I", len(content) - 4)
        return length + content + struct.pack(">I", zlib.crc32(content))

    size = struct.pack(">II", width, len(rows) // (1 + 3 * width) if height is None else height)
    header, data = size + b"\x08\x02\0\0\0", zlib.compress(rows) + more
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def test_a_png_gives_the_pixels_of_pillow_whatever_happened_to_it(monkeypatch, rng):
    image = rng.randint(0, 256, (9, 7, 3)).astype(np.uint8)
    whole = encode_png(image)
    files = [whole, encode_png(image[:, :1]), whole[:-3], whole + b"more"]
    files += changed(whole, range(len(whole)))
    for file, expected in zip(files, by_pillow(monkeypatch, files)):
        np.testing.assert_array_equal(outcome(file), expected)
    np.testing.assert_array_equal(decode_ordinary(whole), image)


@pytest.mark.parametrize("kinds", [[0], [1], [2], [3], [4], [4, 3, 2, 1, 0, 3, 4, 1]])
@pytest.mark.parametrize("width", [1, 2, 13])
def test_rows_written_in_every_way_are_undone(rng, kinds, width):
    height = 8
    rows = rng.randint(0, 256, (height, 1 + 3 * width)).astype(np.uint8)
    rows[:, 0] = np.resize(kinds, height)
    file = png(rows.tobytes(), width)
    expected = np.asarray(Image.open(io.BytesIO(file)))
    np.testing.assert_array_equal(decode_ordinary(file), expected)


def test_what_is_in_a_png_must_be_what_its_header_says(rng):
    rows = bytearray(rng.randint(0, 256, 4 * 13).astype(np.uint8).tobytes())
    rows[::13] = bytes(4)
    assert decode_ordinary(png(bytes(rows), 4)) is not None
    for wrong in (png(bytes(rows), 4, height=3), png(bytes(rows), 4, height=5)):
        assert decode_ordinary(wrong) is None
    assert decode_ordinary(png(bytes(rows), 4, more=b"x")) is None
    rows[13] = 5
    assert decode_ordinary(png(bytes(rows), 4)) is None
    assert not unfilter(np.frombuffer(bytes(rows), np.uint8), np.empty((4, 4, 3), np.uint8))


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_a_jpeg_gives_the_pixels_of_pillow_whatever_happened_to_it(
    monkeypatch, rng, tools, subsampling
):
    pytest.importorskip("cv2")
    if tools.opencv is None:
        pytest.skip("this OpenCV is not used")
    smooth = np.cumsum(rng.randint(-9, 10, (37, 42, 3)), axis=1)
    files = []
    for image in (smooth % 256, rng.randint(0, 256, (16, 33, 3)), np.full((1, 1, 3), 77)):
        buffer = io.BytesIO()
        picture = Image.fromarray(image.astype(np.uint8))
        picture.save(buffer, "JPEG", quality=80, subsampling=subsampling)
        files.append(buffer.getvalue())
    assert all(decode_ordinary(file) is not None for file in files)
    whole = files[0]
    files += [whole[:-3], whole[:-2], whole[: len(whole) // 2] + b"\xff\xd9", whole + b"\xff\xd9"]
    files += changed(whole, range(0, len(whole), 3))
    for file, expected in zip(files, by_pillow(monkeypatch, files)):
        np.testing.assert_array_equal(outcome(file), expected)


def test_jpegs_that_say_more_are_left_to_pillow(rng):
    image = Image.fromarray(rng.randint(0, 256, (16, 24, 3)).astype(np.uint8))
    turned = Image.Exif()
    turned[0x0112] = 6
    for options in ({"progressive": True}, {"exif": turned}):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", **options)
        assert decode_ordinary(buffer.getvalue()) is None
    for mode in ("L", "CMYK"):
        buffer = io.BytesIO()
        image.convert(mode).save(buffer, "JPEG")
        assert decode_ordinary(buffer.getvalue()) is None


def test_an_opencv_that_gives_other_pixels_is_not_used(monkeypatch, rng):
    opencv = pytest.importorskip("cv2")
    monkeypatch.setattr(ordinary, "_tools", ordinary._Tools())
    read = opencv.imdecode
    monkeypatch.setattr(opencv, "imdecode", lambda *args: read(*args) ^ 1)
    expect_many()
    file = encode_jpeg(rng.randint(0, 256, (16, 24, 3)).astype(np.uint8))
    assert ordinary._tools.opencv is None and decode_ordinary(file) is None


@pytest.mark.parametrize("pad, flip", [(0, False), (0, True), (3, True)])
@pytest.mark.parametrize("side", [1, 8, 17])
def test_a_window_is_filled_to_the_bits_of_the_formula(rng, pad, flip, side):
    """The slow twin pads, cuts, mirrors and normalizes whole arrays."""
    transform = ImageTransform(0, side, pad=pad, flip=flip)
    factors = transform.scale_and_offset()
    planes = np.full((3, side, side), np.nan, np.float32)
    for height, width in ((17, 17), (19, 30), (40, 21)):
        image = rng.randint(0, 256, (height, width, 3)).astype(np.uint8)
        image.setflags(write=False)
        for draw in rng.random_sample((20, 3)).tolist() + [[0, 0, 0], [0.9999, 0.9999, 0.9]]:
            fill(image, *transform.random(height, width, draw), *factors, planes)
            expected = transform.normalize(transform.train(image, draw)[None])[0]
            assert planes.tobytes() == expected.tobytes()
        fill(image, *transform.center(height, width), *factors, planes)
        assert planes.tobytes() == transform.normalize(transform.evaluate(image)[None])[0].tobytes()


def test_a_window_beyond_the_image_is_black():
    image = np.full((2, 2, 3), 9, np.uint8)
    image.setflags(write=False)
    scale = np.full((3, 1, 1), 2, np.float32)
    offset = np.arange(3, dtype=np.float32).reshape(3, 1, 1)
    planes = np.full((3, 4, 4), np.nan, np.float32)
    inside = np.zeros((4, 4))
    inside[1:3, 3] = 18  # 9 * 2; columns 3 and 4 of the window are the image's, mirrored or not
    fill(image, -1, -3, False, scale, offset, planes)
    np.testing.assert_array_equal(planes, inside + offset)
    fill(image, -1, -3, True, scale, offset, planes)
    np.testing.assert_array_equal(planes, inside[:, ::-1] + offset)
    fill(image, 5, 0, False, scale, offset, planes)
    np.testing.assert_array_equal(planes, np.zeros((4, 4)) + offset)
    fill(image, 0, 2, False, scale, offset, planes)
    np.testing.assert_array_equal(planes, np.zeros((4, 4)) + offset)
