"""What methods remember and learn beside the network: solved codes, code memories, classifiers,
learned centers."""

from itertools import product

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd

from gluon_hash.errors import DataError
from gluon_hash.methods.memory import FixedTargets, ImageCodes, Memory, PerEpoch, RecentCodes
from gluon_hash.methods.memory.solvers import cyclic_coordinate_descent, product_reconstruction
from gluon_hash.nets.heads import Classifier, LearnedCenters, straight_through_sign


def objective(codes, labels, discrete, mu, nu, eta):
    """DSDH's, at the best W, which is the ridge regression from B to Y."""
    one_hot = np.eye(labels.max() + 1)[labels]
    w = (
        np.linalg.inv(discrete.T @ discrete + nu / mu * np.eye(codes.shape[1]))
        @ discrete.T
        @ one_hot
    )
    return (
        mu * np.sum((one_hot - discrete @ w) ** 2)
        + nu * np.sum(w**2)
        + eta * np.sum((discrete - codes) ** 2)
    )


@pytest.mark.parametrize("mu, nu, eta", [(1.0, 1.0, 0.1), (2.0, 0.5, 0.01), (1.0, 0.1, 10.0)])
def test_coordinate_descent_never_raises_the_objective(rng, mu, nu, eta):
    codes, labels = rng.randn(40, 6), np.arange(40) % 4
    discrete = np.where(rng.randn(40, 6) > 0, 1.0, -1.0)
    for _ in range(5):
        after = cyclic_coordinate_descent(
            codes, labels, discrete, num_classes=4, mu=mu, nu=nu, eta=eta, sweeps=1
        )
        assert set(after.ravel()) <= {-1.0, 1.0}
        assert (
            objective(codes, labels, after, mu, nu, eta)
            <= objective(codes, labels, discrete, mu, nu, eta) + 1e-9
        )
        discrete = after


def slow_sweep(codes, labels, discrete, mu, nu, eta):
    """W by least squares; then every bit of every image, in turn, the one that costs less."""
    one_hot, discrete = np.eye(labels.max() + 1)[labels], discrete.copy()
    num_bits, num_classes = codes.shape[1], one_hot.shape[1]
    w = np.linalg.lstsq(
        np.concatenate([mu**0.5 * discrete, nu**0.5 * np.eye(num_bits)]),
        np.concatenate([mu**0.5 * one_hot, np.zeros((num_bits, num_classes))]),
        rcond=None,
    )[0]
    for bit in range(num_bits):
        for image in range(len(codes)):
            costs = []
            for value in (-1.0, 1.0):
                discrete[image, bit] = value
                costs.append(
                    mu * np.sum((one_hot[image] - discrete[image] @ w) ** 2)
                    + eta * np.sum((discrete[image] - codes[image]) ** 2)
                )
            discrete[image, bit] = 1.0 if costs[1] <= costs[0] else -1.0
    return discrete


@pytest.mark.parametrize("mu, nu, eta", [(1.0, 1.0, 0.1), (5.0, 20.0, 1.0), (0.2, 1.0, 0.05)])
def test_coordinate_descent_matches_its_slow_twin(rng, mu, nu, eta):
    codes, labels = rng.randn(30, 5), np.arange(30) % 3
    start = np.where(rng.randn(30, 5) > 0, 1.0, -1.0)
    found = cyclic_coordinate_descent(
        codes, labels, start, num_classes=3, mu=mu, nu=nu, eta=eta, sweeps=1
    )
    assert (found == slow_sweep(codes, labels, start, mu, nu, eta)).all()


def test_coordinate_descent_repeated_reaches_the_best_of_a_tiny_case():
    # two classes that the first bit tells apart: of all 2^8 codes the best is found, and it is not
    # that of the signs
    codes, labels = (
        np.array([[0.9, 0.8], [0.7, -0.05], [-0.8, -0.9], [-0.6, -0.9]]),
        np.array([0, 0, 1, 1]),
    )
    best = min(
        (np.array(bits).reshape(4, 2) for bits in product((-1.0, 1.0), repeat=8)),
        key=lambda discrete: objective(codes, labels, discrete, 1.0, 1.0, 0.1),
    )
    found = np.zeros((4, 2))
    for _ in range(5):
        found = cyclic_coordinate_descent(
            codes, labels, found, num_classes=2, mu=1.0, nu=1.0, eta=0.1
        )
    assert (found == best).all() and (found != np.sign(codes)).any()


