"""Exported files in a process with MXNet and without this package: the bytes of `encode`."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("mxnet")

from gluon_hash.experiment import load_model
from gluon_hash.experiment.models.exporting import export_model

PROGRAM = """
import json, sys
sys.modules["gluon_hash"] = None  # importing it is an ImportError
import numpy as np
for name, kind in {"bool": bool, "object": object, "int": int, "float": float}.items():
    if name not in vars(np):  # MXNet 1.9.1 names them, NumPy >= 1.24 does not have them
        setattr(np, name, kind)
import mxnet as mx
from PIL import Image

folder, name, runtime, *files = sys.argv[1:]
manifest = json.load(open(f"{folder}/{name}.manifest.json"))
inputs = []
for file in files:
    image = Image.open(file).convert("RGB")
    assert min(image.size) == image.width  # so that the width is the short side
    height = round(image.height * manifest["resize"] / image.width)
    image = np.asarray(image.resize((manifest["resize"], height), Image.BILINEAR))
    top, left = ((side - manifest["crop"]) // 2 for side in image.shape[:2])
    image = image[top : top + manifest["crop"], left : left + manifest["crop"]]
    if manifest["input"] == "planes":
        image = (image / 255 - manifest["mean"]) / manifest["std"]
        image = image.transpose(2, 0, 1).astype(np.float32)
    inputs.append(image)
inputs = mx.nd.array(np.stack(inputs), dtype=inputs[0].dtype)
symbol, params = f"{folder}/{manifest['symbol']}", f"{folder}/{manifest['params']}"
if runtime == "block":
    outputs = mx.gluon.SymbolBlock.imports(symbol, [manifest["input_name"]], params)(inputs)
else:
    stored = {"arg": {}, "aux": {}}
    for key, value in mx.nd.load(params).items():
        stored[key[:3]][key[4:]] = value
    module = mx.mod.Module(mx.sym.load(symbol), [manifest["input_name"]], None)
    module.bind([mx.io.DataDesc(manifest["input_name"], inputs.shape, inputs.dtype)], None, False)
    module.set_params(stored["arg"], stored["aux"])
    module.forward(mx.io.DataBatch([inputs]), is_train=False)
    outputs = module.get_outputs()[0]
outputs = outputs.asnumpy()
if manifest["output"] == "relaxed":
    outputs = np.packbits(outputs >= 0, axis=1, bitorder="little")
assert outputs.dtype == np.uint8
print(outputs.tobytes().hex())
"""


@pytest.fixture(scope="module")
def exports(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("exports")
    export_model(trained / "run", out / "plain")
    export_model(trained / "run", out / "whole", pixels_in=True, packed_out=True)
    return out


@pytest.mark.parametrize("runtime", ["block", "module"])
@pytest.mark.parametrize("name", ["plain", "whole"])
def test_mxnet_alone_gives_the_bytes_of_encode(exports, trained, tmp_path, rng, name, runtime):
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for number, file in enumerate(files):
        pixels = rng.randint(0, 256, (60 + 7 * number, 45, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(file)
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, exports, name, runtime, *files],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    expected = load_model(trained / "run").encode(files)
    assert len(np.unique(expected, axis=0)) > 1  # or a constant would be right
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == expected.tobytes().hex()
