"""Configuration: every file in configs/ loads; mistakes are named with file, line and the way
out."""

from pathlib import Path

import pytest

from gluon_hash.errors import DataError
from gluon_hash.experiment.config import Config, dump_config, load_config

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


def test_misspelt_key_names_file_line_and_nearest_key(write):
    path = write("data:\n  root: x\noptimizer:\n  lr: 0.1\n  momentun: 0.8\n")
    with pytest.raises(DataError, match=r"experiment\.yaml:5: optimizer\.momentun.*'momentum'"):
        load_config(path)


def test_misspelt_section_names_the_nearest_section(write):
    with pytest.raises(DataError, match=r":3: trainning.*'training'"):
        load_config(write("data:\n  root: x\ntrainning:\n  epochs: 3\n"))


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
            "data:\n  root: x\nloss:\n  name: hpdhh\n",
            r":4: loss\.name: .*'hpdh', 'dcwh', .*got 'hpdhh'",
        ),
        ("data:\n  root: x\nloss:\n  inv_variances: [1, -1]\n", r"inv_variances.*> 0"),
        ("data:\n  root: x\n  held_out: false\n", r"training\.monitor.*held_out"),
        ("data:\n  root: x\nnet:\n  standardize: true\n", r"net\.standardize needs data\.features"),
        ("net: {}\n", r"data: Field required"),
        ("- a\n- b\n", r"expected sections"),
        ("data: [\n", r":2: not YAML"),
    ],
)
def test_bad_values_are_named(write, text, message):
    with pytest.raises(DataError, match=message):
        load_config(write(text))


def test_overrides_win_and_are_read_as_yaml(write):
    config = load_config(
        write("data:\n  root: x\n"),
        ["training.epochs=3", "loss.inv_variances=[1, 0.67, 0.5]", "net.weights=null"],
    )
    assert config.training.epochs == 3
    assert config.loss.inv_variances == [1.0, 0.67, 0.5]
    assert config.net.weights is None


@pytest.mark.parametrize("override", ["epochs=3", "training.epochs", "training.=3"])
def test_malformed_override_is_refused(write, override):
    with pytest.raises(ValueError, match="expected section.key=value"):
        load_config(write("data:\n  root: x\n"), [override])


@pytest.mark.parametrize(
    "override", ["loss.options={a: ", "data.root=]", "net.weights=2024-13-45", "data.root=!!x"]
)
def test_an_override_that_is_not_yaml_is_named(write, override):
    with pytest.raises(ValueError) as caught:
        load_config(write("data:\n  root: x\n"), ["training.epochs=3", override])
    said = str(caught.value)
    assert said.startswith(f"{override!r} (given on the command line): the value is not YAML (")
    assert said.endswith("expected section.key=value, such as 'loss.options={gamma: 10}'")


@pytest.mark.parametrize(
    "overrides, message",
    [
        (
            ["optimizer.lr=abc"],
            r"optimizer\.lr=abc \(given on the command line\): optimizer\.lr: .*valid "
            r"number.*'abc'",
        ),
        (["optimizer.lr=1", "optimizer.lr=x"], r"optimizer\.lr=x \(given"),
        (
            ["net.num_bits=8", "optimizer.lrr=2"],
            r"optimizer\.lrr=2 \(given on the command line\): .*did you mean 'lr'",
        ),
        (
            ["optimiser.lr=2"],
            r"optimiser\.lr=2 \(given on the command line\): optimiser: no such key; .*'optimizer'",
        ),
        (["loss.inv_variances=[1, -1]"], r"loss\.inv_variances=\[1, -1\] \(given .*> 0"),
        (
            ["net.num_bits=8", "training.monitor=map", "data.held_out=false"],
            r"training\.monitor=map, data\.held_out=false \(given .*held_out is false",
        ),
    ],
)
def test_a_value_of_the_command_line_is_not_blamed_on_the_file(write, overrides, message):
    path = write("data:\n  root: x\noptimizer:\n  lr: 0.1\nnet:\n  num_bits: 8\n")
    with pytest.raises(ValueError, match=f"^{message}") as caught:
        load_config(path, overrides)
    assert "experiment.yaml" not in str(caught.value)


def test_a_value_of_the_file_is_not_blamed_on_the_command_line(write):
    path = write("data:\n  root: x\noptimizer:\n  lr: fast\n")
    with pytest.raises(DataError, match=r"experiment\.yaml:4: optimizer\.lr: "):
        load_config(path, ["optimizer.momentum=0.5", "net.num_bits=8"])
    assert load_config(path, ["optimizer.lr=0.5"]).optimizer.lr == 0.5
    with pytest.raises(DataError, match=r"experiment\.yaml:3: optimiser: "):
        load_config(write("data:\n  root: x\noptimiser:\n  lr: 1\n"), ["optimiser.momentum=0.5"])


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


def test_an_option_that_is_not_finite_is_named_by_its_own_name(write):
    with pytest.raises(DataError, match=r":4: loss\.options\.gamma: .*finite number, got nan"):
        load_config(write("data:\n  root: x\nloss:\n  options: {gamma: .nan}\n"))


def test_configuration_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Config(data={"root": "x"}).training.epochs = 3
