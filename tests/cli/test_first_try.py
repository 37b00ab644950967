"""What somebody with photos tries first, and what is said where it cannot work."""

import builtins
import shutil

import numpy as np
import pytest
from PIL import Image

from gluon_hash.cli.index.drawing import LONGEST, _cut
from gluon_hash.records import read_list
from gluon_hash.retrieval import CodeTable


def make_photos(folder, counts):
    """Folders of noise images: {"cat": 3} makes cat/0.png to cat/2.png."""
    rng = np.random.RandomState(0)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = rng.randint(0, 256, (20, 24, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def test_two_images_of_two_classes_give_no_query(tmp_path, run):
    photos = make_photos(tmp_path / "in", {"cat": 1, "dog": 1})
    for options in ((), ("--query-per-class", 1)):
        code, _, said = run("prepare", "folder", "--source", photos, "--out", "x", *options)
        assert code == 2 and "every class has one image, so none can be a query" in said


def test_one_class_is_said(tmp_path, run):
    photos = make_photos(tmp_path / "in", {"cat": 10})
    code, _, said = run("prepare", "folder", "--source", photos, "--out", tmp_path / "out")
    assert code == 0 and "there is one class, so all images are the same to a training" in said


@pytest.mark.mxnet
def test_classes_too_small_to_hold_images_out_are_trained_without(tmp_path, run):
    photos = make_photos(tmp_path / "in", {"cat": 3, "dog": 3})  # held out: none of fewer than 4
    out = tmp_path / "out"
    code, printed, _ = run(
        "prepare", "folder", "--source", photos, "--out", out, "--query-per-class", 1
    )
    assert code == 0 and "validation\tvalidation.lst\t0 images" in printed
    once = ("--set", "training.epochs=1", "--set", "training.batch_size=2")
    code, _, said = run("train", "--data", out, "--out", tmp_path / "run", *once)
    assert code == 0 and "validation" not in said


def test_an_output_that_exists_is_refused_before_files_are_looked_through(tmp_path, run):
    photos = make_photos(tmp_path / "in", {"cat": 10})
    code, _, said = run("prepare", "folder", "--source", photos, "--out", photos)
    assert code == 2 and "exists already" in said and "queries" not in said


def test_a_file_is_not_a_folder(tmp_path, run):
    (tmp_path / "photos.zip").write_bytes(b"PK")
    code, _, said = run("prepare", "folder", "--source", tmp_path / "photos.zip", "--out", "x")
    assert code == 2 and "photos.zip: not a folder" in said


@pytest.mark.mxnet
@pytest.mark.parametrize("option", ["--weights", "--backbone"])
def test_features_have_no_network_before_them(tmp_path, run, rng, option):
    np.save(tmp_path / "X.npy", rng.randn(40, 5).astype(np.float32))
    (tmp_path / "y.csv").write_text("kind\n" + "cat\ndog\n" * 20)
    out = tmp_path / "prepared"
    labels = ("--labels", tmp_path / "y.csv")
    assert run("prepare", "features", tmp_path / "X.npy", *labels, "--out", out)[0] == 0
    code, _, said = run("train", "--data", out, "--out", tmp_path / "run", option, "resnet18_v1")
    assert code == 2 and f"{option[2:]}: for images; {out} holds features" in said


def test_onnx_is_asked_for_before_anything_is_written(trained, run, tmp_path, monkeypatch):
    imported = builtins.__import__

    def without_onnx(name, *arguments, **named):
        if name == "onnx":
            raise ImportError("No module named 'onnx'")
        return imported(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without_onnx)
    code, _, said = run("export", trained / "run", "--out", tmp_path / "e" / "net", "--onnx")
    assert code == 2 and "pip install 'gluon_hash[onnx]'" in said
    assert not (tmp_path / "e").exists()


def test_the_log_of_a_run_is_drawn_as_its_folder_is(trained, run, tmp_path):
    for name, source in (("a.png", trained / "run"), ("b.png", trained / "run" / "log.jsonl")):
        assert run("plot", "curves", source, "--out", tmp_path / name)[0] == 0
    first, second = (np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "b.png"))
    assert first.std() > 5 and np.array_equal(first, second)


def test_cached_features_have_names_and_say_what_they_are_checked_by(
    features, prepared, run, tmp_path, monkeypatch
):
    data = shutil.copytree(prepared, tmp_path / "data")  # cached features are kept there
    weights = features.with_name("b.params")
    monkeypatch.chdir(features.parent)
    once = ("--set", "training.epochs=1", "--set", "training.batch_size=16")
    choice = ("--backbone", "cifar_resnet20_v1", "--weights", weights.name)
    code, _, said = run("train", "--data", data, "--out", tmp_path / "run", *choice, *once)
    assert code == 0, said
    cached = next(data.glob("features_*_query.npz"))
    assert run("encode", tmp_path / "run", "--records", cached, "--out", tmp_path / "c.npz")[0] == 0
    names = CodeTable.load(tmp_path / "c.npz").names  # those of the records they were made of
    assert names is not None and names.tolist() == read_list(data / "query.lst").paths
    monkeypatch.chdir(tmp_path)
    # the run knows which weights it was made with, wherever they are now
    assert run("encode", "run", "--records", cached, "--out", "p.npz")[0] == 0
    moved, before = CodeTable.load(tmp_path / "p.npz"), CodeTable.load(tmp_path / "c.npz")
    np.testing.assert_array_equal(moved.codes, before.codes)
    code, _, said = run("encode", "run", "--records", data / "query.rec", "--out", "w.npz")
    assert code == 0 and f"the head alone reads {cached}, in seconds" in said
    (tmp_path / "run" / "inputs.json").unlink()
    code, _, said = run("encode", "run", "--records", cached, "--out", "q.npz")
    assert code == 2 and f"net.weights names {weights.name}" in said
    assert "in which the network was trained" in said


def test_of_a_class_called_by_its_path_the_end_is_seen():
    cut = _cut("symbols/alphabets/english/uppercase")
    assert cut == "…english/uppercase" and len(cut) == LONGEST  # 18 characters
    assert _cut("photo_of_a_cat_in_a_tree.jpg") == "photo_of_a_cat_in…" and _cut("cat") == "cat"
