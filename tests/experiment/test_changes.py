"""Changes of a configuration: they win over the file, mistakes in them are not blamed on it, and
another method keeps what it has in common with the file's."""

import pytest

from gluon_hash.errors import DataError
from gluon_hash.experiment import load_config
from gluon_hash.experiment.settings import config_files
from gluon_hash.methods import CSQ, DCH, DPN, HPDH, METHODS, OrthoHash


@pytest.fixture(autouse=True)
def said_again():
    """What was said once in another test is said again."""
    config_files._say_once.cache_clear()


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "experiment.yaml"
        path.write_text("data:\n  root: x\n" + text)
        return path

    return write


def test_changes_win_and_are_read_as_yaml(write):
    config = load_config(
        write("training: {epochs: 9}\n"),
        ["training.epochs=3", "loss.inv_variances=[1, 0.67, 0.5]", "net.weights=null"],
    )
    assert config.training.epochs == 3
    assert config.loss.inv_variances == (1.0, 0.67, 0.5)
    assert config.net.weights is None


@pytest.mark.parametrize("change", ["epochs=3", "training.epochs", "training.=3"])
def test_a_malformed_change_is_refused(write, change):
    with pytest.raises(ValueError, match="expected section.key=value"):
        load_config(write(""), [change])


@pytest.mark.parametrize(
    "change", ["loss.gamma={a: ", "data.root=]", "net.weights=2024-13-45", "data.root=!!x"]
)
def test_a_change_that_is_not_yaml_is_named(write, change):
    with pytest.raises(ValueError) as caught:
        load_config(write(""), ["training.epochs=3", change])
    said = str(caught.value)
    assert said.startswith(f"{change!r} (given as a change): the value is not YAML (")
    assert said.endswith("expected section.key=value, such as 'loss.inv_variances=[1, 0.5]'")


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            ["optimizer.lr=abc"],
            r"optimizer\.lr=abc \(given as a change\): optimizer\.lr: .*valid number.*'abc'",
        ),
        (["optimizer.lr=1", "optimizer.lr=x"], r"optimizer\.lr=x \(given"),
        (
            ["net.num_bits=8", "optimizer.lrr=2"],
            r"optimizer\.lrr=2 \(given as a change\): .*did you mean 'lr'",
        ),
        (
            ["optimiser.lr=2"],
            r"optimiser\.lr=2 \(given as a change\): optimiser: no such key; .*'optimizer'",
        ),
        (["loss.inv_variances=[1, -1]"], r"loss\.inv_variances=\[1, -1\] \(given .*> 0"),
        (
            ["net.num_bits=8", "training.monitor=map", "data.held_out=false"],
            r"training\.monitor=map, data\.held_out=false \(given .*held_out is false",
        ),
        (
            ["loss.name=hpd"],
            r"loss\.name=hpd \(given as a change\): no method is called 'hpd'; did you mean hpdh",
        ),
        (["loss.name=null"], r"loss\.name=null \(given as a change\): no method is called None"),
        (
            ["loss.name=csq", "loss.inv_variances=[1, 1]"],
            r"loss\.inv_variances=\[1, 1\] \(given .*: loss\.inv_variances: no such key; csq has "
            r"targets, flipped, nested, quantization_weight$",
        ),
        (
            ["loss.name=orthohash", "loss.margins=0.3"],
            r"loss\.margins=0\.3 \(given .* did you mean 'margin'\? orthohash has targets, ",
        ),
        (
            ["loss.margin=0.3", "loss.name=dpn", "loss.flipped=0.1"],
            r"loss\.flipped=0\.1 \(given as a change\): loss: flipped is for targets: tree alone",
        ),
        (["centers.refresh=often"], r"centers\.refresh=often \(given .*'inference' or 'running'"),
        (
            ["loss.name=csq", "centers.refresh=running"],
            r"centers\.refresh=running \(given .*: loss\.center_refresh: no such key; csq has",
        ),
        (["centers.refrsh=running"], r"centers\.refrsh=running \(given .*centers: no such key"),
        (
            ["loss.options={gamma: 10}"],
            r"loss\.options=\{gamma: 10\} \(given .*: loss\.gamma: no such key; .*hpdh has",
        ),
        (["loss.options=3"], r"loss\.options=3 \(given .*: loss\.options: no such key"),
    ],
)
def test_a_value_of_a_change_is_not_blamed_on_the_file(write, changes, message):
    path = write("optimizer:\n  lr: 0.1\nnet:\n  num_bits: 8\n")
    with pytest.raises(ValueError, match=f"^{message}") as caught:
        load_config(path, changes)
    assert "experiment.yaml" not in str(caught.value)


