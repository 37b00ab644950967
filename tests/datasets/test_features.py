"""Features of any framework: arrays and files, labels by name or number, rows that are wrong."""

import json

import numpy as np
import pytest

from gluon_hash import datasets
from gluon_hash.arrays import load_arrays
from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records import read_list

TREE = Hierarchy.from_table(
    [("husky", "dog"), ("poodle", "dog"), ("siamese", "cat")], ("breed", "species")
)
FINE = np.arange(30) % 3
NAMES = [TREE.class_names[0][c] for c in FINE]
SPECIES = ["cat" if name == "siamese" else "dog" for name in NAMES]


@pytest.fixture
def rows():
    return np.random.RandomState(0).randn(30, 4).astype(np.float32)


@pytest.mark.parametrize(
    "labels",
    [
        FINE,
        FINE.tolist(),
        NAMES,
        np.array(NAMES),
        TREE.level_labels(FINE),
        {"breed": NAMES, "species": SPECIES},
        {"breed": FINE},
        np.stack([NAMES, SPECIES], axis=1),
    ],
    ids=["numbers", "list", "names", "array", "levels", "columns", "number column", "name levels"],
)
def test_labels_by_name_or_number_under_a_tree(rows, labels):
    data = datasets.features(rows, labels, TREE, query_share=0.2)
    for split in (data.train, data.query):
        assert split.fine_labels.tolist() == FINE[split.ids].tolist()
        np.testing.assert_array_equal(split.features, rows[split.ids])
    assert sorted([*data.train.ids, *data.query.ids]) == list(range(30))
    assert np.bincount(data.query.fine_labels).tolist() == [2, 2, 2]  # 20 % of 10 each


def test_without_a_tree_the_columns_make_one(rows):
    data = datasets.features(rows, {"breed": NAMES, "species": SPECIES})
    assert data.hierarchy == TREE
    numbered = datasets.features(rows, TREE.level_labels(FINE))
    assert numbered.hierarchy.parents[0].tolist() == [0, 0, 1]
    assert numbered.hierarchy.class_names[0] == ("0", "1", "2")
    assert datasets.features(rows, NAMES).hierarchy.num_classes == (3,)


@pytest.mark.parametrize(
    "given, kept", [(np.float16, np.float16), (np.float32, np.float32), (np.float64, np.float32)]
)
def test_the_written_folder_holds_feature_tables(rows, tmp_path, given, kept):
    data = datasets.features(rows.astype(given), NAMES, TREE, query_share=0.2)
    manifest = data.write(tmp_path / "out", seed=1)
    assert manifest["splits"]["database"] == {"file": "train.npz", "images": 24, "is_train": True}
    assert manifest["num_features"] == 4 and manifest["shuffled"]
    assert Hierarchy.load(tmp_path / "out" / "hierarchy.tsv") == TREE
    for name, split in (("train", data.train), ("query", data.query)):
        wanted = ("features", "ids", "level_labels", "provenance")
        table = load_arrays(tmp_path / "out" / f"{name}.npz", wanted)
        listed = read_list(tmp_path / "out" / f"{name}.lst")
        assert table["features"].dtype == kept
        assert (table["ids"].dtype, table["level_labels"].dtype) == (np.int64, np.int32)
        np.testing.assert_array_equal(
            table["features"], rows.astype(given)[table["ids"]].astype(kept)
        )
        assert table["ids"].tolist() == listed.ids.tolist()
        assert sorted(table["ids"]) == sorted(split.ids)
        np.testing.assert_array_equal(table["level_labels"], TREE.level_labels(FINE[table["ids"]]))
        assert json.loads(str(table["provenance"]))["made_by"] == "gluon_hash.datasets.features"
    held_out = read_list(tmp_path / "out" / "validation.lst")
    assert len(held_out) == 6 and set(held_out.ids) <= set(data.train.ids)


