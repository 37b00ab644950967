"""The lists that published data sets bring, and CIFAR's binary and Python batches."""

import json
import pickle

import numpy as np
from harness import Reader
from mutations import mutate_bytes, mutate_json, mutate_lines
from PIL import Image

from gluon_hash import datasets
from gluon_hash.datasets import cifar, cifar_python, wordnet
from gluon_hash.datasets.image_files import ImageFiles

TEXT = (mutate_bytes, mutate_bytes, mutate_lines)
JSON = (mutate_bytes, mutate_json, mutate_json)
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")


def images(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (2, 2)).save(folder / name)


def naturalist(name):
    def make(folder):
        names = [f"a/{number}.png" for number in range(4)]
        images(folder, names)
        categories = [
            {"id": c, "name": f"species {c}", **{rank: f"{rank} {c // 2}" for rank in RANKS}}
            for c in range(2)
        ]
        for part in ("train2018.json", "val2018.json"):
            content = {
                "images": [{"id": i, "file_name": file} for i, file in enumerate(names)],
                "annotations": [{"image_id": i, "category_id": i % 2} for i in range(4)],
                "categories": categories,
            }
            (folder / part).write_text(json.dumps(content))
        (folder / "categories.json").write_text(json.dumps(categories))
        return folder / name

    return make


def products(folder):
    names = [f"bicycle_final/{number}.png" for number in range(4)]
    images(folder, names)
    header = "image_id class_id super_class_id path\n"
    for part, start in (("train", 0), ("test", 2)):
        rows = [f"{i + 1} {i + 1} 1 {names[i]}\n" for i in (start, start + 1)]
        (folder / f"Ebay_{part}.txt").write_text(header + "".join(rows))
    return folder / "Ebay_train.txt"


def birds(name):
    def make(folder):
        names = [f"{number}/{number}.png" for number in range(4)]
        images(folder / "images", names)
        lists = {
            "images.txt": [f"{i} {file}" for i, file in enumerate(names)],
            "image_class_labels.txt": [f"{i} {5 + i % 2}" for i in range(4)],
            "train_test_split.txt": [f"{i} {i // 2}" for i in range(4)],
            "classes.txt": ["0 Birds", "1 Ducks", "5 Common Eider", "6 Great Auk (adult)"],
            "hierarchy.txt": ["5 1", "6 1", "1 0"],
        }
        for file, lines in lists.items():
            (folder / file).write_text("\n".join(lines) + "\n")
        return folder / name

    return make


def make_val_labels(folder):
    (folder / "val.csv").write_text("ImageId,PredictionString\na,n1 1 2 3 4\nb,n2 1 2 3 4\n")
    return folder / "val.csv"


def read_val_labels(path):
    return wordnet._read_val_labels(path, ImageFiles(["a.JPEG", "b.JPEG"], {}), ["n1", "n2"])


def cifar100(name):
    """The binary version, two images a split."""

    def make(folder):
        for level, count in (("fine", 100), ("coarse", 20)):
            names = "".join(f"{level}_{c}\n" for c in range(count))
            (folder / f"{level}_label_names.txt").write_text(names)
        for part in ("train", "test"):
            rows = np.zeros((2, 2 + cifar.PIXELS), np.uint8)
            rows[:, 0] = cifar.FINE_TO_COARSE[:2]
            rows[:, 1] = [0, 1]
            rows.tofile(folder / f"{part}.bin")
        return folder / name

    return make


def cifar100_python(name):
    def make(folder):
        names = {
            f"{level}_label_names".encode(): [f"{level}_{c}".encode() for c in range(count)]
            for level, count in (("fine", 100), ("coarse", 20))
        }
        (folder / "meta").write_bytes(pickle.dumps(names, protocol=2))
        for part in ("train", "test"):
            batch = {
                b"data": np.zeros((2, cifar.PIXELS), np.uint8),
                b"fine_labels": [0, 1],
                b"coarse_labels": cifar.FINE_TO_COARSE[:2].tolist(),
            }
            (folder / part).write_bytes(pickle.dumps(batch, protocol=2))
        return folder / name

    return make


def folder_of(read):
    return lambda path: read(path.parent)


READERS = [
    *(
        Reader(f"iNaturalist {name}", naturalist(name), folder_of(datasets.inaturalist), JSON)
        for name in ("train2018.json", "categories.json")
    ),
    Reader("Ebay_train.txt", products, folder_of(datasets.sop), TEXT),
    *(
        Reader(f"NABirds {name}", birds(name), folder_of(datasets.nabirds), TEXT)
        for name in (
            "images.txt",
            "image_class_labels.txt",
            "train_test_split.txt",
            "classes.txt",
            "hierarchy.txt",
        )
    ),
    Reader("ImageNet val labels", make_val_labels, read_val_labels, TEXT),
    *(
        Reader(f"CIFAR-100 {name}", cifar100(name), folder_of(datasets.cifar100), (mutate_bytes,))
        for name in ("fine_label_names.txt", "train.bin")
    ),
    *(
        Reader(
            f"CIFAR-100 Python {name}",
            cifar100_python(name),
            folder_of(cifar_python.cifar100_python),
            (mutate_bytes,),
        )
        for name in ("meta", "train")
    ),
]
