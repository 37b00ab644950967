"""A folder of images as codes: what is found, left out, named and labelled."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.retrieval.codes.photos import encode_photos, find_photos

TREE = ["animal/cat/1.jpg", "animal/cat/2.PNG", "animal/a dog/1.jpg", "vehicle/car/ü 1.jpg"]


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Images of one grey each, and files that are none."""
    root = tmp_path / "My Photos"
    for shade, name in enumerate(TREE):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (shade, shade, shade)).save(root / name)
    (root / "animal" / "drawing.svg").write_text("<svg/>")
    (root / "notes.txt").write_text("hello")
    (root / ".hidden.jpg").write_text("hidden")
    monkeypatch.chdir(tmp_path)
    return Path("My Photos")


def encode(files):
    """The grey of an image as its code; an image called broken cannot be read."""
    for file in files:
        if "broken" in file.name:
            raise DataError("not a readable image", path=file)
    return np.array([[np.asarray(Image.open(file))[0, 0, 0]] for file in files], np.uint8)


def by_name(table):
    return {
        name: (int(item), int(code[0]), labels.tolist())
        for name, item, code, labels in zip(
            table.names.tolist(), table.ids, table.codes, table.level_labels
        )
    }


def table_file(folder, text, name="labels.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_any_folder_is_a_table_without_labels(photos, capsys):
    found = find_photos(photos)
    said = capsys.readouterr().err
    assert "3 files are not images that are read: 1 .svg, 1 .txt, 1 hidden" in said
    assert "left out are animal/drawing.svg, notes.txt\n" in said
    for batch_size in (1, 3, 100):
        table = encode_photos(found, encode, 8, batch_size=batch_size, first_id=10)
        assert table.level_labels.shape == (4, 0)
        rows = by_name(table)
        # ids count in the order of the paths, sorted
        assert [rows[f"My Photos/{name}"][0] - 10 for name in sorted(TREE)] == [0, 1, 2, 3]
        assert all(rows[f"My Photos/{name}"][1] == shade for shade, name in enumerate(TREE))
    assert "4 images to encode, 1 at a time" in capsys.readouterr().err


def test_the_order_of_the_rows_is_drawn_so_that_no_class_comes_first(tmp_path):
    for number in range(60):
        file = tmp_path / "abc"[number // 20] / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        Image.new("RGB", (2, 2)).save(file)
    found = find_photos(tmp_path, "folders")
    table = encode_photos(found, encode, 8)
    fine = table.level_labels[:, 0]
    # of 10 drawn without replacement from three classes of 20, all one class: 1 in 10,000
    assert len(set(fine[:10].tolist())) > 1
    assert sorted(table.ids) == list(range(60))
    same = encode_photos(found, encode, 8)
    np.testing.assert_array_equal(same.ids, table.ids)
    assert (encode_photos(found, encode, 8, seed=1).ids != table.ids).any()


def test_labels_come_from_the_folders(photos):
    found = find_photos(photos, "folders")
    rows = by_name(encode_photos(found, encode, 8))
    tree = found.hierarchy
    names = {
        name: [tree.class_names[level][label] for level, label in enumerate(rows[name][2])]
        for name in rows
    }
    assert names["My Photos/animal/cat/2.PNG"] == ["cat", "animal"]
    assert names["My Photos/animal/a dog/1.jpg"] == ["a dog", "animal"]
    assert names["My Photos/vehicle/car/ü 1.jpg"] == ["car", "vehicle"]


def test_labels_of_folders_go_into_a_given_hierarchy(photos):
    given = Hierarchy.from_table(
        [["car", "vehicle"], ["cat", "animal"], ["cow", "animal"], ["a dog", "animal"]],
        ["fine", "coarse"],
    )
    found = find_photos(photos, "folders", given)
    assert found.hierarchy is given
    assert by_name(encode_photos(found, encode, 8))["My Photos/animal/a dog/1.jpg"][2] == [3, 1]
    smaller = Hierarchy.from_table([["cat", "animal"], ["car", "vehicle"]], ["fine", "coarse"])
    with pytest.raises(DataError, match="1 classes are not in the hierarchy: a dog of animal;"):
        find_photos(photos, "folders", smaller)


def test_images_beside_folders_and_in_no_folder(photos, tmp_path):
    Image.new("RGB", (2, 2)).save(photos / "animal" / "lone.png")
    found = find_photos(photos, "folders")
    row = found.paths.index("animal/lone.png")
    labels = found.level_labels[row]
    assert found.hierarchy.class_names[0][labels[0]] == "animal (other)"
    flat = tmp_path / "flat"
    flat.mkdir()
    Image.new("RGB", (2, 2)).save(flat / "1.png")
    assert len(find_photos(flat)) == 1
    with pytest.raises(DataError, match="lie in no folder.*or leave out the labels"):
        find_photos(flat, "folders")


@pytest.mark.parametrize("start", ["", "My Photos/", "absolute"])
def test_labels_come_from_a_table_wherever_its_paths_start(photos, tmp_path, start, capsys):
    start = f"{tmp_path}/My Photos/" if start == "absolute" else start
    text = f"path,fine,coarse\n{start}animal/cat/1.jpg,tabby,cats\n"
    text += f"{start}vehicle/car/ü 1.jpg,beetle,cars\n{start}animal/cat/2.PNG,,\n"
    found = find_photos(photos, table_file(tmp_path, text))
    assert found.hierarchy.to_table() == [("tabby", "cats"), ("beetle", "cars")]
    labels = dict(zip(found.paths, found.level_labels.tolist()))
    assert labels == {
        "animal/a dog/1.jpg": [-1, -1],
        "animal/cat/1.jpg": [0, 0],
        "animal/cat/2.PNG": [-1, -1],
        "vehicle/car/ü 1.jpg": [1, 1],
    }
    assert "2 of 4 images have no class: animal/a dog/1.jpg, animal/cat/2.PNG" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "text, message",
    [
        ("name_of,fine\nx,y\n", "labels.csv: expected a column called path, file"),
        ("path\nx\n", "labels.csv: expected a column for each level"),
        ("path,fine\nelsewhere.jpg,cat\n", "none of the 4 images in My Photos has a class here"),
        ("path,fine\na,b,c\n", "labels.csv:2: expected 2 fields"),
    ],
)
def test_a_table_that_says_nothing_of_the_images_is_named(photos, tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        find_photos(photos, table_file(tmp_path, text))
    with pytest.raises(DataError, match="no such file"):
        find_photos(photos, tmp_path / "missing.csv")


@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_unreadable_images_are_left_out_and_named(photos, batch_size, capsys):
    for name in ("animal/a broken.jpg", "vehicle/car/broken too.png"):
        (photos / name).write_bytes(b"junk")
    found = find_photos(photos, "folders")
    table = encode_photos(found, encode, 8, batch_size=batch_size)
    assert sorted(table.names.tolist()) == sorted(f"My Photos/{name}" for name in TREE)
    assert sorted(table.ids) == [0, 1, 2, 3] and len(table.level_labels) == 4
    err = capsys.readouterr().err
    assert "2 of 6 images (animal/a broken.jpg, vehicle/car/broken too.png)" in err
    for name in TREE:
        (photos / name).unlink()
    with pytest.raises(DataError, match="cannot encode 2 of 2 images .* not a readable image"):
        encode_photos(find_photos(photos), encode, 8)


def test_an_error_that_is_of_no_image_is_not_swallowed(photos):
    def fails(files):
        raise DataError("the network is damaged", path="net.params")

    with pytest.raises(DataError, match="net.params: the network is damaged"):
        encode_photos(find_photos(photos), fails, 8)


def test_names_that_are_not_text_are_left_out(photos, capsys):
    try:
        os.link(photos / TREE[0], os.fsencode(photos) + b"/stray \xff.jpg")
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    (photos / "two\nlines.jpg").write_bytes((photos / TREE[0]).read_bytes())
    (photos / "猫 👨\u200d👩.jpg").write_bytes((photos / TREE[0]).read_bytes())
    found = find_photos(photos)
    assert "猫 👨\u200d👩.jpg" in found.paths and len(found) == 5
    assert "2 images are left out: their names are not" in capsys.readouterr().err
