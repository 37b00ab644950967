"""Lists, records, loaders, archives, recipes: round trips, exactly once, and errors before anything is written."""
import errno
import os
import tarfile
import zipfile

import mxnet as mx
import numpy as np
import pytest
from PIL import Image

from gluon_hash.errors import DataError
from gluon_hash.records import (
    ImageList,
    ImageTransform,
    RecordFile,
    archives,
    pack_list,
    read_list,
    rebuild_index,
    verify,
    write_list,
    write_records,
)
from gluon_hash.records import cifar, frames
from gluon_hash.records.dataset import write_dataset
from gluon_hash.records.folder import read_folder
from gluon_hash.records.loaders import EvalLoader, FeatureEvalLoader, FeatureTrainLoader, TrainLoader
from gluon_hash.records.pack import encode_png
from gluon_hash.records.synthetic import make_synthetic

MAGIC = frames.MAGIC_BYTES


def images(rng, count=5, side=8):
    return rng.randint(0, 256, (count, side, side, 3)).astype(np.uint8)


def write(path, pictures, labels=None):
    labels = np.zeros((len(pictures), 2), int) if labels is None else labels
    write_records(path, ((10 + i, labels[i], encode_png(p)) for i, p in enumerate(pictures)), len(pictures))


def test_list_round_trip(tmp_path):
    images_ = ImageList(np.array([3, 5]), np.array([[1, 0], [2, 1]], np.int32), ["a b.jpg", "c/d.png"])
    write_list(tmp_path / "x.lst", images_)
    again = read_list(tmp_path / "x.lst", 2)
    assert again.ids.tolist() == [3, 5] and again.level_labels.tolist() == [[1, 0], [2, 1]]
    assert again.paths == images_.paths


@pytest.mark.parametrize("text, message", [
    ("0\t1\t2\ta.jpg\n1\t1\tb.jpg\n", r"x\.lst:2: expected index, 2 labels \(levels 0-1\) and path.*got 1 labels"),
    ("0\t1\tx\ta.jpg\n", r"x\.lst:1: expected an integer >= 0, got 'x'"),
    ("0\t1\t0\ta.jpg\n0\t1\t0\tb.jpg\n", r"x\.lst:2: index 0 stands on line 1 too"),
    ("", "at least one image"),
])
def test_bad_lists_name_the_line(tmp_path, text, message):
    (tmp_path / "x.lst").write_text(text)
    with pytest.raises(DataError, match=message):
        read_list(tmp_path / "x.lst")


@pytest.mark.parametrize("payload", [b"", b"abc", MAGIC, b"1234" + MAGIC + b"5678" + MAGIC, b"12" + MAGIC, MAGIC * 3])
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
    assert records.ids.tolist() == [10, 11, 12, 13, 14] and records.level_labels.tolist() == labels.tolist()
    np.testing.assert_array_equal(records.image(3), pictures[3])
    indexed = mx.recordio.MXIndexedRecordIO(str(tmp_path / "x.idx"), str(tmp_path / "x.rec"), "r")
    header, data = mx.recordio.unpack(indexed.read_idx(13))
    assert header.label.tolist() == [6, 7] and header.id == 13 and data == records.image_bytes(3)
    iterator = mx.io.ImageRecordIter(path_imgrec=str(tmp_path / "x.rec"), data_shape=(3, 8, 8), batch_size=5,
                                     label_width=2)
    assert iterator.next().label[0].asnumpy().tolist() == labels.tolist()


def test_damage_is_named(tmp_path, rng):
    write(tmp_path / "x.rec", images(rng))
    whole, index = (tmp_path / "x.rec").read_bytes(), (tmp_path / "x.idx").read_text()
    (tmp_path / "x.rec").write_bytes(whole[:-20])
    with pytest.raises(DataError, match=r"x\.rec: record 4: .*should end at byte"):
        RecordFile(tmp_path / "x.rec")
    with pytest.raises(DataError, match="damaged from here on"):
        rebuild_index(tmp_path / "x.rec")
    (tmp_path / "x.rec").write_bytes(whole)
    (tmp_path / "x.idx").unlink()
    with pytest.raises(DataError, match=r"x\.idx: the index is missing; .*--rebuild-index"):
        RecordFile(tmp_path / "x.rec")
    assert rebuild_index(tmp_path / "x.rec") == 5 and (tmp_path / "x.idx").read_text() == index


