"""ONNX: any number of images at a time, what MXNet computes, no constants among the inputs."""

import numpy as np
import pytest

from gluon_hash.deploy import Predictor
from gluon_hash.experiment import load_model

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
_cleaned = pytest.importorskip("gluon_hash.deploy.onnx")._cleaned


def test_onnx_runtime_computes_what_the_exported_network_does(trained, run, tmp_path, rng):
    code, out, _ = run("export", trained / "run", "--out", tmp_path / "net", "--onnx")
    assert code == 0 and out.splitlines()[-1] == str(tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"))
    assert [value.name for value in session.get_inputs()] == ["data"]
    images = [rng.randint(0, 256, (40, 36, 3)).astype(np.uint8) for _ in range(5)]
    predictor = Predictor.load(tmp_path / "net.manifest.json")
    transform = predictor.transform
    pixels = transform.normalize(np.stack([transform.evaluate(image) for image in images]))
    computed = session.run(None, {"data": pixels})[0]
    np.testing.assert_allclose(computed, predictor.relaxed(images), rtol=1e-4, atol=1e-4)
    model = onnx.load(str(tmp_path / "net.onnx"))
    assert model.opset_import[0].version == 13 and model.ir_version == 7
    assert predictor.manifest.onnx == "net.onnx" and predictor.manifest.differences["onnx"] < 1e-4


def test_constants_that_nothing_reads_are_left_out():
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    values = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2])
        for name in ("data", "used", "unused", "sum")
    ]
    constants = [numpy_helper.from_array(np.ones(2, np.float32), n) for n in ("unused", "used")]
    node = helper.make_node("Add", ["data", "used"], ["sum"])
    graph = helper.make_graph([node], "g", values[:3], values[3:], constants)
    graph = _cleaned(helper.make_model(graph)).graph
    assert [constant.name for constant in graph.initializer] == ["used"]
    assert [value.name for value in graph.input] == ["data"]


def test_only_what_was_written_is_printed(trained, run, tmp_path):
    out = tmp_path / "net"
    code, printed, _ = run("export", trained / "run", "--out", out, "--onnx", "--binary")
    assert code == 0  # MXNet prints the name of a node that packs bits
    assert printed.splitlines() == [f"{out}.manifest.json", f"{out}.onnx"]


def test_a_head_on_features_is_exported(tmp_path, run, rng):
    import gluon_hash as gh

    features, labels = rng.randn(120, 10), np.arange(120) % 4
    gh.train(
        gh.datasets.features(features, labels=labels), num_bits=8, epochs=1, out=tmp_path / "r"
    )
    code, _, _ = run("export", tmp_path / "r", "--out", tmp_path / "head", "--onnx")
    assert code == 0
    exported, trained_head = load_model(tmp_path / "head"), load_model(tmp_path / "r")
    np.testing.assert_allclose(
        exported.relaxed(features), trained_head.relaxed(features), rtol=1e-4, atol=1e-5
    )
    session = onnxruntime.InferenceSession(str(tmp_path / "head.onnx"))
    computed = session.run(None, {"data": features.astype(np.float32)})[0]
    np.testing.assert_allclose(computed, exported.relaxed(features), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="expected 10 features"):
        exported.relaxed(features[:, :9])
    with pytest.raises(ValueError, match="reads features, not images"):
        exported.encode([np.zeros((40, 40, 3), np.uint8)])
