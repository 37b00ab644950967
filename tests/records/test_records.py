"""Lists, records, loaders, archives, recipes: round trips, exactly once, and errors before anything
is written."""

import errno
import os

import mxnet as mx
import numpy as np
import pytest
from PIL import Image

from gluon_hash.datasets import synthetic
from gluon_hash.errors import DataError
from gluon_hash.records import (
    ImageList,
    ImageTransform,
    RecordFile,
    frames,
    pack_list,
    read_list,
    rebuild_index,
    write_list,
    write_records,
)
from gluon_hash.records.loaders import (
    EvalLoader,
    FeatureEvalLoader,
    FeatureTrainLoader,
    TrainLoader,
)
from gluon_hash.records.pack import encode_png

MAGIC = frames.MAGIC_BYTES


def images(rng, count=5, side=8):
    return rng.randint(0, 256, (count, side, side, 3)).astype(np.uint8)


def write(path, pictures, labels=None):
    labels = np.zeros((len(pictures), 2), int) if labels is None else labels
    write_records(
        path, ((10 + i, labels[i], encode_png(p)) for i, p in enumerate(pictures)), len(pictures)
    )


def test_list_round_trip(tmp_path):
    images_ = ImageList(
        np.array([3, 5]), np.array([[1, 0], [2, 1]], np.int32), ["a b.jpg", "c/d.png"]
    )
    write_list(tmp_path / "x.lst", images_)
    again = read_list(tmp_path / "x.lst", 2)
    assert again.ids.tolist() == [3, 5] and again.level_labels.tolist() == [[1, 0], [2, 1]]
    assert again.paths == images_.paths


@pytest.mark.parametrize(
    "text, message",
    [
        (
            "0\t1\t2\ta.jpg\n1\t1\tb.jpg\n",
            r"x\.lst:2: expected index, 2 labels \(levels 0-1\) and path.*got 1 labels",
        ),
        ("0\t1\tx\ta.jpg\n", r"x\.lst:1: expected an integer >= -1, got 'x'"),
        ("0\t1\t-2\ta.jpg\n", r"x\.lst:1: expected an integer >= -1, got '-2'"),
        ("0\t1\t0\ta.jpg\n0\t1\t0\tb.jpg\n", r"x\.lst:2: index 0 is on line 1 too"),
        ("", "at least one image"),
    ],
)
def test_bad_lists_name_the_line(tmp_path, text, message):
    (tmp_path / "x.lst").write_text(text)
    with pytest.raises(DataError, match=message):
        read_list(tmp_path / "x.lst")


@pytest.mark.parametrize(
    "payload", [b"", b"abc", MAGIC, b"1234" + MAGIC + b"5678" + MAGIC, b"12" + MAGIC, MAGIC * 3]
)
def test_frames_survive_the_magic_word_and_mxnet_reads_them(tmp_path, payload):
    record = frames.frame(payload)
    assert frames.parse_frame(memoryview(record), 0) == (payload, len(record))
    (tmp_path / "x.rec").write_bytes(record + frames.frame(b"next"))
    reader = mx.recordio.MXRecordIO(str(tmp_path / "x.rec"), "r")
    assert (reader.read() or b"") == payload and reader.read() == b"next"


def test_records_are_mxnets_records(tmp_path, rng):
    pictures, labels = images(rng), np.arange(10).reshape(5, 2)
    write(tmp_path / "x.rec", pictures, labels)
    records = RecordFile(tmp_path / "x.rec")
    assert (
        records.ids.tolist() == [10, 11, 12, 13, 14]
        and records.level_labels.tolist() == labels.tolist()
    )
    np.testing.assert_array_equal(records.image(3), pictures[3])
    indexed = mx.recordio.MXIndexedRecordIO(str(tmp_path / "x.idx"), str(tmp_path / "x.rec"), "r")
    header, data = mx.recordio.unpack(indexed.read_idx(13))
    assert header.label.tolist() == [6, 7] and header.id == 13 and data == records.image_bytes(3)
    iterator = mx.io.ImageRecordIter(
        path_imgrec=str(tmp_path / "x.rec"), data_shape=(3, 8, 8), batch_size=5, label_width=2
    )
    assert iterator.next().label[0].asnumpy().tolist() == labels.tolist()


def test_damage_is_named(tmp_path, rng):
    write(tmp_path / "x.rec", images(rng))
    whole, index = (tmp_path / "x.rec").read_bytes(), (tmp_path / "x.idx").read_text()
    (tmp_path / "x.rec").write_bytes(whole[:-20])
    with pytest.raises(DataError, match=r"x\.rec: record 4: .*should end at byte"):
        RecordFile(tmp_path / "x.rec")
    with pytest.raises(DataError, match="damaged from here on"):
        rebuild_index(tmp_path / "x.rec")
    (tmp_path / "x.rec").write_bytes(b"")
    for read in (RecordFile, rebuild_index):
        with pytest.raises(DataError, match=r"x\.rec: the file is empty; write it again"):
            read(tmp_path / "x.rec")
        with pytest.raises(DataError, match=r"y\.rec: no such file; `gluon-hash prepare` makes it"):
            read(tmp_path / "y.rec")
    (tmp_path / "x.rec").write_bytes(whole)
    (tmp_path / "x.idx").unlink()
    with pytest.raises(DataError, match=r"x\.idx: the index is missing; .*--rebuild-index"):
        RecordFile(tmp_path / "x.rec")
    assert rebuild_index(tmp_path / "x.rec") == 5 and (tmp_path / "x.idx").read_text() == index


