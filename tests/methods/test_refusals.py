"""What a method refuses: settings that it lacks, values that do not fit it, numbers that do not fit
the data."""

import pytest
from method_cases import build, settings_of
from pydantic import ValidationError

from gluon_hash.methods import METHODS, method_from

EVERY = sorted({setting for name in METHODS for setting in settings_of(name)})


@pytest.mark.parametrize("name", METHODS)
def test_a_setting_that_a_method_lacks_is_an_error(name):
    lacking = sorted(set(EVERY) - set(settings_of(name)))
    assert lacking  # no method has them all
    for setting in [*lacking, "margn", "options", "centers"]:
        with pytest.raises(ValidationError, match=rf"{setting}\n.*not permitted"):
            method_from({"name": name, setting: 1.0})


@pytest.mark.parametrize(
    "name, settings, message",
    [
        ("dhn", {"quantization_weight": "much"}, r"quantization_weight\n.*valid number"),
        (
            "csq",
            {"targets": 1.0},
            r"targets\n.*'hadamard', 'balanced', 'tree', 'annealed' or 'semantic'",
        ),
        (
            "csq",
            {"targets": "hadamrd"},
            r"targets\n.*'hadamard', 'balanced', 'tree', 'annealed' or 'semantic'",
        ),
        ("dch", {"gamma": float("nan")}, r"gamma\n.*finite number"),
        ("dch", {"gamma": 0.0}, r"gamma\n.*greater than 0"),
        ("dsh", {"quantization_weight": -0.1}, r"quantization_weight\n.*greater than or equal"),
        ("dpn", {"flipped": 0.25}, "flipped is for targets: tree alone, got targets: hadamard"),
        ("dpn", {"targets": "tree", "flipped": 0.6}, r"flipped\n.*less than or equal to 0\.5"),
        ("hpdh_coarse_to_fine", {"epochs_per_level": 0.0}, r"epochs_per_level\n.*greater than 0"),
        ("hashnet", {"epochs_per_step": 0.0}, r"epochs_per_step\n.*greater than 0"),
        ("dsdh", {"mu": 0.0}, r"mu\n.*greater than 0"),
        ("dsdh", {"nu": 0.0}, r"nu\n.*greater than 0"),
        ("dpsh", {"memory_size": 0}, r"memory_size\n.*greater than or equal to 1"),
        ("dpsh", {"memory_size": 1.5}, r"memory_size\n.*valid integer"),
        ("hpdh", {"inv_variances": [1.0, -1.0]}, r"inv_variances\n.*expected values > 0"),
        ("hpdh", {"inv_variances": []}, r"inv_variances\n.*expected values > 0"),
        ("hpdh", {"keep_initial_epochs": 0}, r"keep_initial_epochs\n.*greater than or equal to 1"),
        (
            "hpdh",
            {"initial_centers": "none"},
            r"initial_centers\n.*'random', 'hierarchical' or 'annealed'",
        ),
    ],
)
def test_a_value_that_does_not_fit_is_refused_when_read(name, settings, message):
    with pytest.raises(ValidationError, match=message):
        method_from({"name": name, **settings})


@pytest.mark.parametrize(
    "name, settings, message",
    [
        (
            "dhn",
            {"level_weights": [1.0] * 3},
            r"level_weights: dhn uses 2 levels \(fine, coarse\), got 3 values",
        ),
        (
            "hpdh",
            {"level_weights": [1.0]},
            r"level_weights: hpdh uses 2 levels \(fine, coarse\), got 1 values",
        ),
        ("softmax", {"level_weights": [1.0]}, "loss.level_weights: expected 2 values, got 1"),
        (
            "hpdh",
            {"inv_variances": [1.0]},
            r"inv_variances: the hierarchy has 2 levels \(fine, coarse\), got 1 values",
        ),
        ("dqn", {"num_bits": 12}, "net.num_bits: dqn keeps a byte for every 8 outputs, got 12"),
    ],
)
def test_what_does_not_fit_the_data_is_refused_when_built(name, settings, message):
    with pytest.raises(ValueError, match=message):
        build(name, **settings)


def test_a_method_is_frozen_and_compares_by_its_numbers():
    method = method_from({"name": "dch", "gamma": 10})
    with pytest.raises(ValidationError, match="frozen"):
        method.gamma = 20.0
    assert method == METHODS["dch"](gamma=10.0) != METHODS["dch"]()


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_read_back_from_what_it_dumps(name):
    method = method_from({"name": name})
    assert type(method) is METHODS[name] and method.name == name
    assert method_from(method.model_dump()) == method_from(method.model_dump(mode="json")) == method


@pytest.mark.parametrize(
    "name, near",
    [("hpd", "hpdh"), ("orthohsah", "orthohash"), ("hashnett", "hashnet"), ("HPDH", None)],
)
def test_an_unknown_method_names_the_nearest_and_all(name, near):
    with pytest.raises(ValueError, match=f"no method is called '{name}'") as caught:
        method_from({"name": name})
    message = str(caught.value)
    assert message.endswith(f"there are {', '.join(METHODS)}")
    assert near is None or f"did you mean {near}" in message


@pytest.mark.parametrize("name", [None, 3, ["hpdh"]])
def test_a_name_that_is_not_a_word_is_refused(name):
    with pytest.raises(ValueError, match="no method is called"):
        method_from({"name": name})
