"""Batch norms folded into convolutions: the same outputs, fewer operations, nothing else moved."""

import json

import numpy as np
import pytest

pytest.importorskip("mxnet")

from gluon_hash.deploy.folding import fold_batch_norms
from gluon_hash.deploy.graph import Graph
from gluon_hash.deploy.runtimes import without_fused_graphs
from gluon_hash.engine import mx, nd
from gluon_hash.nets import HashingNet, get_backbone


@pytest.fixture
def trained(rng):
    """Makes a network whose every statistic is away from its start, and its traced graph."""

    def make(name, size):
        net = HashingNet(get_backbone(name), 12)
        net.initialize(mx.init.Xavier())
        images = nd.array(rng.standard_normal((6, 3, size, size)))
        net(images)
        for key, parameter in net.collect_params().items():
            if key.endswith(("gamma", "beta")) and parameter.grad_req != "null":
                parameter.set_data(nd.array(rng.normal(0.5, 0.3, parameter.shape)))
            if key.endswith("running_mean"):
                parameter.set_data(nd.array(rng.normal(0.5, 0.3, parameter.shape)))
            if key.endswith("running_var"):
                parameter.set_data(nd.array(rng.uniform(0.5, 2, parameter.shape)))
        return images, net(images).asnumpy(), Graph.of(net)

    return make


def outputs(graph, images):
    arrays = {**graph.arguments, "data": images}
    with without_fused_graphs():
        bound = graph.symbol.bind(mx.cpu(), arrays, aux_states=graph.states, grad_req="null")
    return bound.forward(is_train=False)[0].asnumpy()


def operations(graph):
    nodes = json.loads(graph.symbol.tojson())["nodes"]
    return [node["op"] for node in nodes if node["op"] != "null"]


@pytest.mark.parametrize(
    "name, size, before, left",
    [
        ("cifar_resnet20_v1", 32, 21, 0),  # 19 in the blocks and the stem, 2 in the shortcuts
        ("resnet18_v1", 40, 20, 0),
        # pre-activation: the last of each block comes before its convolution
        ("cifar_resnet20_v2", 32, 20, 11),
    ],
)
def test_the_outputs_stay_and_the_norms_go(trained, name, size, before, left):
    images, expected, graph = trained(name, size)
    folded = fold_batch_norms(graph)
    assert operations(graph).count("BatchNorm") == before
    assert operations(folded).count("BatchNorm") == left and len(folded.states) == 2 * left
    difference = np.abs(outputs(folded, images) - expected).max()
    assert difference < 1e-5 * np.abs(expected).max()


def test_what_was_given_is_left_as_it_was(trained):
    _, _, graph = trained("cifar_resnet20_v1", 32)
    symbol = graph.symbol.tojson()
    weights = {key: value.asnumpy() for key, value in graph.arguments.items()}
    fold_batch_norms(graph)
    assert graph.symbol.tojson() == symbol
    assert all(np.array_equal(graph.arguments[key].asnumpy(), weights[key]) for key in weights)


@pytest.mark.parametrize("no_bias", [True, False])
@pytest.mark.parametrize("fix_gamma", [True, False])
def test_factor_and_shift_by_hand(rng, no_bias, fix_gamma):
    weight, bias, image = (rng.standard_normal(s) for s in ((4, 3, 1, 1), (4,), (2, 3, 2, 2)))
    gamma, beta, mean = rng.standard_normal((3, 4))
    variance = rng.uniform(0.5, 2, 4)
    symbol = mx.sym.Convolution(
        mx.sym.Variable("data"), num_filter=4, kernel=(1, 1), no_bias=no_bias, name="conv"
    )
    symbol = mx.sym.BatchNorm(symbol, fix_gamma=fix_gamma, eps=0.1, name="norm")
    arguments = {"conv_weight": weight, "norm_gamma": gamma, "norm_beta": beta}
    if not no_bias:
        arguments["conv_bias"] = bias
    states = {"norm_moving_mean": mean, "norm_moving_var": variance}
    arguments = {key: nd.array(value) for key, value in arguments.items()}
    states = {key: nd.array(value) for key, value in states.items()}
    folded = fold_batch_norms(Graph(symbol, arguments, states))
    assert operations(folded) == ["Convolution"] and folded.states == {}
    planes = np.einsum("oc,bchw->bohw", weight[:, :, 0, 0], image)
    planes += 0 if no_bias else bias.reshape(1, -1, 1, 1)
    gamma, beta, mean, scale = (
        value.reshape(1, -1, 1, 1)
        for value in (np.ones(4) if fix_gamma else gamma, beta, mean, np.sqrt(variance + 0.1))
    )
    np.testing.assert_allclose(
        outputs(folded, nd.array(image)),
        (planes - mean) / scale * gamma + beta,
        rtol=1e-4,
        atol=1e-5,
    )


def test_a_convolution_that_something_else_reads_too_keeps_its_norm(rng):
    convolution = mx.sym.Convolution(
        mx.sym.Variable("data"), num_filter=2, kernel=(1, 1), no_bias=True, name="conv"
    )
    symbol = mx.sym.BatchNorm(convolution, name="norm") + convolution
    arrays = {
        "conv_weight": rng.standard_normal((2, 3, 1, 1)),
        **{name: rng.uniform(0.5, 2, 2) for name in ("norm_gamma", "norm_beta")},
    }
    states = {
        name: nd.array(rng.uniform(1, 2, 2)) for name in ("norm_moving_mean", "norm_moving_var")
    }
    arguments = {key: nd.array(value) for key, value in arrays.items()}
    folded = fold_batch_norms(Graph(symbol, arguments, states))
    assert "BatchNorm" in operations(folded) and set(folded.arguments) == set(arguments)
