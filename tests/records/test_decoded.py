"""Decoded images kept once for all loaders, batches to the bit, how little an open file takes."""

import gc
import tracemalloc

import numpy as np
import pytest

from gluon_hash.errors import DataError
from gluon_hash.records import ImageTransform, RecordFile, write_records
from gluon_hash.records.decoded import DecodedImages, parse_bytes
from gluon_hash.records.frames import MAGIC_BYTES, frame, pack_payload
from gluon_hash.records.pack import encode_png, rebuild_index

MEGABYTE = 10**6


def pictures(rng, sizes):
    return [rng.randint(0, 256, (*size, 3)).astype(np.uint8) for size in sizes]


def written(path, images, encode=encode_png):
    entries = ((10 + n, np.array([n % 2, 0]), encode(image)) for n, image in enumerate(images))
    write_records(path, entries, len(images))
    return RecordFile(path)


@pytest.fixture
def decodings(monkeypatch):
    """Ids of the images that were decoded."""
    seen, image = [], RecordFile.image

    def counted(self, position):
        seen.append(int(self.ids[position]))
        return image(self, position)

    monkeypatch.setattr(RecordFile, "image", counted)
    return seen


def test_an_image_is_decoded_once_for_every_view_of_a_file(tmp_path, rng, decodings):
    images = pictures(rng, [(8, 8), (9, 12), (8, 8), (10, 8)])
    records = written(tmp_path / "x.rec", images)
    decoded = DecodedImages(ImageTransform(0, 8))
    for view, positions in (
        (records, [0, 1, 2, 3]),
        (records.take(np.array([3, 1])), [1, 0]),
        (records.with_labels(records.level_labels + 1), [2]),
    ):
        for position in positions:
            expected = images[int(view.ids[position]) - 10]
            np.testing.assert_array_equal(decoded.image(view, position), expected)
    assert decodings == [10, 11, 12, 13]


@pytest.mark.parametrize(
    "kept, max_bytes", [(0, 0), (0, 191), (1, 192), (2, 3 * 192 - 1), (4, 768)]
)
def test_no_more_is_kept_than_may_be(tmp_path, rng, decodings, kept, max_bytes):
    images = pictures(rng, [(8, 8)] * 4)  # 8 * 8 * 3 = 192 bytes each
    records, decoded = (
        written(tmp_path / "x.rec", images),
        DecodedImages(ImageTransform(0, 8), max_bytes),
    )
    for _ in range(2):
        for position in range(4):
            np.testing.assert_array_equal(decoded.image(records, position), images[position])
    assert len(decodings) == 4 + (4 - kept)


def test_what_is_kept_is_the_smaller_of_the_image_and_what_it_is_resized_to(tmp_path, rng):
    records = written(tmp_path / "x.rec", pictures(rng, [(40, 60)]))
    for side, num_bytes in ((20, 20 * 30 * 3), (80, 40 * 60 * 3), (0, 40 * 60 * 3)):
        transform = ImageTransform(side, 16)
        for room in (num_bytes, num_bytes - 1):
            decoded = DecodedImages(transform, room)
            first, again = (decoded.image(records, 0) for _ in range(2))
            np.testing.assert_array_equal(first, transform.resized(records.image(0)))
            np.testing.assert_array_equal(first, again)
            # what is kept and not resized is the same memory each time
            same = np.shares_memory(decoded.image(records, 0), again)
            assert same == (room == num_bytes and side != 80)


def test_what_memory_it_takes_is_said(tmp_path, rng):
    def words(name, sizes, max_bytes, side=0):
        records = written(tmp_path / f"{name}.rec", pictures(rng, sizes))
        return DecodedImages(ImageTransform(side, 50), max_bytes).in_words(records)

    alike = [(100, 100)] * 50  # 30,000 bytes each: 1.5 MB
    assert words("a", alike, 2 * MEGABYTE) == "decoded images: 1.5 MB, kept in memory"
    assert words("b", alike, MEGABYTE).startswith(
        "decoded images: 1.5 MB, 1.0 MB of them kept in memory (data.cache); the others are decoded"
    )
    assert "1.5 MB, none of them kept" in words("c", alike, 0)
    assert "0.4 MB, kept" in words("d", alike, MEGABYTE, side=50)  # a quarter: 375,000 bytes
    several = [(100, 100), (100, 200)]
    assert words("e", several, MEGABYTE) == "decoded images: about 0.1 MB, kept in memory"


def test_sizes_are_read():
    assert [parse_bytes(text) for text in ("0", "2GB", "0.5 MB", " 7KB ")] == [
        0,
        2 * 10**9,
        500_000,
        7000,
    ]
    for text in ("", "2", "-1GB", "GB", "2gb", "1e9"):
        with pytest.raises(ValueError, match="expected a size such as 2GB or 500MB"):
            parse_bytes(text)


