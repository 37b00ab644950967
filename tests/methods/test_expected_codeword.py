"""A classifier whose expected codeword is the code: loss, codewords, network, run, export, ONNX."""

import json
from functools import partial

import mxnet as mx
import numpy as np
import pytest
from method_cases import NUM_BITS, SEED, TWO, build
from mxnet import nd

from gluon_hash import losses
from gluon_hash.methods import METHODS
from gluon_hash.methods.memory import annealed, targets
from gluon_hash.nets import ExpectedCodeword, FeatureInput, HashingNet, Hidden

PROBABILITIES = np.array([[4, 2, 1, 1], [1, 1, 3, 3]]) / 8.0
ANCESTORS = nd.array([[0, 1, 2, 3], [0, 0, 1, 1]])


def test_golden_losses_of_both_levels():
    """p = (1/2, 1/4, 1/8, 1/8), class 0: its own 1/2, its parent's 3/4; p = (1, 1, 3, 3) / 8,
    class 1 of the first parent: 1/8, 1/4."""
    loss = losses.ExpectedCodewordLoss([1.0, 0.5])
    found = loss(nd.array(np.log(PROBABILITIES)), nd.array([[0, 0], [1, 0]]), ANCESTORS)
    expected = [np.log(2) + 0.5 * np.log(4 / 3), np.log(8) + 0.5 * np.log(4)]
    np.testing.assert_allclose(found.asnumpy(), expected, rtol=1e-5)


def test_a_missing_label_adds_nothing_and_one_level_is_the_cross_entropy():
    logits = nd.array(np.log(PROBABILITIES) + 7.0)
    two = losses.ExpectedCodewordLoss([1.0, 0.5])
    found = two(logits, nd.array([[-1, 1], [-1, -1]]), ANCESTORS).asnumpy()
    np.testing.assert_allclose(found, [0.5 * np.log(4), 0.0], rtol=1e-5)
    one = losses.ExpectedCodewordLoss([1.0])(logits, nd.array([[0], [3]]), ANCESTORS[:1])
    np.testing.assert_allclose(one.asnumpy(), [np.log(2), np.log(8 / 3)], rtol=1e-5)


def test_a_parent_that_is_next_to_impossible_has_a_finite_loss_and_gradient():
    logits = nd.array([[1e4, 0.0, 0.0, -1e4]])
    logits.attach_grad()
    with mx.autograd.record():
        value = losses.ExpectedCodewordLoss([1.0, 1.0])(logits, nd.array([[3, 1]]), ANCESTORS)
    value.backward()
    assert value.asscalar() == pytest.approx(2e4 + 1e4)  # -log e^-20000 - log e^-10000
    np.testing.assert_allclose(logits.grad.asnumpy(), [[2, 0, -1, -1]], atol=1e-5)


@pytest.mark.parametrize("hybridize", [False, True])
def test_golden_code(hybridize):
    """u = p T - theta by hand; the second bit of the second image is undecided but for theta."""
    block = ExpectedCodeword(4, 3)
    block.initialize()
    codewords = np.array([[1, 1, -1], [1, -1, 1], [-1, -1, -1], [-1, 1, 1]])
    block.set_codewords(codewords, np.array([0.25, -0.125, 0.0]))
    if hybridize:
        block.hybridize()
    found = block(nd.array(np.log(PROBABILITIES))).asnumpy()
    expected = [[0.5 - 0.25, 0.25 + 0.125, -0.25], [-0.5 - 0.25, 0.125, 0.0]]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert {p.grad_req for p in block.collect_params().values()} == {"null"}


