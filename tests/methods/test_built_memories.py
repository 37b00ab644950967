"""Targets, centers and memories that methods build: drawn from the seed, of the sizes they say."""

import numpy as np
import pytest
from method_cases import (
    CODE,
    EVALUATED,
    FINE,
    IDS,
    NUM_BITS,
    SEED,
    THREE,
    TWO,
    arrays,
    build,
    train,
)
from mxnet import nd

from gluon_hash.hierarchy import similarity
from gluon_hash.methods import METHODS
from gluon_hash.methods.memory import centers, solvers, targets


@pytest.mark.parametrize(
    "name, settings, draw",
    [
        *[
            (name, settings, lambda rng, make=make: [make(8, NUM_BITS, rng)])
            for name in ("csq", "dpn", "orthohash")
            for settings, make in (
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
            {"initial_centers": "hierarchical"},
            lambda rng: centers.hierarchical_centers(TWO.parents, [8, 4], NUM_BITS, rng),
        ),
    ],
)
def test_targets_embeddings_and_initial_centers_are_drawn_from_the_seed(name, settings, draw):
    built, drawn = arrays(build(name, **settings).memory), draw(np.random.RandomState(SEED))
    assert len(built) == len(drawn) and all((a == b).all() for a, b in zip(built, drawn))


@pytest.mark.parametrize("name", ["csq", "dpn", "orthohash"])
@pytest.mark.parametrize(
    "settings, bits", [({}, 16), ({"flipped": 0.1}, 6), ({"flipped": 0.5}, 32)]
)
def test_tree_targets_are_so_many_flipped_bits_from_the_parent(name, settings, bits):
    (placed,) = arrays(build(name, num_bits=64, targets="tree", **settings).memory)
    # the coarsest level is drawn first
    parent = targets.hadamard_targets(4, 64, np.random.RandomState(SEED))
    # flipped of 64, 1/4 by default
    assert ((placed != parent[TWO.parents[0]]).sum(axis=1) == bits).all()
    apart, family = (64 - placed @ placed.T) / 2, TWO.parents[0][:, None] == TWO.parents[0]
    if bits == 6:
        # each of two is 6 from its parent: siblings are 12 apart at most, strangers 64 / 2 - 12 at
        # least
        assert apart[family].max() <= 12 < 20 <= apart[~family].min()


def test_beta_grows_by_a_step():
    memory, betas = build("hashnet").memory, []
    for epoch in (0, 19, 20, 60):
        memory.start(epoch)
        betas.append(arrays(memory)[0])
    # sqrt(epoch // 20 + 1)
    np.testing.assert_allclose(np.array(betas).ravel(), [1, 1, 2**0.5, 2], rtol=1e-6)


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
        epochs_per_level=epochs_per_level,
    ).memory
    for epoch, active in expected.items():
        memory.start(epoch)
        assert arrays(memory)[0].tolist() == [active]


@pytest.mark.parametrize("num_bits, num_parts", [(8, 1), (16, 2)])
def test_dqn_keeps_a_byte_for_every_8_outputs(num_bits, num_parts):
    solved = train("dqn", num_bits=num_bits)[0][1][2]  # solved for after the first epoch
    code = CODE[:, :num_bits]
    same = [
        count
        for count in (1, 2, 4)
        if (solved == solvers.product_reconstruction(code, num_parts=count, seed=SEED)).all()
    ]
    assert same == [num_parts]


def test_dsdh_solves_with_its_numbers():
    numbers = {"mu": 3.0, "nu": 20.0, "eta": 0.05}
    solved = train("dsdh", **numbers)[0][1][2]
    same = [
        other
        for other in ({}, {"mu": 1.0}, {"nu": 0.1}, {"eta": 55.0}, {"mu": 20.0, "nu": 3.0})
        if (
            solved
            == solvers.cyclic_coordinate_descent(
                CODE, FINE, np.zeros_like(CODE), num_classes=8, **{**numbers, **other}
            )
        ).all()
    ]
    assert same == [{}]


@pytest.mark.parametrize(
    "settings, size", [({}, 24), ({"memory_size": 24}, 24), ({"memory_size": 5}, 5)]
)
@pytest.mark.parametrize("name, before", [("dpsh", 0), ("dhn", 0), ("hashnet", 1), ("dsdh", 2)])
def test_as_many_codes_are_remembered_as_there_are_images_or_fewer(name, before, settings, size):
    shapes = [value.shape for value in arrays(build(name, **settings).memory)]
    assert shapes[before:] == [(size, 16), (size, 2), (1, size)]


@pytest.mark.parametrize("name, count", [("dhn", 0), ("hashnet", 1), ("dsdh", 2)])
def test_without_a_memory_the_pairs_are_those_of_the_batch(name, count):
    assert len(arrays(build(name, memory_size=None).memory)) == count
    method = METHODS[name](memory_size=None)
    assert (method.best_sampler(), METHODS[name]().best_sampler()) == ("classes", "shuffled")


def test_what_dsdh_remembers_is_put_back():
    """Two epochs in one go, and with all it remembers saved and loaded between them."""
    taken = []
    for broken in (False, True):
        memory = build("dsdh", memory_size=30).memory
        for epoch in range(2):
            if broken and epoch:
                state, memory = memory.state(), build("dsdh", memory_size=30).memory
                memory.load_state({key: np.array(value) for key, value in state.items()})
            memory.start(epoch)
            memory.observe(nd.array(CODE + epoch), nd.array(TWO.ancestors[FINE]), IDS)
            memory.finish(epoch)
        taken.append(arrays(memory))
    assert all((one == other).all() for one, other in zip(*taken)) and len(taken[0]) == 5


def test_a_checkpoint_from_before_the_memory_leaves_it_empty():
    memory = build("dhn").memory
    memory.load_state({})
    assert arrays(memory)[2].sum() == 0


def test_dsdh_weighs_outputs_against_the_classifier_as_its_loss_does():
    """Without eta it is discrete_weight / L = 0.8 / 16; the 55 of the paper keeps the signs."""
    solved = [train("dsdh", discrete_weight=0.8, **eta)[0][1][2] for eta in ({}, {"eta": 0.05})]
    assert (solved[0] == solved[1]).all()
    kept = train("dsdh", eta=55.0)[0][1][2]
    assert (kept == np.where(CODE >= 0, 1, -1)).all() and (solved[0] != kept).any()


@pytest.mark.parametrize("refresh", ["inference", "running"])
@pytest.mark.parametrize(
    "name, kept", [("hpdh", 3), ("hpdh", 1), ("dcwh", 2), ("hpdh_coarse_to_fine", 3)]
)
def test_initial_centers_are_kept_for_so_many_epochs(name, kept, refresh):
    memory, seen = build(name, keep_initial_epochs=kept, center_refresh=refresh).memory, []
    for epoch in range(kept + 1):
        memory.start(epoch)
        seen.append(arrays(memory)[-TWO.num_levels :])  # what comes before are the active levels
        memory.observe(nd.array(CODE * (epoch + 1)), nd.array(TWO.ancestors[FINE]), IDS)
        memory.finish(epoch)
    assert all((a == b).all() for initial in seen[:kept] for a, b in zip(initial, seen[0]))
    codes = EVALUATED if refresh == "inference" else CODE * kept  # of the last epoch alone
    fine = np.stack([codes[FINE == label].mean(axis=0) for label in range(8)])
    for center, expected in zip(seen[kept], [fine, (fine[::2] + fine[1::2]) / 2]):
        np.testing.assert_allclose(center, expected, rtol=1e-5, atol=1e-6)
