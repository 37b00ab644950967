"""Small trees, fixed codes, and a method built and run on them: what the tests of methods share."""

import mxnet as mx
import numpy as np
from mxnet import nd

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods import METHODS, Task, method_from
from gluon_hash.methods.memory import annealed

SEED, NUM_BITS = 5, 16
FIVE_EACH = np.arange(100) // 5  # the parents of 100 classes
EPOCHS = (0, 5, 20)  # of which 5 and 20 change what a level or a scale does, by default
THREE = Hierarchy(
    ("fine", "coarse", "top"),
    (tuple("abcdefgh"), tuple("stuv"), tuple("yz")),
    (np.arange(8) // 2, np.arange(4) // 2),
)
TWO = THREE.keep_levels(2)
FINE, IDS = np.arange(24) % 8, 100 + np.arange(24)
CODE, EVALUATED = np.random.RandomState(0).normal(0.0, 1.2, (2, 24, NUM_BITS)).astype(np.float32)
S, W = [0.35, 0.6], [3.0, 1.0]  # of the levels: inv_variances, level_weights


def settings_of(name):
    """The names of a method's settings."""
    return [setting for setting in METHODS[name].model_fields if setting != "name"]


def build(name, tree=TWO, num_bits=NUM_BITS, **settings):
    """Loss, memory and head of a method with these settings."""
    method = method_from({"name": name, **settings})
    task = Task(
        method.levels_of(tree),
        num_bits,
        IDS,
        [mx.cpu()],
        lambda: (EVALUATED, FINE),
        seed=SEED,
        features=lambda: (EVALUATED, FINE),
    )
    return method.build(task)


def arrays(memory):
    """What a memory hands the loss, as NumPy."""
    return [array.asnumpy() for array in memory.arrays(mx.cpu(), IDS)]


def train(name, tree=TWO, num_bits=NUM_BITS, **settings):
    """What the loss takes at each of EPOCHS, and its values.

    The codes are the same at all of them, heads learn nothing.
    """
    mx.random.seed(SEED)
    np.random.seed(SEED)  # gluon's initialisers draw from it too
    parts = build(name, tree, num_bits, **settings)
    outputs = METHODS[name]().num_outputs(tree, num_bits)
    labels, code = nd.array(tree.ancestors[FINE]), nd.array(CODE[:, :outputs])
    taken, losses = [], []
    if parts.head is not None:
        parts.head.initialize()
    for epoch in EPOCHS:
        parts.memory.start(epoch)
        outputs = [] if parts.head is None else parts.head(code)
        taken.append([code, labels, *parts.memory.arrays(mx.cpu(), IDS), *outputs])
        losses.append(parts.loss(*taken[-1]).asnumpy())
        taken[-1] = [value.asnumpy() for value in taken[-1]]  # a memory's arrays are written to
        parts.memory.observe(code, labels, IDS)
        parts.memory.finish(epoch)
    return taken, np.array(losses)


def by_level(targets, parents, num_classes):
    """The Hamming distances of the pairs that meet 1, 2, ... levels up."""
    apart = annealed.levels_apart(parents, num_classes)
    distance = (targets[:, None] != targets[None]).sum(axis=2)
    return [distance[apart == above] for above in range(1, apart.max() + 1)]


def slow_cost(targets, apart, goals):
    """The cost of all pairs of classes, as the docstring of annealed_targets has it."""
    pairs = [(a, b) for a in range(len(targets)) for b in range(a)]
    strangers, cost = sum(apart[pair] == len(goals) for pair in pairs), 0.0
    for a, b in pairs:
        level = apart[a, b]
        excess = (targets[a] != targets[b]).sum() - goals[level - 1]
        alike = sum(apart[pair] == level for pair in pairs)
        if level < len(goals):  # too near is twice as bad, as is where there are 16 times fewer
            cost += max(1, round((strangers / alike) ** 0.25)) * (1 + (excess < 0)) * excess**2
        elif excess < 0:
            cost += excess**2
    return cost
