"""Configuration: every file in configs/ loads; mistakes in a file are named with file, line and the
way out."""

from pathlib import Path

import pytest

from gluon_hash.errors import DataError
from gluon_hash.experiment import Config, dump_config, load_config
from gluon_hash.methods import HPDH, METHODS

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "experiment.yaml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_stock_configuration_loads_and_survives_a_round_trip(path, write):
    config = load_config(path)
    assert load_config(write(dump_config(config))) == config
    assert load_config(path.stem) == config  # by its name


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_stock_configurations_are_written_as_today(path):
    assert "options:" not in path.read_text() and "\ncenters:" not in path.read_text()


def test_there_is_one_stock_configuration_per_promised_experiment():
    names = {path.stem for path in CONFIGS}
    promised = {
        f"{data}_resnet50_{bits}" for data in ("cifar100", "nabirds") for bits in (32, 48, 64)
    }
    promised |= {
        "cifar100_features_48",
        "cifar100_resnet50_64px_48",
        "cifar100_resnet20_48",
        "synthetic",
    }
    assert promised <= names


def test_the_released_recipe_is_the_default():
    config = Config(data={"root": "anywhere"})
    assert (config.optimizer.lr, config.optimizer.momentum, config.optimizer.weight_decay) == (
        1e-3,
        0.9,
        5e-4,
    )
    assert (config.optimizer.milestones, config.optimizer.factor) == ([50, 100], 0.1)
    assert (config.training.epochs, config.training.batch_size, config.training.seed) == (
        150,
        128,
        24,
    )
    assert (config.transform.resize, config.transform.crop, config.transform.flip) == (
        240,
        224,
        False,
    )
    assert config.loss == HPDH()


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_an_object_in_python_and_a_section_in_yaml(write, name):
    config = load_config(write(f"data: {{root: x}}\nloss: {{name: {name}}}\n"))
    assert config.loss == METHODS[name]() and type(config.loss) is METHODS[name]
    assert Config(data={"root": "x"}, loss=METHODS[name]()) == config
    assert load_config(write(dump_config(config))) == config


def test_numbers_of_the_method_stand_in_the_section_loss(write):
    config = load_config(write("data: {root: x}\nloss: {name: dch, gamma: 10}\n"))
    assert config.loss.gamma == 10.0 and config.loss.quantization_weight == 0.1
    assert "gamma: 10.0" in dump_config(config)


def test_misspelt_key_names_file_line_and_nearest_key(write):
    path = write("data:\n  root: x\noptimizer:\n  lr: 0.1\n  momentun: 0.8\n")
    with pytest.raises(DataError, match=r"experiment\.yaml:5: optimizer\.momentun.*'momentum'"):
        load_config(path)


def test_misspelt_section_names_the_nearest_section(write):
    with pytest.raises(DataError, match=r":3: trainning.*'training'"):
        load_config(write("data:\n  root: x\ntrainning:\n  epochs: 3\n"))


@pytest.mark.parametrize("name", METHODS)
def test_a_setting_that_a_method_lacks_is_an_error_with_all_that_it_has(write, name):
    own = [setting for setting in METHODS[name].model_fields if setting != "name"]
    path = write(f"data:\n  root: x\nloss:\n  name: {name}\n  memory_of: 3\n")
    with pytest.raises(DataError, match=r"experiment\.yaml:5: loss\.memory_of: ") as caught:
        load_config(path)
    assert str(caught.value).endswith(f"{name} has {', '.join(own) or 'none'}")


@pytest.mark.parametrize(
    "name, wrong, near",
    [
        ("csq", "flip", "flipped"),
        ("hpdh", "inv_variance", "inv_variances"),
        ("dcdh", "inv_variances", "inv_variance"),
        ("orthohash", "margins", "margin"),
        ("dsh", "margin", "margin_per_bit"),
        ("dpsh", "memory", "memory_size"),
        ("hpdh", "refresh", "center_refresh"),
        ("hpdh", "nam", "name"),
        ("csq", "quantisation_weight", "quantization_weight"),
    ],
)
def test_the_nearest_setting_of_the_method_is_named(write, name, wrong, near):
    path = write(f"data:\n  root: x\nloss:\n  name: {name}\n  {wrong}: 0.5\n")
    with pytest.raises(DataError, match=rf":5: loss\.{wrong}: no such key; did you mean '{near}'"):
        load_config(path)