def test_verify_lists_every_broken_image(tmp_path, rng):
    good = encode_png(images(rng, 1)[0])
    write_records(tmp_path / "x.rec", [(0, np.array([0]), good), (1, np.array([1]), good[:40])], 2)
    report = verify(tmp_path / "x.rec")
    assert report.num_records == 2 and report.num_classes == (2,)
    assert len(report.broken) == 1 and "record 1: id 1: no readable image" in report.broken[0]


def test_pack_list_names_the_unreadable_image_and_writes_nothing(tmp_path, rng):
    Image.fromarray(images(rng, 1)[0]).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no image")
    (tmp_path / "x.lst").write_text("0\t0\ta.png\n1\t0\tb.png\n")
    with pytest.raises(DataError, match=r"x\.lst:2: b\.png: no readable image"):
        pack_list(tmp_path / "x.lst", tmp_path, tmp_path / "x.rec")
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.png", "x.lst"]


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(record_id, labels, image):
        raise OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("gluon_hash.records.pack.pack_payload", full)
    with pytest.raises(OSError, match="No space left"):
        write_dataset(make_synthetic(2, 1, 16, 0), tmp_path / "out", seed=0)
    assert os.listdir(tmp_path) == []


def test_transforms_crop_pad_flip_and_normalize(rng):
    picture = images(rng, 1, 10)[0]
    transform = ImageTransform(0, 4, pad=2, flip=True, mean=(0, 0.5, 1), std=(1, 0.5, 2))
    np.testing.assert_array_equal(transform.evaluate(picture), picture[3:7, 3:7])
    padded = np.pad(picture, ((2, 2), (2, 2), (0, 0)))
    windows = [padded[t:t + 4, x:x + 4] for t in range(11) for x in range(11)]
    for seed in range(20):
        crop = transform.train(picture, np.random.RandomState(seed).rand(3))
        assert any((crop == w).all() or (crop == w[:, ::-1]).all() for w in windows)
    found = transform.normalize(picture[None])[0, :, 0, 0]
    np.testing.assert_allclose(found, (picture[0, 0] / 255 - [0, 0.5, 1]) / [1, 0.5, 2], rtol=1e-5, atol=1e-6)
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
    np.testing.assert_array_equal(np.concatenate([b.level_labels.asnumpy() for b in batches]), records.level_labels)


def test_training_depends_on_seed_and_epoch_alone(prepared):
    records, transform = RecordFile(prepared / "train.rec"), ImageTransform(32, 32, pad=4, flip=True)
    one, other = (TrainLoader(records, transform, 32, 7, num_threads=threads) for threads in (1, 3))
    list(other.epoch(0))  # what came before does not matter
    for a, b in zip(one.epoch(1), other.epoch(1)):
        assert a.id.tolist() == b.id.tolist()
        np.testing.assert_array_equal(a.image.asnumpy(), b.image.asnumpy())
    first = [batch.id.tolist() for batch in one.epoch(0)]
    assert first != [batch.id.tolist() for batch in one.epoch(1)]
    assert len(set(sum(first, []))) == 32 * len(one)


def test_parts_are_disjoint_and_equally_long(prepared):
    records = RecordFile(prepared / "train.rec")
    parts = [TrainLoader(records, ImageTransform(32, 32), 10, 7, num_parts=3, part_index=p) for p in range(3)]
    ids = [np.concatenate([batch.id for batch in part.epoch(0)]) for part in parts]
    assert len({len(part) for part in ids}) == 1
    assert len(np.unique(np.concatenate(ids))) == sum(map(len, ids))
    with pytest.raises(ValueError, match="lower training.batch_size"):
        TrainLoader(records, ImageTransform(32, 32), 1000, 7)


def test_a_broken_image_reaches_the_consumer(tmp_path, rng):
    write_records(tmp_path / "x.rec", [(0, np.array([0]), b"broken")], 1)
    with pytest.raises(DataError, match="record 0: id 0: no readable image"):
        list(EvalLoader(RecordFile(tmp_path / "x.rec"), ImageTransform(8, 8), 1))


def test_feature_loaders_have_the_same_protocol(rng):
    features, labels, ids = rng.randn(10, 3).astype(np.float16), np.zeros((10, 2), np.int32), np.arange(10)
    assert np.concatenate([b.id for b in FeatureEvalLoader(features, labels, ids, 4)]).tolist() == ids.tolist()
    assert sum(len(b.id) for b in FeatureTrainLoader(features, labels, ids, 4, 0).epoch(0)) == 8
    features[3, 1] = np.nan
    with pytest.raises(ValueError, match="features of id 3 hold NaN"):
        FeatureEvalLoader(features, labels, ids, 4)


