"""From a configuration's options to losses, memories, heads and the order of an epoch: each reaches
what it says."""

from functools import partial

import mxnet as mx
import numpy as np
import pytest
import reference_losses as slow
from mxnet import nd

from gluon_hash.experiment import METHODS
from gluon_hash.experiment.config import Config
from gluon_hash.experiment.data import _in_words, _order
from gluon_hash.hierarchy import Hierarchy, similarity
from gluon_hash.methods import pair_parts
from gluon_hash.methods.memory import centers, targets
from gluon_hash.methods.memory import solvers as discrete
from gluon_hash.methods.parts import Task
from gluon_hash.methods.table import build_parts, method_levels, unread_settings

SEED, NUM_BITS, EPOCHS = (
    5,
    16,
    (0, 5, 20),
)  # of which 5 and 20 change what a level or a scale does, by default
THREE = Hierarchy(
    ("fine", "coarse", "top"),
    (tuple("abcdefgh"), tuple("stuv"), tuple("yz")),
    (np.arange(8) // 2, np.arange(4) // 2),
)
TWO = THREE.keep_levels(2)
FINE, IDS = np.arange(24) % 8, 100 + np.arange(24)
CODE, EVALUATED = np.random.RandomState(0).normal(0.0, 1.2, (2, 24, NUM_BITS)).astype(np.float32)
ORDERED = np.stack(
    [np.arange(160) // 8, np.arange(160) // 40], axis=1
)  # 20 classes of 8 images, 5 to a superclass
S, W = [0.35, 0.6], [3.0, 1.0]  # of the levels: inv_variances, level_weights


def configured(name, num_bits=NUM_BITS, centers=None, training=None, **loss):
    return Config(
        data={"root": "nowhere"},
        net={"num_bits": num_bits},
        loss={"name": name, **loss},
        centers=centers or {},
        training={"seed": SEED, **(training or {})},
    )


def build(name, tree=TWO, **changed):
    config = configured(name, **changed)
    return build_parts(
        Task(config, method_levels(config, tree), IDS, [mx.cpu()], lambda: (EVALUATED, FINE))
    )


def arrays(memory):
    return [array.asnumpy() for array in memory.arrays(mx.cpu(), IDS)]


def train(name, tree=TWO, **changed):
    """What the loss takes at each of EPOCHS, and its values; the codes are the same at all, heads
    learn nothing."""
    mx.random.seed(SEED)
    np.random.seed(SEED)  # gluon's initialisers draw from it too
    parts, labels, taken, found = (
        build(name, tree, **changed),
        nd.array(tree.ancestors[FINE]),
        [],
        [],
    )
    code = nd.array(CODE[:, : changed.get("num_bits", NUM_BITS)])
    if parts.head is not None:
        parts.head.initialize()
    for epoch in EPOCHS:
        parts.memory.start(epoch)
        outputs = [] if parts.head is None else parts.head(code)
        taken.append([code, labels, *parts.memory.arrays(mx.cpu(), IDS), *outputs])
        found.append(parts.loss(*taken[-1]).asnumpy())
        parts.memory.observe(code, labels, IDS)
        parts.memory.finish(epoch)
    return [[value.asnumpy() for value in values] for values in taken], np.array(found)


SETTINGS = {
    "inv_variances": {"inv_variances": S},
    "level_weights": {"level_weights": W},
    "cubic_weight": {"cubic_weight": 3.0},
    "vertex_weight": {"vertex_weight": 0.7},
    **{
        f"centers.{key}": {"centers": {key: value}}
        for key, value in (
            ("initial", "hierarchical"),
            ("keep_initial_epochs", 3),
            ("refresh", "running"),
        )
    },
}
# other numbers than default + 1; beside them: what lets an option matter
OTHER = {
    "targets": "balanced",
    "flipped": 0.125,
    "memory_size": 5.0,
    "mu": 1000.0,
    "nu": 1000.0,
    "eta": 0.01,
}
BESIDE = {
    "flipped": {"targets": "tree"},
    "nu": {"eta": 0.01},
}  # at eta 55, mu 1 every b is sign(u), whatever nu


@pytest.mark.parametrize("name", METHODS)
def test_a_setting_changes_the_loss_unless_it_is_said_to_be_unread(name):
    before, after = (
        train(name)[1],
        {setting: train(name, **changed)[1] for setting, changed in SETTINGS.items()},
    )
    other = {
        setting for setting, values in after.items() if not np.allclose(values, before, rtol=1e-4)
    }
    same = {setting for setting, values in after.items() if (values == before).all()}
    unread = {
        setting
        for setting, changed in SETTINGS.items()
        if unread_settings(configured(name, **changed))
    }
    if METHODS[name].levels == 1:
        unread.add("centers.initial")  # one level has no parents to be near: N(0, 1) either way
    assert same == unread and other == set(SETTINGS) - unread
    assert {setting.split(".")[0] for setting in other} == set(METHODS[name].reads)


@pytest.mark.parametrize("name", METHODS)
def test_every_option_changes_the_loss(name):
    for option, default in METHODS[name].options.items():
        beside, value = BESIDE.get(option, {}), OTHER[option] if option in OTHER else default + 1.0
        before, after = (
            train(name, options=beside)[1],
            train(name, options={**beside, option: value})[1],
        )
        assert not np.allclose(before, after, rtol=1e-4), option


def class_wise(code, labels, *center, weights=W):
    rest = [(3.0 * slow.cubic_excess(u) + 0.7 * slow.vertex_distance(u)) / NUM_BITS for u in code]
    return slow.hierarchical(code, labels, *center, s=S, weights=weights) + rest


PULL = {"quantization_weight": 0.3}
TWINS = {
    "hpdh": ({}, class_wise),
    "dcwh": ({}, class_wise),
    "idcwh": ({"inv_variance": 0.35}, partial(class_wise, weights=[1.0])),
    "hpdh_coarse_to_fine": (
        {},
        lambda code, labels, active, *m: class_wise(code, labels, *m, weights=W * active[0]),
    ),
    "dcdh": (
        {"inv_variance": 0.6, "center_weight": 0.4, "discrete_weight": 0.2},
        partial(slow.dcdh, s=0.6, mu=0.4, lam=0.2),
    ),
    "dpsh": ({**PULL, "memory_size": 7.0}, partial(slow.dpsh, weights=W, lam=0.3)),
    "dhn": (PULL, partial(slow.dhn, weights=W, lam=0.3)),
    "dqn": (PULL, partial(slow.dqn, weights=W, lam=0.3)),
    "hashnet": ({"alpha_bits": 4.0}, partial(slow.hashnet, weights=W, alpha=4.0 / NUM_BITS)),
    "dsdh": ({"discrete_weight": 0.3}, partial(slow.dsdh, weights=W, eta=0.3)),
    "dsh": (
        {**PULL, "margin_per_bit": 3.0},
        partial(slow.dsh, weights=W, margin=3.0 * NUM_BITS, alpha=0.3),
    ),
    "dtsh": (
        {**PULL, "margin_per_bit": 0.5},
        partial(slow.dtsh, weights=W, margin=0.5 * NUM_BITS, lam=0.3),
    ),
    "dsrh": ({**PULL, "margin": 0.7}, partial(slow.dsrh, weights=W, margin=0.7, lam=0.3)),
    "dch": ({**PULL, "gamma": 6.0}, partial(slow.dch, weights=W, gamma=6.0, lam=0.3)),
    "shdh": ({}, partial(slow.shdh, bits=[slice(0, 8), slice(8, 16)], weights=W)),
    "csq": (PULL, partial(slow.csq, lam=0.3)),
    "dpn": ({"margin": 1.5}, partial(slow.dpn, margin=1.5)),
    "orthohash": ({"margin": 0.4}, partial(slow.orthohash, margin=0.4)),
    "greedyhash": ({"penalty_weight": 0.3}, partial(slow.greedyhash, alpha=0.3)),
    "ssdh": (
        {"binarization_weight": 0.4, "balance_weight": 3.0},
        partial(slow.ssdh, beta=0.4, gamma=3.0),
    ),
    "softmax": ({}, partial(slow.level_softmax, weights=W)),
    "embedding": ({}, slow.embedding),
    "embedding_softmax": ({"softmax_weight": 0.3}, partial(slow.embedding_softmax, lam=0.3)),
}


@pytest.mark.parametrize("name", METHODS)
def test_the_loss_that_is_built_is_the_slow_twin_with_these_numbers(name):
    options, twin = TWINS[name]
    rest = {"inv_variances": S, "level_weights": W, "cubic_weight": 3.0, "vertex_weight": 0.7}
    for inputs, found in zip(*train(name, options=options, **rest)):
        np.testing.assert_allclose(
            found, twin(*(value.astype(np.float64) for value in inputs)), rtol=2e-4, atol=1e-5
        )


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
    for logits, level in zip(head(nd.array(CODE)), head.levels):
        np.testing.assert_allclose(
            logits.asnumpy(), read(CODE) @ level.weight.data().asnumpy().T, rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize(
    "name, changed, expected",
    [
        *[
            (name, {"options": options}, lambda rng, make=make: [make(8, NUM_BITS, rng)])
            for name in ("csq", "dpn", "orthohash")
            for options, make in (
                ({}, targets.hadamard_targets),
                ({"targets": "balanced"}, targets.balanced_targets),
            )
        ],
        (
            "embedding",
            {},
            lambda rng: [targets.class_embeddings(similarity.lcs_height(TWO), NUM_BITS, rng)],
        ),
        ("hpdh", {}, lambda rng: centers.random_centers([8, 4], NUM_BITS, rng)),
        (
            "hpdh",
            {"centers": {"initial": "hierarchical"}},
            lambda rng: centers.hierarchical_centers(TWO.parents, [8, 4], NUM_BITS, rng),
        ),
    ],
)
def test_targets_embeddings_and_initial_centers_are_drawn_from_the_seed(name, changed, expected):
    found, expected = arrays(build(name, **changed).memory), expected(np.random.RandomState(SEED))
    assert len(found) == len(expected) and all((a == b).all() for a, b in zip(found, expected))


@pytest.mark.parametrize("name", ["csq", "dpn", "orthohash"])
@pytest.mark.parametrize("given, bits", [({}, 16), ({"flipped": 0.1}, 6), ({"flipped": 0.5}, 32)])
def test_tree_targets_are_so_many_flipped_bits_from_the_parent(name, given, bits):
    (found,) = arrays(build(name, num_bits=64, options={"targets": "tree", **given}).memory)
    parent = targets.hadamard_targets(
        4, 64, np.random.RandomState(SEED)
    )  # the coarsest level is drawn first
    assert (
        (found != parent[TWO.parents[0]]).sum(axis=1) == bits
    ).all()  # flipped of 64, 1/4 by default
    apart, family = (64 - found @ found.T) / 2, TWO.parents[0][:, None] == TWO.parents[0]
    if (
        bits == 6
        # each of two is 6 from its parent: siblings are 12 apart at most, strangers 64 / 2 - 12 at
        # least
    ):
        assert apart[family].max() <= 12 < 20 <= apart[~family].min()


def test_beta_grows_by_a_step_and_alpha_is_of_a_bit():
    memory, found = build("hashnet").memory, []
    for epoch in (0, 19, 20, 60):
        memory.start(epoch)
        found.append(arrays(memory)[0])
    np.testing.assert_allclose(
        np.array(found).ravel(), [1, 1, 2**0.5, 2], rtol=1e-6
    )  # sqrt(epoch // 20 + 1)
    for num_bits in (
        8,
        16,
    ):  # one image far out: theta = alpha |tanh|^2 = alpha num_bits = alpha_bits
        loss = build("hashnet", num_bits=num_bits, options={"alpha_bits": 1.0}).loss
        value = loss(nd.full((1, num_bits), 1e3), nd.zeros((1, 2)), nd.ones((1, 1))).asscalar()
        assert value == pytest.approx(np.log(1 + np.exp(-1.0)), rel=1e-5)  # of a similar pair


@pytest.mark.parametrize(
    "tree, epochs_per_level, expected",
    [
        (TWO, 1, {0: [0, 1], 1: [1, 1], 2: [1, 1]}),
        (TWO, 5, {0: [0, 1], 4: [0, 1], 5: [1, 1], 50: [1, 1]}),
        (THREE, 1, {0: [0, 0, 1], 1: [0, 1, 1], 2: [1, 1, 1]}),
        (THREE, 5, {4: [0, 0, 1], 5: [0, 1, 1], 9: [0, 1, 1], 10: [1, 1, 1]}),
    ],
)
def test_levels_enter_from_the_coarsest(tree, epochs_per_level, expected):
    memory = build(
        "hpdh_coarse_to_fine",
        tree,
        inv_variances=[1.0] * tree.num_levels,
        options={"epochs_per_level": epochs_per_level},
    ).memory
    for epoch, active in expected.items():
        memory.start(epoch)
        assert arrays(memory)[0].tolist() == [active]


@pytest.mark.parametrize("name", ["dcwh", "idcwh", "dcdh"])
def test_the_finest_level_alone(name):
    inputs, found = train(name)
    assert [value.shape for value in inputs[0][2:]] == [
        (8, NUM_BITS)
    ]  # one level of centers, given or learned
    assert (found == train(name, THREE)[1]).all() and (
        found == train(name, inv_variances=[1.0])[1]
    ).all()


@pytest.mark.parametrize("num_bits, num_parts", [(8, 1), (16, 2)])
def test_dqn_keeps_a_byte_for_every_8_outputs(num_bits, num_parts):
    target = train("dqn", num_bits=num_bits)[0][1][2]  # solved for after the first epoch
    same = [
        parts
        for parts in (1, 2, 4)
        if (
            target
            == discrete.product_reconstruction(CODE[:, :num_bits], num_parts=parts, seed=SEED)
        ).all()
    ]
    assert same == [num_parts]


def test_dsdh_solves_with_its_numbers():
    numbers = {"mu": 3.0, "nu": 20.0, "eta": 0.05}
    target = train("dsdh", options=numbers)[0][1][2]
    same = [
        other
        for other in ({}, {"mu": 1.0}, {"nu": 0.1}, {"eta": 55.0}, {"mu": 20.0, "nu": 3.0})
        if (
            target
            == discrete.cyclic_coordinate_descent(
                CODE, FINE, np.zeros_like(CODE), num_classes=8, **{**numbers, **other}
            )
        ).all()
    ]
    assert same == [{}]


@pytest.mark.parametrize(
    "given, size", [({}, 24), ({"memory_size": 24.0}, 24), ({"memory_size": 5.0}, 5)]
)
def test_dpsh_remembers_as_many_codes_as_there_are_images_or_fewer(given, size):
    assert [value.shape for value in arrays(build("dpsh", options=given).memory)] == [
        (size, 16),
        (size, 2),
        (1, size),
    ]


@pytest.mark.parametrize("refresh", ["inference", "running"])
@pytest.mark.parametrize(
    "name, kept", [("hpdh", 3), ("hpdh", 1), ("dcwh", 2), ("hpdh_coarse_to_fine", 3)]
)
def test_initial_centers_are_kept_for_so_many_epochs(name, kept, refresh):
    memory, seen = build(name, centers={"keep_initial_epochs": kept, "refresh": refresh}).memory, []
    for epoch in range(kept + 1):
        memory.start(epoch)
        seen.append(arrays(memory)[-TWO.num_levels :])  # what comes before are the active levels
        memory.observe(nd.array(CODE * (epoch + 1)), nd.array(TWO.ancestors[FINE]), IDS)
        memory.finish(epoch)
    assert all((a == b).all() for initial in seen[:kept] for a, b in zip(initial, seen[0]))
    codes = EVALUATED if refresh == "inference" else CODE * kept  # of the last epoch alone
    fine = np.stack([codes[FINE == one].mean(axis=0) for one in range(8)])
    for found, expected in zip(seen[kept], [fine, (fine[::2] + fine[1::2]) / 2]):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "name, changed, message",
    [
        (
            "csq",
            {"options": {"gamma": 1.0}},
            "csq has no 'gamma'; it has targets, flipped, quantization_weight",
        ),
        ("hpdh", {"options": {"margin": 1.0}}, "loss.options: hpdh has no 'margin'; it has none"),
        (
            "dhn",
            {"options": {"quantization_weight": "much"}},
            "quantization_weight: expected a value like 0.1, got 'much'",
        ),
        (
            "csq",
            {"options": {"targets": 1.0}},
            "loss.options.targets: expected a value like 'hadamard', got 1.0",
        ),
        ("dch", {"options": {"gamma": float("nan")}}, r"loss.options.gamma(.|\n)*finite number"),
        (
            "dhn",
            {"level_weights": [1.0] * 3},
            r"level_weights: dhn uses 2 levels \(fine, coarse\), got 3 values",
        ),
        ("softmax", {"level_weights": [1.0]}, "loss.level_weights: expected 2 values, got 1"),
        (
            "hpdh",
            {"inv_variances": [1.0]},
            r"inv_variances: the hierarchy has 2 levels \(fine, coarse\), got 1 values",
        ),
        (
            "csq",
            {"options": {"targets": "hadamrd"}},
            "expected one of hadamard, balanced, tree, got 'hadamrd'",
        ),
        (
            "dpn",
            {"options": {"flipped": 0.25}},
            "loss.options.flipped: is of targets: tree alone, got targets: hadamard",
        ),
        (
            "hpdh_coarse_to_fine",
            {"options": {"epochs_per_level": 0.0}},
            "epochs_per_level: expected a value > 0, got 0",
        ),
        (
            "hpdh_coarse_to_fine",
            {"training": {"monitor": "loss"}},
            "training.monitor: .* set map or mahp",
        ),
        (
            "hashnet",
            {"options": {"epochs_per_step": 0.0}},
            "loss.options.epochs_per_step: expected a value > 0, got 0",
        ),
        ("dsdh", {"options": {"mu": 0.0}}, "expected mu > 0, nu > 0, eta >= 0, got 0.0"),
        ("dqn", {"num_bits": 12}, "net.num_bits: dqn keeps a byte for every 8 outputs, got 12"),
    ],
)
def test_what_does_not_fit_is_refused_when_built(name, changed, message):
    with pytest.raises(ValueError, match=message):
        build(name, **changed)


def test_what_is_set_in_vain_is_named():
    assert unread_settings(configured("csq", inv_variances=[0.35, 0.35])) == ["loss.inv_variances"]
    assert unread_settings(
        configured("csq", centers={"refresh": "running"}, cubic_weight=10.0)
    ) == ["centers"]
    assert (
        unread_settings(
            configured("hpdh", centers={"refresh": "running"}, inv_variances=S, level_weights=W)
        )
        == []
    )
    assert unread_settings(configured("idcwh", cubic_weight=3.0, level_weights=W)) == [
        "loss.level_weights"
    ]


def shuffled(order, count):
    return (
        order(count, np.random.RandomState(0)) == np.random.RandomState(0).permutation(160)[:count]
    ).all()


def dealt(order, size):
    """In each of three batches: number of classes, images of one."""
    counts = [
        np.bincount(ORDERED[batch, 0])
        for batch in order(3 * size, np.random.RandomState(0)).reshape(3, size)
    ]
    return [((count > 0).sum(), *set(count[count > 0])) for count in counts]


@pytest.mark.parametrize("name", METHODS)
def test_auto_is_classes_for_pairs_and_triplets_and_shuffled_for_the_others(name):
    order, words = _order(configured(name), ORDERED), _in_words(configured(name), ORDERED)
    if METHODS[name].build.__module__ == pair_parts.__name__:
        assert (
            dealt(order, 128) == [(16, 8)] * 3
            and words == "sampler auto: classes, 16 classes of 8 images"
        )
    else:
        assert shuffled(order, 128) and words == "sampler auto: shuffled"


@pytest.mark.parametrize(
    "batch_size, num_images, training, expected",
    [
        (64, 160, {"classes_per_batch": 7}, (4, 16)),
        (24, 160, {}, (12, 2)),  # the largest up to 7, 16 that divides
        (128, 48, {}, (4, 32)),
        (6, 160, {}, (3, 2)),  # there are 6 classes; 6 classes would have an image each
        (64, 160, {"sampler": "classes", "classes_per_batch": 8}, (8, 8)),
    ],
)
def test_as_many_classes_as_divide_the_batch(batch_size, num_images, training, expected):
    config = configured("dhn", training={"batch_size": batch_size, **training})
    assert dealt(_order(config, ORDERED[:num_images]), batch_size) == [expected] * 3


def test_the_sampler_that_is_asked_for():
    for training, words in (
        ({"sampler": "shuffled"}, "shuffled"),
        ({"batch_size": 127}, "sampler auto: shuffled, as no number of classes divides a batch"),
    ):  # a prime
        config = configured("dhn", training=training)
        assert shuffled(_order(config, ORDERED), 127) and _in_words(config, ORDERED) == words
    relatives = configured("csq", training={"sampler": "relatives", "classes_per_batch": 8})
    assert _in_words(relatives, ORDERED) == "relatives, 8 classes of 16 images"
    for batch in _order(relatives, ORDERED)(128 * 5, np.random.RandomState(0)).reshape(5, 128):
        assert len(set(ORDERED[batch[:64], 0])) == 4 and len(set(ORDERED[batch[:64], 1])) == 1


@pytest.mark.parametrize(
    "name, sampler", [("dhn", "auto"), ("softmax", "classes"), ("softmax", "relatives")]
)
def test_class_samplers_refuse_images_of_no_class(name, sampler):
    labels = np.where(np.arange(160)[:, None] == 3, [-1, 0], ORDERED)
    assert shuffled(_order(configured("softmax"), labels), 128)  # auto: it trains without
    with pytest.raises(ValueError, match="some images have no fine label"):
        _order(configured(name, training={"sampler": sampler}), labels)
