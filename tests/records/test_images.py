"""One decode function: alpha, EXIF, CMYK, 16 bits, palettes, animations, damaged files."""

import io
import os
import struct
import subprocess
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile, PngImagePlugin

from gluon_hash.errors import DataError
from gluon_hash.records import RecordFile, decode_image, images, ordinary, read_image, write_records
from gluon_hash.records.images import has_transparency, parse_color
from gluon_hash.records.pack import record_image

RED, BLUE = (255, 0, 0), (0, 0, 255)


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def half_transparent():
    """Red, its left column opaque, the middle one at 51/255 = 0.2, the right one transparent."""
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[..., 0] = 255
    pixels[..., 3] = (255, 51, 0)
    return Image.fromarray(pixels)


@pytest.mark.parametrize(
    "background, expected",
    [
        # 0.2 of red over 0.8 of the background: white 255, 204, 204; blue 51, 0, 204
        ((255, 255, 255), [[255, 0, 0], [255, 204, 204], [255, 255, 255]]),
        (BLUE, [[255, 0, 0], [51, 0, 204], [0, 0, 255]]),
    ],
)
def test_transparency_shows_the_background(background, expected):
    for data in (
        encoded(half_transparent()),
        encoded(half_transparent(), "WEBP", lossless=True, exact=True),
    ):
        assert decode_image(data, background)[1].tolist() == expected
        assert has_transparency(data)


def test_white_is_the_background_unless_another_is_named():
    data = encoded(half_transparent())
    np.testing.assert_array_equal(decode_image(data), decode_image(data, (255, 255, 255)))


