"""The .npz and .npy files: codes, features, measurements, and what other frameworks write."""

import numpy as np
from harness import Reader
from mutations import mutate_bytes, mutate_npy, mutate_npz

from gluon_hash import arrays
from gluon_hash.datasets.feature_labels import read_rows
from gluon_hash.retrieval.codes.tables import CodeTable, FeatureTable, load_table
from gluon_hash.retrieval.evaluation.measured import Measured
from gluon_hash.retrieval.evaluation.protocols import get_protocol

NPZ = (mutate_bytes, mutate_npz, mutate_npz)
NPY = (mutate_bytes, mutate_npy)
IDS, LABELS = np.arange(6), np.zeros((6, 2), np.int32)
NAMES = np.array(["a", "b", "ö", "d", "e", "f"])


def make_codes(folder):
    CodeTable(IDS, np.arange(12, dtype=np.uint8).reshape(6, 2), LABELS, 16, NAMES).save(
        folder / "codes.npz"
    )
    return folder / "codes.npz"


def make_features(folder):
    features = np.linspace(0, 1, 24, dtype=np.float32).reshape(6, 4)
    about = {"backbone": "resnet18_v1b", "weights_sha256": "0" * 64}
    FeatureTable(IDS, features, LABELS, about, NAMES).save(folder / "features.npz")
    return folder / "features.npz"


def make_measured(folder):
    values = np.linspace(0, 1, 12).reshape(6, 2)
    names = ("map", "map_tie_averaged")
    Measured(names, values, 30, get_protocol("standard"), 1.5).save(folder / "measured.npz")
    return folder / "measured.npz"


def make_other_features(folder):
    np.savez_compressed(
        folder / "theirs.npz",
        features=np.eye(6, 3, dtype=np.float32),
        ids=IDS,
        level_labels=LABELS,
    )
    return folder / "theirs.npz"


def make_npy(folder):
    np.save(folder / "features.npy", np.eye(6, 3, dtype=np.float16))
    (folder / "labels.csv").write_text("class,kind\n" + "a,x\nb,x\n" * 3)
    return folder / "features.npy"


def make_npy_labels(folder):
    np.save(folder / "labels.npy", np.array([[0, 0], [1, 0]] * 3))
    return folder / "labels.npy"


def make_parquet(folder):
    import pyarrow
    import pyarrow.parquet

    columns = {"features": [[0.5, 1.0]] * 6, "class": list("aabbcc"), "id": list(range(6))}
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "features.parquet")
    return folder / "features.parquet"


def rows(array, labels=None):
    return read_rows(array, labels, levels=None, ids=None, names=None, array_name=None)


READERS = [
    Reader("codes.npz", make_codes, CodeTable.load, NPZ),
    Reader("features.npz", make_features, FeatureTable.load, NPZ),
    Reader("codes or features", make_features, load_table, NPZ),
    Reader("measured.npz", make_measured, Measured.load, NPZ),
    Reader("array shape", make_codes, lambda path: arrays.array_shape(path, "codes"), NPZ),
    Reader("features of others, .npz", make_other_features, rows, NPZ),
    Reader("features, .npy", make_npy, lambda path: rows(path, path.parent / "labels.csv"), NPY),
    Reader("labels, .npy", make_npy_labels, lambda path: rows(np.eye(6), path), NPY),
    Reader("features, .parquet", make_parquet, rows, (mutate_bytes,), needs=("pyarrow",)),
]