def test_an_image_between_two_classes_is_as_far_from_each_as_it_is_unlikely():
    """p between two opposite codewords: at spread 0.8 of 10 bits, thresholds +-0.08, 0.24, 0.4,
    0.56, 0.72; u = 0.5 of the first class's signs exceeds those up to 0.4, and all negative ones:
    8 of 10 bits are its."""
    targets_of_two = np.array([[1.0] * 10, [-1.0] * 10])
    _, thresholds = build("expected_codeword", num_bits=10, spread=0.8).codewords
    assert sorted(thresholds) == pytest.approx(np.arange(-0.72, 0.73, 0.16))
    block = ExpectedCodeword(2, 10)
    block.initialize()
    block.set_codewords(targets_of_two, thresholds)
    found = block(nd.array(np.log([[0.75, 0.25], [0.25, 0.75], [0.99, 0.01]]))).asnumpy() >= 0
    assert found.sum(axis=1).tolist() == [8, 2, 10]
    assert (build("expected_codeword", spread=0.0).codewords.thresholds == 0).all()


@pytest.mark.parametrize(
    "settings, draw",
    [
        ({}, lambda rng: annealed.annealed_targets(TWO.parents, [8, 4], NUM_BITS, rng)),
        ({"targets": "hadamard"}, partial(targets.hadamard_targets, 8, NUM_BITS)),
        (
            {"targets": "tree", "flipped": 0.125},
            lambda rng: targets.tree_targets(TWO.parents, [8, 4], NUM_BITS, rng, 0.125),
        ),
    ],
)
def test_codewords_are_drawn_from_the_seed(settings, draw):
    codewords = build("expected_codeword", **settings).codewords.targets
    assert (codewords == draw(np.random.RandomState(SEED))).all()
    assert build("csq").codewords is None


def test_the_network_gives_logits_until_it_is_decoded():
    net = HashingNet(FeatureInput(6), 16, hidden=Hidden(5, True, 0.5), num_outputs=8)
    net.initialize()
    feature = nd.array(np.random.RandomState(0).randn(3, 6))
    logits = net(feature)
    kinds = [type(layer).__name__ for layer in net.head]
    assert logits.shape == (3, 8)
    assert kinds == ["Dense", "BatchNorm", "Activation", "Dropout", "Dense"]
    decoder = ExpectedCodeword(8, 16)
    decoder.initialize()
    decoder.set_codewords(*build("expected_codeword").codewords)
    net.decode_with(decoder)
    np.testing.assert_allclose(
        net(feature).asnumpy(),
        np.exp(logits.asnumpy())
        / np.exp(logits.asnumpy()).sum(axis=1, keepdims=True)
        @ decoder.codewords.data().asnumpy()
        - decoder.thresholds.data().asnumpy(),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("wrong", [{"num_units": 0}, {"dropout": 1.0}, {"dropout": -0.1}])
def test_a_hidden_layer_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="expected num_units >= 1 and 0 <= dropout < 1"):
        Hidden(**wrong)


