"""`prepare --dry-run`: the numbers of the prepare that follows, and nothing is written."""

import re

import numpy as np
import pytest
from PIL import Image

from gluon_hash import datasets
from gluon_hash.datasets import dry_run
from gluon_hash.datasets.dry_run import estimate
from gluon_hash.errors import DataError


@pytest.fixture
def photos(tmp_path):
    """Two classes of 30 and 20 noise images."""
    rng = np.random.RandomState(0)
    for name, count in (("cat", 30), ("dog", 20)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(count):
            pixels = rng.randint(0, 256, (20, 40, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number:02}.png")
    return tmp_path / "photos"


@pytest.mark.parametrize("settings", [{}, {"short_side": 16}, {"limit": 9, "seed": 3}])
def test_the_numbers_are_those_of_what_is_written(photos, tmp_path, settings):
    data = datasets.folder(photos, seed=settings.get("seed", 24))
    found = estimate(data, **settings)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
    manifest = data.write(tmp_path / "out", **settings)
    for name in ("train", "query"):
        assert int(found.counts[name].sum()) == manifest["splits"][name]["images"]
    assert found.num_images == sum(
        manifest["splits"][name]["images"] for name in ("train", "query")
    )
    assert found.num_validation == manifest["splits"]["validation"]["images"]
    assert found.levels == manifest["levels"]
    size = sum(file.stat().st_size for file in (tmp_path / "out").iterdir())
    assert size == pytest.approx(found.disk, rel=0.15)  # the manifest is not counted
    assert found.seconds > 0 and found.num_tried == found.num_images  # fewer than 64 a split


def test_what_is_said(photos, tmp_path):
    data = datasets.folder(photos)
    lines = dry_run.dry_run(data, tmp_path / "out")
    assert lines[:5] == [
        "read: 50 images of photos",
        "train: 45 images of 2 classes, 18 to 27 of each",  # a tenth of 30 and 20 are queries
        "query: 5 images of 2 classes, 2 to 3 of each",
        "validation: 4 images of train",  # at least two of each class
        "levels: level_0 2",
    ]
    assert re.fullmatch(r"time: about .+ \([\d,]+ images/s, as 50 were read here\)", lines[5])
    assert lines[6].startswith("memory: ") and "are free there" in lines[7]
    protocols = dry_run.dry_run(data, tmp_path / "out", protocol="unseen-images")
    assert protocols[:5] == lines[:5]


def test_a_disk_that_is_too_small_is_said(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(dry_run, "free_disk", lambda path: 1000)
    line = dry_run.dry_run(datasets.folder(photos), tmp_path / "out")[7]
    assert line.endswith("; 1.0 kB are free there: too little")


def test_what_cannot_be_read_is_what_the_prepare_would_say(photos, tmp_path):
    (photos / "cat" / "05.png").write_bytes(b"no image")
    data = datasets.folder(photos)
    with pytest.raises(DataError, match=r"05\.png.*not a readable image.*skip_unreadable"):
        estimate(data)
    found = estimate(data, skip_unreadable=True)
    assert found.num_unreadable == 1
    assert "as 50 were read here, 1 of these cannot be read)" in found.lines(tmp_path)[5]


def test_features_are_counted_too(tmp_path):
    rng = np.random.RandomState(0)
    data = datasets.features(rng.rand(200, 50).astype(np.float32), np.repeat(np.arange(4), 50))
    found = estimate(data)
    assert found.num_tried == 64 + 20 and [int(n) for n in found.counts["query"]] == [5] * 4
    data.write(tmp_path / "out")
    written = sum(file.stat().st_size for file in (tmp_path / "out").iterdir())
    assert written == pytest.approx(found.disk, rel=0.15)


def test_the_command_writes_nothing(photos, tmp_path, run):
    out = tmp_path / "out"
    options = ["--source", photos, "--out", out, "--short-side", 16, "--dry-run"]
    code, printed, _ = run("prepare", "folder", *options)
    assert code == 0 and printed.startswith("read: 50 images of photos\ntrain: 45 images")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
    code, printed, _ = run("prepare", "synthetic", "--out", out, "--dry-run")
    assert code == 0 and "27 classes, 200 of each" in printed and not out.exists()
    out.mkdir()
    code, _, said = run("prepare", "folder", *options)
    assert code == 2 and "exists already" in said
    code, _, said = run("prepare", "cifar100", "--out", tmp_path / "o", "--dry-run")
    assert code == 2 and "--dry-run downloads nothing" in said
