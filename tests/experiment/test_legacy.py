"""What was written before a method was one object: configurations, dumps and run folders."""

import shutil

import mxnet as mx
import pytest
import yaml

from gluon_hash.errors import DataError
from gluon_hash.experiment import dump_config, load_config, load_run, train
from gluon_hash.experiment.settings import config_files
from gluon_hash.experiment.settings.legacy import modernize
from gluon_hash.methods import CSQ, DCH, DCWH, HPDH, METHODS, OrthoHash, method_from

# run.yaml as gluon_hash wrote it for every method alike
DUMP = """\
data:
  root: prepared
  features: f.npz
  query_features: q.npz
  held_out: true
  decode_threads: 2
transform:
  resize: 32
  crop: 32
  pad: 0
  flip: false
  mean: [0.485, 0.456, 0.406]
  std: [0.229, 0.224, 0.225]
net:
  backbone: cifar_resnet20_v1
  num_bits: 16
  weights: b.params
  frozen: false
  head: linear
  standardize: true
loss:
  name: NAME
  inv_variances:
  - 1.0
  - 0.67
  - 0.5
  level_weights: null
  options: {}
  cubic_weight: 10.0
  vertex_weight: 0.1
centers:
  initial: random
  refresh: inference
  keep_initial_epochs: 1
optimizer:
  name: adam
  lr: 0.01
  backbone_lr_multiplier: 1.0
  momentum: 0.9
  weight_decay: 0.0005
  clip_gradient_norm: null
  schedule: multi_step
  milestones:
  - 50
  - 100
  factor: 0.1
  warmup_epochs: 0.0
training:
  epochs: 2
  batch_size: 32
  seed: 24
  monitor: map
  sampler: auto
  classes_per_batch: 8
  early_stop_epochs: null
"""
# options of before, with other values than the defaults
OPTIONS = {
    "hpdh_coarse_to_fine": {"epochs_per_level": 3.0},
    "idcwh": {"inv_variance": 0.5},
    "dcdh": {"inv_variance": 0.5, "center_weight": 0.2, "discrete_weight": 0.02},
    "dpsh": {"quantization_weight": 0.2, "memory_size": 512.0},
    "dhn": {"quantization_weight": 0.2},
    "hashnet": {"alpha_bits": 5.0, "epochs_per_step": 2.0},
    "dsdh": {"discrete_weight": 0.2, "mu": 2.0, "nu": 0.2, "eta": 5.0},
    "dsh": {"margin_per_bit": 1.0, "quantization_weight": 0.2},
    "dtsh": {"margin_per_bit": 0.5, "quantization_weight": 0.2},
    "dsrh": {"margin": 0.25, "quantization_weight": 0.2},
    "dch": {"gamma": 10.0, "quantization_weight": 0.2},
    "dqn": {"quantization_weight": 0.2},
    "shdh": {"quantization_weight": 0.2},
    "csq": {"targets": "tree", "flipped": 0.17, "quantization_weight": 0.2},
    "dpn": {"targets": "balanced", "margin": 2.0},
    "orthohash": {"targets": "tree", "flipped": 0.17, "margin": 0.4},
    "greedyhash": {"penalty_weight": 0.2},
    "ssdh": {"binarization_weight": 0.5, "balance_weight": 2.0},
    "embedding_softmax": {"softmax_weight": 0.2},
}
CLASS_MEANS = {"hpdh", "dcwh", "hpdh_coarse_to_fine"}


@pytest.fixture(autouse=True)
def said_again():
    """What was said once in another test is said again."""
    config_files._say_once.cache_clear()


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "old.yaml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("name", METHODS)
def test_a_dump_of_before_is_the_method_with_its_defaults(write, name, capsys):
    config = load_config(write(DUMP.replace("NAME", name)))
    own = {"inv_variances": [1.0, 0.67, 0.5]} if name in CLASS_MEANS else {}
    assert config.loss == method_from({"name": name, **own})
    assert config.training.classes_per_batch == 8 and config.net.num_bits == 16
    assert capsys.readouterr().err.count("\n") == 1  # one line says it
    assert load_config(write(dump_config(config))) == config
    assert capsys.readouterr().err == ""  # written as today


