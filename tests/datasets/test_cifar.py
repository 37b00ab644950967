"""CIFAR in its official files: binary and pickled, damaged, under a tree of one's own."""

import tarfile

import numpy as np
import pytest

from gluon_hash import datasets
from gluon_hash.datasets import cifar, cifar_python, regroup
from gluon_hash.errors import DataError
from gluon_hash.records import RecordFile, read_list


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
    manifest = datasets.cifar100(tmp_path / "c.tar.xz").write(tmp_path / "out", seed=1, limit=1)
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
        datasets.cifar100(tmp_path / "cut.tar.xz")


def test_without_a_source_the_official_archive_is_downloaded(tmp_path, rng, monkeypatch):
    with tarfile.open(tmp_path / "c.tar.gz", "w:gz") as archive:
        archive.add(cifar_folder(tmp_path / "c", rng), "cifar-100-binary")
    asked = []

    def download(url, path, md5):
        asked.append((url, md5))
        path.write_bytes((tmp_path / "c.tar.gz").read_bytes())

    monkeypatch.setattr(cifar.archives, "download", download)
    data = datasets.cifar100()
    assert len(data.train) == 200 and data.source["name"] == "cifar-100-binary.tar.gz"
    assert asked == [
        (
            "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
            "03b5dce01913d631647c71ecec9e9cb8",
        )
    ]


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
    ours, theirs = datasets.cifar100(binary), cifar_python.cifar100_python(python)
    assert ours.hierarchy == theirs.hierarchy
    for split in ("train", "query"):
        mine, other = getattr(ours, split), getattr(theirs, split)
        np.testing.assert_array_equal(mine.fine_labels, other.fine_labels)
        assert [mine.encoded(3), mine.digest(5)] == [other.encoded(3), other.digest(5)]
    (python / "train").write_bytes(pickle.dumps({b"data": print}))
    with pytest.raises(
        DataError, match=r"train: not a readable batch of CIFAR.*asks for \S*print, which no CIFAR"
    ):
        cifar_python.cifar100_python(python)


def test_damaged_cifar_names_the_record(tmp_path, rng):
    folder = cifar_folder(tmp_path / "c", rng)
    raw = np.fromfile(folder / "train.bin", np.uint8)
    raw[3074 * 3] ^= 1  # the coarse label of record 3
    raw.tofile(folder / "train.bin")
    with pytest.raises(DataError, match=r"train\.bin: record 3: .*not in the official table"):
        datasets.cifar100(folder)
    raw[:-100].tofile(folder / "train.bin")
    with pytest.raises(
        DataError, match=r"train\.bin: record 199: expected a multiple of 3074 bytes"
    ):
        datasets.cifar100(folder)


def test_errors_about_unpacked_files_name_the_archive(tmp_path, rng):
    folder = cifar_folder(tmp_path / "cifar", rng)
    (folder / "train.bin").write_bytes((folder / "train.bin").read_bytes()[:-1])
    with tarfile.open(tmp_path / "c.tar", "w") as archive:
        archive.add(folder, "cifar")
    with pytest.raises(
        DataError, match=r"/c\.tar/cifar/train\.bin: record 199: expected a multiple of 3074"
    ):
        datasets.cifar100(tmp_path / "c.tar")


def test_cifar100_under_a_tree_of_ones_own(tmp_path, rng):
    folder = cifar_folder(tmp_path / "c", rng)
    lines = ["all even", "all odd"] + [
        f"{'odd' if c % 2 else 'even'} fine{c}" for c in range(2, 100)
    ]
    (tmp_path / "tree").write_text("\n".join([*lines, "all fine0", "all fine1"]) + "\n")
    dataset = regroup(datasets.cifar100(folder), tree=tmp_path / "tree")
    dataset.write(tmp_path / "out", seed=0)
    labels = RecordFile(tmp_path / "out" / "query.rec").level_labels
    assert dataset.hierarchy.num_classes == (100, 4)  # even, odd, and the two that are completed
    assert labels[:6].tolist() == [[0, 0], [1, 1], [2, 2], [3, 3], [4, 2], [5, 3]]
    assert regroup(dataset, levels=[0]).hierarchy.num_classes == (100,)
    with pytest.raises(ValueError, match="give the tree too"):
        regroup(dataset, names=tmp_path / "tree")
