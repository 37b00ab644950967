"""Targets whose first bits are targets too: what a shorter training has, distances, slow twin."""

import numpy as np
import pytest
from method_cases import FIVE_EACH, SEED, TWO, arrays, build, by_level, slow_cost
from pydantic import ValidationError

from gluon_hash.methods import method_from
from gluon_hash.methods.memory import annealed, annealing
from gluon_hash.methods.memory.extended import extended_targets
from gluon_hash.methods.memory.semantic import semantic_targets
from gluon_hash.retrieval.codes import first_bits


def seeded(seed=0):
    return np.random.RandomState(seed)


@pytest.mark.parametrize(
    "nested, num_bits",
    [((16, 32), 48), pytest.param((16, 32, 64), 128, marks=pytest.mark.slow)],
)
def test_every_prefix_keeps_the_distances_of_its_length(nested, num_bits):
    """Siblings 10/48 of the bits, strangers 22/48 or more but for few pairs, bits in halves."""
    found = annealed.annealed_targets([FIVE_EACH], [100, 20], num_bits, seeded(), nested)
    assert found.shape == (100, num_bits) and (found.sum(axis=0) == 0).all()
    for length, exact in zip((*nested, num_bits), (4, 6, 10 if num_bits == 48 else 14, 26)):
        siblings, strangers = by_level(found[:, :length], [FIVE_EACH], [100, 20])
        assert (siblings == exact).mean() > 0.7 and abs(siblings - exact).max() <= 2
        assert abs(siblings.mean() - exact) < 0.3
        assert (strangers >= round(22 / 48 * length)).mean() > 0.8
        assert len(np.unique(found[:, :length], axis=0)) == 100
    plain = annealed.annealed_targets([FIVE_EACH], [100, 20], num_bits, seeded())
    cut, _ = by_level(plain[:, :16], [FIVE_EACH], [100, 20])
    assert (cut == 4).mean() < 0.5  # what the option is for


def test_the_first_length_is_what_the_seed_gives_at_that_length():
    found = annealed.annealed_targets([FIVE_EACH], [100, 20], 32, seeded(3), [16])
    alone = annealed.annealed_targets([FIVE_EACH], [100, 20], 16, seeded(3))
    assert (found[:, :16] == alone).all()
    again = annealed.annealed_targets([FIVE_EACH], [100, 20], 32, seeded(3), [16])
    assert (found == again).all()
    similarity = np.corrcoef(seeded().randn(30, 12))
    assert (
        semantic_targets(similarity, 32, seeded(1), [16])[:, :16]
        == semantic_targets(similarity, 16, seeded(1))
    ).all()


