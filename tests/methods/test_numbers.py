"""A method's numbers reach its loss: each setting changes it, and with them it is the slow twin."""

from functools import partial

import numpy as np
import pytest
import reference_losses as slow
from method_cases import CODE, NUM_BITS, THREE, TWO, S, W, build, settings_of, train
from mxnet import nd

from gluon_hash.methods import METHODS

# another value than the default; of the others it is the default + 1
OTHER = {
    "inv_variances": S,
    "level_weights": W,
    "initial_centers": "hierarchical",
    "center_refresh": "running",
    "keep_initial_epochs": 3,
    "targets": "balanced",
    "flipped": 0.125,
    "nested": [8],
    "memory_size": 5,
    "mu": 1000.0,
    "nu": 1000.0,
    "eta": 0.01,
    "spread": 0.7,
    "scale": 3.0,
}
# what lets a setting matter; at eta 55, mu 1 every b is sign(u), whatever nu
BESIDE = {"flipped": {"targets": "tree"}, "nested": {"targets": "annealed"}, "nu": {"eta": 0.01}}


def other_value(name, setting):
    if setting in OTHER:
        return OTHER[setting]
    return METHODS[name].model_fields[setting].default + 1.0


@pytest.mark.parametrize("name", METHODS)
def test_every_setting_changes_the_loss(name):
    without = set()
    for setting in settings_of(name):
        beside = BESIDE.get(setting, {})
        before = train(name, **beside)[1]
        after = train(name, **{**beside, setting: other_value(name, setting)})[1]
        if (before == after).all():
            without.add(setting)
        else:
            assert not np.allclose(before, after, rtol=1e-4), setting
    # one level has no parents to be near: N(0, 1) either way; codewords come after the loss
    assert without == {
        "dcwh": {"initial_centers"},
        "expected_codeword": {"targets", "flipped", "nested", "spread"},
    }.get(name, set())


def class_wise(code, labels, *center, weights=W):
    rest = [(3.0 * slow.cubic_excess(u) + 0.7 * slow.vertex_distance(u)) / NUM_BITS for u in code]
    return slow.hierarchical(code, labels, *center, s=S, weights=weights) + rest


PULL = {"quantization_weight": 0.3}
LEVELS = {"level_weights": W}
CONSTRAINTS = {"cubic_weight": 3.0, "vertex_weight": 0.7}
CLASS_WISE = {"inv_variances": S, **LEVELS, **CONSTRAINTS}
TWINS = {
    "hpdh": (CLASS_WISE, class_wise),
    "dcwh": (CLASS_WISE, class_wise),
    "idcwh": ({"inv_variance": 0.35, **CONSTRAINTS}, partial(class_wise, weights=[1.0])),
    "hpdh_coarse_to_fine": (
        CLASS_WISE,
        lambda code, labels, active, *m: class_wise(code, labels, *m, weights=W * active[0]),
    ),
    "dcdh": (
        {"inv_variance": 0.6, "center_weight": 0.4, "discrete_weight": 0.2},
        partial(slow.dcdh, s=0.6, mu=0.4, lam=0.2),
    ),
    "dpsh": ({**PULL, **LEVELS, "memory_size": 7}, partial(slow.dpsh, weights=W, lam=0.3)),
    "dhn": ({**PULL, **LEVELS, "memory_size": 7}, partial(slow.dhn, weights=W, lam=0.3)),
    "dqn": ({**PULL, **LEVELS}, partial(slow.dqn, weights=W, lam=0.3)),
    "hashnet": (
        {**LEVELS, "alpha_bits": 4.0},
        partial(slow.hashnet, weights=W, alpha=4.0 / NUM_BITS),
    ),
    "dsdh": ({**LEVELS, "discrete_weight": 0.3}, partial(slow.dsdh, weights=W, eta=0.3)),
    "dsh": (
        {**PULL, **LEVELS, "margin_per_bit": 3.0},
        partial(slow.dsh, weights=W, margin=3.0 * NUM_BITS, alpha=0.3),
    ),
    "dtsh": (
        {**PULL, **LEVELS, "margin_per_bit": 0.5},
        partial(slow.dtsh, weights=W, margin=0.5 * NUM_BITS, lam=0.3),
    ),
    "dsrh": (
        {**PULL, **LEVELS, "margin": 0.7},
        partial(slow.dsrh, weights=W, margin=0.7, lam=0.3),
    ),
    "dsrh_yao": (
        {**PULL, **LEVELS, "margin": 0.7, "softmax_weight": 0.4},
        partial(slow.dsrh_yao, weights=W, margin=0.7, mu=0.4, lam=0.3),
    ),
    "dch": ({**PULL, **LEVELS, "gamma": 6.0}, partial(slow.dch, weights=W, gamma=6.0, lam=0.3)),
    "shdh": (LEVELS, partial(slow.shdh, bits=[slice(0, 8), slice(8, 16)], weights=W)),
    "csq": (PULL, partial(slow.csq, lam=0.3)),
    "dpn": ({"margin": 1.5}, partial(slow.dpn, margin=1.5)),
    "orthohash": ({"margin": 0.4, "scale": 3.0}, partial(slow.orthohash, margin=0.4, scale=3.0)),
    "greedyhash": ({"penalty_weight": 0.3}, partial(slow.greedyhash, alpha=0.3)),
    "ssdh": (
        {"binarization_weight": 0.4, "balance_weight": 3.0},
        partial(slow.ssdh, beta=0.4, gamma=3.0),
    ),
    "softmax": (LEVELS, partial(slow.level_softmax, weights=W)),
    "expected_codeword": (LEVELS, partial(slow.expected_codeword, weights=W)),
    "semantic_indexing": (
        {},
        lambda z, labels: slow.expected_codeword(z, labels, [range(8)], weights=[1.0]),
    ),
    "embedding": ({}, slow.embedding),
    "embedding_softmax": ({"softmax_weight": 0.3}, partial(slow.embedding_softmax, lam=0.3)),
}


