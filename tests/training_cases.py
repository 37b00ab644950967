"""A small trainer for any method on any tree, and what stops it where a test says."""

import json

import numpy as np

from gluon_hash.engine import gluon, mx, nd
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods import METHODS, Task
from gluon_hash.records.loaders import FeatureTrainLoader
from gluon_hash.training import HashTrainer, fit, schedule
from gluon_hash.training.optimizer_state import state_arrays

NUM_BITS, NUM_FEATURES, BATCH_SIZE = 16, 6, 8
TIMES = ("seconds", "images_per_second", "refresh_seconds")


class Killed(BaseException):
    """As SIGKILL: nothing is saved on the way out."""


def halving(num_levels):
    """A tree in which every class has two children: 2 classes at the coarsest level."""
    counts = [2 ** (num_levels - level) for level in range(num_levels)]
    return Hierarchy(
        tuple(f"level{level}" for level in range(num_levels)),
        tuple(
            tuple(f"{level}.{name}" for name in range(count)) for level, count in enumerate(counts)
        ),
        tuple(np.arange(count) // 2 for count in counts[:-1]),
    )


def drawn(fine, tree):
    """Features around the mean of their class, labels and ids for fine labels."""
    rng = np.random.RandomState(1)
    means = 2 * rng.randn(tree.num_classes[0], NUM_FEATURES)
    features = means[fine] + 0.5 * rng.randn(len(fine), NUM_FEATURES)
    return features.astype(np.float32), tree.ancestors[fine], 10 + np.arange(len(fine))


class Interrupted:
    """A loader that calls ``act`` before it gives batch ``batch`` of epoch ``epoch``."""

    def __init__(self, loader, epoch, batch, act):
        self._loader, self._at, self._act = loader, (epoch, batch), act

    def __len__(self):
        return len(self._loader)

    def epoch(self, epoch):
        for number, batch in enumerate(self._loader.epoch(epoch)):
            if (epoch, number) == self._at:
                self._act()
            yield batch


def make(
    name="hpdh",
    data=None,
    tree=None,
    *,
    rule="sgd",
    dropout=0.0,
    lr=0.02,
    stop=None,
    on_refresh=None,
    mixup=0.0,
    **settings,
):
    """A trainer of a linear layer; ``stop``: (epoch, batch, what to call before it)."""
    mx.random.seed(3)
    np.random.seed(3)  # gluon's initialisers draw from it too
    tree = tree or halving(3)
    features, labels, ids = data or drawn(np.arange(48) % tree.num_classes[0], tree)
    method = METHODS[name](**settings)
    num_outputs = method.num_outputs(tree, NUM_BITS)
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(num_outputs, in_units=NUM_FEATURES), gluon.nn.Dropout(dropout))
    net.initialize(mx.init.Xavier())

    def encode():
        if on_refresh is not None:
            on_refresh()
        return net(nd.array(features)).asnumpy(), labels[:, 0]

    task = Task(method.levels_of(tree), NUM_BITS, ids, [mx.cpu()], encode, seed=24)
    parts, parameters = method.build(task), net.collect_params()
    if parts.head is not None:
        parts.head.initialize()
        parameters.update(parts.head.collect_params())
    arguments = {"learning_rate": lr, **({"momentum": 0.9} if rule == "sgd" else {})}
    optimizer = gluon.Trainer(parameters, rule, arguments, update_on_kvstore=False)
    loader = FeatureTrainLoader(features, labels, ids, BATCH_SIZE, 5)
    return HashTrainer(
        net,
        parts.loss,
        loader if stop is None else Interrupted(loader, *stop),
        optimizer,
        lr,
        schedule.cosine(4),
        parts.memory,
        [mx.cpu()],
        head=parts.head,
        mixup=mixup,
    )


def train(trainer, folder, num_epochs=2, **options):
    """Train, and return all that the training has come to."""
    fit(trainer, folder, num_epochs, 24, **options)
    return come_to(trainer, folder)


def come_to(trainer, folder):
    """Weights, optimiser, memory and log (but for times) of a training, to be compared."""
    blocks = [trainer.net] if trainer.head is None else [trainer.net, trainer.head]
    found = {
        f"{number}:{name}": value.data().asnumpy()
        for number, block in enumerate(blocks)
        for name, value in block._collect_params_with_prefix().items()
    }
    states = state_arrays(trainer.optimizer).values()
    found.update({f"state {n}": array.asnumpy() for n, array in enumerate(states)})
    found.update(trainer.memory.state())
    lines = (folder / "log.jsonl").read_text().splitlines()
    epochs = [json.loads(line) for line in lines]
    return found, [{k: v for k, v in epoch.items() if k not in TIMES} for epoch in epochs]


def assert_same(one, other):
    """Bit for bit."""
    assert one[1] == other[1] and one[0].keys() == other[0].keys()
    for name, value in one[0].items():
        np.testing.assert_array_equal(value, other[0][name], err_msg=name)