def test_coordinate_descent_with_a_large_eta_keeps_the_signs_and_its_inputs():
    codes, previous = np.array([[0.5, -0.5], [0.0, 2.0]]), np.array([[-1.0, 1.0], [0.0, 0.0]])
    kept = previous.copy()
    found = cyclic_coordinate_descent(
        codes, np.array([0, 1]), previous, num_classes=2, mu=1.0, nu=1.0, eta=1e6
    )
    assert (found == [[1, -1], [1, 1]]).all() and (previous == kept).all()


@pytest.mark.parametrize("numbers", [{"mu": 0.0}, {"nu": 0.0}, {"eta": -1.0}])
def test_coordinate_descent_refuses_numbers_without_a_minimum(numbers):
    with pytest.raises(ValueError, match="expected mu > 0, nu > 0, eta >= 0"):
        cyclic_coordinate_descent(
            np.ones((2, 2)),
            np.array([0, 1]),
            np.zeros((2, 2)),
            num_classes=2,
            **{"mu": 1.0, "nu": 1.0, "eta": 1.0, **numbers},
        )


def test_product_reconstruction_keeps_each_part_on_its_own(rng):
    # 2 values a part, 32 codes: up to 8 centroids a part, so nothing is lost, though there are 4
    # different codes
    codes = np.repeat([[1.0, 2, 5, 5], [3, 4, 5, 5], [1, 2, 7, 8], [3, 4, 7, 8]], 8, axis=0)
    # but FAISS's nudge of 1/1024 where it splits a cluster
    np.testing.assert_allclose(product_reconstruction(codes, num_parts=2, seed=0), codes, rtol=2e-3)
    noisy = rng.randn(400, 8)
    lost = [
        np.mean((product_reconstruction(noisy, num_parts=parts, seed=0) - noisy) ** 2)
        for parts in (1, 2, 4, 8)
    ]
    assert lost == sorted(lost, reverse=True) and lost[-1] < 0.01 < lost[0] < np.mean(noisy**2)
    first, again = (product_reconstruction(noisy, num_parts=2, seed=3) for _ in range(2))
    assert (first == again).all()


def test_product_reconstruction_refuses_parts_that_do_not_divide():
    with pytest.raises(ValueError, match="8 bits do not divide into 3 parts"):
        product_reconstruction(np.ones((8, 8)), num_parts=3, seed=0)


def numpy(memory, ids):
    return [array.asnumpy().tolist() for array in memory.arrays(mx.cpu(), np.asarray(ids))]


def observe(memory, codes, labels, ids):
    memory.observe(nd.array(codes), nd.array(labels), np.asarray(ids))


def test_recent_codes_keep_the_latest():
    memory = RecentCodes(3, 1, 2)
    assert numpy(memory, [0])[2] == [[0, 0, 0]]
    observe(memory, [[1], [2]], [[1, 0], [2, 0]], [7, 8])
    assert numpy(memory, [0]) == [[[1], [2], [0]], [[1, 0], [2, 0], [0, 0]], [[1, 1, 0]]]
    observe(memory, [[3], [4]], [[3, 1], [4, 1]], [9, 7])
    assert numpy(memory, [0]) == [[[4], [2], [3]], [[4, 1], [2, 0], [3, 1]], [[1, 1, 1]]]
    with pytest.raises(ValueError, match="size must be >= 1"):
        RecentCodes(0, 1, 2)


def solve(codes, labels, previous):
    return np.sign(codes) + labels[:, None] + previous


def test_image_codes_hand_out_what_was_solved_for_each_image():
    memory = ImageCodes(np.array([30, 10, 20]), 2, solve)
    observe(memory, [[0.5, -2], [3, 1]], [[4, 0], [5, 0]], [20, 30])
    assert numpy(memory, [10, 20]) == [
        [[0, 0], [0, 0]],
        [[0], [0]],
    ]  # nothing is solved within the epoch
    log = memory.finish(0)
    assert numpy(memory, [20, 10, 30]) == [[[5, 3], [0, 0], [6, 6]], [[1], [0], [1]]]
    # targets less codes: 4.5, 5, 3, 5
    assert log["target_distance"] == pytest.approx((4.5**2 + 5**2 + 3**2 + 5**2) / 4)
    observe(memory, [[1, 1]], [[1, 0]], [10])
    memory.finish(1)
    assert numpy(memory, [10, 20]) == [
        [[2, 2], [10, 6]],
        [[1], [1]],
    ]  # the previous target came back
    with pytest.raises(ValueError, match="id 11 is not a training image"):
        memory.arrays(mx.cpu(), np.array([10, 11]))
    with pytest.raises(ValueError, match="id 99 is not a training image"):
        memory.arrays(mx.cpu(), np.array([99]))


