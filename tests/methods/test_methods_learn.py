"""Every method learns: on a small drawn data set it beats the random ranking and ITQ on the same
features; on two devices it learns what it learns on one."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import gluon, nd

from gluon_hash.hierarchy import Hierarchy
from gluon_hash.methods import METHODS, Task
from gluon_hash.records.loaders import FeatureTrainLoader
from gluon_hash.records.samplers import class_batches
from gluon_hash.retrieval import CodeTable, codes, evaluate
from gluon_hash.retrieval.baselines import fit
from gluon_hash.training import HashTrainer, schedule
from gluon_hash.training.workers import ALONE

PARENTS, NUM_BITS, NUM_EPOCHS, LR = np.repeat(np.arange(4), 3), 16, 8, 0.03
TREE = Hierarchy(("fine", "coarse"), (tuple("abcdefghijkl"), tuple("wxyz")), (PARENTS,))
MARGIN = 0.2  # of mAP, over the better of the two baselines


def draw(per_class, seed):
    """12 classes in 4 groups: 16 features tell them apart, 32 with three times the noise do not."""
    means = np.random.RandomState(0).randn(16, 16)
    means = 1.5 * means[12:][PARENTS] + 1.2 * means[:12]
    rng, fine = np.random.RandomState(seed), np.tile(np.arange(12), per_class)
    features = np.concatenate(
        [means[fine] + rng.randn(len(fine), 16), 3.0 * rng.randn(len(fine), 32)], axis=1
    )
    return (features / 3.0).astype(np.float32), TREE.ancestors[fine], np.arange(len(fine))


TRAIN, QUERY = draw(32, seed=1), draw(8, seed=2)


def mean_average_precision(encode):
    """``encode``: features -> relaxed codes, on the queries first."""
    query, database = (
        CodeTable(ids, codes.pack(encode(features)), labels, NUM_BITS)
        for features, labels, ids in (QUERY, TRAIN)
    )
    return evaluate(query, database)["map"]


@pytest.fixture(scope="module")
def to_beat():
    itq, rng = fit("itq", TRAIN[0], TRAIN[1][:, 0], NUM_BITS, seed=0), np.random.RandomState(0)
    values = [
        mean_average_precision(itq.project),
        mean_average_precision(lambda features: rng.randn(len(features), NUM_BITS)),
    ]
    assert 1 / 12 < min(values) < max(values) < 0.3
    return max(values)


def make(name, optimizer, contexts, workers=ALONE):
    """A trainer of a linear layer on the drawn features: (trainer, features -> relaxed codes)."""
    mx.random.seed(3)
    np.random.seed(3)  # gluon's initialisers draw from it too
    method = METHODS[name]()
    net = gluon.nn.Dense(method.num_outputs(TREE, NUM_BITS), in_units=48)
    net.initialize(mx.init.Xavier(), ctx=contexts)

    def encode(features):
        outputs = net(nd.array(features))
        if parts.codewords is not None:
            targets, thresholds = map(nd.array, parts.codewords)
            outputs = nd.dot(outputs.softmax(), targets) - thresholds
        return outputs.asnumpy()

    parts = method.build(
        Task(
            method.levels_of(TREE),
            NUM_BITS,
            TRAIN[2],
            contexts,
            lambda: (encode(TRAIN[0]), TRAIN[1][:, 0]),
            seed=24,
        )
    )
    parameters = net.collect_params()
    if parts.head is not None:
        parts.head.initialize(ctx=contexts)
        parameters.update(parts.head.collect_params())
    rule = gluon.Trainer(
        parameters, optimizer, {"learning_rate": LR}, kvstore="device", update_on_kvstore=False
    )
    loader = FeatureTrainLoader(
        *TRAIN, 48, 0, order=class_batches(TRAIN[1], 48, 12), rows=workers.share(48)
    )
    return HashTrainer(
        net,
        parts.loss,
        loader,
        rule,
        LR,
        schedule.cosine(NUM_EPOCHS),
        parts.memory,
        contexts,
        head=parts.head,
        workers=workers,
    ), encode


@pytest.mark.parametrize("name", METHODS)
def test_beats_the_random_ranking_and_itq(name, to_beat):
    trainer, encode = make(name, "adam", [mx.cpu()])
    for epoch in range(NUM_EPOCHS):
        trainer.train_epoch(epoch)
    assert mean_average_precision(encode) > to_beat + MARGIN


@pytest.mark.parametrize("name", METHODS)
def test_two_devices_train_what_one_does(name):
    found = []
    for contexts in ([mx.cpu(0)], [mx.cpu(0), mx.cpu(1)]):
        trainer, encode = make(
            name, "sgd", contexts
        )  # not Adam, which makes much of a rounding error
        losses = [trainer.train_epoch(epoch).loss for epoch in range(2)]
        found.append((losses, encode(QUERY[0])))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-3, atol=1e-4)