def test_a_level_weight_for_every_level():
    with pytest.raises(ValueError, match="loss.level_weights: expected 2 values, got 1"):
        build("expected_codeword", level_weights=[1.0])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on drawn features with a hidden layer, two epochs; its features."""
    import gluon_hash as gh
    from gluon_hash.engine import contexts
    from gluon_hash.experiment.recipe import recommended
    from gluon_hash.experiment.runs.run_training import train

    folder = tmp_path_factory.mktemp("expected_codeword")
    rng, fine = np.random.RandomState(0), np.arange(240) % 8
    features = (rng.randn(8, 16)[fine] + 0.5 * rng.randn(240, 16)).astype(np.float32)
    gh.datasets.features(features, labels=fine).write(folder / "data", seed=0)
    config = recommended(folder / "data", METHODS["expected_codeword"](), num_bits=16, epochs=2)
    net = {"head": "mlp", "hidden_units": 12, "hidden_batch_norm": True, "dropout": 0.25}
    config = config.model_copy(update={"net": config.net.model_copy(update=net)})
    train(config, folder / "run", contexts("cpu"))
    return folder / "run", features


def test_a_run_keeps_its_codewords_and_gives_codes(trained):
    import gluon_hash as gh
    from gluon_hash.nets import read_params

    run, features = trained
    kept = read_params(run / "codewords.params")
    codewords, thresholds = (kept[name].asnumpy() for name in ("codewords", "thresholds"))
    assert codewords.shape == (8, 16) and set(codewords.ravel()) == {-1, 1}
    model = gh.load_model(run)
    relaxed = model.relaxed(features[:20])
    assert relaxed.shape == (20, 16) and (np.abs(relaxed + thresholds) <= 1 + 1e-6).all()
    head = model.run.net.head
    assert isinstance(list(head)[-1], ExpectedCodeword)
    with mx.autograd.predict_mode():
        logits = nd.array(features[:20])
        for layer in list(head)[:-1]:
            logits = layer(logits)
    expected = logits.softmax().asnumpy() @ codewords - thresholds
    np.testing.assert_allclose(relaxed, expected, atol=1e-5)


def test_it_is_gone_on_with_to_the_bit(trained, tmp_path):
    """One epoch, then resumed for the second: the codes of both runs are the same."""
    import shutil

    import gluon_hash as gh
    from gluon_hash.engine import contexts
    from gluon_hash.experiment.runs.run_training import train
    from gluon_hash.experiment.settings.config_files import load_config

    run, features = trained
    config = load_config(run / "run.yaml")
    # a constant rate, that does not depend on the number of epochs
    steady = config.optimizer.model_copy(update={"schedule": "constant"})
    made = {}
    for name, epochs in (("whole", 2), ("broken", 1)):
        training = config.training.model_copy(update={"epochs": epochs, "monitor": "loss"})
        made[name] = config.model_copy(update={"training": training, "optimizer": steady})
        train(made[name], tmp_path / name, contexts("cpu"))
    shutil.copytree(tmp_path / "broken", tmp_path / "again")
    train(made["whole"], tmp_path / "again", contexts("cpu"), resume=True)
    whole, again = (gh.load_model(tmp_path / name).relaxed(features) for name in ("whole", "again"))
    assert (whole == again).all()


@pytest.mark.parametrize("form", [{}, {"packed_out": True, "onnx": True}, {"int8": True}])
def test_it_is_exported(trained, tmp_path, form):
    import gluon_hash as gh
    from gluon_hash.experiment.models.exporting import export_model

    run, features = trained
    if "onnx" in form:
        pytest.importorskip("onnx")
    if "int8" in form:
        form = {"int8": run.parent / "data" / "train.npz"}
    manifest = export_model(run, tmp_path / "net", **form)
    assert json.loads(manifest.read_text())["num_bits"] == 16
    codes = gh.load_model(run).encode(features)
    found = gh.load_model(manifest).encode(features)
    bits = np.unpackbits(codes ^ found, axis=1).mean()
    assert bits == 0 if "int8" not in form else bits < 0.05


def test_roots_are_standardized_by_their_own_statistics(trained, tmp_path):
    """A run on roots: what comes out of the neck has mean 0 and deviation 1 over its images."""
    from gluon_hash.engine import contexts
    from gluon_hash.experiment.data.features import signed_root
    from gluon_hash.experiment.runs.run_folder import load_run
    from gluon_hash.experiment.runs.run_training import train
    from gluon_hash.experiment.settings.config_files import load_config

    run, features = trained
    config = load_config(run / "run.yaml")
    net = config.net.model_copy(update={"standardize": True, "square_root": True})
    train(config.model_copy(update={"net": net}), tmp_path / "run", contexts("cpu"))
    neck = load_run(tmp_path / "run").net.head[0]
    found = neck(nd.array(features)).asnumpy()
    mean, inv_std = neck.mean.data().asnumpy(), neck.inv_std.data().asnumpy()
    np.testing.assert_allclose(found, (signed_root(features) - mean) * inv_std, atol=1e-5)
    # some of the images are held out
    assert (np.abs(found.mean(axis=0)) < 0.1).all() and (np.abs(found.std(axis=0) - 1) < 0.1).all()
