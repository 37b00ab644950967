"""PyTorch's weights and our own: the numbers, the names, and that no code of theirs is run."""

import pickle
import zipfile
from collections import OrderedDict

import mxnet as mx
import numpy as np
import pytest

from gluon_hash.errors import DataError
from gluon_hash.nets import get_backbone, load_backbone, save_backbone
from gluon_hash.nets.pretrained.convert import import_weights
from gluon_hash.nets.pretrained.torch import torch_resnet_to_v1b
from gluon_hash.nets.pretrained.torch_files import LEGACY_MAGIC, read_state_dict


def torch_names(rng):
    """A ResNet-18 state dict as torchvision writes it."""
    tensors = {"fc.weight": rng.randn(10, 512), "fc.bias": rng.randn(10)}

    def layer(convolution, norm, side, width_in, width_out):
        tensors[f"{convolution}.weight"] = rng.randn(width_out, width_in, side, side)
        for name in ("weight", "bias", "running_mean", "running_var"):
            tensors[f"{norm}.{name}"] = rng.rand(width_out)

    layer("conv1", "bn1", 7, 3, 64)
    width_in = 64
    for stage, width in enumerate((64, 128, 256, 512), start=1):
        for block in range(2):
            layer(f"layer{stage}.{block}.conv1", f"layer{stage}.{block}.bn1", 3, width_in, width)
            layer(f"layer{stage}.{block}.conv2", f"layer{stage}.{block}.bn2", 3, width, width)
            if width_in != width:
                layer(
                    f"layer{stage}.0.downsample.0",
                    f"layer{stage}.0.downsample.1",
                    1,
                    width_in,
                    width,
                )
            width_in = width
    return {name: value.astype(np.float32) for name, value in tensors.items()}


def test_torch_names_fit_v1b_and_everything_is_accounted_for(tmp_path, rng):
    tensors = torch_names(rng)
    np.savez(tmp_path / "r18.npz", **tensors)
    report = import_weights(tmp_path / "r18.npz", "resnet18_v1b", tmp_path / "r18.params")
    assert report.left_over == ("fc.weight", "fc.bias") and report.num_used == len(tensors) - 2
    backbone = get_backbone("resnet18_v1b")
    load_backbone(backbone, tmp_path / "r18.params")
    np.testing.assert_array_equal(
        backbone.body[4][1].conv2.weight.data().asnumpy(), tensors["layer1.1.conv2.weight"]
    )
    with pytest.raises(
        DataError, match="tensors do not fit the backbone: missing .*another architecture"
    ):
        import_weights(tmp_path / "r18.npz", "resnet34_v1b", tmp_path / "r34.params")
    assert not (tmp_path / "r34.params").exists()
    with pytest.raises(ValueError, match="ask for resnet18_v1b"):
        import_weights(tmp_path / "r18.npz", "resnet18_v1", tmp_path / "x.params")


def write_pth(path, body, storages):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", body)
        for key, values in storages.items():
            archive.writestr(f"archive/data/{key}", values.tobytes())


def test_pth_is_read_without_its_code(tmp_path):
    # protocol 2, by hand: {"w": torch._utils._rebuild_tensor_v2(storage "0" of 4 floats, 0, (2, 2),
    # (2, 1), ...)}
    body = (
        b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage"
        b"ctorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04%stQK\x00K\x02K\x02\x86K\x02K\x01\x86\x89"
        b"ccollections\nOrderedDict\n)RtRs."
    )
    values = np.arange(4, dtype=np.float32)
    write_pth(tmp_path / "x.pth", body % b"", {"0": values})
    assert read_state_dict(tmp_path / "x.pth")["w"].tolist() == [[0, 1], [2, 3]]
    # before PyTorch 1.6: magic number, version, machine, the pickle (a storage has a sixth field),
    # keys, then storages
    head = b"".join(
        pickle.dumps(value, 2) for value in (LEGACY_MAGIC, 1001, {"little_endian": True})
    )
    old = head + body % b"N" + pickle.dumps(["0"], 2) + np.int64(4).tobytes() + values.tobytes()
    (tmp_path / "old.pth").write_bytes(old)
    assert read_state_dict(tmp_path / "old.pth")["w"].tolist() == [[0, 1], [2, 3]]
    (tmp_path / "old.pth").write_bytes(old[:-1])
    with pytest.raises(DataError, match=r"old\.pth: was cut short inside its tensors"):
        read_state_dict(tmp_path / "old.pth")


def test_a_pickle_that_asks_for_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("code was run",))

    write_pth(tmp_path / "x.pth", pickle.dumps(OrderedDict(w=Evil())), {})
    with pytest.raises(DataError, match=r"x\.pth: its pickle asks for builtins\.print; refused"):
        read_state_dict(tmp_path / "x.pth")
    (tmp_path / "x.pth").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(DataError, match=r"x\.pth: its pickle asks for builtins\.print; refused"):
        read_state_dict(tmp_path / "x.pth")
    (tmp_path / "x.pth").write_bytes(pickle.dumps({}))
    with pytest.raises(DataError, match="no file of PyTorch"):
        read_state_dict(tmp_path / "x.pth")
    write_pth(tmp_path / "x.pth", b"\x80\x02ctorch\nBFloat16Storage\n.", {})
    with pytest.raises(
        DataError, match=r"holds tensors of torch\.BFloat16Storage; save it as float32"
    ):
        read_state_dict(tmp_path / "x.pth")


def test_wrong_params_files_are_named(tmp_path):
    backbone = get_backbone("cifar_resnet20_v1")
    backbone.initialize()
    backbone(mx.nd.zeros((1, 3, 32, 32)))
    save_backbone(backbone, tmp_path / "b.params")
    with pytest.raises(DataError, match="tensors do not fit .* more; is it of another") as raised:
        load_backbone(get_backbone("cifar_resnet56_v1"), tmp_path / "b.params")
    assert len(str(raised.value)) < 500  # of many hundred names the first few
    backbone.hybridize()
    backbone(mx.nd.zeros((1, 3, 32, 32)))
    backbone.export(str(tmp_path / "e"))
    with pytest.raises(DataError, match="exported network"):
        load_backbone(backbone, tmp_path / "e-0000.params")
    (tmp_path / "cut.params").write_bytes((tmp_path / "b.params").read_bytes()[:100])
    with pytest.raises(
        DataError, match=r"cut\.params: not a \.params file, or one that was cut short"
    ):
        load_backbone(backbone, tmp_path / "cut.params")


def test_unknown_torch_names_are_left_over_not_lost():
    tensors = {"layer1.0.bn1.num_batches_tracked": np.array(3), "head.weight": np.ones(2)}
    converted = torch_resnet_to_v1b(tensors, "x.pth")
    assert converted.tensors == {} and converted.left_over == (
        "layer1.0.bn1.num_batches_tracked",
        "head.weight",
    )
    with pytest.raises(
        DataError, match=r"x\.pth: 2 tensors have no place in a ResNet: layer1\.0\.se\.fc1\.weight"
    ):
        torch_resnet_to_v1b(
            {"layer1.0.se.fc1.weight": np.ones(2), "conv1.bias": np.ones(2)}, "x.pth"
        )


def test_the_same_weights_make_the_same_file_whatever_their_order(tmp_path, rng):
    tensors = torch_names(rng)
    np.savez(tmp_path / "a.npz", **tensors)
    np.savez(tmp_path / "b.npz", **dict(reversed(list(tensors.items()))))
    a, b = (
        import_weights(tmp_path / f"{name}.npz", "resnet18_v1b", tmp_path / f"{name}.params")
        for name in "ab"
    )
    assert a.sha256 == b.sha256
