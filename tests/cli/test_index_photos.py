"""`index` over a folder of images: from photos to answers with paths, classes and pictures."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records import RecordFile
from gluon_hash.retrieval import CodeTable, HammingIndex


@pytest.fixture(scope="module")
def album(prepared, tmp_path_factory):
    """Database images as files in a tree with a space in a name, and what a disk has besides."""
    folder = tmp_path_factory.mktemp("album")
    records, tree = RecordFile(prepared / "train.rec"), Hierarchy.load(prepared / "hierarchy.tsv")
    rows = tree.to_table()
    for position, labels in enumerate(records.level_labels[:60]):
        fine, middle, coarse = rows[int(labels[0])]
        place = folder / "My Photos" / coarse / middle / fine
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(records.image(position)).save(place / f"{records.ids[position]}.png")
    (folder / "My Photos" / "notes.txt").write_text("hello")
    (place / "broken.jpg").write_bytes(b"\xff\xd8\xff junk")
    return folder


@pytest.fixture(scope="module")
def indexed(album, trained):
    """The folder indexed with labels from its tree, by the short form of the command."""
    from gluon_hash.cli.app import main

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(album)
        with pytest.raises(SystemExit) as stop:
            main(
                ["index", "My Photos", "--model", str(trained / "run"), "--out", "index"]
                + ["--labels", "folders", "--batch-size", "7"]
            )
    assert not stop.value.code
    return album / "index"


def asked(run, *arguments):
    """The JSON answers of a search."""
    code, out, err = run("index", "search", *arguments, "--json")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def test_every_image_is_there_with_its_path_class_and_code(indexed, album, trained, prepared):
    index = HammingIndex.load(indexed)
    items, base = index.items, CodeTable.load(trained / "database.npz")
    rows = Hierarchy.load(prepared / "hierarchy.tsv").to_table()
    known = {
        int(item): (code.tolist(), rows[labels[0]])
        for item, code, labels in zip(base.ids, base.codes, base.level_labels)
    }
    assert len(index) == 60
    for row, (name, code) in enumerate(zip(items.names.tolist(), index.codes())):
        expected_code, expected_classes = known[int(name.rpartition("/")[2][:-4])]
        assert (album / name).is_file() and code.tolist() == expected_code
        assert items.class_names(row) == list(expected_classes)


def test_search_answers_with_path_classes_and_how_many_share(
    indexed, album, trained, run, monkeypatch
):
    monkeypatch.chdir(album)
    name = HammingIndex.load(indexed).items.names[0]
    search = [indexed, "--model", trained / "export" / "net", name]
    (found,) = asked(run, *search, "-k", 60)
    assert found["query"] == name and name in found["paths"]
    place = found["paths"].index(name)
    assert found["distances"][place] == 0
    fine, middle, coarse = (found["classes"][level][place] for level in found["classes"])
    assert name == f"My Photos/{coarse}/{middle}/{fine}/{name.rpartition('/')[2]}"
    counts = np.bincount(found["distances"])
    assert found["sharing"] == [counts[distance] for distance in found["distances"]]
    code, out, _ = run("index", "search", *search, "-k", 2)
    header, shown = (re.split(r"\s{2,}", out.splitlines()[line].strip()) for line in (1, 3))
    assert header == ["bits", "sharing", "id", "classes", "path"]
    classes = dict.fromkeys(found["classes"][level][0] for level in found["classes"])
    assert shown == [
        str(found["distances"][0]),
        str(found["sharing"][0]),
        str(found["ids"][0]),
        ", ".join(classes),
        found["paths"][0],
    ]


def test_pictures_come_from_the_paths(indexed, album, trained, run, monkeypatch, tmp_path):
    monkeypatch.chdir(album)
    images = ["My Photos/" + str(HammingIndex.load(indexed).items.names[3]).partition("/")[2]]
    search = [indexed, "--model", trained / "run", *images, "-k", 5]
    for name in ("page.html", "figure.png", "figure.svg", "figure.pdf"):
        code, _, err = run("index", "search", *search, "--grid", tmp_path / name)
        assert code == 0, err
    page = (tmp_path / "page.html").read_text()
    assert page.count("<img") == 6 and page.count("My Photos/") == 5
    assert np.asarray(Image.open(tmp_path / "figure.png").convert("L")).std() > 5
    monkeypatch.chdir(tmp_path)  # the paths of the index do not start here
    search = [indexed, "--model", trained / "run", album / images[0], "-k", 5]
    code, _, err = run("index", "search", *search, "--grid", tmp_path / "no.png")
    assert code == 2 and "5 of 5 images are not where the index says" in err
    assert not (tmp_path / "no.png").exists()
    code, _, err = run(
        "index", "search", *search, "--grid", tmp_path / "yes.png", "--images", album
    )
    assert code == 0, err


def test_a_picture_that_is_gone_is_said_and_left_blank(indexed, album, trained, run, tmp_path):
    copy = tmp_path / "copy"
    names = HammingIndex.load(indexed).items.names
    for name in names[1:]:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((album / name).read_bytes())
    for grid in ("page.html", "figure.png"):
        search = [indexed, "--model", trained / "run", album / names[0], "-k", 60]
        code, _, err = run("index", "search", *search, "--grid", tmp_path / grid, "--images", copy)
        assert code == 0 and "1 of 60 images are not where the index says" in err, err
    page = (tmp_path / "page.html").read_text()
    assert page.count("<img") == 60 and page.count("no image") == 1


def test_images_are_added_under_new_ids_and_in_the_classes_of_the_index(
    indexed, album, trained, run, tmp_path, monkeypatch
):
    monkeypatch.chdir(album)
    before = HammingIndex.load(indexed).items
    new = tmp_path / "more" / str(before.names[0]).partition("/")[2]
    new.parent.mkdir(parents=True)
    new.write_bytes((album / before.names[0]).read_bytes())
    add = ["index", "add", indexed, tmp_path / "more", "--model", trained / "run"]
    code, _, err = run(*add, "--labels", "folders", "--out", tmp_path / "larger")
    assert code == 0, err
    after = HammingIndex.load(tmp_path / "larger").items
    assert after.ids[-1] == 60 and after.names[-1] == new.as_posix()
    assert after.level_labels[-1].tolist() == before.level_labels[0].tolist()
    (tmp_path / "more" / "x" / "y" / "z").mkdir(parents=True)
    new.rename(tmp_path / "more" / "x" / "y" / "z" / "1.png")
    code, _, err = run(*add, "--labels", "folders", "--out", tmp_path / "wrong")
    assert code == 2 and "1 classes are not in the hierarchy: z of y of x" in err
    code, _, err = run(*add, "--out", tmp_path / "unlabelled")
    assert code == 0, err
    assert (HammingIndex.load(tmp_path / "unlabelled").items.level_labels[-1] == -1).all()


def test_images_without_labels_and_with_a_table_of_them(album, trained, run, tmp_path, monkeypatch):
    monkeypatch.chdir(album)
    model = ["--model", trained / "run"]
    code, out, err = run("index", "build", "My Photos", *model, "--out", tmp_path / "plain")
    assert code == 0 and "60 codes of 48 bits, flat" in out, err
    assert "1 of 61 images" in err and "broken.jpg" in err and "1 .txt" in err
    assert "61 images to encode" in err
    items = HammingIndex.load(tmp_path / "plain").items
    assert items.num_levels == 0 and items.hierarchy is None
    (found,) = asked(run, tmp_path / "plain", *model, str(items.names[0]), "-k", 1)
    assert "classes" not in found and "paths" in found
    code, _, err = run("index", "search", tmp_path / "plain", *model, str(items.names[0]), "--zoom")
    assert code == 2 and "zoom: the index knows no classes" in err
    rows = "".join(
        f"{name},f{place % 3},c{place % 3 // 2}\n" for place, name in enumerate(items.names)
    )
    (tmp_path / "labels.csv").write_text(f"path,fine,coarse\n{rows}")
    code, _, err = run(
        *["index", "My Photos", *model, "--labels", tmp_path / "labels.csv"],
        *["--out", tmp_path / "table"],
    )
    assert code == 0, err
    labelled = HammingIndex.load(tmp_path / "table").items
    assert labelled.level_names == ("fine", "coarse")
    classes = dict(zip(labelled.names.tolist(), labelled.level_labels[:, 0].tolist()))
    assert labelled.hierarchy.class_names[0][classes[items.names[1]]] == "f1"


def test_a_folder_goes_to_milvus_with_its_paths(album, trained, run, tmp_path, monkeypatch):
    pytest.importorskip("pymilvus")
    monkeypatch.chdir(album)
    url = ["--url", tmp_path / "milvus.db"]
    model = ["--model", trained / "run"]
    code, out, err = run("index", "My Photos", *model, *url, "--labels", "folders")
    assert code == 0 and "60 codes sent" in out and "numbers of classes" in err, err
    coarse = next(path for path in (album / "My Photos").iterdir() if path.is_dir())
    image = next(coarse.rglob("*.png"))
    search = ["index", "search", *url, *model, image.relative_to(album), "-k", 4, "--json"]
    code, out, err = run(*search)
    assert code == 0, err
    found = json.loads(out)
    assert image.relative_to(album).as_posix() in found["paths"] or found["sharing"][0] > 4
    assert found["classes"]["level_2"][0].isdigit() and found["sharing"][0] >= 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("index photos --out out", "photos: images are encoded by --model"),
        ("index build d.npz --model m --out out", "--model is for a folder of images; d.npz is"),
        ("index d.npz --labels folders --out out", "--labels is for a folder of images"),
        ("index photos --model m --hierarchy h.tsv --out out", "--hierarchy names the classes of"),
        ("index photos --model nowhere --out out", "nowhere: not a model"),
        ("index photos --model m --out photos", "photos exists already"),
        ("index photos --model m --out out --kind tree", "expected one of flat, multihash"),
        ("index photos --model m --out out --set lists=3", "kind flat does not take lists"),
        (
            "index photos --model m --out out --set lists",
            "--set: expected NAME=NUMBER, got 'lists'",
        ),
        ("index d.npz --url x.db --kind hnsw", "--kind and its parameters are for --out"),
        ("index d.npz --out out --collection c", "--collection is for --url"),
        ("index empty --model m --out out", "empty: no images ("),
        ("index missing/photos --model m --out out", "missing/photos is not a folder"),
    ],
)
def test_mistakes_are_said_before_anything_is_encoded(
    run, trained, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "empty").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "photos" / "1.png")
    (tmp_path / "d.npz").write_bytes((trained / "query.npz").read_bytes())
    code, out, err = run(*arguments.split())
    assert code == 2 and message in err and not out and "images to encode" not in err, err
    assert not (tmp_path / "out").exists()


def test_a_misspelt_command_is_not_taken_for_a_folder(run):
    code, _, err = run("index", "serch", "x")
    assert code == 2 and "No such command" in err