@pytest.mark.parametrize(
    "make",
    [
        lambda: RecentCodes(3, 2, 2),
        lambda: ImageCodes(np.arange(3), 2, solve),
        lambda: PerEpoch(lambda epoch: np.array([[epoch]]), RecentCodes(3, 2, 2)),
    ],
)
def test_a_memory_goes_on_from_its_state(make):
    first = make()
    observe(first, [[1, 2], [3, 4]], [[0, 0], [1, 0]], [0, 1])
    first.finish(0)
    second = make()
    second.load_state({name: np.copy(value) for name, value in first.state().items()})
    for memory in (first, second):
        memory.start(1)
        observe(memory, [[5, 6], [7, 8]], [[2, 0], [0, 0]], [2, 0])
        memory.finish(1)
    assert numpy(first, [0, 1, 2]) == numpy(second, [0, 1, 2])
    assert {name: value.tolist() for name, value in first.state().items()} == {
        name: value.tolist() for name, value in second.state().items()
    }


def test_codes_of_other_images_are_refused():
    state = ImageCodes(np.arange(4), 2, solve).state()
    with pytest.raises(DataError, match="are not those of the training images"):
        ImageCodes(np.arange(4, 8), 2, solve).load_state(state)


def test_what_follows_from_the_epoch_is_not_kept():
    memory = PerEpoch(lambda epoch: np.array([[epoch + 1]]), FixedTargets([np.array([[7.0]])]))
    memory.start(4)
    assert numpy(memory, [0]) == [[[5]], [[7]]] and memory.state() == {} and memory.finish(4) == {}


def test_a_memory_that_says_nothing_else_remembers_nothing():
    memory = Memory()
    memory.start(0)
    observe(memory, [[1, 2]], [[0, 0]], [7])
    assert numpy(memory, [7]) == [] and memory.finish(0) == {} and memory.state() == {}
    memory.load_state({})


@pytest.mark.parametrize("hybridize", [False, True])
@pytest.mark.parametrize(
    "reads, read",
    [
        ("code", lambda u: u),
        ("sigmoid", lambda u: 1 / (1 + np.exp(-u))),
        ("sign", lambda u: np.where(u >= 0, 1.0, -1.0)),
    ],
)
def test_classifier_reads_what_it_says(rng, reads, read, hybridize):
    head, code = Classifier(3, [5, 2], reads=reads), rng.randn(4, 3)
    code[0, 0] = 0.0  # its sign is +1
    head.initialize()
    if hybridize:
        head.hybridize()
    for found, layer in zip(head(nd.array(code)), head.layers):
        expected = read(code) @ layer.weight.data().asnumpy().T + layer.bias.data().asnumpy()
        np.testing.assert_allclose(found.asnumpy(), expected, rtol=1e-5, atol=1e-6)


def test_classifier_without_bias_has_none_and_refuses_what_it_cannot_read():
    assert [
        len(Classifier(3, [5], use_bias=bias).collect_params().keys()) for bias in (True, False)
    ] == [2, 1]
    with pytest.raises(ValueError, match="code, sigmoid or sign, got 'tanh'"):
        Classifier(3, [5], reads="tanh")


def test_gradients_pass_straight_through_the_sign():
    code = nd.array([[0.3, -0.2, 0.0]])
    code.attach_grad()
    with autograd.record():
        value = straight_through_sign(nd, code)
        total = (value * nd.array([[1.0, 2.0, 3.0]])).sum()
    total.backward()
    assert value.asnumpy().tolist() == [[1, -1, 1]] and code.grad.asnumpy().tolist() == [[1, 2, 3]]


def test_learned_centers_are_parameters_that_are_trained_and_saved(tmp_path):
    head = LearnedCenters(2, [3, 1])
    head.initialize()
    head.hybridize()
    code = nd.ones((4, 2))
    with autograd.record():
        total = sum(center.sum() for center in head(code))
    total.backward()
    assert [center.shape for center in head(code)] == [(3, 2), (1, 2)]
    assert all(
        (parameter.grad() == 1).asnumpy().all() for parameter in head.collect_params().values()
    )
    head.save_parameters(str(tmp_path / "head.params"))
    other = LearnedCenters(2, [3, 1])
    other.load_parameters(str(tmp_path / "head.params"))
    assert all((a == b).asnumpy().all() for a, b in zip(head(code), other(code)))
