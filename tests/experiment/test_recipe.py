"""The recommended recipe: what it takes from the data, and what it refuses."""

import pytest

from gluon_hash.experiment import configure, recommended
from gluon_hash.experiment.recipe import _batch_size, _epochs
from gluon_hash.methods import HPDH, SSDH


@pytest.mark.parametrize(
    "num_train, batch_size", [(47_500, 128), (1024, 128), (1023, 64), (100, 8), (16, 2), (2, 2)]
)
def test_an_epoch_has_eight_steps_or_more_where_it_can(num_train, batch_size):
    assert _batch_size(num_train) == batch_size


@pytest.mark.parametrize(
    "num_steps, on_features, epochs",
    [(371, True, 8), (185, True, 16), (20, True, 30), (0, True, 30), (371, False, 20),
     (100, False, 30), (13, False, 60)],
)  # fmt: skip
def test_about_3000_steps(num_steps, on_features, epochs):
    assert _epochs(num_steps, on_features) == epochs


def test_small_images_train_a_small_network_from_scratch(prepared):
    config = recommended(prepared, num_bits=16, seed=3)  # 162 images of 32 pixels, 54 held out
    assert isinstance(config.loss, SSDH) and config.net.backbone == "cifar_resnet20_v1"
    assert (config.transform.crop, config.net.num_bits, config.training.seed) == (32, 16, 3)
    assert config.training.batch_size == 8 and config.training.monitor == "map_tie_averaged"
    assert isinstance(recommended(prepared, HPDH()).loss, HPDH)


def test_pretrained_weights_make_a_head_on_larger_images(prepared):
    config = recommended(prepared, weights="w.params")
    assert (config.net.frozen, config.net.backbone, config.transform.crop) == (
        True,
        "resnet50_v1",
        96,
    )


def test_what_is_configured_and_what_is_refused(prepared, tmp_path):
    config = configure(None, prepared, [], changes=["training.epochs=2"], method="csq", num_bits=8)
    assert (config.loss.name, config.net.num_bits, config.training.epochs) == ("csq", 8, 2)
    assert configure("synthetic", prepared, []).data.root == str(prepared)
    with pytest.raises(ValueError, match="method, num_bits: for the recommended recipe"):
        configure("synthetic", prepared, [], method="csq", num_bits=8)
    with pytest.raises(ValueError, match="name a configuration, or prepared data"):
        configure(None, None, [])
    with pytest.raises(ValueError, match="not a prepared folder: it has no hierarchy.tsv"):
        recommended(tmp_path)
    with pytest.raises(ValueError, match="did you mean csq"):
        configure(None, prepared, [], method="csqq")
