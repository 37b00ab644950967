"""Folder trees as people have them: uneven, mixed, with files that are no images."""

import numpy as np
import pytest
from PIL import Image

from gluon_hash import datasets
from gluon_hash.datasets import image_files
from gluon_hash.errors import DataError
from gluon_hash.records import RecordFile, decode_image, read_list


def numbered(folder, count):
    return [f"{folder}/{number:03d}.png" for number in range(count)]


def test_a_folder_is_walked_once_however_many_its_images(tmp_path, make_images, monkeypatch):
    make_images(tmp_path / "in", numbered("cat", 20))
    calls = []
    find = image_files.ImageFiles.folders
    monkeypatch.setattr(
        image_files.ImageFiles, "folders", lambda self: calls.append(1) or find(self)
    )
    assert len(datasets.folder(tmp_path / "in", query_per_class=5).train) == 15
    assert len(calls) < 8


def test_queries_are_a_share_of_each_class_and_small_classes_stay_whole(
    tmp_path, make_images, capsys
):
    make_images(tmp_path / "in", numbered("large", 25) + numbered("small", 9) + numbered("one", 1))
    data = datasets.folder(tmp_path / "in")
    # 10 % of 25 is 2.5, of 9 less than 1
    assert [name.split("/")[0] for name in data.query.names] == ["large", "large"]
    assert np.bincount(data.train.fine_labels).tolist() == [23, 1, 9]
    assert data.hierarchy.class_names == (("large", "one", "small"),)
    said = capsys.readouterr().err
    assert "queries: 2 of 35 images" in said
    assert "1 of 3 classes are too small for a query" in said and "small (9)" in said
    assert "1 classes have one image" in said and "from: one" in said
    more = datasets.folder(tmp_path / "in", query_share=0.5)
    assert len(more.query) == 12 + 4 and len(more.train) > len(more.query)
    asked = datasets.folder(tmp_path / "in", query_per_class=20)
    assert np.bincount(asked.query.fine_labels).tolist() == [20, 0, 8]  # all but one of the small


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {},
            "0.1 of the 9 images of the largest class is less than one image; raise it to 0.12",
        ),
        ({"query_share": 1.0}, "expected a number between 0 and 1, got 1.0"),
        ({"mixed": "no"}, "mixed: expected one of own-class, skip, error, got 'no'"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, make_images, options, message):
    make_images(tmp_path / "in", numbered("cat", 9))
    with pytest.raises(ValueError, match=message):
        datasets.folder(tmp_path / "in", **options)


def test_the_share_named_in_the_message_gives_a_query(tmp_path, make_images):
    make_images(tmp_path / "in", numbered("cat", 9))
    assert len(datasets.folder(tmp_path / "in", query_share=0.12).query) == 1


def test_every_image_is_a_class_even_beside_folders(tmp_path, make_images, capsys):
    make_images(
        tmp_path / "in",
        [
            *numbered("animal", 2),
            *numbered("animal/dog", 2),
            *numbered("animal/dog/husky", 2),
            *numbered("car", 2),
            "lost.png",
        ],
    )
    data = datasets.folder(tmp_path / "in", query_share=0.5)
    other = "(other)"
    assert data.hierarchy.to_table() == [
        (other, other, other),
        ("animal (other)", "animal (other)", "animal"),
        ("dog (other)", "dog", "animal"),
        ("husky", "dog", "animal"),
        ("car", "car", "car"),
    ]
    assert (
        "the 5 images beside folders are classes such as 'dog (other)'" in capsys.readouterr().err
    )
    skipped = datasets.folder(tmp_path / "in", query_share=0.5, mixed="skip")
    assert skipped.hierarchy.to_table() == [("husky", "dog", "animal"), ("car", "car", "car")]
    assert skipped.source["left_out"] == {"beside folders": 5}
    with pytest.raises(
        DataError, match=r"3 folders hold images and folders of images \(\., animal, animal/dog\)"
    ):
        datasets.folder(tmp_path / "in", mixed="error")


def test_images_in_no_folder_have_no_class(tmp_path, make_images):
    make_images(tmp_path / "in", ["a.png", "b.png"])
    with pytest.raises(DataError, match="lie in no folder, so they have no class; make a folder"):
        datasets.folder(tmp_path / "in")


