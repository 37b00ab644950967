"""Images that are shrunk on their way into records are decoded once, and are what they were."""

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from gluon_hash import datasets
from gluon_hash.datasets import shrinking
from gluon_hash.records import RecordFile, images, read_list
from gluon_hash.records.pack import record_image


@pytest.fixture
def decodings(monkeypatch):
    """Sizes in bytes of the files that were decoded."""
    sizes, decode = [], images.decode_image

    def counted(data, *args, **options):
        sizes.append(len(data))
        return decode(data, *args, **options)

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


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    """Two classes of six photos of 427 x 640 pixels each, cut out of two that scikit-learn has."""
    root = tmp_path_factory.mktemp("camera")
    for name in ("china", "flower"):
        (root / name).mkdir()
        picture = Image.fromarray(load_sample_image(f"{name}.jpg"))
        for number in range(6):
            part = picture.crop((10 * number, 0, 580 + 10 * number, 427))
            part.save(root / name / f"{number}.jpg", quality=90)
    return root


def test_reduced_photos_differ_by_little(camera, tmp_path):
    """Half of each side is decoded for a short side of 96; docs/data.md states the bound."""
    data = datasets.folder(camera, query_share=0.25)
    data.write(tmp_path / "full", short_side=96)
    manifest = data.write(tmp_path / "reduced", short_side=96, reduced=True)
    assert manifest["reduced"] is True
    full, reduced = (RecordFile(tmp_path / name / "train.rec") for name in ("full", "reduced"))
    differences = []
    for position in range(len(full)):
        pair = [records.image(position).astype(int) for records in (full, reduced)]
        assert pair[0].shape == pair[1].shape == (96, 130, 3)  # 580 * 96 / 427 = 130.4
        differences.append(np.abs(pair[0] - pair[1]))
    assert 0 < np.mean(differences) < 2.5 and np.percentile(differences, 99) < 15


def test_reduced_photos_are_as_large_as_is_needed(camera):
    data = (camera / "china" / "0.jpg").read_bytes()
    shapes = {
        at_least: images.decode_image(data, at_least=at_least).shape[:2]
        for at_least in (20, 54, 107, 108, 213, 214, 427, 5000)
    }
    eighth, quarter, half, whole = (54, 73), (107, 145), (214, 290), (427, 580)
    assert shapes == {
        **{20: eighth, 54: quarter, 107: half, 108: half},  # 427 / 8 = 53.4 and so on
        **{213: half, 214: whole, 427: whole, 5000: whole},
    }


def test_only_large_jpegs_are_reduced_and_copies_are_still_found(camera, tmp_path):
    root = tmp_path / "in"
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for number in range(4):
            pixels = np.random.RandomState(number).randint(0, 256, (300, 300, 3)).astype(np.uint8)
            Image.fromarray(pixels + np.uint8(name == "b")).save(root / name / f"{number}.png")
    for number, copied in ((0, 0), (1, 0), (2, 1)):
        photo = (camera / "china" / f"{copied}.jpg").read_bytes()
        (root / "a" / f"photo{number}.jpg").write_bytes(photo)
    data = datasets.folder(root, query_share=0.25)
    reduced = data.write(tmp_path / "reduced", short_side=64, reduced=True)
    full = data.write(tmp_path / "full", short_side=64)
    assert reduced["duplicates"] == full["duplicates"]
    names = read_list(tmp_path / "full" / "train.lst").paths
    files = [RecordFile(tmp_path / name / "train.rec") for name in ("full", "reduced")]
    for position, name in enumerate(names):
        same = files[0].image_bytes(position) == files[1].image_bytes(position)
        assert same == name.endswith(".png")


def test_reduced_needs_a_short_side(camera, tmp_path):
    with pytest.raises(ValueError, match="reduced: it belongs to a short side"):
        datasets.folder(camera, query_share=0.25).write(tmp_path / "out", reduced=True)
    assert not (tmp_path / "out").exists()
