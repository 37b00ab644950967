"""Keras weights: they compute the same features with us, and damage is named."""

import json

import mxnet as mx
import numpy as np
import pytest
from scipy.signal import correlate

from gluon_hash.errors import DataError
from gluon_hash.nets import get_backbone, load_backbone
from gluon_hash.nets.pretrained.keras import CAFFE_MEAN_RGB, keras_resnet50_to_v1, read_tfjs
from gluon_hash.records.transforms import IMAGENET_MEAN, IMAGENET_STD


def keras_tensors(rng):
    """Random weights under Keras-Applications' names, small so that 50 layers neither vanish nor
    explode."""
    tensors = {}

    def layer(convolution, norm, side, width_in, width_out):
        scale = 0.7 * np.sqrt(2 / (side * side * width_in))
        tensors[f"{convolution}/kernel"] = scale * rng.randn(side, side, width_in, width_out)
        tensors[f"{convolution}/bias"] = 0.1 * rng.randn(width_out)
        tensors[f"{norm}/gamma"], tensors[f"{norm}/beta"] = (
            rng.uniform(0.7, 1, width_out),
            0.1 * rng.randn(width_out),
        )
        tensors[f"{norm}/moving_mean"] = 0.1 * rng.randn(width_out)
        tensors[f"{norm}/moving_variance"] = rng.uniform(0.5, 1.5, width_out)

    layer("conv1", "bn_conv1", 7, 3, 64)
    tensors["bn_conv1/moving_variance"] *= 50.0**2  # the input is in 0-255
    width_in = 64
    for stage, (blocks, width) in {2: (3, 64), 3: (4, 128), 4: (6, 256), 5: (3, 512)}.items():
        for block in "abcdef"[:blocks]:
            for part, side, a, b in (
                ("2a", 1, width_in, width),
                ("2b", 3, width, width),
                ("2c", 1, width, 4 * width),
            ):
                layer(
                    f"res{stage}{block}_branch{part}", f"bn{stage}{block}_branch{part}", side, a, b
                )
            if block == "a":
                layer(f"res{stage}a_branch1", f"bn{stage}a_branch1", 1, width_in, 4 * width)
            width_in = 4 * width
    return {name: value.astype(np.float32) for name, value in tensors.items()}


def convolve(x, kernel, bias, stride, pad):
    x = np.pad(x, ((pad, pad), (pad, pad), (0, 0)))
    if kernel.shape[0] == 1:
        return x[::stride, ::stride] @ kernel[0, 0] + bias
    out = (
        [
            sum(
                correlate(x[:, :, i], kernel[:, :, i, o], "valid", "direct")
                for i in range(x.shape[2])
            )
            for o in range(kernel.shape[3])
        ]
        if kernel.shape[2] == 3
        else None
    )
    if out is None:  # many channels: sum over the places of the kernel
        side, height, width = (
            kernel.shape[0],
            x.shape[0] - kernel.shape[0] + 1,
            x.shape[1] - kernel.shape[1] + 1,
        )
        total = sum(
            x[i : i + height, j : j + width] @ kernel[i, j]
            for i in range(side)
            for j in range(side)
        )
        return total[::stride, ::stride] + bias
    return np.stack(out, axis=2)[::stride, ::stride] + bias


