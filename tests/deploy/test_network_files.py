"""A manifest, a graph and parameters that lie are refused before MXNet reads them."""

import hashlib
import json

import mxnet as mx
import numpy as np
import pytest

from gluon_hash.deploy import Manifest, Predictor
from gluon_hash.deploy.network_files import OPERATORS, check_network
from gluon_hash.errors import DataError
from gluon_hash.nets import BACKBONES, HashingNet, Standardize, get_backbone

NUM_FEATURES, NUM_BITS = 6, 12


def write(folder, *, graph=None, arrays=None, **fields):
    """The manifest of an exported Dense(12) on 6 features, parts of it replaced."""
    data = mx.sym.Variable("data")
    symbol = mx.sym.FullyConnected(data, num_hidden=NUM_BITS, name="fc")
    values = {
        "arg:fc_weight": mx.nd.ones((NUM_BITS, NUM_FEATURES)),
        "arg:fc_bias": mx.nd.zeros(NUM_BITS),
    }
    text = symbol.tojson() if graph is None else json.dumps(graph(json.loads(symbol.tojson())))
    (folder / "n-symbol.json").write_text(text)
    mx.nd.save(str(folder / "n-0000.params"), {**values, **(arrays or {})})
    files = [folder / "n-symbol.json", folder / "n-0000.params"]
    manifest = {
        **dict.fromkeys(("colour_order", "interpolation", "resize", "crop", "mean", "std")),
        "version": 1,
        "input_name": "data",
        "input_shape": [-1, NUM_FEATURES],
        "num_bits": NUM_BITS,
        "bit_order": "little",
        "backbone": "features",
        "level_names": ["fine", "coarse"],
        "class_names": [["a", "b", "c"], ["x", "y"]],
        "parents": [[0, 1, 1]],
        "symbol": files[0].name,
        "params": files[1].name,
        "sha256": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files},
        "largest_difference": 0.0,
        "versions": {},
        "source": {},
        **fields,
    }
    (folder / "n.manifest.json").write_text(json.dumps(manifest))
    return folder / "n.manifest.json"


def test_a_good_one_is_read_and_computes(tmp_path):
    predictor = Predictor.load(write(tmp_path))
    features = np.arange(2 * NUM_FEATURES, dtype=np.float32).reshape(2, NUM_FEATURES)
    expected = np.repeat(features.sum(axis=1, keepdims=True), NUM_BITS, axis=1)  # weights are 1
    np.testing.assert_allclose(predictor.relaxed_features(features), expected, rtol=1e-6)


DIGEST = "0" * 64


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"sha256": {}}, "sha256: expected a digest of each of n-symbol.json, n-0000.params"),
        ({"sha256": {"n-symbol.json": DIGEST}}, "sha256: expected a digest"),
        ({"sha256": {"/dev/zero": DIGEST}}, "expected the name of a file in the manifest's folder"),
        ({"sha256": {"../x": DIGEST}}, "expected the name of a file in the manifest's folder"),
        ({"sha256": {"n-symbol.json": "0"}}, "sha256.n-symbol.json: String should match pattern"),
        ({"symbol": "../n-symbol.json"}, "symbol: expected the name of a file in the manifest's"),
        ({"params": "/etc/passwd"}, "params: expected the name of a file in the manifest's"),
        ({"params": ".."}, "params: expected the name of a file in the manifest's folder"),
        ({"params": "n-symbol.json"}, "sha256: expected a digest"),
        ({"num_bits": 0}, "num_bits: Input should be greater than or equal to 1"),
        ({"num_bits": 10**30}, "num_bits: Input should be less than or equal to"),
        ({"crop": 10**6}, "crop: Input should be less than or equal to 4096"),
        ({"crop": 32}, "crop, resize, mean and std: expected all of them, or none"),
        (
            {"crop": 32, "resize": 32, "mean": [0, 0, 0], "std": [0, 1, 1]},
            "ImageTransform: expected .* std > 0",
        ),
        ({"input_shape": [-1, 0]}, "input_shape: expected -1 and sizes"),
        ({"input_shape": [-1, 3, 8, 8]}, "are not features or images"),
        ({"parents": [[0, 1, 10**30]]}, "parents.0.2: Input should be less than or equal to"),
        ({"input_shape": []}, "input_shape: List should have at least 2 items"),
        ({"parents": [[0, 1, 5]]}, "Hierarchy: parents of level 'fine'"),
        ({"background": [300, 0, 0]}, "background.0: Input should be less than or equal to 255"),
        ({"version": 2}, "expected manifest version 1, got 2; use the gluon_hash that wrote it"),
        ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
        ({"input_name": "fc_bias"}, "its tensors are not those that the graph reads"),
        ({"input_name": "image"}, "the graph has no input 'image'"),
    ],
)
def test_a_manifest_that_lies_is_refused(tmp_path, fields, message):
    with pytest.raises(DataError, match=message):
        Manifest.load(write(tmp_path, **fields))