def cifar_folder(folder, rng, train=200, query=100):
    folder.mkdir()
    for name, count in (("train", train), ("test", query)):
        fine = np.arange(count) % 100
        pixels = rng.randint(0, 256, (count, 3072))
        np.column_stack([cifar.FINE_TO_COARSE[fine], fine, pixels]).astype(np.uint8).tofile(folder / f"{name}.bin")
    for level, count in (("fine", 100), ("coarse", 20)):
        (folder / f"{level}_label_names.txt").write_text("\n".join(f"{level}{c}" for c in range(count)) + "\n")
    return folder


def test_cifar100_from_an_archive(tmp_path, rng):
    folder = cifar_folder(tmp_path / "cifar-100-binary", rng)
    with tarfile.open(tmp_path / "c.tar.xz", "w:xz") as archive:
        archive.add(folder, "cifar-100-binary")
    manifest = write_dataset(cifar.read_cifar100(tmp_path / "c.tar.xz"), tmp_path / "out", seed=1, limit=1)
    assert manifest["splits"]["train"]["images"] == 100 and manifest["splits"]["database"]["is_train"]
    raw = np.fromfile(folder / "train.bin", np.uint8).reshape(-1, 3074)
    records = RecordFile(tmp_path / "out" / "train.rec")
    listed = read_list(tmp_path / "out" / "train.lst", 2)
    number = int(listed.paths[0][len("train/"):-len(".png")])  # its place in train.bin
    np.testing.assert_array_equal(records.image(0), raw[number, 2:].reshape(3, 32, 32).transpose(1, 2, 0))
    assert records.level_labels[0].tolist() == [raw[number, 1], raw[number, 0]]
    whole = (tmp_path / "c.tar.xz").read_bytes()
    (tmp_path / "cut.tar.xz").write_bytes(whole[:len(whole) // 2])
    with pytest.raises(DataError, match=r"cut\.tar\.xz: the archive is damaged or was cut short"):
        cifar.read_cifar100(tmp_path / "cut.tar.xz")


def test_damaged_cifar_names_the_record(tmp_path, rng):
    folder = cifar_folder(tmp_path / "c", rng)
    raw = np.fromfile(folder / "train.bin", np.uint8)
    raw[3074 * 3] ^= 1  # the coarse label of record 3
    raw.tofile(folder / "train.bin")
    with pytest.raises(DataError, match=r"train\.bin: record 3: .*not in the official table"):
        cifar.read_cifar100(folder)
    raw[:-100].tofile(folder / "train.bin")
    with pytest.raises(DataError, match=r"train\.bin: record 199: expected a multiple of 3074 bytes"):
        cifar.read_cifar100(folder)


def test_wrong_md5_is_named(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    with pytest.raises(DataError, match="expected MD5 " + "0" * 32 + ", got 900150983cd24fb0d6963f7d28e17f72"):
        archives.check_md5(tmp_path / "x", "0" * 32)


def test_an_unreachable_server_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match="name it with --source"):
        archives.download("http://127.0.0.1:9/none", tmp_path / "x", "0" * 32)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil"])
def test_archives_stay_in_their_folder(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(name, "boo")
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    for file in ("x.zip", "x.tar"):
        with pytest.raises(DataError, match="would leave the folder"), archives.opened(tmp_path / file):
            pass


def test_folders_with_a_query_in_the_database_are_refused(tmp_path, rng):
    for split in ("train", "query"):
        for name in ("cat/tabby", "cat/siamese", "dog/husky"):
            (tmp_path / "in" / split / name).mkdir(parents=True)
            for number in range(2):
                Image.fromarray(images(rng, 1)[0]).save(tmp_path / "in" / split / name / f"{number}.png")
    (tmp_path / "in/query/dog/husky/0.png").write_bytes((tmp_path / "in/train/dog/husky/1.png").read_bytes())
    dataset = read_folder(tmp_path / "in", 1, 0)
    assert dataset.hierarchy.num_classes == (3, 2)
    with pytest.raises(DataError, match="1 images are both in query and database"):
        write_dataset(dataset, tmp_path / "out", seed=0)
    manifest = write_dataset(dataset, tmp_path / "out", seed=0, allow_duplicates=True)
    assert manifest["duplicates"]["query_in_database"] == [["dog/husky/0.png", "dog/husky/1.png"]]
    with pytest.raises(ValueError, match="exists already"):
        write_dataset(dataset, tmp_path / "out", seed=0, allow_duplicates=True)


def test_synthetic_is_the_same_for_the_same_seed(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_dataset(make_synthetic(2, 1, 16, seed), tmp_path / name, seed=0)
    same, again, other = ((tmp_path / name / "train.rec").read_bytes() for name in "abc")
    assert same == again != other
