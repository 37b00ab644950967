"""What MXNet reads, and weights of PyTorch and TensorFlow.js.

The checksums of a manifest are renewed for every damaged file, so that what lies behind is read.
"""

import io
import json
import pickle
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
from harness import Reader
from mutations import mutate_bytes, mutate_json

sys.path.insert(0, str(Path(__file__).parents[1]))

from binary_cases import torch_pickle, torch_tensor, write_pth

from gluon_hash.deploy import Predictor
from gluon_hash.engine import gluon, mx, nd
from gluon_hash.files import sha256
from gluon_hash.nets import FeatureInput, HashingNet
from gluon_hash.nets.pretrained.keras import read_tfjs
from gluon_hash.nets.pretrained.torch_files import LEGACY_MAGIC, read_state_dict
from gluon_hash.nets.weights import load_params
from gluon_hash.training.optimizer_state import load_optimizer, save_optimizer

BYTES = (mutate_bytes,)
JSON = (mutate_bytes, mutate_json, mutate_json)
IMAGE = np.zeros((8, 8, 3), np.uint8)
VALUES = np.linspace(-1, 1, 12, dtype="<f4")


def head():
    net = HashingNet(FeatureInput(6), 12)
    net.initialize()
    return net


def make_params(folder):
    head().save_parameters(str(folder / "net.params"))
    return folder / "net.params"


def read_params(path):
    net = head()
    load_params(net, path)
    net(nd.zeros((1, 6))).wait_to_read()


def optimizer():
    net = head()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"momentum": 0.9})
    with mx.autograd.record():
        loss = net(nd.ones((2, 6))).sum()
    loss.backward()
    trainer.step(2)
    return trainer


def make_optimizer(folder):
    save_optimizer(optimizer(), folder / "optimizer.params")
    return folder / "optimizer.params"


def make_network(name):
    def make(folder):
        data = mx.sym.Variable("data")
        layer = mx.sym.Convolution(data, kernel=(3, 3), pad=(1, 1), num_filter=4, name="conv")
        layer = mx.sym.Activation(mx.sym.BatchNorm(layer, name="norm"), act_type="relu")
        layer = mx.sym.Pooling(layer, global_pool=True, pool_type="avg", kernel=(1, 1))
        symbol = mx.sym.FullyConnected(mx.sym.Flatten(layer), num_hidden=12, name="fc")
        shapes, _, states = symbol.infer_shape(data=(1, 3, 8, 8))
        arguments = dict(zip(symbol.list_arguments(), shapes))
        arrays = {f"arg:{key}": nd.ones(s) for key, s in arguments.items() if key != "data"}
        names = symbol.list_auxiliary_states()
        arrays.update({f"aux:{key}": nd.ones(shape) for key, shape in zip(names, states)})
        symbol.save(str(folder / "n-symbol.json"))
        nd.save(str(folder / "n-0000.params"), arrays)
        files = (folder / "n-symbol.json", folder / "n-0000.params")
        manifest = {
            "version": 1,
            "input_name": "data",
            "input_shape": [-1, 3, 8, 8],
            "colour_order": "RGB",
            "interpolation": "bilinear",
            "resize": 8,
            "crop": 8,
            "mean": [0.5, 0.5, 0.5],
            "std": [0.2, 0.2, 0.2],
            "num_bits": 12,
            "bit_order": "little",
            "backbone": "small",
            "level_names": ["fine", "coarse"],
            "class_names": [["a", "b", "c"], ["x", "y"]],
            "parents": [[0, 1, 1]],
            "symbol": files[0].name,
            "params": files[1].name,
            "sha256": {file.name: sha256(file) for file in files},
            "largest_difference": 0.0,
            "versions": {},
            "source": {},
        }
        (folder / "n.manifest.json").write_text(json.dumps(manifest))
        return folder / name

    return make


def read_network(path):
    manifest = path.parent / "n.manifest.json"
    if path != manifest:
        values = json.loads(manifest.read_text())
        values["sha256"][path.name] = sha256(path)
        manifest.write_text(json.dumps(values))
    predictor = Predictor.load(manifest)
    predictor.relaxed([IMAGE])


def state_dict():
    return {
        "conv1.weight": torch_tensor("0", 12, (1, 3, 2, 2)),
        "bn1.bias": torch_tensor("0", 12, (2, 3), (1, 4), offset=1),
        "bn1.num_batches_tracked": torch_tensor("1", 1, (), storage="LongStorage"),
    }


def make_pth(folder):
    storages = {"0": VALUES, "1": np.array([7], "<i8")}
    write_pth(folder / "x.pth", torch_pickle(state_dict()), storages)
    return folder / "x.pth"


def mutate_pth(data, rng):
    """A member of the zip damaged, its checksum right."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    name = rng.choice(sorted(members))
    members[name] = mutate_bytes(members[name], rng)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", rng.choice((0, 0, 8))) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return buffer.getvalue()


def make_legacy_pth(folder):
    tensors = {"conv1.weight": torch_tensor("0", 12, (1, 3, 2, 2), view=b"N")}
    front = b"".join(pickle.dumps(value, 2) for value in (LEGACY_MAGIC, 1001, {}))
    keys = pickle.dumps(["0"], 2) + struct.pack("<Q", 12)
    (folder / "old.pth").write_bytes(front + torch_pickle(tensors) + keys + VALUES.tobytes())
    return folder / "old.pth"


def make_safetensors(folder):
    from safetensors.numpy import save_file

    save_file({"conv1.weight": VALUES.reshape(1, 3, 2, 2)}, folder / "x.safetensors")
    return folder / "x.safetensors"


def read_torch(path):
    for array in read_state_dict(path).values():
        array.sum()


def make_tfjs(folder):
    layers = [
        {"class_name": "BatchNormalization", "config": {"name": "bn", "epsilon": 0.001}},
        {"class_name": "Conv2D", "config": {"name": "conv1", "filters": 4}},
    ]
    weights = [
        {"name": "conv1/kernel", "shape": [1, 1, 2, 2], "dtype": "float32"},
        {"name": "conv1/bias", "shape": [8], "dtype": "float32"},
    ]
    model = {
        "format": "layers-model",
        "modelTopology": {"model_config": {"class_name": "Model", "config": {"layers": layers}}},
        "weightsManifest": [{"paths": ["group1-shard1of1"], "weights": weights}],
    }
    (folder / "group1-shard1of1").write_bytes(VALUES.tobytes())
    (folder / "model.json").write_text(json.dumps(model))
    return folder / "model.json"


READERS = [
    Reader("network, .params", make_params, read_params, BYTES),
    Reader(
        "optimiser, .params", make_optimizer, lambda path: load_optimizer(optimizer(), path), BYTES
    ),
    Reader("exported .params", make_network("n-0000.params"), read_network, BYTES),
    Reader("exported symbol", make_network("n-symbol.json"), read_network, JSON),
    Reader("manifest", make_network("n.manifest.json"), read_network, JSON),
    Reader("PyTorch, zip", make_pth, read_torch, (mutate_bytes, mutate_pth, mutate_pth)),
    Reader("PyTorch before 1.6", make_legacy_pth, read_torch, BYTES),
    Reader("safetensors", make_safetensors, read_torch, BYTES),
    Reader("TensorFlow.js", make_tfjs, read_tfjs, JSON),
]
