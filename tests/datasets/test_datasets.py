"""Data set recipes: what they read, the split guard, and what a damaged source says."""

import errno
import os
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from gluon_hash import archives
from gluon_hash.datasets import cifar, cifar_python
from gluon_hash.datasets import folder as folder_recipe
from gluon_hash.datasets.dataset import regroup, write_dataset
from gluon_hash.datasets.folder import read_folder, read_imagenet
from gluon_hash.datasets.synthetic import make_synthetic
from gluon_hash.errors import DataError
from gluon_hash.records import (
    RecordFile,
    frames,
    read_list,
)

MAGIC = frames.MAGIC_BYTES


def cifar_folder(folder, rng, train=200, query=100):
    folder.mkdir()
    for name, count in (("train", train), ("test", query)):
        fine = np.arange(count) % 100
        pixels = rng.randint(0, 256, (count, 3072))
        np.column_stack([cifar.FINE_TO_COARSE[fine], fine, pixels]).astype(np.uint8).tofile(
            folder / f"{name}.bin"
        )
    for level, count in (("fine", 100), ("coarse", 20)):
        (folder / f"{level}_label_names.txt").write_text(
            "\n".join(f"{level}{c}" for c in range(count)) + "\n"
        )
    return folder


def test_cifar100_from_an_archive(tmp_path, rng):
    folder = cifar_folder(tmp_path / "cifar-100-binary", rng)
    with tarfile.open(tmp_path / "c.tar.xz", "w:xz") as archive:
        archive.add(folder, "cifar-100-binary")
    manifest = write_dataset(
        cifar.read_cifar100(tmp_path / "c.tar.xz"), tmp_path / "out", seed=1, limit=1
    )
    assert (
        manifest["splits"]["train"]["images"] == 100 and manifest["splits"]["database"]["is_train"]
    )
    raw = np.fromfile(folder / "train.bin", np.uint8).reshape(-1, 3074)
    records = RecordFile(tmp_path / "out" / "train.rec")
    listed = read_list(tmp_path / "out" / "train.lst", 2)
    number = int(listed.paths[0][len("train/") : -len(".png")])  # its place in train.bin
    np.testing.assert_array_equal(
        records.image(0), raw[number, 2:].reshape(3, 32, 32).transpose(1, 2, 0)
    )
    assert records.level_labels[0].tolist() == [raw[number, 1], raw[number, 0]]
    whole = (tmp_path / "c.tar.xz").read_bytes()
    (tmp_path / "cut.tar.xz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"cut\.tar\.xz: the archive is damaged or was cut short"):
        cifar.read_cifar100(tmp_path / "cut.tar.xz")


def test_the_python_version_of_cifar_gives_the_same_records(tmp_path, rng):
    import pickle

    binary = cifar_folder(tmp_path / "binary", rng)
    python = tmp_path / "cifar-100-python"
    python.mkdir()
    for name in ("train", "test"):
        records = np.fromfile(binary / f"{name}.bin", np.uint8).reshape(-1, 3074)
        batch = {
            b"data": records[:, 2:],
            b"coarse_labels": records[:, 0].tolist(),
            b"fine_labels": records[:, 1].tolist(),
            b"filenames": [b"x.png"] * len(records),
        }
        (python / name).write_bytes(pickle.dumps(batch, protocol=2))
    meta = {
        f"{level}_label_names".encode(): [
            line.encode() for line in (binary / f"{level}_label_names.txt").read_text().split()
        ]
        for level in ("fine", "coarse")
    }
    (python / "meta").write_bytes(pickle.dumps(meta, protocol=2))
    ours, theirs = cifar.read_cifar100(binary), cifar_python.read_cifar100_python(python)
    assert ours.hierarchy == theirs.hierarchy
    for split in ("train", "query"):
        mine, other = getattr(ours, split), getattr(theirs, split)
        np.testing.assert_array_equal(mine.fine_labels, other.fine_labels)
        assert [mine.encoded(3), mine.digest(5)] == [other.encoded(3), other.digest(5)]
    (python / "train").write_bytes(pickle.dumps({b"data": print}))
    with pytest.raises(
        DataError, match=r"train: no readable batch of CIFAR.*asks for \S*print, which no CIFAR"
    ):
        cifar_python.read_cifar100_python(python)


def test_damaged_cifar_names_the_record(tmp_path, rng):
    folder = cifar_folder(tmp_path / "c", rng)
    raw = np.fromfile(folder / "train.bin", np.uint8)
    raw[3074 * 3] ^= 1  # the coarse label of record 3
    raw.tofile(folder / "train.bin")
    with pytest.raises(DataError, match=r"train\.bin: record 3: .*not in the official table"):
        cifar.read_cifar100(folder)
    raw[:-100].tofile(folder / "train.bin")
    with pytest.raises(
        DataError, match=r"train\.bin: record 199: expected a multiple of 3074 bytes"
    ):
        cifar.read_cifar100(folder)


def test_wrong_md5_is_named(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    with pytest.raises(
        DataError, match="expected MD5 " + "0" * 32 + ", got 900150983cd24fb0d6963f7d28e17f72"
    ):
        archives.check_md5(tmp_path / "x", "0" * 32)


def test_an_unreachable_server_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match="name it with --source"):
        archives.download("http://127.0.0.1:9/none", tmp_path / "x", "0" * 32)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "suffix, mode",
    [(".tar.gz", "w:gz"), (".tar.xz", "w:xz"), (".tar.bz2", "w:bz2"), (".zip", None)],
)
def test_one_changed_byte_of_an_archive_is_noticed(tmp_path, rng, suffix, mode):
    (tmp_path / "f").write_bytes(rng.bytes(30_000))
    path = tmp_path / f"x{suffix}"
    if mode is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(tmp_path / "f", "f")
    else:
        with tarfile.open(path, mode) as archive:
            archive.add(tmp_path / "f", "f")
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 255
    path.write_bytes(damaged)
    with pytest.raises(
        DataError, match=rf"x{suffix}: the archive is damaged or was cut short .*get it again"
    ):
        with archives.opened(path):
            pass