def keras_features(tensors, rgb):
    """Keras-Applications' ResNet-50, written out in NumPy, (height, width, channel), from its
    published definition."""

    def unit(x, convolution, norm, stride=1, pad=0):
        x = convolve(
            x, tensors[f"{convolution}/kernel"], tensors[f"{convolution}/bias"], stride, pad
        )
        std = np.sqrt(tensors[f"{norm}/moving_variance"] + 1e-3)
        return (x - tensors[f"{norm}/moving_mean"]) / std * tensors[f"{norm}/gamma"] + tensors[
            f"{norm}/beta"
        ]

    x = rgb[:, :, ::-1] - CAFFE_MEAN_RGB[::-1]
    x = np.maximum(unit(x, "conv1", "bn_conv1", 2, 3), 0)
    x = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    height, width = (x.shape[0] - 3) // 2 + 1, (x.shape[1] - 3) // 2 + 1
    x = np.max(
        [
            x[i : i + 2 * height - 1 : 2, j : j + 2 * width - 1 : 2]
            for i in range(3)
            for j in range(3)
        ],
        axis=0,
    )
    for stage, blocks in {2: 3, 3: 4, 4: 6, 5: 3}.items():
        for block in "abcdef"[:blocks]:
            name, stride = f"{stage}{block}_branch", 2 if block == "a" and stage > 2 else 1
            y = np.maximum(unit(x, f"res{name}2a", f"bn{name}2a", stride), 0)
            y = np.maximum(unit(y, f"res{name}2b", f"bn{name}2b", 1, 1), 0)
            y = unit(y, f"res{name}2c", f"bn{name}2c")
            shortcut = unit(x, f"res{name}1", f"bn{name}1", stride) if block == "a" else x
            x = np.maximum(y + shortcut, 0)
    return x.mean(axis=(0, 1))


def test_keras_resnet50_computes_the_same_features(tmp_path):
    rng = np.random.RandomState(0)
    tensors = keras_tensors(rng)
    names = [name for name in tensors if name.startswith("bn") and name.endswith("gamma")]
    converted = keras_resnet50_to_v1(
        tensors, {name.partition("/")[0]: 1e-3 for name in names}, "model.json"
    )
    assert set(converted.used) == set(tensors) and converted.left_over == ()
    mx.nd.save(
        str(tmp_path / "x.params"),
        {name: mx.nd.array(value) for name, value in converted.tensors.items()},
    )
    backbone = get_backbone("resnet50_v1")
    load_backbone(backbone, tmp_path / "x.params")
    rgb = np.full((64, 64, 3), 255 * np.array(IMAGENET_MEAN)) + 40 * rng.randn(64, 64, 3)
    ours = (rgb / 255 - IMAGENET_MEAN) / IMAGENET_STD
    features = backbone(mx.nd.array(ours.transpose(2, 0, 1)[None])).asnumpy()[0]
    expected = keras_features(tensors, rgb)
    assert expected.std() > 1e-3
    # zero padding stands for 255 * mean with us, for the Caffe mean with Keras: at most 0.13 of 255
    # apart
    np.testing.assert_allclose(features, expected, rtol=2e-2, atol=2e-3 * expected.max())


def test_tfjs_damage_is_named(tmp_path):
    model = {
        "weightsManifest": [
            {"paths": ["a.bin"], "weights": [{"name": "w", "shape": [2, 2], "dtype": "float32"}]}
        ],
        "modelTopology": {"model_config": {"config": {"layers": []}}},
    }
    (tmp_path / "model.json").write_text(json.dumps(model))
    with pytest.raises(DataError, match=r"shards are missing beside it: a\.bin"):
        read_tfjs(tmp_path / "model.json")
    (tmp_path / "a.bin").write_bytes(b"\0" * 12)
    with pytest.raises(DataError, match="w: the shards end at byte 12, expected 16"):
        read_tfjs(tmp_path / "model.json")
    (tmp_path / "a.bin").write_bytes(np.arange(4, dtype="<f4").tobytes())
    assert read_tfjs(tmp_path / "model.json")[0]["w"].tolist() == [[0, 1], [2, 3]]


def small_model(folder, change=None, **weight):
    """A model.json of one tensor of two numbers and one batch norm; ``change`` alters it."""
    model = {
        "modelTopology": {
            "model_config": {
                "config": {
                    "layers": [
                        {"class_name": "BatchNormalization", "config": {"name": "bn", "epsilon": 1}}
                    ]
                }
            }
        },
        "weightsManifest": [
            {
                "paths": ["shard.bin"],
                "weights": [{"name": "w", "shape": [2], "dtype": "float32", **weight}],
            }
        ],
    }
    if change is not None:
        change(model)
    (folder / "shard.bin").write_bytes(np.array([1, 2], "<f4").tobytes())
    (folder / "model.json").write_text(json.dumps(model))
    return read_tfjs(folder / "model.json")


