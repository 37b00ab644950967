"""Predictor: images in every shape, both engines, light imports, many threads."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("mxnet")

from gluon_hash.deploy import Predictor
from gluon_hash.errors import DataError
from gluon_hash.experiment import load_model
from gluon_hash.experiment.models.exporting import export_model
from gluon_hash.records import RecordFile


@pytest.fixture(scope="module")
def exports(trained, tmp_path_factory):
    pytest.importorskip("onnxruntime")
    out = tmp_path_factory.mktemp("exports")
    export_model(trained / "run", out / "net", onnx=True)
    export_model(trained / "run", out / "whole", pixels_in=True, packed_out=True, onnx=True)
    return out


@pytest.fixture
def photos(tmp_path, rng):
    """A folder of four photos in two folders, and their pixels in the order of their names."""
    pixels = [rng.randint(0, 256, (40 + n, 50, 3)).astype(np.uint8) for n in range(4)]
    for number, image in enumerate(pixels):
        path = tmp_path / "photos" / f"class{number // 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return tmp_path / "photos", pixels


@pytest.mark.parametrize("engine", ["mxnet", "onnxruntime"])
@pytest.mark.parametrize("name", ["net", "whole"])
def test_images_in_every_shape_give_the_runs_codes(exports, trained, photos, name, engine):
    folder, pixels = photos
    expected = load_model(trained / "run").encode(pixels)
    predictor = Predictor.load(exports / f"{name}.manifest.json", engine=engine)
    files = sorted(folder.rglob("*.png"))
    opened = [open(file, "rb") for file in files]
    for images in (pixels, files, [f.read_bytes() for f in files], opened, folder, str(folder)):
        np.testing.assert_array_equal(predictor.encode(images, batch_size=3), expected)
    for alone in (files[2], files[2].read_bytes(), open(files[2], "rb"), pixels[2]):
        np.testing.assert_array_equal(predictor.encode(alone), expected[2:3])
    assert predictor.encode([]).shape == (0, 6)
    for file in opened:
        file.close()


@pytest.mark.parametrize("model", ["run", "export/net"])
def test_a_loaded_model_takes_what_a_predictor_takes(trained, photos, model):
    folder, pixels = photos
    encoder = load_model(trained / model)
    expected = encoder.encode(pixels)
    files = sorted(folder.rglob("*.png"))
    for images in (folder, str(folder), files, tuple(files), iter(files)):
        np.testing.assert_array_equal(encoder.encode(images, batch_size=3), expected)
        assert images is not folder or encoder.relaxed(images).shape == (4, 48)
    for alone in (files[2], str(files[2]), files[2].read_bytes(), open(files[2], "rb"), pixels[2]):
        np.testing.assert_array_equal(encoder.encode(alone), expected[2:3])
    with pytest.raises(DataError, match="the open file or the array of an image, got int"):
        encoder.encode([7])


def test_features_of_a_folder(trained, photos):
    folder, pixels = photos
    encoder = load_model(trained / "run")
    np.testing.assert_array_equal(encoder.features(folder), encoder.features(pixels))


def test_what_is_no_image_is_named(exports, photos):
    predictor = Predictor.load(exports / "net.manifest.json")
    (photos[0] / "broken.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="broken.png"):
        predictor.encode(photos[0])
    with pytest.raises(DataError, match="gone: no such file"):
        predictor.encode(photos[0] / "gone")


def test_packed_exports_have_no_relaxed_codes(exports, photos):
    with pytest.raises(ValueError, match="export without --binary"):
        Predictor.load(exports / "whole.manifest.json").relaxed(photos[1])


@pytest.mark.parametrize("engine", ["mxnet", "onnxruntime"])
def test_a_manifest_of_another_number_of_bits_is_refused(exports, tmp_path, photos, engine):
    for file in exports.glob("net*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    text = (tmp_path / "net.manifest.json").read_text()
    (tmp_path / "net.manifest.json").write_text(text.replace('"num_bits": 48', '"num_bits": 64'))
    predictor = Predictor.load(tmp_path / "net", engine=engine)
    with pytest.raises(DataError, match=r"expected 64 numbers of an image.* of shape \(4, 48\)"):
        predictor.encode(photos[0])


def test_onnx_runtime_needs_an_onnx(trained):
    with pytest.raises(DataError, match="was exported without .onnx"):
        Predictor.load(trained / "export" / "net.manifest.json", engine="onnxruntime")


@pytest.mark.parametrize("name", ["net", "whole"])
def test_records_are_encoded_as_the_run_encodes_them(exports, trained, prepared, name):
    ours = load_model(exports / name).encode_file(prepared / "query.rec")
    theirs = load_model(trained / "run").encode_file(prepared / "query.rec")
    np.testing.assert_array_equal(ours.codes, theirs.codes)
    np.testing.assert_array_equal(ours.ids, theirs.ids)
    np.testing.assert_array_equal(ours.level_labels, theirs.level_labels)
    np.testing.assert_array_equal(ours.names, theirs.names)
    assert ours.model == theirs.model


def test_eight_threads_give_what_one_gives(exports, prepared):
    predictor, records = Predictor.load(exports / "net.manifest.json"), prepared / "query.rec"
    images = [RecordFile(records).image(position) for position in range(24)]
    expected = predictor.encode(images)
    with ThreadPoolExecutor(8) as threads:
        codes = list(threads.map(lambda n: predictor.encode(images[n : n + 3]), range(22)))
    assert all(np.array_equal(code, expected[n : n + 3]) for n, code in enumerate(codes))


PROGRAM = """
import json, sys
hidden, engine, path = sys.argv[1:]
for name in filter(None, hidden.split(",")):
    sys.modules[name] = None
import numpy as np
from gluon_hash.deploy import Predictor
predictor = Predictor.load(path, engine=engine or None)
code = predictor.encode([np.full((40, 40, 3), 77, np.uint8)])
heavy = "gluoncv matplotlib numba faiss mxnet".split()
print(json.dumps([code.tolist(), [n for n in heavy if sys.modules.get(n) is not None]]))
"""


@pytest.mark.parametrize(
    "hidden, engine, loaded", [("", "", ["mxnet"]), ("mxnet,gluoncv", "onnxruntime", [])]
)
def test_it_imports_no_more_than_it_needs(exports, hidden, engine, loaded):
    words = [hidden, engine, str(exports / "net.manifest.json")]
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True
    )
    code, heavy = json.loads(result.stdout)
    assert heavy == loaded
    predictor = Predictor.load(exports / "net.manifest.json")
    expected = predictor.encode([np.full((40, 40, 3), 77, np.uint8)])
    np.testing.assert_array_equal(code, expected)