def test_files_of_features(rows, tmp_path):
    np.save(tmp_path / "x.npy", rows)
    np.savez(tmp_path / "x.npz", features=rows, ids=np.arange(30) + 7, level_labels=FINE[:, None])
    np.savez(tmp_path / "one.npz", embeddings=rows.astype(np.float16), other=np.zeros(3))
    np.savez(tmp_path / "two.npz", a=rows, b=rows)
    lines = [f"{name},{species}" for name, species in zip(NAMES, SPECIES)]
    (tmp_path / "labels.csv").write_text("\n".join(["breed,species", *lines]) + "\n")
    data = datasets.features(tmp_path / "x.npy", tmp_path / "labels.csv")
    assert data.hierarchy == TREE and data.train.names[0].startswith("x/")
    assert data.source["name"] == "x.npy" and len(data.source["sha256"]) == 64
    inside = datasets.features(tmp_path / "x.npz")
    assert inside.hierarchy.num_classes == (3,) and min(inside.train.ids) >= 7
    assert datasets.features(tmp_path / "one.npz", NAMES).train.features.dtype == np.float16
    np.save(tmp_path / "labels.npy", FINE)
    assert len(
        datasets.features(tmp_path / "two.npz", tmp_path / "labels.npy", array_name="b").train
    )
    with pytest.raises(
        DataError, match=r"two\.npz: expected the array 'features', got a, b; name it"
    ):
        datasets.features(tmp_path / "two.npz", NAMES)
    with pytest.raises(DataError, match=r"x\.npy: no labels came with the features"):
        datasets.features(tmp_path / "x.npy")


def test_parquet(rows, tmp_path):
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:  # not there, or built for another NumPy
        pytest.skip(f"no pyarrow: {error}")

    lists = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(rows.ravel()), 4)
    columns = {"id": np.arange(30) + 3, "breed": NAMES, "species": SPECIES, "embedding": lists}
    parquet.write_table(pyarrow.table(columns), tmp_path / "x.parquet")
    data = datasets.features(tmp_path / "x.parquet")
    assert data.hierarchy == TREE
    np.testing.assert_array_equal(data.train.features, rows[data.train.ids - 3])
    flat = {f"f{k}": rows[:, k] for k in range(4)}
    parquet.write_table(pyarrow.table({**flat, "breed": NAMES}), tmp_path / "flat.parquet")
    data = datasets.features(tmp_path / "flat.parquet")
    np.testing.assert_array_equal(data.query.features, rows[data.query.ids])
    uneven = pyarrow.array([row[: 3 + (n == 5)] for n, row in enumerate(rows.tolist())])
    parquet.write_table(pyarrow.table({"x": uneven, "breed": NAMES}), tmp_path / "uneven.parquet")
    with pytest.raises(DataError, match="column 'x' holds lists of different lengths"):
        datasets.features(tmp_path / "uneven.parquet")


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(ImportError, match="needs pyarrow: pip install pyarrow, or save .* as .npy"):
        datasets.features(tmp_path / "x.parquet")


def test_names_and_ids_come_from_the_table(rows, tmp_path):
    lines = [f"photos/{n}.jpg,{100 - n},{name}" for n, name in enumerate(NAMES)]
    (tmp_path / "t.csv").write_text("\n".join(["path,id,breed", *lines]) + "\n")
    data = datasets.features(rows, tmp_path / "t.csv")
    for row_id, name in zip(data.train.ids, data.train.names):
        assert name == f"photos/{100 - row_id}.jpg"
    own = datasets.features(rows, NAMES, ids=np.arange(30) * 2, names=[f"n{n}" for n in range(30)])
    assert all(name == f"n{row_id // 2}" for row_id, name in zip(own.query.ids, own.query.names))


def test_queries_of_ones_own(rows, tmp_path):
    queries = rows[:6] + 1
    data = datasets.features(rows, NAMES, query=queries, query_labels=NAMES[:6])
    assert len(data.train) == 30 and data.query.ids.tolist() == list(range(30, 36))
    assert not data.drawn
    with pytest.raises(DataError, match="6 images are both in query and database"):
        datasets.features(rows, NAMES, query=rows[:6], query_labels=NAMES[:6]).write(tmp_path / "o")
    with pytest.raises(DataError, match="1 classes have no training image .wolf"):
        datasets.features(rows, NAMES, query=queries, query_labels=["wolf"] + NAMES[1:6]).write(
            tmp_path / "o"
        )
    with pytest.raises(DataError, match="the features have 4 numbers and those of the queries 3"):
        datasets.features(rows, NAMES, query=queries[:, :3], query_labels=NAMES[:6])
    with pytest.raises(ValueError, match="query_labels belong to query"):
        datasets.features(rows, NAMES, query_labels=NAMES)


