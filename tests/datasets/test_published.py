"""Published sets from the files that users have, in their real list formats, on small copies."""

import json

import numpy as np
import pytest

from gluon_hash import datasets
from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.records import RecordFile


def caltech(root, make_images, images, classes):
    """The lists of NABirds and CUB: images are (id, path, class, is training)."""
    make_images(root / "images", [path for _, path, _, _ in images])
    for name, rows in (
        ("images.txt", [(key, path) for key, path, _, _ in images]),
        ("image_class_labels.txt", [(key, label) for key, _, label, _ in images]),
        ("train_test_split.txt", [(key, is_train) for key, _, _, is_train in images]),
        ("classes.txt", classes),
    ):
        (root / name).write_text("".join(f"{a} {b}\n" for a, b in rows))
    return root


@pytest.fixture
def cub_folder(tmp_path, make_images):
    classes = [
        (1, "001.Black_footed_Albatross"),
        (2, "002.Laysan_Albatross"),
        (3, "003.Mallard"),
        (158, "158.Bay_breasted_Warbler"),
        (159, "159.Black_and_white_Warbler"),
    ]
    images = [
        (10 * label + n, f"{name}/{name}_{n}.jpg", label, n % 2)
        for label, name in classes
        for n in range(4)
    ]
    return caltech(tmp_path / "CUB_200_2011", make_images, images, classes)


def test_cub_searches_species_that_were_not_trained(cub_folder, tmp_path, capsys):
    data = datasets.cub(cub_folder)
    assert data.hierarchy.to_table() == [
        ("Black footed Albatross", "Albatross"),
        ("Laysan Albatross", "Albatross"),
        ("Mallard", "Mallard"),
    ]
    manifest = data.write(tmp_path / "out", seed=0)
    assert (len(data.train), len(data.query)) == (12, 8)
    assert manifest["splits"]["database"] == {"file": "query.rec", "images": 8, "is_train": False}
    every = Hierarchy.load(tmp_path / "out" / "hierarchy_all.tsv")
    trained = Hierarchy.load(tmp_path / "out" / "hierarchy.tsv")
    # the classes that are trained come first, so their labels mean the same in both
    assert every.class_names[0][:3] == trained.class_names[0]
    assert every.class_names[1] == ("Albatross", "Mallard", "Warbler")
    every.check_level_labels(RecordFile(tmp_path / "out" / "query.rec").level_labels)
    trained.check_level_labels(RecordFile(tmp_path / "out" / "train.rec").level_labels)
    assert set(RecordFile(tmp_path / "out" / "query.rec").level_labels[:, 0]) == {3, 4}
    said = capsys.readouterr().err
    assert "classes that are not trained; their database is query.rec itself" in said
    assert "evaluate with hierarchy_all.tsv" in said


def test_cub_in_its_official_split(cub_folder, tmp_path):
    data = datasets.cub(cub_folder, split="official")
    assert data.hierarchy.num_classes == (5, 3) and len(data.train) == len(data.query) == 10
    assert all(name.endswith(("_1.jpg", "_3.jpg")) for name in data.train.names)
    assert data.write(tmp_path / "out")["splits"]["database"]["is_train"]
    with pytest.raises(ValueError, match="split: expected one of unseen, official, got 'seen'"):
        datasets.cub(cub_folder, split="seen")


def test_a_copy_cannot_be_moved_into_a_database_of_other_classes(cub_folder, tmp_path):
    images = cub_folder / "images"
    source = images / "003.Mallard" / "003.Mallard_0.jpg"
    (images / "158.Bay_breasted_Warbler" / "158.Bay_breasted_Warbler_0.jpg").write_bytes(
        source.read_bytes()
    )
    data = datasets.cub(cub_folder)
    with pytest.raises(DataError, match="1 images are both in query and database"):
        data.write(tmp_path / "out")
    with pytest.raises(DataError, match="not trained cannot be moved to the database"):
        data.write(tmp_path / "out", duplicates="one-side")