def test_a_full_disk_is_no_damaged_archive(tmp_path, monkeypatch):
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("f"))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archives, "_write", full)
    with pytest.raises(OSError, match=r"no space left to unpack .*x\.tar; .* TMPDIR"):
        with archives.opened(tmp_path / "x.tar"):
            pass


def test_errors_about_unpacked_files_name_the_archive(tmp_path, rng):
    folder = cifar_folder(tmp_path / "cifar", rng)
    (folder / "train.bin").write_bytes((folder / "train.bin").read_bytes()[:-1])
    with tarfile.open(tmp_path / "c.tar", "w") as archive:
        archive.add(folder, "cifar")
    with pytest.raises(
        DataError, match=r"/c\.tar/cifar/train\.bin: record 199: expected a multiple of 3074"
    ):
        cifar.read_cifar100(tmp_path / "c.tar")


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil"])
def test_archives_stay_in_their_folder(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(name, "boo")
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    for file in ("x.zip", "x.tar"):
        with (
            pytest.raises(DataError, match="would leave the folder"),
            archives.opened(tmp_path / file),
        ):
            pass


def test_cifar100_under_a_tree_of_ones_own(tmp_path, rng):
    folder = cifar_folder(tmp_path / "c", rng)
    lines = ["all even", "all odd"] + [
        f"{'odd' if c % 2 else 'even'} fine{c}" for c in range(2, 100)
    ]
    (tmp_path / "tree").write_text("\n".join([*lines, "all fine0", "all fine1"]) + "\n")
    dataset = regroup(cifar.read_cifar100(folder), tree=tmp_path / "tree")
    write_dataset(dataset, tmp_path / "out", seed=0)
    labels = RecordFile(tmp_path / "out" / "query.rec").level_labels
    assert dataset.hierarchy.num_classes == (100, 4)  # even, odd, and the two that are completed
    assert labels[:6].tolist() == [[0, 0], [1, 1], [2, 2], [3, 3], [4, 2], [5, 3]]
    assert regroup(dataset, levels=[0]).hierarchy.num_classes == (100,)
    with pytest.raises(ValueError, match="give --tree too"):
        regroup(dataset, names=tmp_path / "tree")


def test_a_folder_is_walked_once_however_many_its_images(tmp_path, monkeypatch):
    (tmp_path / "in" / "cat").mkdir(parents=True)
    for number in range(20):
        (tmp_path / "in" / "cat" / f"{number}.png").touch()
    calls = []
    monkeypatch.setattr(
        folder_recipe,
        "_folders",
        lambda files, found=folder_recipe._folders: calls.append(1) or found(files),
    )
    assert len(read_folder(tmp_path / "in", 5, 0).train) == 15
    assert len(calls) < 5


def test_folders_with_a_query_in_the_database_are_refused(tmp_path, rng):
    for split in ("train", "query"):
        for name in ("cat/tabby", "cat/siamese", "dog/husky"):
            (tmp_path / "in" / split / name).mkdir(parents=True)
            for number in range(2):
                pixels = rng.randint(0, 256, (20, 20, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(tmp_path / "in" / split / name / f"{number}.png")
    (tmp_path / "in/query/dog/husky/0.png").write_bytes(
        (tmp_path / "in/train/dog/husky/1.png").read_bytes()
    )
    dataset = read_folder(tmp_path / "in", 1, 0)
    assert dataset.hierarchy.num_classes == (3, 2)
    with pytest.raises(DataError, match="1 images are both in query and database"):
        write_dataset(dataset, tmp_path / "out", seed=0)
    manifest = write_dataset(dataset, tmp_path / "out", seed=0, allow_duplicates=True)
    assert manifest["duplicates"]["query_in_database"] == [["dog/husky/0.png", "dog/husky/1.png"]]
    with pytest.raises(ValueError, match="exists already"):
        write_dataset(dataset, tmp_path / "out", seed=0, allow_duplicates=True)


def test_hidden_files_are_no_images_and_large_ones_shrink(tmp_path, rng):
    for name, height, width in (
        ("cat/a.png", 60, 80),
        ("cat/b.png", 30, 40),
        ("cat/._a.png", 8, 8),
        (".cache/x.png", 8, 8),
    ):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.randint(0, 256, (height, width, 3)).astype(np.uint8)).save(
            tmp_path / "in" / name
        )
    dataset = read_folder(tmp_path / "in", 1, 0)
    assert dataset.hierarchy.class_names == (("cat",),) and sorted(
        dataset.train.names + dataset.query.names
    ) == ["cat/a.png", "cat/b.png"]
    write_dataset(dataset, tmp_path / "out", seed=0, short_side=33)
    found = {
        name: records.image(0).shape[:2]
        for split, records in (
            (split, RecordFile(tmp_path / "out" / f"{split}.rec")) for split in ("train", "query")
        )
        for name in read_list(tmp_path / "out" / f"{split}.lst").paths
    }
    assert found == {"cat/a.png": (33, 44), "cat/b.png": (30, 40)}
    with pytest.raises(DataError, match="nowhere: no such folder"):
        read_folder(tmp_path / "nowhere", 1, 0)


def test_an_md5_is_that_of_an_archive(tmp_path):
    with pytest.raises(DataError, match="is a folder; an MD5 is that of an archive"):
        archives.check_md5(tmp_path, "0" * 32)


def test_imagenet_folders_under_a_wordnet_tree(tmp_path, rng):
    for split, name in (("train", "n1"), ("train", "n2"), ("val", "n1"), ("val", "n2")):
        (tmp_path / split / name).mkdir(parents=True)
        Image.fromarray(rng.randint(0, 256, (20, 20, 3)).astype(np.uint8)).save(
            tmp_path / split / name / "0.png"
        )
    (tmp_path / "tree").write_text("n0 n3\nn3 n1\nn0 n2\nn3 n9\n")
    (tmp_path / "names").write_text("n1 tench, Tinca tinca\nn3 fish\n")
    dataset = read_imagenet(tmp_path, tmp_path / "tree", tmp_path / "names")
    assert dataset.hierarchy.to_table() == [("tench, Tinca tinca", "fish"), ("n2", "n2")]
    (tmp_path / "tree").write_text("n0 n3\nn3 n1\n")
    with pytest.raises(DataError, match="1 of 2 classes are not in the tree: n2"):
        read_imagenet(tmp_path, tmp_path / "tree")


def test_synthetic_is_the_same_for_the_same_seed(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_dataset(make_synthetic(2, 1, 16, seed), tmp_path / name, seed=0)
    same, again, other = ((tmp_path / name / "train.rec").read_bytes() for name in "abc")
    assert same == again != other