@pytest.mark.parametrize("name", METHODS)
def test_the_loss_that_is_built_is_the_slow_twin_with_these_numbers(name):
    settings, twin = TWINS[name]
    for inputs, losses in zip(*train(name, **settings)):
        expected = twin(*(value.astype(np.float64) for value in inputs))
        np.testing.assert_allclose(losses, expected, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name, read",
    [
        ("greedyhash", slow.sign),
        ("ssdh", lambda u: 1 / (1 + np.exp(-u))),
        ("softmax", np.positive),
        ("embedding_softmax", np.positive),
    ],
)
def test_classifiers_read_signs_sigmoids_or_the_code(name, read):
    head = build(name).head
    head.initialize()  # biases are 0
    for logits, layer in zip(head(nd.array(CODE)), head.layers):
        np.testing.assert_allclose(
            logits.asnumpy(), read(CODE) @ layer.weight.data().asnumpy().T, rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("num_bits", [8, 16])
def test_alpha_of_hashnet_is_of_a_bit(num_bits):
    # one image far out: theta = alpha |tanh|^2 = alpha num_bits = alpha_bits
    loss = build("hashnet", num_bits=num_bits, alpha_bits=1.0).loss
    value = loss(nd.full((1, num_bits), 1e3), nd.zeros((1, 2)), nd.ones((1, 1))).asscalar()
    assert value == pytest.approx(np.log(1 + np.exp(-1.0)), rel=1e-5)  # of a similar pair


@pytest.mark.parametrize("name", ["dcwh", "idcwh", "dcdh"])
def test_the_finest_level_alone(name):
    inputs, losses = train(name)
    # one level of centers, given or learned
    assert [value.shape for value in inputs[0][2:]] == [(8, NUM_BITS)]
    assert (losses == train(name, THREE)[1]).all()


def test_of_more_values_than_levels_dcwh_takes_the_first():
    one = train("dcwh", inv_variances=[0.35], level_weights=[3.0])[1]
    assert (train("dcwh", inv_variances=S, level_weights=W)[1] == one).all()


@pytest.mark.parametrize(
    "name, tree, inv_variances",
    [
        ("dcwh", THREE, [1.0]),
        ("hpdh", THREE.keep_levels(1), [1.0]),
        ("hpdh", TWO, [1.0, 0.5]),
        ("hpdh", THREE, [1.0, 0.67, 0.5]),
    ],
)
def test_the_default_of_the_variances_is_by_depth(name, tree, inv_variances):
    assert (train(name, tree)[1] == train(name, tree, inv_variances=inv_variances)[1]).all()