def test_levels_of_both_hierarchies_are_left_out_together(cub_folder):
    data = datasets.regroup(datasets.cub(cub_folder), levels=["species"])
    assert data.hierarchy.num_classes == (3,) and data.query_hierarchy.num_classes == (5,)


def test_species_that_are_not_trained_under_a_tree_of_ones_own(cub_folder, tmp_path):
    lines = [
        "all sea",
        "all land",
        "sea Black_footed",
        "sea Laysan",
        "land Mallard",
        "land Warblers",
    ]
    lines += ["Warblers Bay", "Warblers BW"]
    (tmp_path / "tree").write_text("\n".join(lines) + "\n")
    names = ["Black_footed Black footed Albatross", "Laysan Laysan Albatross"]
    names += ["Bay Bay breasted Warbler", "BW Black and white Warbler"]
    (tmp_path / "names").write_text("\n".join(names) + "\n")
    data = datasets.regroup(
        datasets.cub(cub_folder), tree=tmp_path / "tree", names=tmp_path / "names"
    )
    every = data.query_hierarchy.to_table()
    assert every[:3] == data.hierarchy.to_table()
    assert every[2:4] == [
        ("Mallard", "Mallard", "land"),
        ("Bay breasted Warbler", "Warblers", "land"),
    ]


def test_nabirds_in_its_official_split_and_order(tmp_path, make_images):
    images = [
        ("b-1", "0817/one.jpg", 817, 1),
        ("a-2", "0817/two.jpg", 817, 0),
        ("c-3", "0300/three.jpg", 300, 1),
        ("d-4", "0300/four.jpg", 300, 0),
    ]
    classes = [(0, "Birds"), (2, "Ducks"), (300, "Mallard"), (817, "Osprey")]
    root = caltech(tmp_path / "nabirds", make_images, images, classes)
    (root / "hierarchy.txt").write_text("2 0\n300 2\n817 0\n")
    data = datasets.nabirds(tmp_path)
    assert data.hierarchy.to_table() == [("Mallard", "Ducks"), ("Osprey", "Osprey")]
    assert data.train.names == ["0817/one.jpg", "0300/three.jpg"]  # as in images.txt
    assert data.query.fine_labels.tolist() == [1, 0] and data.in_order
    (root / "images" / "0300" / "four.jpg").unlink()
    with pytest.raises(DataError, match=r"1 of 4 images are missing \(0300/four\.jpg\); unpack"):
        datasets.nabirds(tmp_path)


@pytest.fixture
def sop_folder(tmp_path, make_images):
    """Two items of two kinds trained, two others searched, as the official lists have them."""
    root = tmp_path / "Stanford_Online_Products"
    number = 0
    for split, items in (("train", ((1, 1), (2, 2))), ("test", ((11319, 1), (11320, 2)))):
        lines = ["image_id class_id super_class_id path"]
        for item, kind in items:
            folder = ("bicycle_final", "coffee_maker_final")[kind - 1]
            for view in range(2):
                number += 1
                path = f"{folder}/{item}08512287_{view}.JPG"
                make_images(root, [path])
                lines.append(f"{number} {item} {kind} {path}")
        (root / f"Ebay_{split}.txt").write_text("\n".join(lines) + "\n")
    return root


def test_sop_searches_items_that_were_not_trained(sop_folder, tmp_path):
    data = datasets.sop(tmp_path)  # the archive's folder is found inside
    assert data.hierarchy.to_table() == [
        ("bicycle 1", "bicycle"),
        ("coffee maker 2", "coffee maker"),
    ]
    assert data.query_hierarchy.num_classes == (4, 2)
    data.write(tmp_path / "out")
    labels = RecordFile(tmp_path / "out" / "query.rec").level_labels
    assert labels.tolist() == [[2, 0], [2, 0], [3, 1], [3, 1]]


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda text: text.replace("image_id", "id"), r"Ebay_train\.txt:1: expected the header"),
        (lambda text: text.replace("2 1 1 ", "2 1 "), r"Ebay_train\.txt:3: expected 'image_id"),
        (lambda text: text.partition("\n")[0] + "\n", "the list is empty"),
        (lambda text: text.replace("1 1 1 ", "1 11319 1 "), "item 'bicycle 11319' is in training"),
        (lambda text: text.replace("_0.JPG", "_9.JPG"), "2 of 8 images are missing"),
    ],
)
def test_wrong_lists_of_sop_are_named(sop_folder, change, message):
    path = sop_folder / "Ebay_train.txt"
    path.write_text(change(path.read_text()))
    with pytest.raises(DataError, match=message):
        datasets.sop(sop_folder)


RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")
TAXA = [  # a genus of plants has the name of a genus of birds
    (4, "Oenanthe oenanthe", "Animalia", "Chordata", "Aves", "Passeriformes", "Muscicapidae"),
    (7, "Oenanthe crocata", "Plantae", "Tracheophyta", "Magnoliopsida", "Apiales", "Apiaceae"),
    (9, "Oenanthe isabellina", "Animalia", "Chordata", "Aves", "Passeriformes", "Muscicapidae"),
]


@pytest.fixture
def inat(tmp_path, make_images):
    """train2018.json and val2018.json; the last category has no image."""
    categories = [
        {"id": number, "name": name, **dict(zip(RANKS, (*taxa, name.split()[0])))}
        for number, name, *taxa in TAXA
    ]
    number = 0
    for split, per_class in (("train", 3), ("val", 1)):
        images, annotations = [], []
        for category in categories[:2]:
            for _ in range(per_class):
                number += 1
                name = f"train_val2018/{category['kingdom']}/{category['id']}/{number}.jpg"
                images.append({"id": number, "file_name": name, "width": 8, "height": 8})
                annotations.append(
                    {"id": number, "image_id": number, "category_id": category["id"]}
                )
        make_images(tmp_path, [image["file_name"] for image in images])
        content = {"images": images, "annotations": annotations, "categories": categories}
        (tmp_path / f"{split}2018.json").write_text(json.dumps(content))
    return tmp_path


def test_inaturalist_has_seven_levels(inat, tmp_path):
    data = datasets.inaturalist(inat)
    assert data.hierarchy.level_names == ("species", *reversed(RANKS))
    assert data.hierarchy.to_table()[1] == (
        *("Oenanthe crocata", "Oenanthe (Apiaceae)", "Apiaceae", "Apiales", "Magnoliopsida"),
        *("Tracheophyta", "Plantae"),
    )
    assert np.bincount(data.train.fine_labels).tolist() == [3, 3]
    assert data.query.fine_labels.tolist() == [0, 1]
    assert data.write(tmp_path / "out")["splits"]["query"]["images"] == 2


def test_names_of_inaturalist_that_were_hidden_come_from_a_file_of_their_own(inat):
    shown = [{"id": 4, "name": "Wheatear", "supercategory": "Birds"}]
    shown.append({"id": 7, "name": "Hemlock", "supercategory": "Plants"})
    (inat / "names.json").write_text(json.dumps(shown))
    data = datasets.inaturalist(inat, categories=inat / "names.json")
    assert data.hierarchy.to_table() == [("Wheatear", "Birds"), ("Hemlock", "Plants")]
    (inat / "categories.json").write_text(json.dumps(shown))
    assert datasets.inaturalist(inat).hierarchy == data.hierarchy
    (inat / "categories.json").write_text(json.dumps(shown[:1]))
    with pytest.raises(DataError, match="category 7 has no name or no training image"):
        datasets.inaturalist(inat)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda path: path.write_text("{"), r"train2018\.json:1: not JSON"),
        (lambda path: path.write_text("{}"), r"in the style of COCO: KeyError\('images'\)"),
        (lambda path: path.unlink(), r"expected one train\*\.json here, got 0"),
        (
            lambda path: path.with_name("train_mini.json").write_bytes(path.read_bytes()),
            r"expected one train\*\.json here, got 2 \(train2018\.json, train_mini\.json\)",
        ),
    ],
)
def test_wrong_lists_of_inaturalist_are_named(inat, change, message):
    change(inat / "train2018.json")
    with pytest.raises(DataError, match=message):
        datasets.inaturalist(inat)