def test_a_small_model_is_read(tmp_path):
    tensors, epsilons = small_model(tmp_path)
    assert tensors["w"].tolist() == [1, 2] and epsilons == {"bn": 1.0}


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda m: m.pop("weightsManifest"), "KeyError"),
        (lambda m: m["modelTopology"].update(model_config=[]), "TypeError"),
        (lambda m: m.update(weightsManifest=5), "Input should be a valid list"),
        (lambda m: m["weightsManifest"][0].pop("paths"), "0.paths: Field required"),
        (lambda m: m["weightsManifest"][0].update(paths=[7]), "0.paths.0: Input should be"),
        (lambda m: m["weightsManifest"][0].update(paths=["shard.bin"] * 2), "a shard is named twi"),
        (lambda m: m["weightsManifest"][0].update(paths=["../x"]), "shards are missing beside it"),
        (lambda m: m["weightsManifest"][0].update(paths=["/"]), "expected a file, got a folder"),
        (lambda m: m["weightsManifest"][0].update(weights=[[]]), "0.weights.0: Input should be"),
    ],
)
def test_a_model_of_another_structure_is_refused(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        small_model(tmp_path, change)


@pytest.mark.parametrize(
    "weight, message",
    [
        ({"shape": [-1]}, "0.weights.0.shape.0: Input should be greater than or equal to 0"),
        ({"shape": "x"}, "0.weights.0.shape: Input should be a valid list"),
        ({"shape": [10**30]}, "0.weights.0.shape.0"),
        ({"shape": [1 << 31, 1 << 31]}, "the shards end at byte 8, expected"),
        ({"shape": [1]}, "the shards hold 4 bytes more than the weights listed"),
        ({"dtype": "int32"}, "expected plain float32 weights, got int32"),
        ({"quantization": {"scale": 1}}, "expected plain float32 weights"),
        ({"name": ""}, "0.weights.0.name: String should have at least 1 character"),
    ],
)
def test_a_weight_that_lies_is_refused(tmp_path, weight, message):
    with pytest.raises(DataError, match=message):
        small_model(tmp_path, **weight)


STEM = {
    "conv1/kernel": np.ones((7, 7, 3, 64)),
    "conv1/bias": np.ones(64),
    **{f"bn_conv1/{name}": np.ones(64) for name in ("moving_mean", "moving_variance")},
}


@pytest.mark.parametrize(
    "name, array, message",
    [
        ("conv1/kernel", np.ones((7, 7, 4, 64)), "conv1 reads 4 colours, expected 3"),
        ("conv1/kernel", np.ones(5), r"'conv1/kernel': expected 4 axes, got the shape \(5,\)"),
        ("conv1/bias", np.ones(5), r"conv1: a kernel of shape \(7, 7, 3, 64\) and 5 biases"),
        ("conv1/bias", np.ones((64, 0)), "expected 1 axes, got the shape"),
        ("bn_conv1/moving_mean", np.ones(5), "bn_conv1: 5 means after 64 convolutions"),
    ],
)
def test_tensors_that_do_not_fit_each_other_are_named(name, array, message):
    tensors = {**STEM, name: array}
    with pytest.raises(DataError, match=message):
        keras_resnet50_to_v1(tensors, {"bn_conv1": 1e-3}, "model.json")


def test_a_batch_norm_without_epsilon_is_named():
    with pytest.raises(DataError, match="model.json: batch norm 'bn_conv1' has no epsilon"):
        keras_resnet50_to_v1(STEM, {}, "model.json")
