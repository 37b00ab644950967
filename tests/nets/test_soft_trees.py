"""Soft decision trees as the last layer: slow twin, penalty by hand, a run, its export."""

import json

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from gluon_hash.losses import DPNLoss
from gluon_hash.losses.leaf_penalty import LeafPenalty
from gluon_hash.nets import FeatureInput, HashingNet, SoftTrees, Trees


def made(num_features=4, num_outputs=3, depth=3, num_trees=2):
    mx.random.seed(1)
    np.random.seed(1)
    trees = SoftTrees(num_features, num_outputs, depth, num_trees)
    trees.initialize()
    return trees


def slow(trees, features, depth, num_trees):
    """Every leaf's path from the root: at each level right adds 2^level to the node's number."""
    weight, bias = (p.data().asnumpy() for p in (trees.routes.weight, trees.routes.bias))
    leaves = trees.leaves.data().asnumpy().reshape(num_trees, 2**depth, -1)
    left = 1 / (1 + np.exp(-(features @ weight.T + bias)))
    left = left.reshape(len(features), num_trees, 2**depth - 1)
    result = np.zeros((len(features), leaves.shape[2]))
    for i, t, leaf in np.ndindex(len(features), num_trees, 2**depth):
        reached = 1.0
        for level in range(depth):
            goes_left = left[i, t, 2**level - 1 + leaf % 2**level]
            reached *= 1 - goes_left if leaf >> level & 1 else goes_left
        result[i] += reached * leaves[t, leaf] / num_trees
    return result


@pytest.mark.parametrize("hybridize", [False, True])
@pytest.mark.parametrize("depth, num_trees", [(1, 1), (3, 2)])
def test_the_slow_twin(depth, num_trees, hybridize):
    trees = made(depth=depth, num_trees=num_trees)
    if hybridize:
        trees.hybridize()
    features = np.random.RandomState(0).randn(5, 4)
    found = trees(nd.array(features)).asnumpy()
    np.testing.assert_allclose(found, slow(trees, features, depth, num_trees), atol=1e-5)


def test_an_image_reaches_some_leaf():
    trees = made()
    trees.leaves.set_data(nd.ones((16, 3)))
    np.testing.assert_allclose(trees(nd.random.normal(shape=(5, 4))).asnumpy(), 1.0, rtol=1e-5)


@pytest.mark.parametrize(
    "leaves, expected",
    [
        ([[1, 1], [-1, -1]], 1.0),  # bits alike, each balanced
        ([[1, 1], [1, -1]], 0.5),  # at right angles; means 1 and 0
        ([[2, 2], [-2, 2]], 2.0),  # at right angles; means 0 and 2
    ],
)
@pytest.mark.parametrize("hybridize", [False, True])
def test_golden_penalties(leaves, expected, hybridize):
    trees = made(num_outputs=2, depth=1, num_trees=1)
    trees.leaves.set_data(nd.array(leaves))
    plain = DPNLoss()
    whole = LeafPenalty(plain, trees, 0.25)
    if hybridize:
        whole.hybridize()
    inputs = nd.array([[0.5, -3.0], [0.0, 2.0]]), nd.array([[0], [1]]), nd.array([[1, 1], [-1, 1]])
    with mx.autograd.record():
        found = whole(*inputs)
    found.backward()
    np.testing.assert_allclose((found - plain(*inputs)).asnumpy(), 0.25 * expected, rtol=1e-5)
    assert np.isfinite(trees.leaves.grad().asnumpy()).all()


def test_a_weight_below_0_and_trees_of_no_depth_are_refused():
    with pytest.raises(ValueError, match="weight must be >= 0, got -1"):
        LeafPenalty(DPNLoss(), made(), -1.0)
    with pytest.raises(ValueError, match="expected depth, count >= 1, got 0, 8"):
        Trees(0, 8)


def test_they_are_the_last_layer():
    net = HashingNet(FeatureInput(6), 16, trees=Trees(2, 3))
    net.initialize()
    assert net(nd.ones((4, 6))).shape == (4, 16)
    assert [type(layer).__name__ for layer in net.head] == ["SoftTrees"]


def test_a_run_learns_keeps_its_trees_and_is_exported(tmp_path):
    """With a penalty and without one: the leaves' bits are less alike with it."""
    pytest.importorskip("onnx")
    import gluon_hash as gh
    from gluon_hash.engine import contexts
    from gluon_hash.experiment.models.exporting import export_model
    from gluon_hash.experiment.recipe import recommended
    from gluon_hash.experiment.runs.run_training import train
    from gluon_hash.methods import METHODS

    rng, fine = np.random.RandomState(0), np.arange(240) % 8
    features = (rng.randn(8, 16)[fine] + 0.5 * rng.randn(240, 16)).astype(np.float32)
    gh.datasets.features(features, labels=fine).write(tmp_path / "data", seed=0)
    config = recommended(tmp_path / "data", METHODS["csq"](), num_bits=16, epochs=20)
    alike = {}
    for weight in (0.0, 100.0):
        head = {"head": "soft_trees", "tree_depth": 3, "num_trees": 4, "leaf_weight": weight}
        own = config.model_copy(update={"net": config.net.model_copy(update=head)})
        run = tmp_path / f"run_{weight:g}"
        train(own, run, contexts("cpu"))
        model = gh.load_model(run)
        leaves = list(model.run.net.head)[-1].leaves.data().asnumpy()
        cosine = np.corrcoef(leaves.T) - np.eye(16)
        alike[weight] = np.square(cosine).mean()
        lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
        assert lines[-1]["loss"] < lines[0]["loss"] and "loss_leaves" in lines[-1]
    assert alike[100.0] < alike[0.0]
    manifest = export_model(run, tmp_path / "net", onnx=True)
    assert (gh.load_model(manifest).encode(features) == model.encode(features)).all()