@pytest.mark.parametrize("name", OPTIONS)
def test_options_of_before_are_settings_now(write, name):
    options = yaml.safe_dump(OPTIONS[name], default_flow_style=True).strip()
    config = load_config(write(f"data: {{root: x}}\nloss: {{name: {name}, options: {options}}}\n"))
    assert (
        config.loss == method_from({"name": name, **OPTIONS[name]}) != method_from({"name": name})
    )


def test_one_line_says_what_to_write(write, capsys):
    path = write(
        "data: {root: x}\nloss: {inv_variances: [1, 1], options: {}}\n"
        "centers: {initial: hierarchical, refresh: running, keep_initial_epochs: 8}\n"
    )
    assert load_config(path).loss == HPDH(
        inv_variances=(1, 1),
        initial_centers="hierarchical",
        center_refresh="running",
        keep_initial_epochs=8,
    )
    assert capsys.readouterr().err.endswith(
        f"{path}: written before 2026-11-25; write loss.initial_centers for centers.initial, "
        "loss.center_refresh for centers.refresh, loss.keep_initial_epochs for "
        "centers.keep_initial_epochs\n"
    )
    load_config(path)
    assert capsys.readouterr().err == ""  # said once


@pytest.mark.parametrize(
    "text, advice",
    [
        (
            "loss: {name: dch, options: {gamma: 10, quantization_weight: 1}}",
            "write loss.gamma for loss.options.gamma, loss.quantization_weight for "
            "loss.options.quantization_weight",
        ),
        (
            "loss: {name: csq, cubic_weight: 3, options: {targets: tree}}",
            "write loss.targets for loss.options.targets; leave out loss.cubic_weight, which csq "
            "lacks",
        ),
        (
            "loss: {name: csq}\ncenters: {refresh: running}",
            "leave out centers.refresh, which csq lacks",
        ),
        ("centers: {refresh: running}", "write loss.center_refresh for centers.refresh"),
        ("loss: {options: null}\ncenters: null", "leave out what is empty: loss.options, centers"),
        ("loss: {name: dch, gamma: 10}", ""),
        ("training: {epochs: 3}", ""),
    ],
)
def test_the_advice_names_every_old_key_and_is_right(text, advice):
    now, said = modernize(yaml.safe_load(text))
    assert said == advice
    assert "centers" not in now and "options" not in (now.get("loss") or {})
    method_from(now.get("loss", {}))  # what is left, every method takes
    assert modernize(now) == (now, "")


@pytest.mark.parametrize(
    "text, message",
    [
        ("loss: {options: [gamma]}", r"loss\.options: expected names and values, got \['gamma'\]"),
        ("centers: 3", "centers: expected names and values, got 3"),
        ("centers: {start: random}", r"centers\.start: no such key; there were initial, refresh"),
        ("loss: {name: hpd, options: {}}", r":2: loss\.name: no method is called 'hpd'"),
        ("loss: {options: {margin: 1}}", r"loss\.margin: no such key; .*hpdh has"),
        ("loss: {name: dch, options: {gamma: fast}}", r"loss\.gamma: .*valid number.*'fast'"),
        ("centers: {refresh: often}", r"loss\.center_refresh: .*'inference' or 'running'"),
    ],
)
def test_mistakes_in_the_old_form_are_named(write, text, message):
    with pytest.raises(DataError, match=rf"old\.yaml.*{message}"):
        load_config(write(f"data: {{root: x}}\n{text}\n"))


@pytest.mark.parametrize(
    "changes, method, said",
    [
        (
            ["centers.refresh=running", "centers.keep_initial_epochs=4"],
            HPDH(center_refresh="running", keep_initial_epochs=4),
            "centers.refresh=running: written as before 2026-11-25; write loss.center_refresh",
        ),
        (
            ["loss.options={gamma: 10}", "loss.name=dch"],
            DCH(gamma=10),
            "loss.options={gamma: 10}: written as before 2026-11-25; write loss.NAME=VALUE",
        ),
        (["loss.name=csq", "loss.options={targets: tree}"], CSQ(targets="tree"), "loss.options="),
        (["loss.options={}"], HPDH(), "loss.options="),
    ],
)
def test_changes_in_the_old_form_are_read_and_said(write, changes, method, said, capsys):
    assert load_config(write("data: {root: x}\n"), changes).loss == method
    assert said in capsys.readouterr().err


