"""The examples in C++ and JavaScript, built and run: the bits that Python gives."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("mxnet")

from gluon_hash.deploy import Form, Predictor, export_network
from gluon_hash.engine import mx
from gluon_hash.nets import HashingNet, get_backbone
from gluon_hash.records import ImageTransform

EXAMPLES = Path(__file__).parents[2] / "examples"
FORMS = {
    "plain": Form(),
    "pixels": Form(pixels_in=True),
    "bytes": Form(packed_out=True),
    "whole": Form(pixels_in=True, packed_out=True),
}


@pytest.fixture(scope="module")
def net():
    made = HashingNet(get_backbone("cifar_resnet20_v1"), 21)
    made.initialize(mx.init.Xavier())
    made(mx.nd.zeros((1, 3, 32, 32)))
    return made


@pytest.fixture
def exported(net, tmp_path, rng):
    """Exports the network in a form; returns the manifest, a PPM, and its code in hex."""

    def make(name, onnx=False):
        form = Form(FORMS[name].pixels_in, FORMS[name].packed_out, onnx)
        manifest = export_network(
            net,
            tmp_path / name,
            num_bits=21,
            input_shape=(3, 32, 32),
            transform=ImageTransform(36, 32),
            hierarchy=None,
            backbone="cifar_resnet20_v1",
            source={},
            form=form,
        )
        pixels = rng.randint(0, 256, (36, 40, 3)).astype(np.uint8)
        (tmp_path / "image.ppm").write_bytes(b"P6\n40 36\n255\n" + pixels.tobytes())
        code = Predictor.load(manifest).encode([pixels])
        return manifest, tmp_path / "image.ppm", code.tobytes().hex()

    return make


@pytest.fixture(scope="module")
def encode_cpp(tmp_path_factory):
    """The program, built as examples/README.md says."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    mxnet = Path(mx.__file__).parent
    program = tmp_path_factory.mktemp("cpp") / "encode"
    command = [compiler, "-std=c++14", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{mxnet}/include"]
    command += [EXAMPLES / "cpp" / "encode.cpp", f"-L{mxnet}", "-lmxnet", f"-Wl,-rpath,{mxnet}"]
    subprocess.run([*command, "-o", program], check=True)
    return program


@pytest.mark.parametrize("name", FORMS)
def test_cpp(exported, encode_cpp, name):
    manifest, image, code = exported(name)
    result = subprocess.run([encode_cpp, manifest, image], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, f"{code}\n"), result.stderr


def test_cpp_says_what_is_wrong(exported, encode_cpp, tmp_path):
    manifest, image, _ = exported("plain")
    (tmp_path / "small.ppm").write_bytes(b"P6\n30 30\n255\n" + bytes(2700))
    for bad, message in (
        (tmp_path / "small.ppm", "the short side has 30 pixels, expected 36; resize the image"),
        (tmp_path / "gone.ppm", "gone.ppm: cannot be read"),
        (manifest, "expected a binary PPM"),
    ):
        result = subprocess.run([encode_cpp, manifest, bad], capture_output=True, text=True)
        assert result.returncode == 1 and message in result.stderr
    assert subprocess.run([encode_cpp], capture_output=True).returncode == 2


@pytest.mark.parametrize("name", ["plain", "whole"])
def test_javascript(exported, tmp_path, name):
    modules = os.environ.get("GLUON_HASH_NODE_MODULES", EXAMPLES / "javascript" / "node_modules")
    if shutil.which("node") is None or not Path(modules, "onnxruntime-web").exists():
        pytest.skip("no node, or no `npm install` in examples/javascript")
    pytest.importorskip("onnxruntime")
    folder = tmp_path / "javascript"
    folder.mkdir()
    for file in ("encode.mjs", "package.json"):
        shutil.copy(EXAMPLES / "javascript" / file, folder)
    (folder / "node_modules").symlink_to(modules)
    manifest, image, code = exported(name, onnx=True)
    command = ["node", folder / "encode.mjs", manifest, image]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout) == (0, f"{code}\n"), result.stderr