@pytest.mark.mxnet
def test_loaders_of_one_store_decode_once_and_give_the_bits_of_the_formula(
    tmp_path, rng, decodings
):
    """The formula is written out here for whole arrays, as batches were made before."""
    from gluon_hash.records.loaders import EvalLoader, TrainLoader

    images = pictures(rng, [(12, 10), (10, 10), (10, 14), (11, 11), (10, 10), (13, 10)])
    records = written(tmp_path / "x.rec", images)
    transform = ImageTransform(0, 8, pad=2, flip=True)
    scale, offset = transform.scale_and_offset()

    def planes(crops):
        stacked = np.ascontiguousarray(np.stack(crops).transpose(0, 3, 1, 2)).astype(np.float32)
        return stacked * scale + offset

    decoded = DecodedImages(transform)
    train = TrainLoader(records, transform, 3, 5, num_threads=3, decoded=decoded)
    refresh = EvalLoader(records, transform, 4, decoded=decoded)
    draws = np.random.RandomState((5, 1, 1)).random_sample((6, 3))
    for batch in train.epoch(1):
        rows = (batch.id - 10).tolist()
        expected = planes([transform.train(images[row], draws[row]) for row in rows])
        np.testing.assert_array_equal(batch.image.asnumpy(), expected)
        np.testing.assert_array_equal(batch.level_labels.asnumpy(), records.level_labels[rows])
    expected = planes([transform.evaluate(image) for image in images])
    for loader, begin in ((refresh, 0), (refresh.part(slice(2, 6)), 2)):
        found = np.concatenate([batch.image.asnumpy() for batch in loader])
        np.testing.assert_array_equal(found, expected[begin:])
    pair = [images[1], images[4]]
    np.testing.assert_array_equal(transform.normalize(np.stack(pair)), planes(pair))
    assert sorted(decodings) == [10, 11, 12, 13, 14, 15]


@pytest.mark.mxnet
@pytest.mark.parametrize("shape", [(2, 3), (3, 3, 700, 700)])
def test_the_memory_of_a_batch_outlives_it_and_is_what_mxnet_computes_with(shape):
    from gluon_hash.engine import new_batch

    array, memory = new_batch(shape)
    memory[...] = np.arange(memory.size).reshape(shape) % 1000
    assert (array + 1).asnumpy().flat[-1] == (memory.size - 1) % 1000 + 1
    assert array.dtype == np.float32 and array.shape == shape
    del array
    gc.collect()
    others = [new_batch(shape)[1] for _ in range(3)]
    for other in others:
        other.fill(-1)
    assert memory.min() == 0


def test_an_open_file_holds_no_image(tmp_path, rng):
    images = pictures(rng, [(200, 200)] * 40)  # random: 120 kB each, 4.8 MB in all
    written(tmp_path / "x.rec", images)
    tracemalloc.start()
    try:
        records = RecordFile(tmp_path / "x.rec")
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < MEGABYTE / 10 and peak < MEGABYTE and len(records) == 40


def test_a_view_keeps_the_file_open_and_names_the_record_of_the_file(tmp_path, rng):
    images = pictures(rng, [(8, 8)] * 5)
    view = written(tmp_path / "x.rec", images).take(np.array([4, 2])).take(np.array([1, 0]))
    gc.collect()
    np.testing.assert_array_equal(view.image(0), images[2])
    data = bytearray((tmp_path / "x.rec").read_bytes())
    begin = int(view.offsets[1])
    data[begin + 100] ^= 255
    (tmp_path / "x.rec").write_bytes(data)  # in place: it is the file that is open
    with pytest.raises(DataError, match=r"x\.rec: record 4: id 14: not a readable image"):
        view.image(1)
    (tmp_path / "x.rec").write_bytes(data[: begin + 20])
    with pytest.raises(DataError, match=r"record 4: the record at byte \d+ should end at byte"):
        view.image_bytes(1)


def test_headers_of_all_kinds_are_read(tmp_path):
    """One label in the header itself (MXNet's im2rec), images that hold the magic word, an id that
    is the magic word."""
    magic = int.from_bytes(MAGIC_BYTES, "little")
    alone = b"\0\0\0\0" + np.float32(3).tobytes() + (7).to_bytes(8, "little") + bytes(8) + b"one"
    payloads = [
        pack_payload(5, np.array([2]), b"plain"),
        alone,
        pack_payload(6, np.array([4]), MAGIC_BYTES * 3 + b"end"),
        pack_payload(magic, np.array([1]), b""),
    ]
    (tmp_path / "x.rec").write_bytes(b"".join(frame(payload) for payload in payloads))
    assert rebuild_index(tmp_path / "x.rec") == 4
    records = RecordFile(tmp_path / "x.rec")
    assert records.ids.tolist() == [5, 7, 6, magic]
    assert records.level_labels.tolist() == [[2], [3], [4], [1]]
    found = [records.image_bytes(position) for position in range(4)]
    assert found == [b"plain", b"one", MAGIC_BYTES * 3 + b"end", b""]
