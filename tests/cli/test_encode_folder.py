"""`encode` on a folder of images, and re-ranking of images by the features of the backbone."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from gluon_hash.experiment import load_model
from gluon_hash.retrieval import CodeTable, FeatureTable


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.RandomState(0)
    for name in ("animal/cat/a.png", "animal/cat/b.png", "animal/dog/c.png", "car/d.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.randint(0, 256, (36, 40, 3)).astype(np.uint8)).save(root / name)
    (root / "car" / "notes.txt").write_text("not an image")
    return root


def test_a_folder_is_encoded_with_paths_and_labels_where_asked(trained, run, photos, tmp_path):
    code, out, said = run(
        "encode", trained / "run", "--records", photos, "--out", tmp_path / "a.npz"
    )
    assert code == 0 and "4 images" in out and ".txt" in said
    table = CodeTable.load(tmp_path / "a.npz")
    assert table.level_labels.shape == (4, 0)
    assert sorted(table.names) == sorted(map(str, photos.rglob("*.png")))
    model = load_model(trained / "run")
    assert (table.codes == model.encode(table.names.tolist())).all()
    arguments = ("--labels", "folders", "--out", tmp_path / "b.npz")
    assert run("encode", trained / "run", "--records", photos, *arguments)[0] == 0
    labels = dict(zip(table.names, CodeTable.load(tmp_path / "b.npz").level_labels.tolist()))
    assert len(set(map(tuple, labels.values()))) == 3


@pytest.mark.parametrize(
    "arguments, message",
    [(["--features"], "codes alone"), (["--relaxed"], "codes alone")],
)
def test_a_folder_has_no_features(trained, run, photos, tmp_path, arguments, message):
    out = ("--out", tmp_path / "a.npz", *arguments)
    code, _, said = run("encode", trained / "run", "--records", photos, *out)
    assert code == 2 and message in said
    records = ("--records", trained / "query.npz", "--labels", "folders")
    code, _, said = run("encode", trained / "run", *records, "--out", tmp_path / "a.npz")
    assert code == 2 and "--labels is for a folder" in said


def test_codes_that_say_little_are_named(trained, run, prepared, tmp_path, monkeypatch):
    class Sick:
        def warnings(self):
            return ["the codes are sick"]

    monkeypatch.setattr("gluon_hash.retrieval.code_health", lambda packed, num_bits: Sick())
    records = ("--records", prepared / "query.rec", "--out", tmp_path / "q.npz")
    code, _, said = run("encode", trained / "run", *records)
    assert code == 0 and "warning: the codes are sick" in said


def test_images_are_reranked_by_the_features_of_the_backbone(trained, run, photos, tmp_path):
    """The nearest of an image by its own features is itself, whatever the codes say."""
    model = load_model(trained / "run")
    index = ("index", "build", photos, "--model", trained / "run", "--out", tmp_path / "index")
    assert run(*index)[0] == 0
    files = sorted(photos.rglob("*.png"))
    code, out, _ = run(
        "index", "search", tmp_path / "index", *files, "--model", trained / "run", "--json"
    )
    ids = {}
    for line in out.splitlines():
        answer = json.loads(line)
        ids.update(zip(answer["paths"], answer["ids"]))
    names = [path.relative_to(photos).as_posix() for path in files]
    features = model.features(files)
    table = FeatureTable(
        np.array([next(v for k, v in ids.items() if k.endswith(n)) for n in names]),
        features,
        np.empty((4, 0), np.int32),
        {},
    )
    table.save(tmp_path / "features.npz")
    rerank = ("--rerank", tmp_path / "features.npz", "-k", 2, "--json")
    code, out, said = run(
        "index", "search", tmp_path / "index", *files, "--model", trained / "run", *rerank
    )
    assert code == 0, said
    for line, name in zip(out.splitlines(), names):
        assert re.search(rf"{name}$", json.loads(line)["paths"][0])
    narrow = FeatureTable(table.ids, features[:, :7], table.level_labels, {})
    narrow.save(tmp_path / "narrow.npz")
    code, _, said = run(
        "index", "search", tmp_path / "index", files[0], "--model", trained / "run",
        "--rerank", tmp_path / "narrow.npz",
    )  # fmt: skip
    assert code == 2 and "the index has 7 features; the model's backbone gives 64" in said


def test_a_configuration_is_changed_for_its_features(features, run, prepared, tmp_path):
    records = ("--features", "--records", prepared / "query.rec", "--out", tmp_path / "f.npz")
    code, _, said = run("encode", features, *records, "--set", "net.weights=null")
    assert code == 2 and "net.weights is not set" in said
    assert run("encode", features, *records, "--set", "net.num_bits=16")[0] == 0
    without = ("--records", prepared / "query.rec", "--out", tmp_path / "g.npz")
    code, _, said = run("encode", features, *without, "--set", "a.b=1")
    assert code == 2 and "goes with --features" in said
