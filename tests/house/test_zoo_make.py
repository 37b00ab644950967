"""`make zoo`: what is declared exists, the page is what the files say, a network is made."""

import json
from pathlib import Path

import pytest

pytest.importorskip("mxnet")

import results_page
import zoo_make
import zoo_page
from gluon_hash.deploy.zoo import ZooNetwork, networks
from gluon_hash.experiment import load_config
from gluon_hash.retrieval import Measured
from zoo_models import MODELS, ZooModel

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_networks_and_their_table_say():
    page = zoo_page.PAGE.read_text(encoding="utf-8")
    assert zoo_page.update(page, networks()) == page
    assert all(f"`{model.name}`" in page for model in MODELS)


def test_what_comes_along_is_what_is_declared_to():
    declared = {model.name for model in MODELS if model.comes_along}
    assert {network.name for network in networks()} == declared


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_what_is_declared_is_a_configuration(model):
    config = load_config(ROOT / "configs" / f"{model.config}.yaml", model.settings)
    assert str(config.net.num_bits) == model.name.rpartition("_")[2]
    assert model.backbone == (config.net.weights is not None)
    assert model.features == (config.data.features is not None)
    assert "{epochs} epochs" in model.recipe and "seed {seed}" in model.recipe


def test_an_unknown_name_is_refused_before_any_work():
    assert zoo_make.chosen(None) == list(MODELS)
    assert zoo_make.chosen(MODELS[1].name) == [MODELS[1]]
    with pytest.raises(SystemExit, match=f"expected some of {MODELS[0].name}.*got 'none'"):
        zoo_make.chosen(f"{MODELS[0].name},none")


@pytest.mark.once
def test_a_network_is_made_measured_described_and_published(features, tmp_path, monkeypatch, run):
    """The numbers of the zoo are those of the comparison; a second time nothing is done again."""
    pytest.importorskip("onnx")

    def gluon_hash(*words):
        assert run(*words)[0] == 0

    monkeypatch.setattr(zoo_make, "gluon_hash", gluon_hash)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "small.yaml").write_text(features.read_text())
    monkeypatch.setattr(zoo_make, "ROOT", tmp_path)
    monkeypatch.setattr(zoo_make, "zoo_folder", lambda: tmp_path / "published")
    monkeypatch.chdir(tmp_path)
    epochs = ("training.epochs=1",)
    model = ZooModel("tiny_12", "small", "a net, {epochs} epochs, seed {seed}", "none", epochs)
    manifest = zoo_make.make(model)
    network = ZooNetwork.load(manifest)
    kept = json.loads((tmp_path / "zoo/tiny_12/comparison.json").read_text())
    rows = {"paper": kept["rows"], **kept["searches"]}
    for search, measures in network.about.metrics.items():
        expected = rows[search][0]["metrics"]["map"]
        assert measures.values["map"][0] == pytest.approx(expected["mean"], abs=1e-6)
        assert measures.values["map"][1:] == pytest.approx(expected["interval"], abs=1e-6)
    assert network.about.recipe.startswith("a net, 1 epochs, seed 24; configs/small.yaml, training")
    assert network.equal_bits() == 1.0
    stamps = {path: path.stat().st_mtime_ns for path in manifest.parent.iterdir()}
    assert len(stamps) == 6 and zoo_make.make(model) == manifest
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    zoo_make.publish(manifest)
    again = ZooNetwork.load(tmp_path / "published" / "tiny_12" / manifest.name)
    assert again.about == network.about
    shown = zoo_page.measured([again])
    mean = Measured.load(next((tmp_path / "zoo").rglob("measured_hamming.npz"))).summary()["map"]
    assert results_page.render({"columns": [""], "rows": [[mean]]}).split("| ")[2][:4] in shown
    row = zoo_page.render([model], {"tiny_12": again})
    assert "| `tiny_12` | a net, 1 epochs, seed 24 | `small` | none | comes along, " in row
    assert "| a net | `small` | none | not trained here yet |" in zoo_page.render([model], {})
