"""A prepared folder: duplicates, unreadable images, order, validation, all of it or nothing."""

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from gluon_hash import datasets
from gluon_hash.datasets.splits import draw_validation
from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records import RecordFile, read_list


@pytest.fixture
def tree(tmp_path, make_images):
    """Two classes of 20 images."""
    names = [f"{name}/{number:02d}.png" for name in ("cat", "dog") for number in range(20)]
    return make_images(tmp_path / "in", names)


def names_of(folder, split):
    return read_list(folder / f"{split}.lst").paths


def test_a_query_in_the_database_is_refused_moved_or_kept(tmp_path, make_images):
    for split in ("train", "query"):
        make_images(
            tmp_path / "in" / split,
            [f"{name}/{n}.png" for name in ("cat/tabby", "dog/husky") for n in range(2)],
        )
    shutil.copy(tmp_path / "in/train/dog/husky/1.png", tmp_path / "in/query/dog/husky/0.png")
    data = datasets.folder(tmp_path / "in")
    with pytest.raises(
        DataError, match=r"1 images are both in query and database \(dog/husky/0\.png = dog/husky/1"
    ):
        data.write(tmp_path / "out", seed=0)
    assert not (tmp_path / "out").exists()
    pair = [["dog/husky/0.png", "dog/husky/1.png"]]
    kept = data.write(tmp_path / "kept", seed=0, duplicates="keep")
    assert kept["duplicates"] == {"mode": "keep", "within_train": 0, "query_in_database": pair}
    assert len(names_of(tmp_path / "kept", "query")) == 4
    moved = data.write(tmp_path / "moved", seed=0, duplicates="one-side")
    assert moved["duplicates"]["query_in_database"] == pair
    assert len(names_of(tmp_path / "moved", "query")) == 3
    assert names_of(tmp_path / "moved", "train").count("dog/husky/0.png") == 2
    assert RecordFile(tmp_path / "moved" / "train.rec").ids.tolist() == list(range(5))
    with pytest.raises(ValueError, match="exists already"):
        data.write(tmp_path / "kept", seed=0, duplicates="keep")
    with pytest.raises(ValueError, match="duplicates: expected one of error, one-side, keep"):
        data.write(tmp_path / "other", duplicates="none")


def test_copies_are_listed_in_full_and_end_on_one_side(tree, tmp_path, capsys):
    """Every dog has a copy among the cats: whichever is drawn, no image is on both sides."""
    for number in range(20):
        shutil.copy(tree / "cat" / f"{number:02d}.png", tree / "dog" / f"{number:02d}.png")
    data = datasets.folder(tree, query_share=0.5)
    manifest = data.write(tmp_path / "out", seed=3)
    assert manifest["duplicates"]["mode"] == "one-side"
    contents = {
        split: {RecordFile(tmp_path / "out" / f"{split}.rec").image_bytes(p) for p in range(count)}
        for split, count in ((s, manifest["splits"][s]["images"]) for s in ("train", "query"))
    }
    assert not contents["train"] & contents["query"] and contents["query"]
    groups = json.loads((tmp_path / "out" / "duplicates.json").read_text())["groups"]
    assert len(groups) == 20
    for (side, name, label), (other_side, other_name, other_label) in groups:
        assert side == other_side and {label, other_label} == {"cat", "dog"}
        assert name in names_of(tmp_path / "out", side)
        assert os.path.basename(name) == os.path.basename(other_name)
    assert "images that are in several classes: 20 (" in capsys.readouterr().err


def test_images_of_equal_bytes_in_another_shape_are_not_copies(tmp_path):
    for name, shape in (("a", (2, 8, 3)), ("b", (4, 4, 3))):
        (tmp_path / "in" / name).mkdir(parents=True)
        for number in range(2):
            Image.fromarray(np.full(shape, number * 9, np.uint8)).save(
                tmp_path / "in" / name / f"{number}.png"
            )
    data = datasets.folder(tmp_path / "in", query_per_class=1)
    assert not data.write(tmp_path / "out")["duplicates"]["query_in_database"]
    assert not (tmp_path / "out" / "duplicates.json").exists()


def test_unreadable_images_are_counted_and_named_or_left_out(tree, tmp_path, capsys):
    for number in range(7):
        (tree / "cat" / f"{number:02d}.png").write_bytes(b"no image")
    data = datasets.folder(tree, query_share=0.2)
    with pytest.raises(
        DataError, match=r"7 of 40 images cannot be read: .*cat/.*\.png: not a readable"
    ):
        data.write(tmp_path / "out")
    assert os.listdir(tmp_path) == ["in"]
    manifest = data.write(tmp_path / "out", skip_unreadable=True)
    assert len(manifest["unreadable"]) == 7 and "cat/00.png" in manifest["unreadable"]
    written = names_of(tmp_path / "out", "train") + names_of(tmp_path / "out", "query")
    assert len(written) == 33 and not set(written) & set(manifest["unreadable"])
    assert "7 of 40 images cannot be read" in capsys.readouterr().err


