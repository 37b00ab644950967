"""Images that are shrunk on their way into records are decoded once, and are what they were."""

import numpy as np
import pytest
from PIL import Image

from gluon_hash import datasets
from gluon_hash.datasets import shrinking
from gluon_hash.records import RecordFile, images, read_list
from gluon_hash.records.pack import record_image


@pytest.fixture
def decodings(monkeypatch):
    """Sizes in bytes of the files that were decoded."""
    sizes, decode = [], images.decode_image

    def counted(data, *args):
        sizes.append(len(data))
        return decode(data, *args)

    for module in ("images", "pack"):
        monkeypatch.setattr(f"gluon_hash.records.{module}.decode_image", counted)
    return sizes


@pytest.mark.parametrize("room, decoded", [(1 << 20, 1), (0, 2)])
def test_a_photo_is_decoded_once_and_written_as_before(
    tmp_path, make_images, decodings, monkeypatch, room, decoded
):
    """Of a class of large and a class of small photos; without room, each is decoded again."""
    monkeypatch.setattr(shrinking, "KEPT_BYTES", room)
    root = make_images(tmp_path / "in", [f"large/{n}.jpg" for n in range(10)], 40, 60)
    make_images(root, [f"small/{n}.png" for n in range(10)], 20, 20)
    half = np.random.RandomState(1).randint(0, 256, (40, 40, 4)).astype(np.uint8)
    Image.fromarray(half).save(root / "large" / "half.png")  # transparent
    datasets.folder(root).write(tmp_path / "out", short_side=20)
    large = {path.stat().st_size for path in (root / "large").glob("*.jpg")}
    assert sum(size in large for size in decodings) == decoded * 10
    for split in ("train", "query"):
        records = RecordFile(tmp_path / "out" / f"{split}.rec")
        for position, name in enumerate(read_list(tmp_path / "out" / f"{split}.lst").paths):
            expected = record_image((root / name).read_bytes(), short_side=20)
            assert records.image_bytes(position) == expected
            assert min(records.image(position).shape[:2]) == 20


def test_what_is_shrunk_is_given_once_and_its_room_is_free_again(monkeypatch):
    """Two images of which one fits: the other does after the first was fetched."""
    pixels = np.random.RandomState(0).randint(0, 256, (2, 30, 30, 3)).astype(np.uint8)
    small = [len(shrinking.shrink(image, 10)) for image in pixels]
    monkeypatch.setattr(shrinking, "KEPT_BYTES", max(small))
    fetched = []

    def encoded(position):
        fetched.append(position)
        return b"not an image: only what is kept can be given"

    shrunk = shrinking.Shrunk(encoded, bytes, lambda position: pixels[position], 10)
    for position in (0, 1):
        assert shrunk.digest(position) == shrinking.digest_of(pixels[position])
    assert len(shrunk.encoded(0)) == small[0] and not fetched
    with pytest.raises(ValueError, match="not a readable image"):
        shrunk.encoded(1)  # there was no room for it
    shrunk.digest(1)
    assert len(shrunk.encoded(1)) == small[1]
    with pytest.raises(ValueError, match="not a readable image"):
        shrunk.encoded(1)  # it was given away
    assert fetched == [1, 1]
