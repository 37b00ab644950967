"""Every form of export computes the network's codes, whoever runs it; what does not is refused."""

import errno
import json
import os

import numpy as np
import pytest

pytest.importorskip("mxnet")

from gluon_hash.deploy import Form, Manifest, export_network
from gluon_hash.deploy.graph import Graph
from gluon_hash.deploy.onnx_runtime import open_onnx
from gluon_hash.deploy.runtimes import MXNET_RUNTIMES, without_fused_graphs
from gluon_hash.engine import mx, nd
from gluon_hash.nets import HashingNet, get_backbone
from gluon_hash.records import ImageTransform
from gluon_hash.retrieval.codes import pack

NUM_BITS = 21
TRANSFORM = ImageTransform(36, 32)


@pytest.fixture(scope="module")
def net():
    made = HashingNet(get_backbone("cifar_resnet20_v1"), NUM_BITS)
    made.initialize(mx.init.Xavier())
    made(nd.zeros((1, 3, 32, 32)))
    return made


def export(net, out, form=None, **changes):
    arguments = {
        "num_bits": NUM_BITS,
        "input_shape": (3, 32, 32),
        "transform": TRANSFORM,
        "hierarchy": None,
        "backbone": "cifar_resnet20_v1",
        "source": {},
        **changes,
    }
    return export_network(net, out, form=form, **arguments)


@pytest.mark.parametrize("onnx", [False, True])
@pytest.mark.parametrize("packed_out", [False, True])
@pytest.mark.parametrize("pixels_in", [False, True])
def test_every_form_in_every_runtime(net, tmp_path, rng, pixels_in, packed_out, onnx):
    if onnx:
        pytest.importorskip("onnxruntime")
    form = Form(pixels_in=pixels_in, packed_out=packed_out, onnx=onnx)
    manifest = Manifest.load(export(net, tmp_path / "net", form))
    assert (manifest.input, manifest.output) == (
        "pixels" if pixels_in else "planes",
        "packed" if packed_out else "relaxed",
    )
    pixels = rng.randint(0, 256, (7, 32, 32, 3)).astype(np.uint8)
    planes = TRANSFORM.normalize(pixels)
    relaxed = net(nd.array(planes)).asnumpy()
    inputs = pixels if pixels_in else planes
    files = (tmp_path / manifest.symbol, tmp_path / manifest.params)
    outputs = {name: opened(*files, "data")(inputs) for name, opened in MXNET_RUNTIMES.items()}
    if onnx:
        outputs["onnx"] = open_onnx(tmp_path / "net.onnx", "data")(inputs)
    assert set(outputs) == set(manifest.differences)
    for output in outputs.values():
        if packed_out:
            assert np.abs(relaxed).min() > 1e-6  # no bit may flip
            np.testing.assert_array_equal(output, pack(relaxed))
        else:
            np.testing.assert_allclose(output, relaxed, rtol=1e-4, atol=1e-5)
    assert manifest.input_shape == ([-1, 32, 32, 3] if pixels_in else [-1, 3, 32, 32])
    assert "BatchNorm" not in (tmp_path / manifest.symbol).read_text()


def test_int8_with_pixels_and_packed_codes(net, tmp_path, rng):
    pixels = rng.randint(0, 256, (64, 32, 32, 3)).astype(np.uint8)
    planes = TRANSFORM.normalize(pixels)
    form = Form(pixels_in=True, packed_out=True, calibration=planes)
    manifest = Manifest.load(export(net, tmp_path / "net", form))
    assert manifest.precision == "int8"
    files = (tmp_path / manifest.symbol, tmp_path / manifest.params)
    codes = [opened(*files, "data")(pixels[:8]) for opened in MXNET_RUNTIMES.values()]
    assert all(np.array_equal(codes[0], other) for other in codes)
    bits = np.unpackbits(codes[0] ^ pack(net(nd.array(planes[:8])).asnumpy()), axis=1)
    assert bits.sum() / (8 * NUM_BITS) < 0.1


def test_a_graph_that_mxnet_fuses_wrongly_is_said_and_can_be_run(tmp_path, rng, capsys):
    preactivated = HashingNet(get_backbone("cifar_resnet20_v2"), 8)
    preactivated.initialize(mx.init.Xavier())
    images = rng.standard_normal((5, 3, 32, 32)).astype(np.float32)
    expected = preactivated(nd.array(images)).asnumpy()
    written = export(preactivated, tmp_path / "net", num_bits=8)
    manifest = Manifest.load(written)
    files = (tmp_path / manifest.symbol, tmp_path / manifest.params)
    said = "MXNET_SUBGRAPH_BACKEND=NONE" in capsys.readouterr().err
    assert said is not manifest.fused_graphs
    with without_fused_graphs():
        for opened in MXNET_RUNTIMES.values():
            output = opened(*files, "data")(images)
            np.testing.assert_allclose(output, expected, rtol=1e-3, atol=1e-5)


def test_what_does_not_compute_the_same_is_not_written(net, tmp_path, monkeypatch):
    def wrong(*arguments):
        run = MXNET_RUNTIMES["symbol"](*arguments)
        return lambda inputs: run(inputs) + 1.0

    monkeypatch.setitem(MXNET_RUNTIMES, "c_api", wrong)
    with pytest.raises(RuntimeError, match="run by c_api it differs .* by 1, more than 1e-04"):
        export(net, tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "form, changes, message",
    [
        (Form(pixels_in=True), {"transform": None, "input_shape": (32,)}, "there are no pixels"),
        (Form(onnx=True, calibration=np.zeros((16, 3, 32, 32))), {}, "no counterpart in ONNX"),
    ],
)
def test_forms_that_do_not_go_together(net, tmp_path, form, changes, message):
    with pytest.raises(ValueError, match=message):
        export(net, tmp_path / "net", form, **changes)


def test_a_manifest_names_each_file_with_its_digest(net, tmp_path):
    pytest.importorskip("onnxruntime")
    path = export(net, tmp_path / "net", Form(onnx=True))
    values = json.loads(path.read_text())
    assert set(values["sha256"]) == {"net-symbol.json", "net-0000.params", "net.onnx"}
    (tmp_path / "net.onnx").write_bytes(b"another")
    with pytest.raises(ValueError, match="net.onnx: changed or damaged"):
        Manifest.load(path)


def test_a_disk_that_was_full_is_named_before_mxnet_reads_what_it_wrote(net, tmp_path, monkeypatch):
    """MXNet does not look whether the last bytes of a small file were written."""

    def cut(graph, symbol, params):
        save(graph, symbol, params)
        params.write_bytes(b"")

    def full(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(path))

    save = Graph.save
    monkeypatch.setattr(Graph, "save", cut)
    monkeypatch.setattr("gluon_hash.deploy.export.expect_room", full)
    with pytest.raises(OSError) as caught:
        export(net, tmp_path / "new")
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(tmp_path / "new-0000.params")
    assert os.listdir(tmp_path) == []