def test_a_class_of_which_nothing_can_be_read_is_named(tree, tmp_path):
    for file in (tree / "dog").iterdir():
        file.write_bytes(b"no image")
    data = datasets.folder(tree, query_share=0.2)
    with pytest.raises(DataError, match=r"1 classes have no training image \(dog\)"):
        data.write(tmp_path / "out", skip_unreadable=True)


def test_the_database_is_shuffled_by_seed_and_ids_stay_positions_in_the_list(tree, tmp_path):
    data = datasets.folder(tree)
    written = {}
    for name, options in (
        ("one", {"seed": 1}),
        ("again", {"seed": 1}),
        ("other", {"seed": 2}),
        ("ordered", {"seed": 1, "shuffle": False}),
    ):
        manifest = data.write(tmp_path / name, **options)
        assert manifest["shuffled"] == (name != "ordered")
        records = RecordFile(tmp_path / name / "train.rec")
        listed = read_list(tmp_path / name / "train.lst")
        assert records.ids.tolist() == listed.ids.tolist() == list(range(36))
        assert records.level_labels.tolist() == listed.level_labels.tolist()
        for position in (0, 17):  # the record is the image that the list names
            file = tree / listed.paths[position]
            assert records.image_bytes(position) == file.read_bytes()
        written[name] = listed.paths
    assert written["one"] == written["again"] != written["other"]
    assert written["ordered"] == sorted(written["one"]) == data.train.names
    labels = read_list(tmp_path / "one" / "train.lst").level_labels[:, 0]
    # 18 images of two classes: by class there would be one change, shuffled there are 17 or so
    assert np.count_nonzero(np.diff(labels)) > 8
    held_out = read_list(tmp_path / "one" / "validation.lst")
    assert [written["one"][i] for i in held_out.ids] == held_out.paths


def test_an_official_order_stays_unless_asked(tmp_path):
    data = datasets.synthetic(train_per_class=2, query_per_class=1)
    assert data.write(tmp_path / "a", seed=1)["shuffled"] is False
    assert data.write(tmp_path / "b", seed=1, shuffle=True)["shuffled"] is True
    names = [names_of(tmp_path / name, "train") for name in "ab"]
    assert names[0] == sorted(names[1]) != names[1]


def test_synthetic_is_the_same_for_the_same_seed(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        data = datasets.synthetic(train_per_class=2, query_per_class=1, side=16, seed=seed)
        data.write(tmp_path / name, seed=0)
    same, again, other = ((tmp_path / name / "train.rec").read_bytes() for name in "abc")
    assert same == again != other


def test_the_images_held_out_have_mates_and_leave_some():
    labels = np.repeat(np.arange(4), [100, 7, 3, 1])
    # 5 % of an average class of 27.75 is 1, so 2 of each; 3 images and 1 are too few
    assert np.bincount(labels[draw_validation(labels, 4, None, 0)], minlength=4).tolist() == [
        *(2, 2),
        *(0, 0),
    ]
    # 5 % of 250 is 12: of the class of 8 half
    labels = np.repeat([0, 1], [492, 8])
    assert np.bincount(labels[draw_validation(labels, 2, None, 0)]).tolist() == [12, 4]
    # as many as were asked for, but for one
    assert np.bincount(labels[draw_validation(labels, 2, 20, 0)]).tolist() == [20, 7]


def test_levels_are_kept_by_number_or_name(tmp_path):
    data = datasets.synthetic(train_per_class=2, query_per_class=1)
    for levels in ([0, 2], ["0", "2"], ["figure", "family"]):
        assert datasets.regroup(data, levels=levels).hierarchy.level_names == ("figure", "family")
    with pytest.raises(
        ValueError, match="expected numbers or some of figure, form, family, got 'k'"
    ):
        datasets.regroup(data, levels=["figure", "k"])


def test_the_hierarchy_of_the_folder_is_that_of_the_data(tree, tmp_path):
    data = datasets.folder(tree)
    data.write(tmp_path / "out")
    assert Hierarchy.load(tmp_path / "out" / "hierarchy.tsv") == data.hierarchy
    found = json.loads((tmp_path / "out" / "split.json").read_text())
    assert found["recipe"] == "folder" and found["source"]["query_share"] == 0.1
    assert found["splits"]["database"] == {"file": "train.rec", "images": 36, "is_train": True}