@pytest.mark.parametrize("wrong, near", [("hpd", "hpdh"), ("ortohash", "orthohash")])
def test_an_unknown_method_names_file_line_and_the_nearest(write, wrong, near):
    with pytest.raises(DataError, match=rf":4: loss\.name: .*'{wrong}'; did you mean {near}\b"):
        load_config(write(f"data:\n  root: x\nloss:\n  name: {wrong}\n"))


@pytest.mark.parametrize(
    "text, message",
    [
        (
            "data:\n  root: x\noptimizer:\n  lr: fast\n",
            r":4: optimizer\.lr: .*valid number.*'fast'",
        ),
        (
            "data:\n  root: x\nnet:\n  num_bits: 0\n",
            r":4: net\.num_bits: .*greater than or equal to 1.*0",
        ),
        (
            "data:\n  root: x\nloss:\n  name: [hpdh]\n",
            r":4: loss\.name: no method is called \['hpdh'\]",
        ),
        ("data:\n  root: x\nloss:\n  inv_variances: [1, -1]\n", r":4: loss\.inv_variances.*> 0"),
        (
            "data:\n  root: x\nloss:\n  name: csq\n  flipped: 0.1\n",
            r":3: loss: flipped is for targets: tree alone, got targets: hadamard$",
        ),
        ("data:\n  root: x\nloss: 3\n", r":3: loss: .*got 3"),
        ("data:\n  root: x\n  held_out: false\n", r"training\.monitor.*held_out"),
        (
            "data: {root: x}\nloss: {name: hpdh_coarse_to_fine}\ntraining: {monitor: loss}\n",
            r"training\.monitor is 'loss', but .* hpdh_coarse_to_fine do not compare.*map or mahp",
        ),
        ("data:\n  root: x\nnet:\n  standardize: true\n", r"net\.standardize needs data\.features"),
        ("net: {}\n", r"data: Field required"),
        ("- a\n- b\n", r"expected sections"),
        ("data: [\n", r":2: not YAML"),
        ("data: {root: 2024-13-45}\n", r"experiment\.yaml: not YAML: month must be in 1\.\.12"),
        ("data: {root: x}\n5: 6\n", r"experiment\.yaml: expected sections"),
        ("data: {root: x}\nloss: {5: 6}\n", r"experiment\.yaml.*: "),
    ],
)
def test_bad_values_are_named(write, text, message):
    with pytest.raises(DataError, match=message):
        load_config(write(text))


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan", "inf", "nan"])
@pytest.mark.parametrize(
    "key, form",
    [
        ("optimizer.lr", "{}"),
        ("loss.inv_variances", "[1, {}]"),
        ("transform.mean", "[0, 0, {}]"),
        ("loss.level_weights", "[1, {}]"),
        ("optimizer.clip_gradient_norm", "{}"),
        ("loss.cubic_weight", "{}"),
    ],
)
def test_numbers_that_are_not_finite_are_refused(write, key, form, number):
    with pytest.raises(ValueError, match=rf"{key}.*(finite number|greater than)"):
        load_config(write("data:\n  root: x\n"), [f"{key}={form.format(number)}"])


def test_a_setting_that_is_not_finite_is_named_by_its_own_name(write):
    with pytest.raises(DataError, match=r":4: loss\.gamma: .*finite number, got nan"):
        load_config(write("data:\n  root: x\nloss: {name: dch,\n  gamma: .nan}\n"))


def test_configuration_is_frozen():
    config = Config(data={"root": "x"})
    with pytest.raises(ValueError, match="frozen"):
        config.training.epochs = 3
    with pytest.raises(ValueError, match="frozen"):
        config.loss.cubic_weight = 3.0