def test_files_that_are_no_images_are_counted_and_said(tmp_path, make_images, capsys):
    make_images(tmp_path / "in", numbered("cat", 10))
    for name in ("cat/a.svg", "cat/b.svg", "cat/._x.png", "notes.TXT", ".git/x.png", "LICENSE"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text("no image")
    (tmp_path / "in" / "folder.png").mkdir()  # a folder called as an image
    data = datasets.folder(tmp_path / "in")
    assert len(data.train) + len(data.query) == 10
    assert data.source["left_out"] == {".svg": 2, "hidden": 2, ".txt": 1, "without a suffix": 1}
    assert "in: 6 files are not images that are read: 2 .svg" in capsys.readouterr().err
    with pytest.raises(DataError, match="nowhere: no such folder"):
        datasets.folder(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"folder\.png: no images"):
        datasets.folder(tmp_path / "in" / "folder.png")


def test_hidden_files_are_no_images_and_large_ones_shrink(tmp_path, make_images):
    make_images(tmp_path / "in", ["cat/a.png"], 60, 80)
    make_images(tmp_path / "in", ["cat/b.png"], 30, 40)
    make_images(tmp_path / "in", ["cat/._a.png", ".cache/x.png"])
    data = datasets.folder(tmp_path / "in", query_per_class=1)
    assert sorted(data.train.names + data.query.names) == ["cat/a.png", "cat/b.png"]
    data.write(tmp_path / "out", seed=0, short_side=33)
    sizes = {
        name: records.image(0).shape[:2]
        for split, records in (
            (split, RecordFile(tmp_path / "out" / f"{split}.rec")) for split in ("train", "query")
        )
        for name in read_list(tmp_path / "out" / f"{split}.lst").paths
    }
    assert sizes == {"cat/a.png": (33, 44), "cat/b.png": (30, 40)}


def test_folders_of_a_split_someone_made(tmp_path, make_images):
    names = [f"{name}/{n}.png" for name in ("cat/tabby", "dog/husky") for n in range(2)]
    make_images(
        tmp_path / "in", [f"{split}/{name}" for split in ("train", "test") for name in names]
    )
    data = datasets.folder(tmp_path / "in")
    assert data.hierarchy.num_classes == (2, 2) and not data.drawn
    assert data.train.names == data.query.names == names
    make_images(tmp_path / "in", ["test/fish/a.png"])
    with pytest.raises(DataError, match=r"fish/a\.png: class 'fish' has no training image"):
        datasets.folder(tmp_path / "in")


def test_transparent_images_are_stored_over_the_background(tmp_path, make_images):
    make_images(tmp_path / "in", numbered("cat", 9))
    pixels = np.zeros((8, 8, 4), np.uint8)  # black, and wholly transparent
    pixels[0, 0] = (255, 0, 0, 255)
    Image.fromarray(pixels).save(tmp_path / "in" / "cat" / "glass.png")
    for background in ((255, 255, 255), (0, 0, 255)):
        out = tmp_path / "-".join(map(str, background))
        data = datasets.folder(tmp_path / "in", query_share=0.2, background=background)
        data.write(out, seed=0)
        assert data.source["background"] == list(background)
        images = {
            name: RecordFile(out / f"{split}.rec").image_bytes(position)
            for split in ("train", "query")
            for position, name in enumerate(read_list(out / f"{split}.lst").paths)
        }
        glass = decode_image(images["cat/glass.png"], (1, 2, 3))  # whatever the reader's background
        assert glass[0, 0].tolist() == [255, 0, 0] and glass[5, 5].tolist() == list(background)
        file = (tmp_path / "in" / "cat" / "000.png").read_bytes()
        assert images["cat/000.png"] == file


def test_an_image_of_another_format_names_its_file(tmp_path, make_images):
    """EPS under the name of a PNG: nothing of it is run."""
    make_images(tmp_path / "in", numbered("cat", 9))
    Image.new("RGB", (8, 8)).save(tmp_path / "in" / "cat" / "page.png", "EPS")
    data = datasets.folder(tmp_path / "in", query_share=0.2)
    split = data.train if "cat/page.png" in data.train.names else data.query
    with pytest.raises(DataError, match=r"page\.png: not a readable image .* of no known format"):
        split.encoded(split.names.index("cat/page.png"))
