"""What data may be like at the edges: classes without images, batches of one class, one level and
six, a pass that ends with one image; and threads."""

import json
import subprocess
import sys
import textwrap

import mxnet as mx
import numpy as np
import pytest
from mxnet import gluon, nd
from training_cases import NUM_BITS, NUM_FEATURES, drawn, halving, make, train

from gluon_hash.deploy.encode import run_net
from gluon_hash.methods import METHODS
from gluon_hash.records.loaders import FeatureEvalLoader
from gluon_hash.training import read_state

SIX, ONE = halving(6), halving(1)
FINE = {
    "one level": (ONE, np.arange(24) % 2),
    "six levels": (SIX, np.arange(64)),
    "classes without images": (SIX, 5 + np.arange(24) % 3),
    "batches of one class": (ONE, np.ones(24, np.int64)),
}


@pytest.mark.parametrize("case", FINE)
@pytest.mark.parametrize("name", METHODS)
def test_every_method_trains_at_the_edges(name, case, tmp_path):
    tree, fine = FINE[case]
    trainer = make(name, drawn(fine, tree), tree, lr=1e-3)
    _, epochs = train(trainer, tmp_path, 1)
    assert np.isfinite(epochs[0]["loss"])
    assert read_state(tmp_path / "last.ckpt").progress.epochs_done == 1
    if "empty_classes" in epochs[0]:  # those of no image are logged; six levels are cut to one
        named = set(epochs[0]["empty_classes"])
        assert named == set(range(tree.num_classes[0])) - set(fine.tolist())


@pytest.mark.parametrize("count", [1, 5])
def test_a_pass_that_ends_with_one_image_is_that_of_all_at_once(count):
    """The last batch of one image: the same codes, and none is lost."""
    net = gluon.nn.Dense(NUM_BITS, in_units=NUM_FEATURES)
    net.initialize(mx.init.Xavier())
    features, labels, ids = drawn(np.zeros(count, np.int64), ONE)
    loader = FeatureEvalLoader(features, labels, ids, 4)
    codes, found, _ = run_net(net, loader, [mx.cpu()])
    assert found.tolist() == ids.tolist()
    np.testing.assert_allclose(codes, net(nd.array(features)).asnumpy(), rtol=1e-6)


def test_one_pass_after_another_keeps_the_graph_and_sees_new_weights():
    """Also the graph of a part that is trained between the passes."""
    net, part = gluon.nn.HybridSequential(), gluon.nn.Dense(NUM_BITS, in_units=NUM_FEATURES)
    net.add(part)
    net.initialize(mx.init.Xavier())
    loader = FeatureEvalLoader(*drawn(np.zeros(5, np.int64), ONE), 4)
    first, _, _ = run_net(net, loader, [mx.cpu()])
    graph = net._cached_op
    part.weight.set_data(2 * part.weight.data())
    second, _, _ = run_net(net, loader, [mx.cpu()])
    assert net._cached_op is graph is not None
    np.testing.assert_allclose(second, 2 * first, rtol=1e-6)  # the bias is 0


def trained_with(threads, folder):
    """A training in a process of its own; the SHA-256 of its parameters, and what it said."""
    program = """
        import json, sys
        from pathlib import Path
        sys.path.insert(0, "tests")
        from training_cases import make, train
        from gluon_hash.training import read_state
        train(make("csq"), Path(sys.argv[1]), int(sys.argv[2]))
        print(read_state(sys.argv[1] + "/last.ckpt").sha256["net.params"])
    """
    found = []
    for epochs in ("1", "2"):
        environment = {"OMP_NUM_THREADS": str(threads), "PATH": ""}
        command = [sys.executable, "-c", textwrap.dedent(program), str(folder), epochs]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        found.append((ended.stdout, ended.stderr))
    return found


def test_the_checkpoint_says_how_many_threads_there_were(tmp_path):
    for _, said in trained_with(2, tmp_path):
        assert "OMP_NUM_THREADS" not in said
    assert json.loads((tmp_path / "last.ckpt" / "state.json").read_text())["threads"] == 2