def test_pack_list_names_the_unreadable_image_and_writes_nothing(tmp_path, rng):
    Image.fromarray(images(rng, 1)[0]).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no image")
    (tmp_path / "x.lst").write_text("0\t0\ta.png\n1\t0\tb.png\n")
    with pytest.raises(DataError, match=r"x\.lst:2: b\.png: not a readable image"):
        pack_list(tmp_path / "x.lst", tmp_path, tmp_path / "x.rec")
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.png", "x.lst"]


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(record_id, labels, image):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("gluon_hash.records.pack.pack_payload", full)
    with pytest.raises(OSError, match="No space left"):
        synthetic(train_per_class=2, query_per_class=1, side=16, seed=0).write(
            tmp_path / "out", seed=0
        )
    assert os.listdir(tmp_path) == []


def test_transforms_crop_pad_flip_and_normalize(rng):
    picture = images(rng, 1, 10)[0]
    transform = ImageTransform(0, 4, pad=2, flip=True, mean=(0, 0.5, 1), std=(1, 0.5, 2))
    np.testing.assert_array_equal(transform.evaluate(picture), picture[3:7, 3:7])
    padded = np.pad(picture, ((2, 2), (2, 2), (0, 0)))
    windows = [padded[t : t + 4, x : x + 4] for t in range(11) for x in range(11)]
    for seed in range(20):
        crop = transform.train(picture, np.random.RandomState(seed).rand(3))
        assert any((crop == w).all() or (crop == w[:, ::-1]).all() for w in windows)
    found = transform.normalize(picture[None])[0, :, 0, 0]
    np.testing.assert_allclose(
        found, (picture[0, 0] / 255 - [0, 0.5, 1]) / [1, 0.5, 2], rtol=1e-5, atol=1e-6
    )
    assert ImageTransform.from_dict(transform.to_dict()) == transform
    assert ImageTransform(240, 224).evaluate(images(rng, 1, 300)[0]).shape == (224, 224, 3)
    with pytest.raises(ValueError, match="smaller than the crop"):
        ImageTransform(0, 16).evaluate(picture)


def test_evaluation_gives_every_id_exactly_once_in_order_every_pass(prepared):
    records = RecordFile(prepared / "train.rec")
    loader = EvalLoader(records, ImageTransform(32, 32), 50)
    for _ in range(2):
        batches = list(loader)
        assert np.concatenate([batch.id for batch in batches]).tolist() == records.ids.tolist()
        assert len(batches) == len(loader) and batches[-1].image.shape[0] == len(records) % 50
    np.testing.assert_array_equal(
        np.concatenate([b.level_labels.asnumpy() for b in batches]), records.level_labels
    )


def test_training_depends_on_seed_and_epoch_alone(prepared):
    records, transform = (
        RecordFile(prepared / "train.rec"),
        ImageTransform(32, 32, pad=4, flip=True),
    )
    one, other = (TrainLoader(records, transform, 32, 7, num_threads=threads) for threads in (1, 3))
    list(other.epoch(0))  # what came before does not matter
    for a, b in zip(one.epoch(1), other.epoch(1)):
        assert a.id.tolist() == b.id.tolist()
        np.testing.assert_array_equal(a.image.asnumpy(), b.image.asnumpy())
    first = [batch.id.tolist() for batch in one.epoch(0)]
    assert first != [batch.id.tolist() for batch in one.epoch(1)]
    assert len(set(sum(first, []))) == 32 * len(one)


def test_a_batch_larger_than_the_data_is_refused(prepared):
    records = RecordFile(prepared / "train.rec")
    with pytest.raises(ValueError, match="there are 162; lower training.batch_size"):
        TrainLoader(records, ImageTransform(32, 32), 163, 7)
    assert len(TrainLoader(records, ImageTransform(32, 32), 162, 7)) == 1


def test_a_broken_image_reaches_the_consumer(tmp_path, rng):
    write_records(tmp_path / "x.rec", [(0, np.array([0]), b"broken")], 1)
    with pytest.raises(DataError, match="record 0: id 0: not a readable image"):
        list(EvalLoader(RecordFile(tmp_path / "x.rec"), ImageTransform(8, 8), 1))


def test_feature_loaders_have_the_same_protocol(rng):
    features, labels, ids = (
        rng.randn(10, 3).astype(np.float16),
        np.zeros((10, 2), np.int32),
        np.arange(10),
    )
    assert (
        np.concatenate([b.id for b in FeatureEvalLoader(features, labels, ids, 4)]).tolist()
        == ids.tolist()
    )
    assert sum(len(b.id) for b in FeatureTrainLoader(features, labels, ids, 4, 0).epoch(0)) == 8
    features[3, 1] = np.nan
    with pytest.raises(ValueError, match="features of id 3 hold NaN"):
        FeatureEvalLoader(features, labels, ids, 4)
