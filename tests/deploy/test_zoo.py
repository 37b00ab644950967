"""The zoo: found by a bare name, what lies in the folder first; each network as it was recorded."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gluon_hash.deploy import Manifest, Predictor, model_names
from gluon_hash.deploy.model_names import could_be_meant, manifest_path, zoo_names
from gluon_hash.deploy.zoo import ABOUT, About, ZooNetwork, built_in_images, networks
from gluon_hash.errors import DataError, MissingPackageError
from gluon_hash.experiment import load_model
from gluon_hash.experiment.cards.describe_files import describe
from gluon_hash.files import sha256

ROOT = Path(__file__).parents[2]
LARGEST = 5_000_000  # bytes in the repository


@pytest.fixture
def own_zoo(tmp_path, monkeypatch):
    """A zoo with one name, whose manifest is empty; the current folder is another."""
    manifest = tmp_path / "zoo" / "tiny" / "tiny.manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")
    monkeypatch.setattr(model_names, "zoo_folder", lambda: tmp_path / "zoo")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    model_names._say.cache_clear()
    return manifest


def test_a_bare_name_is_that_of_the_zoo_and_it_is_said_once(own_zoo, capsys):
    assert manifest_path("tiny") == manifest_path(Path("tiny")) == own_zoo
    assert capsys.readouterr().err == f"tiny: the zoo's network, {own_zoo}\n"


@pytest.mark.parametrize("path", ["./other/tiny", "other/tiny", "tiny.json", "small", ".", "/"])
def test_other_paths_are_left_as_they_are(own_zoo, capsys, path):
    assert manifest_path(path) == Path(path) and not capsys.readouterr().err


@pytest.mark.parametrize("name", ["tiny", "tiny.manifest.json"])
def test_what_lies_in_the_folder_comes_before_the_zoo(own_zoo, capsys, name):
    Path(name).write_text("{}")
    assert manifest_path("tiny") == Path(name)
    said = capsys.readouterr().err
    assert said == f"tiny: {Path(name).absolute()}, not the zoo's network of this name\n"


def test_a_name_that_nothing_has_is_answered_by_those_of_the_zoo(own_zoo):
    assert could_be_meant("tinny").endswith("only tiny") and zoo_names() == ["tiny"]
    assert not could_be_meant("some/tinny") and not could_be_meant("tinny.npz")
    for read in (Manifest.load, Predictor.load, load_model, describe):
        with pytest.raises(DataError, match="only tiny"):
            read("tinny")


@pytest.mark.parametrize(
    "command",
    [
        ("info", "tinny"),
        pytest.param(("verify", "tinny", "--records", "x.rec"), marks=pytest.mark.mxnet),
        ("index", "photos", "--model", "tinny", "--out", "x.index"),
        pytest.param(
            ("encode", "tinny", "--records", "x.rec", "--out", "c.npz"), marks=pytest.mark.mxnet
        ),
    ],
)
def test_commands_say_so_in_a_line(own_zoo, run, command):
    Path("x.rec").touch()
    Path("photos").mkdir()
    Image.new("RGB", (40, 40)).save("photos/a.png")
    code, out, err = run(*command)
    assert code == 2 and not out and "only tiny" in err and err.count("\n") == 1


@pytest.mark.parametrize("network", networks(), ids=lambda each: each.name)
class TestEach:
    """What lies in zoo/."""

    def test_it_is_as_it_was_recorded(self, network):
        try:
            assert network.equal_bits() >= 0.99
        except MissingPackageError as error:
            assert "pip install" in str(error)
        codes = network.about.packed()
        assert codes.shape == (27, (network.manifest.num_bits + 7) // 8)
        assert len({code.tobytes() for code in codes}) > 13  # it does not give one code for all

    def test_it_is_whole_and_small(self, network):
        folder, name = network.path.parent, network.name
        files = {path.name for path in folder.iterdir()}
        named = {*network.manifest.sha256, *network.about.sha256}
        assert files == {*named, f"{name}{ABOUT}"}
        assert named > {f"{name}.manifest.json", f"{name}.card.md", f"{name}.onnx"}
        assert sum(path.stat().st_size for path in folder.iterdir()) < LARGEST
        assert set(network.about.metrics) == {"paper", "unseen-images"}
        for measures in network.about.metrics.values():
            assert all(low <= mean <= high for mean, low, high in measures.values.values())

    def test_its_card_and_info_have_what_the_file_has(self, network, run):
        card = network.path.with_name(f"{network.name}.card.md").read_text()
        code, info, _ = run("info", str(network.path), "--markdown")
        assert code == 0
        for text in (card.replace("\\", ""), info.replace("\\", "")):
            for measures in network.about.metrics.values():
                for mean, low, high in measures.values.values():
                    assert f"{mean:.4f} [{low:.4f}, {high:.4f}]" in text
            assert network.about.command in text and network.about.commit in text
            for digest in network.manifest.sha256.values():
                assert digest in text
            assert "## Limits" in text and "Krizhevsky" in text
        assert not re.search(r"/(work|tmp|root|home)/", card)


def test_the_list_names_each(run, monkeypatch):
    for columns in ("60", "140"):
        monkeypatch.setenv("COLUMNS", columns)
        code, out, _ = run("zoo")
        assert code == 0 and all(name in out for name in zoo_names())
        assert max(map(len, out.splitlines()), default=0) <= int(columns)
    code, out, _ = run("zoo", "--json")
    assert code == 0 and [json.loads(line)["name"] for line in out.splitlines()] == zoo_names()


@pytest.fixture
def copy(tmp_path):
    """A network of the zoo, to be changed."""
    first = networks()[0]
    shutil.copytree(first.path.parent, tmp_path / "copy")
    return tmp_path / "copy" / first.path.name


@pytest.mark.skipif(not zoo_names(), reason="no network comes along")
def test_a_changed_file_is_found(copy):
    assert ZooNetwork.load(copy).name
    card = next(copy.parent.glob("*.card.md"))
    card.write_text(card.read_text() + "better than it is")
    with pytest.raises(DataError, match="SHA-256 is not that in"):
        About.load(copy)
    card.unlink()
    with pytest.raises(DataError, match="card.md: missing"):
        About.load(copy)
    next(copy.parent.glob(f"*{ABOUT}")).unlink()
    with pytest.raises(DataError, match="`make zoo` makes it"):
        About.load(copy)


@pytest.mark.skipif(not zoo_names(), reason="no network comes along")
@pytest.mark.parametrize(
    "wrong",
    [
        {"codes": ["00"]},
        {"codes": ["00"] * 27},
        {"codes": ["x"] * 27},
        {"metrics": {"other": {"num_queries": 1, "num_database": 1, "values": {}}}},
        {"metrics": {"paper": {"num_queries": 1, "num_database": 1, "values": {}}}},
        {"version": 2},
    ],
)
def test_a_record_that_does_not_fit_is_refused(copy, wrong):
    about = copy.with_name(copy.name.replace(".manifest.json", ABOUT))
    about.write_text(json.dumps({**json.loads(about.read_text()), **wrong}))
    with pytest.raises(DataError, match="zoo.json"):
        ZooNetwork.load(copy)


@pytest.mark.mxnet
@pytest.mark.skipif(not zoo_names(), reason="no network comes along")
def test_other_codes_than_those_recorded_are_seen(copy):
    """Every recorded code with its first four bits turned: 4 of num_bits are not as recorded."""
    about = copy.with_name(copy.name.replace(".manifest.json", ABOUT))
    values = json.loads(about.read_text())
    turned = [f"{int(code[0:2], 16) ^ 0x0F:02x}{code[2:]}" for code in values["codes"]]
    about.write_text(json.dumps({**values, "codes": turned}))
    network = ZooNetwork.load(copy)
    assert sha256(copy) == network.about.sha256[copy.name]
    expected = 1 - 4 / network.manifest.num_bits
    assert network.equal_bits() == pytest.approx(expected, abs=0.011)


def test_built_in_images_are_the_same_every_time_and_differ():
    first, again = built_in_images(24), built_in_images(24)
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert len({image.tobytes() for image in first}) == 27