def test_a_deeper_tree():
    parents, counts = [np.arange(60) // 3, np.arange(20) // 4, np.arange(5) // 2], [60, 20, 5, 3]
    found = annealed.annealed_targets(parents, counts, 64, seeded(), [32])
    for length in (32, 64):
        means = [level.mean() for level in by_level(found[:, :length], parents, counts)]
        goals = annealed.goal_distances(4, 60, length)
        np.testing.assert_allclose(means[:3], goals[:3], atol=0.7)
        assert means == sorted(means) and means[3] >= goals[3]


def flipped(targets, bit, *classes):
    changed = targets.copy()
    changed[list(classes), bit] *= -1
    return changed


def slow_targets(parents, counts, lengths, rng, sweeps):
    """Each length's search in plain words: all costs by counting, the bits before never touched."""
    apart = annealed.levels_apart(parents, counts)
    targets = np.empty((counts[0], 0))
    for length in lengths:
        kept = targets.shape[1]
        goals = annealed.goal_distances(int(apart.max()), counts[0], length)
        more = annealing.balanced_bits(counts[0], length - kept, rng)
        targets = np.concatenate([targets, more], axis=1)
        bits = np.concatenate([rng.permutation(np.arange(kept, length)) for _ in range(sweeps)])
        for bit, temperature in zip(bits, annealing.cooling(len(bits))):
            before = slow_cost(targets, apart, goals)
            noise = temperature * rng.standard_normal(counts[0])
            of_flips = noise + [
                slow_cost(flipped(targets, bit, one), apart, goals) - before
                for one in range(counts[0])
            ]
            sides = [np.flatnonzero(targets[:, bit] == sign) for sign in (1, -1)]
            swapped = flipped(targets, bit, *(side[of_flips[side].argmin()] for side in sides))
            worse = slow_cost(swapped, apart, goals) - before
            if worse <= 0 or rng.random_sample() < np.exp(-worse / temperature):
                targets = swapped
    return targets


def test_slow_twin(monkeypatch):
    monkeypatch.setattr(annealing, "SWEEPS", 4)
    parents, counts = [np.arange(9) // 3], [9, 3]
    found = annealed.annealed_targets(parents, counts, 16, seeded(2), [7, 12])
    assert (found == slow_targets(parents, counts, [7, 12, 16], seeded(2), 4)).all()


def test_new_classes_keep_the_distances_of_every_prefix():
    parents, counts = [np.arange(40) // 4], [40, 10]
    old = np.flatnonzero(np.arange(40) % 4 != 3)
    targets = annealed.annealed_targets([parents[0][old]], [30, 10], 48, seeded(), [16])
    found = extended_targets(targets, old, parents, counts, seeded(1), [16])
    assert (found[old] == targets).all()
    apart = annealed.levels_apart(parents, counts)[3::4]
    for length, exact in ((16, 4), (48, 10)):
        prefix = found[:, :length]
        distance = (prefix[3::4, None] != prefix[None]).sum(axis=2)
        assert (distance[apart == 1] == exact).mean() > 0.8
        assert abs(distance[apart == 1] - exact).max() <= 2


def test_methods_take_them_and_thresholds_are_spread_in_every_prefix():
    expected = annealed.annealed_targets(TWO.parents, [8, 4], 16, seeded(SEED), [6])
    for name in ("csq", "dpn", "orthohash"):
        (placed,) = arrays(build(name, targets="annealed", nested=[6]).memory)
        assert (placed == expected).all()
    targets, thresholds = build("expected_codeword", nested=[6], spread=0.5).codewords
    assert (targets == expected).all()
    # 6 and then 10 numbers in the middle of as many equal parts of -0.5 to 0.5
    np.testing.assert_allclose(sorted(thresholds[:6]), (np.arange(6) + 0.5) / 6 - 0.5, atol=1e-6)
    np.testing.assert_allclose(sorted(thresholds[6:]), (np.arange(10) + 0.5) / 10 - 0.5, atol=1e-6)
    alone = build("expected_codeword", num_bits=6, spread=0.5).codewords
    assert (alone.targets == targets[:, :6]).all() and (alone.thresholds == thresholds[:6]).all()


@pytest.mark.parametrize("lengths", [[32, 16], [16, 16], [0, 16], [-8]])
def test_lengths_that_do_not_ascend_are_refused(lengths):
    with pytest.raises(ValidationError, match="expected lengths in ascending order, 1 or more"):
        method_from({"name": "csq", "targets": "annealed", "nested": lengths})


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValidationError, match="annealed and semantic alone, got targets: hadamard"):
        method_from({"name": "csq", "nested": [8]})
    with pytest.raises(ValueError, match=r"loss.nested: .* below net.num_bits, 16, got \[8, 16\]"):
        build("csq", targets="annealed", nested=[8, 16])
    with pytest.raises(ValueError, match="8 different codes of 2 bits .*; set loss.nested higher"):
        build("csq", targets="annealed", nested=[2])


def test_one_training_gives_the_codes_of_both_lengths(tmp_path):
    """16 and nested 24 bits: the classifier is the same, and so are the first 16 bits."""
    import gluon_hash as gh
    from gluon_hash.engine import contexts
    from gluon_hash.experiment.models.first_bits import FirstBits
    from gluon_hash.experiment.recipe import recommended
    from gluon_hash.experiment.runs.run_training import train
    from gluon_hash.methods import ExpectedCodeword

    fine = np.arange(160) % 8
    features = (seeded().randn(8, 16)[fine] + 0.5 * seeded(1).randn(160, 16)).astype(np.float32)
    gh.datasets.features(features, labels=fine).write(tmp_path / "data", seed=0)
    models = []
    for num_bits, nested in ((16, None), (24, [16])):
        method, out = ExpectedCodeword(nested=nested), tmp_path / str(num_bits)
        config = recommended(tmp_path / "data", method, num_bits=num_bits, epochs=1)
        train(config, out, contexts("cpu"))
        models.append(gh.load_model(out))
    short, long = models
    codes = long.encode(features)
    assert (first_bits(codes, 24, 16) == short.encode(features)).all()
    cut = FirstBits(long, 16)
    assert (cut.encode(features) == short.encode(features)).all()
    assert (cut.relaxed(features) == long.relaxed(features)[:, :16]).all()
    assert cut.fingerprint == long.fingerprint and cut.num_bits == 16
    table = cut.encode_file(tmp_path / "data" / "train.npz")
    assert table.num_bits == 16 and table.model == long.fingerprint