def test_a_value_of_the_file_is_not_blamed_on_a_change(write):
    path = write("optimizer:\n  lr: fast\n")
    with pytest.raises(DataError, match=r"experiment\.yaml:4: optimizer\.lr: "):
        load_config(path, ["optimizer.momentum=0.5", "net.num_bits=8"])
    assert load_config(path, ["optimizer.lr=0.5"]).optimizer.lr == 0.5
    with pytest.raises(DataError, match=r"experiment\.yaml:3: optimiser: "):
        load_config(write("optimiser:\n  lr: 1\n"), ["optimiser.momentum=0.5"])
    with pytest.raises(DataError, match=r"experiment\.yaml:4: loss\.name: .*'hpd'"):
        load_config(write("loss:\n  name: hpd\n"), ["training.epochs=3", "loss.cubic_weight=1"])
    with pytest.raises(DataError, match=r"experiment\.yaml:3: loss: flipped is for"):
        load_config(write("loss: {name: dpn, flipped: 0.1}\n"), ["loss.margin=0.5"])
    with pytest.raises(ValueError, match=r"'data\.root=x' \(given as a change\): data is not a"):
        load_config_of_a_word(write, ["loss.cubic_weight=1", "data.root=x"])


def load_config_of_a_word(write, changes):
    path = write("")
    path.write_text("data: x\n")
    return load_config(path, changes)


def test_another_method_keeps_what_both_have_and_says_what_is_left_out(write, capsys):
    path = write("loss: {name: dpn, targets: tree, flipped: 0.1, margin: 0.4}\n")
    assert load_config(path, ["loss.name=orthohash"]).loss == OrthoHash(
        targets="tree", flipped=0.1, margin=0.4
    )
    assert capsys.readouterr().err == ""
    assert load_config(path, ["loss.name=csq"]).loss == CSQ(targets="tree", flipped=0.1)
    said = capsys.readouterr().err
    assert f"{path}: csq does not have loss.margin (of dpn): left out" in said
    load_config(path, ["loss.name=csq"])
    assert capsys.readouterr().err == ""  # said once


def test_another_method_does_not_take_over_the_defaults_of_the_file_s(write, capsys):
    """As in run.yaml, where every default is written out: dch's 0.1 is not csq's 0.0001."""
    path = write("loss: {name: dch, level_weights: null, gamma: 20, quantization_weight: 0.1}\n")
    assert load_config(path, ["loss.name=csq"]).loss == CSQ()
    assert capsys.readouterr().err == ""  # nothing that was chosen is lost
    path = write("loss: {name: orthohash, targets: tree, flipped: null, margin: 0.2}\n")
    assert load_config(path, ["loss.name=dpn"]).loss == DPN(targets="tree", margin=1.0)


@pytest.mark.parametrize(
    "changes",
    [
        ["loss.name=dch", "loss.gamma=10"],
        ["loss.gamma=10", "loss.name=dch"],  # in any order
        ["loss.gamma=10", "loss.name=hpdh", "loss.name=dch"],
    ],
)
def test_a_method_and_its_numbers_may_both_be_changed(write, changes):
    path = write("loss: {inv_variances: [1, 0.5]}\n")  # of hpdh, as none is named
    assert load_config(path, changes).loss == DCH(gamma=10.0)


def test_the_file_s_own_method_named_again_keeps_all(write, capsys):
    path = write("loss: {inv_variances: [1, 0.5], cubic_weight: 10.0}\n")
    assert load_config(path, ["loss.name=hpdh"]).loss == HPDH(inv_variances=(1.0, 0.5))
    assert load_config(path, ["loss.name=dcwh"]).loss.inv_variances == (1.0, 0.5)
    assert capsys.readouterr().err == ""


def test_a_change_mends_a_file_with_an_unknown_method(write):
    path = write("loss: {name: hpd, gamma: 10}\n")
    assert load_config(path, ["loss.name=dch"]).loss == DCH(gamma=10.0)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_may_take_the_place_of_every_other(write, name):
    for other in METHODS:
        config = load_config(write(f"loss: {{name: {other}}}\n"), [f"loss.name={name}"])
        assert config.loss == METHODS[name]()