def test_a_transparent_entry_of_a_palette_and_of_a_grey_image():
    palette = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    palette.putpalette([255, 0, 0, 0, 255, 0])
    for data in (encoded(palette, transparency=1), encoded(palette, "GIF", transparency=1)):
        assert decode_image(data, BLUE).tolist() == [[[255, 0, 0], [0, 0, 255]]]
    grey = Image.fromarray(np.array([[7, 9]], np.uint8))
    assert decode_image(encoded(grey, transparency=9), BLUE).tolist() == [[[7, 7, 7], [0, 0, 255]]]
    assert decode_image(encoded(grey), BLUE).tolist() == [[[7] * 3, [9] * 3]]
    assert not has_transparency(encoded(grey))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_the_image_is_turned_as_exif_says(kind):
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 0] = RED
    for orientation, corner in (
        # where the pixel at the upper left comes to lie, by the definition of the EXIF tag
        (1, (0, 0)),
        (2, (0, 2)),  # mirrored
        (3, (1, 2)),  # half a turn
        (6, (0, 1)),  # a quarter turn clockwise: 3 rows, 2 columns
        (8, (2, 0)),  # a quarter turn back
    ):
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {"lossless": True} if kind == "WEBP" else {}
        image = decode_image(encoded(Image.fromarray(pixels), kind, exif=exif, **options))
        assert image.shape == ((3, 2, 3) if orientation > 4 else (2, 3, 3)), orientation
        assert image[corner].tolist() == [255, 0, 0], orientation


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_a_photograph_is_turned_as_exif_says(mode):
    """Half black, half white, as JPEG; 6 is a quarter turn clockwise: the left side goes up."""
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:, :24] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    image = decode_image(encoded(Image.fromarray(pixels).convert(mode), "JPEG", exif=exif))
    assert image.shape == (48, 32, 3)
    assert image[:20].min() > 240 and image[28:].max() < 15


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_damaged_exif_block_leaves_the_image_as_it_is():
    pixels = np.full((8, 8, 3), 100, np.uint8)
    data = encoded(Image.fromarray(pixels), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xffjunk")
    assert decode_image(data).shape == (8, 8, 3)


def test_16_bits_keep_the_upper_8():
    values = np.array([[0, 255, 256, 0x1234, 0xFFFF]], np.uint16)
    data = encoded(Image.fromarray(values))
    assert decode_image(data)[0, :, 0].tolist() == [0, 0, 1, 0x12, 0xFF]
    tiff = encoded(Image.fromarray(values), "TIFF")
    np.testing.assert_array_equal(decode_image(tiff), decode_image(data))


def test_a_transparent_value_of_16_bits_shows_the_background():
    values = np.array([[0x1234, 0x1235]], np.uint16)
    data = encoded(Image.fromarray(values), transparency=0x1235)
    assert has_transparency(data)
    assert decode_image(data, BLUE).tolist() == [[[0x12] * 3, [0, 0, 255]]]


def png_of_16_bits(values):
    """A PNG of 16 bits a colour, (height, width, colours), which Pillow does not write."""
    height, width, colours = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[colours], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


@pytest.mark.parametrize("colours", [1, 2, 3, 4])
def test_16_bits_of_every_kind_keep_the_upper_8(colours):
    """Grey, grey with alpha, RGB, RGBA; alpha is 0xFFFF, opaque."""
    values = np.full((2, 2, colours), 0xFFFF, np.uint16)
    values[..., : 3 if colours > 2 else 1] = np.array([0x00FF, 0x1234, 0xABCD])[
        : 3 if colours > 2 else 1
    ]
    expected = [0x00, 0x12, 0xAB] if colours > 2 else [0x00] * 3
    assert decode_image(png_of_16_bits(values))[0, 0].tolist() == expected


@pytest.mark.parametrize(
    "mode, options",
    [
        ("RGB", {}),
        ("RGBA", {}),
        ("L", {}),
        ("LA", {}),
        ("P", {"transparency": 3}),
        ("I;16", {"transparency": 257 * 7}),
        ("1", {}),
    ],
)
def test_a_large_image_is_converted_band_by_band(monkeypatch, mode, options, rng):
    pixels = rng.randint(0, 256, (23, 10, 4)).astype(np.uint8)
    image = Image.fromarray(pixels)
    if mode == "I;16":
        image = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    elif mode != "RGBA":
        image = image.convert(mode)
    data = encoded(image, **options)
    whole = decode_image(data, BLUE)
    monkeypatch.setattr(images, "BAND_PIXELS", 40)  # four rows at a time
    np.testing.assert_array_equal(decode_image(data, BLUE), whole)


@pytest.mark.parametrize(
    "pixels, message",
    [
        (np.array([[0.5]], np.float32), "float pixels have no stated range"),
        (np.array([[1 << 20]], np.int32), "pixels of 32 bits"),
    ],
)
def test_pixels_without_a_stated_range_are_refused(pixels, message):
    with pytest.raises(ValueError, match=message):
        decode_image(encoded(Image.fromarray(pixels), "TIFF"))


def test_cmyk_becomes_rgb():
    # no ink but all of the cyan: red is gone, green and blue stay
    cmyk = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    for data in (encoded(cmyk, "TIFF"), encoded(cmyk, "JPEG", quality=95)):
        assert np.abs(decode_image(data)[8, 8].astype(int) - [0, 255, 255]).max() <= 3


def test_of_an_animation_the_first_frame_is_taken():
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, BLUE)]
    for kind in ("GIF", "PNG", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert decode_image(data)[0, 0].tolist() == [255, 0, 0]


def test_what_is_no_whole_image_is_said(tmp_path, monkeypatch):
    noise = np.random.RandomState(0).randint(0, 256, (64, 64, 3)).astype(np.uint8)
    data = encoded(Image.fromarray(noise), "JPEG")
    for wrong, message in (
        (b"", r"not a readable image \(0 bytes\): of no known format"),
        (b"<svg></svg>", r"not a readable image \(11 bytes\): of no known format"),
        (data[: len(data) // 2], r"not a readable image \(\d+ bytes\): .*truncated"),
        (encoded(Image.fromarray(noise))[:200], r"not a readable image \(200 bytes\)"),
    ):
        with pytest.raises(ValueError, match=message):
            decode_image(wrong)
    (tmp_path / "cut.jpg").write_bytes(data[:100])
    with pytest.raises(DataError, match=r"cut\.jpg: not a readable image \(100 bytes\)"):
        read_image(tmp_path / "cut.jpg")
    monkeypatch.setattr(images, "MAX_PIXELS", 64 * 64 - 1)
    monkeypatch.setattr(ordinary, "_tools", ordinary._Tools())  # loaded by another test
    with pytest.raises(ValueError, match="more than the 4,095 pixels that are read; shrink it"):
        decode_image(data)


def test_only_some_formats_are_opened(monkeypatch):
    """EPS would start Ghostscript, whatever the name of the file says."""

    def started(*_, **__):
        raise AssertionError("a program was started")

    for name in ("Popen", "check_call", "run"):
        monkeypatch.setattr(subprocess, name, started)
    monkeypatch.setattr(os, "system", started)
    for kind in ("EPS", "PDF", "ICO", "TGA", "JPEG2000"):
        data = encoded(Image.new("RGB", (16, 16)), kind)
        with pytest.raises(ValueError, match=r"of no known format \(JPEG, PNG, BMP, GIF, WEBP"):
            decode_image(data)
        with pytest.raises(ValueError, match="of no known format"):
            has_transparency(data)


def test_many_pixels_are_refused_before_they_are_decoded():
    """A header that says 8193 x 8192, and nothing behind it."""
    header = struct.pack(">IIBBBBB", 8193, 8192, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    data += struct.pack(">I", zlib.crc32(chunk)) + struct.pack(">I", 0) + b"IDAT"
    with pytest.raises(ValueError, match="more than the 67,108,864 pixels that are read; shrink"):
        decode_image(data)


@pytest.mark.parametrize("data", [b"P6 0 5 255\n", b"P6 5 0 255\n", b"P5 0 0 255\n"])
def test_an_image_without_pixels_is_refused(data):
    with pytest.raises(ValueError, match="not a readable image"):
        decode_image(data)


def test_what_is_no_file_of_an_image_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.png: no such file"):
        read_image(tmp_path / "none.png")
    with pytest.raises(DataError, match="expected a file, got a folder"):
        read_image(tmp_path)
    with pytest.raises(DataError, match="/dev/zero: expected at most"):
        read_image("/dev/zero")


def test_half_an_image_is_refused_whatever_another_library_told_pillow(monkeypatch):
    noise = np.random.RandomState(0).randint(0, 256, (64, 64, 3)).astype(np.uint8)
    data = encoded(Image.fromarray(noise), "JPEG")
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as GluonCV does when imported
    with pytest.raises(ValueError, match="truncated"):
        decode_image(data[: len(data) // 2])


def test_a_bomb_in_the_text_of_a_png_is_no_readable_image():
    info = PngImagePlugin.PngInfo()
    info.add_text("bomb", "a" * (PngImagePlugin.MAX_TEXT_CHUNK + 1), zip=True)
    data = encoded(Image.new("RGB", (2, 2)), pnginfo=info)
    assert len(data) < 10_000
    with pytest.raises(ValueError, match="not a readable image"):
        decode_image(data)


def test_a_record_needs_to_know_of_no_background(tmp_path):
    """What depends on the background is stored over it; all else keeps the bytes of its file."""
    transparent, jpeg = encoded(half_transparent()), encoded(Image.new("RGB", (9, 9)), "JPEG")
    assert record_image(jpeg) == jpeg
    stored = record_image(transparent, background=BLUE)
    assert not has_transparency(stored)
    write_records(tmp_path / "x.rec", [(0, np.array([0]), stored)], 1)
    np.testing.assert_array_equal(
        RecordFile(tmp_path / "x.rec").image(0), decode_image(transparent, BLUE)
    )
    small = decode_image(record_image(transparent, short_side=1, background=BLUE))
    assert small.shape == (1, 2, 3)


def test_colours_by_name_and_by_number():
    assert parse_color("black") == (0, 0, 0) and parse_color("#10203040") == (16, 32, 48)
    with pytest.raises(ValueError, match="background: expected a colour such as white .*'no'"):
        parse_color("no")
