"""Fused graphs: the outputs of the graph as it is written, for every number of images."""

import json

import numpy as np
import pytest

pytest.importorskip("mxnet")

from gluon_hash.deploy import fusing
from gluon_hash.deploy.folding import fold_batch_norms
from gluon_hash.deploy.forms import PackBits, Preprocess
from gluon_hash.deploy.fusing import BATCH, as_block, graph_runner
from gluon_hash.deploy.graph import Graph
from gluon_hash.deploy.quantize import quantize
from gluon_hash.engine import mx, nd
from gluon_hash.nets import HashingNet, get_backbone
from gluon_hash.records import ImageTransform


@pytest.fixture
def network(rng):
    """Makes a network with statistics away from their start: (block, folded graph)."""

    def make(name):
        mx.random.seed(int(rng.randint(1 << 31)))
        np.random.seed(rng.randint(1 << 31))  # initialisers draw from both
        net = HashingNet(get_backbone(name), 12)
        net.initialize(mx.init.Xavier())
        net(nd.zeros((1, 3, 32, 32)))
        for key, parameter in net.collect_params().items():
            if key.endswith("running_mean"):
                parameter.set_data(nd.array(rng.normal(0.5, 0.3, parameter.shape)))
            if key.endswith("running_var"):
                parameter.set_data(nd.array(rng.uniform(0.5, 2, parameter.shape)))
        return net, fold_batch_norms(Graph.of(net))

    return make


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr(fusing, "log", lines.append)
    return lines


def planes(rng, count):
    return rng.standard_normal((count, 3, 32, 32)).astype(np.float32)


def operators(symbol):
    return {node["op"] for node in json.loads(symbol.tojson())["nodes"]}


@pytest.mark.parametrize("name", ["cifar_resnet20_v1", "resnet18_v1b"])
def test_any_number_of_images_gives_the_networks_outputs(network, said, rng, name):
    net, graph = network(name)
    images = planes(rng, 2 * BATCH + 3)
    expected = net(nd.array(images)).asnumpy()
    run = graph_runner(graph)
    for count in (1, 3, BATCH, 2 * BATCH + 3, 1):  # one and BATCH are fused, 3 are not
        outputs = run(images[:count])
        assert outputs.shape == (count, 12)
        np.testing.assert_allclose(outputs, expected[:count], rtol=0, atol=1e-5)
    assert not said
    runner = fusing._Runner(graph, "data", True)
    runner(images[:1])
    runner(images[:3])
    assert "_sg_mkldnn_conv" in operators(runner._symbol) and len(runner._blocks) == 1


def test_what_mxnet_fuses_wrongly_runs_as_it_is_written(network, said, rng):
    net, graph = network("cifar_resnet20_v2")
    images = planes(rng, BATCH)
    expected = net(nd.array(images)).asnumpy()
    fused = as_block(graph.symbol.optimize_for(fusing.BACKEND), graph, "data")
    assert np.abs(fused(nd.array(images)).asnumpy() - expected).max() > 0.01  # it is still wrong
    run = graph_runner(graph)
    for count in (BATCH, 1):
        np.testing.assert_allclose(run(images[:count]), expected[:count], rtol=0, atol=1e-5)
    assert said == [
        "MXNet 1.9.1 fuses this network wrongly; it runs as it is written, a little slower"
    ]
    known = graph_runner(graph, fused=False)  # as a manifest says
    np.testing.assert_allclose(known(images), expected, rtol=0, atol=1e-5)
    assert len(said) == 1


def test_pixels_to_packed_bytes(network, said, rng):
    net, graph = network("cifar_resnet20_v1")
    transform = ImageTransform(resize=32, crop=32)
    run = graph_runner(graph.between(Preprocess(transform), PackBits(12)))
    pixels = rng.randint(0, 256, (BATCH + 1, 32, 32, 3)).astype(np.uint8)
    relaxed = net(nd.array(transform.normalize(pixels))).asnumpy()
    bits = np.unpackbits(run(pixels), axis=1, count=12, bitorder="little")
    clear = np.abs(relaxed) > 1e-4
    assert clear.mean() > 0.8 and ((bits == 1) == (relaxed >= 0))[clear].all()
    assert not said


def test_int8_gives_the_same_in_every_batch(network, said, rng):
    _, graph = network("cifar_resnet20_v1")
    images = planes(rng, BATCH + 5)
    small = quantize(graph, images)
    expected = as_block(small.symbol, small, "data")(nd.array(images)).asnumpy()
    run = graph_runner(small)
    for count in (1, 5, BATCH + 5, 1):
        np.testing.assert_array_equal(run(images[:count]), expected[:count])
    assert not said


def test_a_graph_is_read_as_it_was_written(network, rng, tmp_path):
    net, graph = network("cifar_resnet20_v2")  # it keeps batch norms, whose statistics are states
    files = tmp_path / "net-symbol.json", tmp_path / "net-0000.params"
    graph.save(*files)
    images = planes(rng, 2)
    outputs = graph_runner(Graph.load(*files))(images)
    np.testing.assert_allclose(outputs, net(nd.array(images)).asnumpy(), rtol=0, atol=1e-5)