def test_a_change_of_the_options_takes_the_place_of_all_that_the_file_has(write):
    """As docs/results.md compares targets, with a file that has flipped too."""
    path = write("data: {root: x}\nloss: {name: orthohash, targets: tree, flipped: 0.17}\n")
    assert load_config(path, ["loss.options={targets: balanced}"]).loss == OrthoHash(
        targets="balanced"
    )
    path = write("data: {root: x}\nloss: {cubic_weight: 3, center_refresh: running}\n")
    assert load_config(path, ["loss.options={}"]).loss == HPDH(
        cubic_weight=3, center_refresh="running"
    )


def test_changes_of_today_go_into_a_file_of_before(write):
    path = write("data: {root: x}\ncenters: {refresh: running}\nloss: {options: {}}\n")
    assert load_config(path, ["loss.center_refresh=inference"]).loss == HPDH()
    assert load_config(path, ["loss.name=dcwh"]).loss == DCWH(center_refresh="running")
    assert load_config(path, ["loss.name=csq"]).loss == CSQ()


def as_before(config):
    """The text of a configuration as gluon_hash wrote it before, of HPDH and CSQ."""
    values = yaml.safe_load(DUMP)
    now = config.model_dump(mode="json")
    for section in set(values) - {"loss", "centers"}:
        values[section] = {key: now[section][key] for key in values[section]}
    numbers = {key: value for key, value in now["loss"].items() if value is not None}
    general = ("name", "inv_variances", "level_weights", "cubic_weight", "vertex_weight")
    values["loss"].update((key, numbers.pop(key)) for key in general if key in numbers)
    for old, new in (("initial", "initial_centers"), ("refresh", "center_refresh")):
        values["centers"][old] = numbers.pop(new, values["centers"][old])
    numbers.pop("keep_initial_epochs", None)
    values["loss"]["options"] = numbers
    return yaml.safe_dump(values, sort_keys=False)


@pytest.mark.parametrize(
    "changes",
    [
        ["loss.center_refresh=running", "loss.inv_variances=[1, 0.5, 0.5]"],
        ["loss.name=csq", "loss.targets=tree", "loss.flipped=0.125"],
        ["loss.name=dcwh", "loss.inv_variances=null"],
    ],
)
def test_a_run_folder_of_before_loads_and_goes_on(features, tmp_path, changes):
    """It is trained to its end as if it had been written today, by either form of the file."""
    config = load_config(features, changes)
    train(config, tmp_path / "whole", [mx.cpu()])
    run = train(
        load_config(features, [*changes, "training.epochs=1"]), tmp_path / "run", [mx.cpu()]
    )
    (tmp_path / "run" / "run.yaml").write_text(as_before(run.config))
    loaded = load_run(tmp_path / "run")
    if run.config.loss.name == "dcwh":  # what it took by default was written out then
        assert loaded.config.loss.inv_variances == (1.0, 0.67, 0.5)
    else:
        assert loaded.config == run.config
    of_today = tmp_path / "of_today"
    shutil.copytree(tmp_path / "run", of_today)
    (tmp_path / "old.yaml").write_text(as_before(config))
    train(load_config(tmp_path / "old.yaml"), tmp_path / "run", [mx.cpu()], resume=True)
    train(config, of_today, [mx.cpu()], resume=True)
    whole = parameters(tmp_path / "whole")
    for folder in (tmp_path / "run", of_today):
        resumed = parameters(folder)
        assert set(resumed) == set(whole)
        assert all((resumed[key] == whole[key]).asnumpy().all() for key in whole)


def parameters(folder):
    return mx.nd.load(str(folder / "last.ckpt" / "net.params"))