def test_equal_rows_end_on_one_side(rows, tmp_path):
    rows[3:6] = rows[0:3]
    manifest = datasets.features(rows, NAMES, query_share=0.5, seed=4).write(tmp_path / "out")
    sides = {}
    for name in ("train", "query"):
        table = load_arrays(tmp_path / "out" / f"{name}.npz", ("ids", "features"))
        sides[name] = {row.tobytes() for row in table["features"]}
    assert not sides["train"] & sides["query"]
    assert manifest["splits"]["train"]["images"] + manifest["splits"]["query"]["images"] == 30
    assert len(json.loads((tmp_path / "out" / "duplicates.json").read_text())["groups"]) == 3


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda rows: rows[:, 0], r"shape \(N, num_features\), got float32 \(30,\)"),
        (lambda rows: rows.astype(int), "expected features of float16, float32 or float64"),
        (lambda rows: rows[:29], "29 features, but 30 rows of labels"),
    ],
)
def test_arrays_of_another_kind_are_refused(rows, change, message):
    with pytest.raises(DataError, match=message):
        datasets.features(change(rows), NAMES)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_is_named(rows, value, tmp_path):
    rows[17, 2] = rows[20, 0] = value
    np.save(tmp_path / "x.npy", rows)
    with pytest.raises(
        DataError, match=r"x\.npy: row 17 \(x/17\) holds NaN or infinity, and so do 1 others of 30"
    ):
        datasets.features(tmp_path / "x.npy", NAMES)


@pytest.mark.parametrize(
    "labels, message",
    [
        (["wolf"] * 30, "row 0: breed 'wolf' is not in the hierarchy, which has 3 such classes"),
        ([*NAMES[:29], "3"], "row 29: breed '3' is not in the hierarchy"),
        (np.full(30, 3), "row 0: breed '3' is not in the hierarchy"),
        (np.full(30, -1), "row 0: breed '-1' is not in the hierarchy"),
        (np.zeros(30), r"labels: expected names or integers, \(N,\) or \(N, K\), got float64"),
        (
            {"breed": NAMES, "species": ["dog"] * 30},
            "row 2: species 'dog' disagrees with the hierarchy, in which 'siamese' is in 'cat'",
        ),
    ],
)
def test_labels_that_the_tree_does_not_have_are_named(rows, labels, message):
    with pytest.raises(DataError, match=message):
        datasets.features(rows, labels, TREE)


def test_a_label_that_is_not_known_is_refused(rows):
    with pytest.raises(DataError, match="row 4: level_0 is '-1': every row needs its class"):
        datasets.features(rows, np.where(np.arange(30) == 4, -1, FINE))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"ids": np.zeros(30, int)}, "an id appears twice"),
        ({"ids": np.arange(30) - 1}, "expected integers >= 0"),
        ({"names": ["a\tb"] * 30}, "holds a tab"),
        ({"levels": ["genus"]}, "no column 'genus'; the columns are level_0"),
    ],
)
def test_ids_names_and_levels_that_do_not_fit_are_refused(rows, options, message):
    with pytest.raises(DataError, match=message):
        datasets.features(rows, FINE, **options)


def test_damaged_files_are_named(tmp_path, rows):
    np.save(tmp_path / "x.npy", rows)
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:200])
    (tmp_path / "x.npz").write_bytes(b"PK no zip")
    (tmp_path / "x.bin").write_bytes(b"")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    for name, message in (
        ("cut.npy", r"cut\.npy: not a readable \.npy file, or cut short"),
        ("objects.npy", r"objects\.npy: not a readable \.npy file"),
        ("x.npz", r"x\.npz: not a readable \.npz file"),
        ("x.bin", r"x\.bin: expected \.npy, \.npz, \.parquet, got \.bin"),
        ("none.npy", r"none\.npy: no such file"),
    ):
        with pytest.raises(DataError, match=message):
            datasets.features(tmp_path / name, NAMES)