def test_what_a_manifest_names_must_be_a_whole_file(tmp_path):
    path = write(tmp_path)
    (tmp_path / "n-0000.params").write_bytes(b"x")
    with pytest.raises(DataError, match=r"n-0000\.params: changed or damaged"):
        Manifest.load(path)
    (tmp_path / "n-0000.params").unlink()
    with pytest.raises(DataError, match=r"n-0000\.params: missing; it belongs beside"):
        Manifest.load(path)
    (tmp_path / "n-0000.params").mkdir()
    with pytest.raises(DataError, match=r"n-0000\.params: expected a file, got a folder"):
        Manifest.load(path)
    (tmp_path / "n-0000.params").rmdir()
    (tmp_path / "n-0000.params").symlink_to("/dev/zero")  # its checksum would never end
    with pytest.raises(DataError, match=r"n-0000\.params: expected a file, got .* a device"):
        Manifest.load(path)


def changed(*keys, value):
    """A graph with another value at ``keys``."""

    def change(graph):
        holder = graph
        for key in keys[:-1]:
            holder = holder[key]
        holder[keys[-1]] = value
        return graph

    return change


@pytest.mark.parametrize(
    "graph, message",
    [
        # nodes: 0 data, 1 fc_weight, 2 fc_bias, 3 fc
        (changed("nodes", 3, "inputs", 0, value=[7, 0, 0]), r"an input of node 3 is \[7, 0, 0\]"),
        (changed("nodes", 3, "inputs", 0, value=[3, 0, 0]), r"an input of node 3 is \[3, 0, 0\]"),
        (changed("nodes", 3, "inputs", 0, value=[-1, 0, 0]), r"an input of node 3 is \[-1, 0"),
        (changed("nodes", 3, "inputs", 0, value=[0, 1, 0]), r"an input of node 3 is \[0, 1, 0\]"),
        (changed("nodes", 3, "inputs", 0, value=[0, 0, -1]), "an input of node 3 is of version -1"),
        (changed("nodes", 3, "inputs", 0, value=[0]), r"an input of node 3 is \[0\]"),
        (changed("nodes", 3, "inputs", value=[[0, 0, 0]]), "node 3, FullyConnected, has 1 inputs"),
        (changed("nodes", 0, "inputs", value=[[1, 0, 0]]), "node 0, null, has 1 inputs"),
        (changed("nodes", 3, "op", value="_Native"), "'_Native', which is not one of the networks"),
        (changed("nodes", 3, "op", value="Custom"), "'Custom', which is not one of the networks"),
        (changed("nodes", 3, "attrs", value={"num_hidden": "0"}), "attribute num_hidden '0'"),
        (changed("nodes", 3, "attrs", value={"num_hidden": "9" * 30}), "attribute num_hidden"),
        (changed("nodes", 3, "attrs", value={"num_hidden": "x"}), "attribute num_hidden 'x'"),
        (changed("nodes", 3, "attrs", value={"kernel": "(3, 0)"}), r"attribute kernel '\(3, 0\)'"),
        (changed("nodes", 3, "attrs", value={"shape": "(9999999999,)"}), "attribute shape"),
        (changed("nodes", 3, "attrs", value={"num_hidden": 12}), "should be a valid string"),
        (changed("nodes", 3, "subgraphs", value=[{}]), "nodes.3.subgraphs.0.nodes: Field required"),
        (changed("nodes", 3, "surprise", value=1), "nodes.3.surprise: Extra inputs are not"),
        (changed("nodes", 1, "name", value="data"), "the name of a node appears twice"),
        (changed("nodes", 1, "name", value=""), "node 1 has the name ''"),
        (changed("nodes", value=[]), "it has 0 nodes"),
        (changed("heads", value=[[2, 0, 0]]), "its output does not depend on node 3"),
        (changed("heads", value=[[4, 0, 0]]), r"its output is \[4, 0, 0\]"),
        (changed("attrs", value={}), "expected mxnet_version from 10000 in attrs"),
        (changed("attrs", "mxnet_version", value=["int", 800]), "expected mxnet_version from"),
        (changed("attrs", "mxnet_version", value=10901), "expected mxnet_version from 10000"),
        (changed("attrs", "is_np_shape", value=["int", 1]), "expected mxnet_version from 10000"),
        (changed("heads", value=[]), "it has 0 outputs, expected one"),
        (changed("arg_nodes", value=[0, 1]), "arg_nodes is not the list of its variables"),
        (changed("node_row_ptr", value=[0]), "node_row_ptr has not 5 entries"),
        (lambda graph: [], "Input should be a valid dictionary"),
    ],
)
def test_a_graph_that_lies_is_refused(tmp_path, graph, message):
    with pytest.raises(DataError, match=rf"n-symbol\.json: .*{message}"):
        Manifest.load(write(tmp_path, graph=graph))


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"arg:other": mx.nd.ones(1)}, "its tensors are not those that the graph reads, other;"),
        ({"fc_weight": mx.nd.ones(1)}, "not those that the graph reads, fc_weight;"),
        ({"aux:fc_bias": mx.nd.ones(1)}, "its tensors are not those that the graph reads, twice;"),
        ({"arg:fc_weight": mx.nd.ones((NUM_BITS, 7))}, r"\(12, 7\)|shapes do not fit each other"),
        ({"arg:fc_bias": mx.nd.ones(7)}, "shapes do not fit each other"),
    ],
)
def test_parameters_of_another_network_are_refused(tmp_path, arrays, message):
    with pytest.raises(DataError, match=message):
        Predictor.load(write(tmp_path, arrays=arrays))


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_is_made_of_operators_that_are_known(name):
    nodes = json.loads(HashingNet(get_backbone(name), 12)(mx.sym.var("data")).tojson())["nodes"]
    assert {node["op"] for node in nodes} - {"null"} <= OPERATORS


def test_operators_are_those_of_mxnet():
    assert OPERATORS <= set(mx.operator.get_all_registered_operators())


@pytest.mark.parametrize("name, neck", [("cifar_resnet20_v2", None), ("resnet18_v1", Standardize)])
def test_an_int8_network_is_known(tmp_path, name, neck):
    from gluon_hash.deploy.graph import Graph
    from gluon_hash.deploy.quantize import quantize

    backbone = get_backbone(name)
    net = HashingNet(backbone, 12, neck=neck and neck(backbone.num_features))
    net.initialize()
    images = np.random.RandomState(0).rand(16, 3, 32, 32).astype(np.float32)
    net(mx.nd.array(images[:1]))
    files = (tmp_path / "q-symbol.json", tmp_path / "q-0000.params")
    quantize(Graph.of(net), images).save(*files)
    operators = check_network(*files, "data").operators
    assert "_sg_mkldnn_conv" in operators
    assert ("_contrib_dequantize" in operators) == (neck is not None)  # between pooling and neck
