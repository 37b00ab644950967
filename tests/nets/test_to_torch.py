"""Weights under torchvision's names: what was imported comes back, the head is fc."""

import numpy as np
import pytest

pytest.importorskip("mxnet")

from gluon_hash.engine import mx, nd
from gluon_hash.nets import FeatureInput, HashingNet, Hidden, Standardize, get_backbone
from gluon_hash.nets.pretrained.convert import import_weights
from gluon_hash.nets.pretrained.to_torch import torch_state_dict, write_torch_weights
from gluon_hash.nets.weights import load_backbone


@pytest.fixture(scope="module")
def net():
    made = HashingNet(get_backbone("resnet18_v1b"), 12, neck=Standardize(512))
    made.initialize(mx.init.Xavier())
    made(nd.zeros((1, 3, 32, 32)))
    rng = np.random.RandomState(0)
    made.head[0].set_statistics(rng.randn(512), rng.uniform(0.5, 2, 512))
    return made


def test_the_names_are_those_of_torchvision(net):
    tensors = torch_state_dict(net, "resnet18_v1b")
    assert tensors["conv1.weight"].shape == (64, 3, 7, 7)
    assert tensors["layer2.0.downsample.0.weight"].shape == (128, 64, 1, 1)
    assert tensors["layer4.1.bn2.running_var"].shape == (512,)
    assert tensors["bn1.num_batches_tracked"].dtype == np.int64
    # 20 convolutions, 20 batch norms of 5 tensors, weight and bias of fc
    assert len(tensors) == 20 + 20 * 5 + 2
    assert tensors["fc.weight"].shape == (12, 512)


def test_fc_is_the_head_with_its_standardisation(net):
    tensors = torch_state_dict(net, "resnet18_v1b")
    features = np.random.RandomState(1).randn(5, 512).astype(np.float32)
    expected = net.head(nd.array(features)).asnumpy()
    computed = features @ tensors["fc.weight"].T + tensors["fc.bias"]
    np.testing.assert_allclose(computed, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_the_backbone_comes_back_as_it_was(net, tmp_path, suffix):
    write_torch_weights(net, "resnet18_v1b", tmp_path / f"t{suffix}")
    (tmp_path / "plain").touch()  # safetensors writes files that no other user may read
    assert (tmp_path / f"t{suffix}").stat().st_mode == (tmp_path / "plain").stat().st_mode
    import_weights(tmp_path / f"t{suffix}", "resnet18_v1b", tmp_path / "back.params")
    again = get_backbone("resnet18_v1b")
    load_backbone(again, tmp_path / "back.params")
    for ours, theirs in zip(
        net.features._collect_params_with_prefix().items(),
        again._collect_params_with_prefix().items(),
    ):
        assert ours[0] == theirs[0]
        np.testing.assert_array_equal(ours[1].data().asnumpy(), theirs[1].data().asnumpy())
    with pytest.raises(ValueError, match="exists already"):
        write_torch_weights(net, "resnet18_v1b", tmp_path / f"t{suffix}")


@pytest.mark.parametrize(
    "changes, backbone, out, message",
    [
        ({}, "resnet18_v1", "t.npz", "have the v1b layout"),
        ({"hidden": Hidden()}, "resnet18_v1b", "t.npz", "no hidden layer"),
        ({}, "resnet18_v1b", "t.pth", "ends in .npz or .safetensors"),
    ],
)
def test_what_torchvision_does_not_have_is_refused(tmp_path, changes, backbone, out, message):
    net = HashingNet(FeatureInput(8), 4, **changes)
    net.initialize()
    with pytest.raises(ValueError, match=message):
        write_torch_weights(net, backbone, tmp_path / out)
    assert list(tmp_path.iterdir()) == []
