"""`gluon-hash prepare` end to end: what a user types, what is printed, what is in the folder."""

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gluon_hash import datasets
from gluon_hash.cli import prepare
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records import RecordFile, read_list
from gluon_hash.retrieval import CodeTable


@pytest.fixture
def photos(tmp_path):
    """Three classes of 12 noise images in folders of two depths."""
    rng = np.random.RandomState(0)
    for name in ("animal/cat", "animal/dog", "car"):
        (tmp_path / "My Photos" / name).mkdir(parents=True)
        for number in range(12):
            pixels = rng.randint(0, 256, (20, 24, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "My Photos" / name / f"{number}.png")
    return tmp_path / "My Photos"


def test_a_folder_of_photos(photos, tmp_path, run):
    out = tmp_path / "prepared"
    code, printed, said = run("prepare", "folder", "--source", photos, "--out", out)
    assert code == 0
    assert printed.splitlines() == [
        "train\ttrain.rec\t33 images",
        "query\tquery.rec\t3 images",
        "validation\tvalidation.lst\t6 images",
        "database\ttrain.rec\t33 images",
        "levels\tlevel_0 3, level_1 2",
    ]
    assert "queries: 3 of 36 images" in said
    assert run("check", out / "train.rec", "--hierarchy", out / "hierarchy.tsv")[0] == 0
    code, _, said = run("prepare", "folder", "--source", photos, "--out", out)
    assert code == 2 and "exists already" in said


def test_options_reach_the_recipe_and_the_writer(photos, tmp_path, run):
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(photos / "car" / "glass.png")
    (photos / "car" / "broken.png").write_bytes(b"no image")
    out = tmp_path / "prepared"
    options = ["--query-share", 0.25, "--background", "#0000ff", "--short-side", 16]
    options += ["--skip-unreadable", "--no-shuffle", "--levels", "level_0", "--seed", 5]
    options += ["--validation-per-class", 1, "--limit", 8, "--duplicates", "keep"]
    assert run("prepare", "folder", "--source", photos, "--out", out, *options)[0] == 0
    manifest = json.loads((out / "split.json").read_text())
    assert manifest["source"]["background"] == [0, 0, 255]
    assert (manifest["seed"], manifest["short_side"], manifest["limit"]) == (5, 16, 8)
    assert manifest["shuffled"] is False and manifest["duplicates"]["mode"] == "keep"
    assert manifest["levels"] == {"level_0": 3}
    assert manifest["splits"]["validation"]["images"] == 3
    records = RecordFile(out / "train.rec")
    assert {records.image(p).shape[0] for p in range(len(records))} == {16}
    counts = np.bincount(records.level_labels[:, 0])
    assert counts[:2].tolist() == [8, 8] and counts[2] in (7, 8)  # the broken one is among 8 or not


@pytest.mark.parametrize(
    "options, message",
    [
        (["--query-share", 0.1, "--query-per-class", 2], "give one of them"),
        (["--background", "mud"], "expected a colour such as white"),
        (["--mixed", "maybe"], "mixed: expected one of own-class, skip, error"),
        (["--duplicates", "maybe"], "duplicates: expected one of error, one-side, keep"),
        (
            ["--duplicates", "error", "--allow-duplicates"],
            "--allow-duplicates is --duplicates keep",
        ),
        (["--levels", "0,9"], "levels: expected 0 and then some of 1 to 1"),
    ],
)
def test_wrong_options_are_said_and_nothing_is_written(photos, tmp_path, run, options, message):
    code, _, said = run(
        "prepare", "folder", "--source", photos, "--out", tmp_path / "out", *options
    )
    assert code == 2 and message in said and "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_a_tree_of_ones_own_over_folders_of_classes(photos, tmp_path, run):
    (tmp_path / "tree.txt").write_text("all mover\nmover car\nmover pet\npet cat\npet dog\n")
    call = ["prepare", "folder", "--source", photos, "--tree", tmp_path / "tree.txt"]
    code, printed, _ = run(*call, "--out", tmp_path / "out")
    assert code == 0 and "levels\tlevel_0 3, level_1 2, level_2 1" in printed
    assert Hierarchy.load(tmp_path / "out" / "hierarchy.tsv").to_table()[0] == (
        "cat",
        "pet",
        "mover",
    )


def test_a_table_of_photos(photos, tmp_path, run):
    rows = [f"{file.relative_to(photos)};{file.parent.name}" for file in photos.rglob("*.png")]
    (tmp_path / "t.csv").write_text("\n".join(["path;label", *rows]) + "\n")
    out = tmp_path / "prepared"
    options = ["--root", photos, "--levels", "label", "--query-per-class", 2]
    assert run("prepare", "csv", "--source", tmp_path / "t.csv", "--out", out, *options)[0] == 0
    assert sorted(Hierarchy.load(out / "hierarchy.tsv").class_names[0]) == ["car", "cat", "dog"]
    assert len(read_list(out / "query.lst")) == 6
    code, _, said = run("prepare", "csv", "--source", photos / "car/0.png", "--out", tmp_path / "o")
    assert code == 2 and "0.png:1: expected UTF-8 text, got byte 0x89" in said


def test_features_of_any_framework(tmp_path, run):
    rows = np.random.RandomState(0).randn(40, 8)
    np.save(tmp_path / "X.npy", rows)
    names = [("husky", "dog"), ("poodle", "dog"), ("siamese", "cat"), ("tabby", "cat")] * 10
    lines = ["breed,species", *(",".join(name) for name in names)]
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    Hierarchy.from_table(names[:4], ("breed", "species")).save(tmp_path / "tree.tsv")
    out = tmp_path / "prepared"
    call = ["prepare", "features", tmp_path / "X.npy", "--labels", tmp_path / "labels.csv"]
    code, printed, _ = run(*call, "--hierarchy", tmp_path / "tree.tsv", "--out", out)
    assert code == 0 and "train\ttrain.npz\t36 images" in printed
    assert "levels\tbreed 4, species 2" in printed
    names = {file.name for file in out.iterdir()}
    assert names == {
        *("train.npz", "query.npz", "train.lst", "query.lst", "validation.lst"),
        *("hierarchy.tsv", "split.json"),
    }
    with np.load(out / "train.npz") as table:
        np.testing.assert_array_equal(table["features"], rows.astype(np.float32)[table["ids"]])
    np.save(tmp_path / "Q.npy", rows[:4] + 1)
    lines = ["breed,species", *(",".join(name) for name in [("husky", "dog")] * 4)]
    (tmp_path / "q.csv").write_text("\n".join(lines) + "\n")
    queries = ["--query", tmp_path / "Q.npy", "--query-labels", tmp_path / "q.csv"]
    assert run(*call, *queries, "--out", tmp_path / "two")[0] == 0
    assert len(read_list(tmp_path / "two" / "train.lst")) == 40
    code, _, said = run(*call, "--levels", "genus", "--out", tmp_path / "three")
    assert code == 2 and "labels.csv: no column 'genus'; the columns are breed, species" in said


def test_a_published_set_from_its_archive(tmp_path, run):
    root = tmp_path / "CUB_200_2011"
    rng = np.random.RandomState(0)
    lists = {name: [] for name in ("images", "image_class_labels", "train_test_split", "classes")}
    for label, name in ((1, "001.Mallard"), (120, "120.Fox_Sparrow")):
        (root / "images" / name).mkdir(parents=True)
        lists["classes"].append(f"{label} {name}")
        for number in range(3):
            pixels = rng.randint(0, 256, (8, 8, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(root / "images" / name / f"{number}.jpg")
            key = 3 * label + number
            lists["images"].append(f"{key} {name}/{number}.jpg")
            lists["image_class_labels"].append(f"{key} {label}")
            lists["train_test_split"].append(f"{key} {number % 2}")
    for name, lines in lists.items():
        (root / f"{name}.txt").write_text("\n".join(lines) + "\n")
    with tarfile.open(tmp_path / "CUB_200_2011.tgz", "w:gz") as archive:
        archive.add(root, root.name)
    call = ["prepare", "cub", "--source", tmp_path / "CUB_200_2011.tgz", "--out"]
    code, printed, _ = run(*call, tmp_path / "unseen")
    assert code == 0 and "database\tquery.rec\t3 images" in printed
    assert run(*call, tmp_path / "official", "--split", "official")[0] == 0
    assert len(RecordFile(tmp_path / "official" / "train.rec")) == 2
    (root / "images" / "001.Mallard" / "0.jpg").write_bytes(b"no image")
    with tarfile.open(tmp_path / "broken.tgz", "w:gz") as archive:
        archive.add(root, root.name)
    call[3] = tmp_path / "broken.tgz"
    code, _, said = run(*call, tmp_path / "broken")
    assert code == 2 and "1 of 6 images cannot be read" in said and "skip_unreadable" in said


def test_data_are_prepared_without_mxnet(tmp_path):
    script = (
        "import sys; sys.modules['mxnet'] = None\n"
        "from gluon_hash.cli.app import main\n"
        "main('prepare synthetic --train-per-class 2 --out'.split() + sys.argv[1:])"
    )
    call = [sys.executable, "-c", script, str(tmp_path / "o")]
    subprocess.run(call, check=True, capture_output=True)
    assert len(RecordFile(tmp_path / "o" / "train.rec")) == 54


def test_every_recipe_is_a_command_a_function_and_in_the_documentation():
    """Functions of the door without a command are those that make no data set."""
    commands = {command.name for command in prepare.app.registered_commands}
    functions = {name for name in datasets.__all__ if name.islower()} - {"regroup"}
    assert commands == functions
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    assert not [name for name in commands if f"`{name}`" not in page]


def test_queries_of_other_classes_are_evaluated_among_each_other(tmp_path, run):
    """The command that docs/data.md gives for sop and cub."""
    rows = [("a", "x"), ("b", "x"), ("c", "y"), ("d", "y")]
    Hierarchy.from_table(rows, ("item", "kind")).save(tmp_path / "hierarchy_all.tsv")
    labels = np.array([[2, 1], [2, 1], [3, 1], [3, 1]], np.int32)
    packed = np.array([[0], [1], [254], [255]], np.uint8)  # each is nearest to its own kind
    CodeTable(np.arange(4), packed, labels, 8).save(tmp_path / "query.npz")
    call = ["evaluate", "--query", tmp_path / "query.npz", "--database", tmp_path / "query.npz"]
    call += ["--rules", "barz", "--hierarchy", tmp_path / "hierarchy_all.tsv", "--json"]
    code, printed, _ = run(*call)
    assert code == 0 and json.loads(printed)["map"] == 1.0
