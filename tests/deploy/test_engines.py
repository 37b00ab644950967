"""Engines and precisions that are chosen by name: compared, recorded, refused where they fail."""

import sys

import numpy as np
import pytest

pytest.importorskip("mxnet")
pytest.importorskip("onnxruntime")

from gluon_hash.deploy import Predictor
from gluon_hash.errors import DataError
from gluon_hash.experiment import load_model
from gluon_hash.experiment.models import engine_check
from gluon_hash.experiment.models.exporting import export_model
from gluon_hash.records import RecordFile
from gluon_hash.retrieval import CodeTable
from gluon_hash.retrieval.codes.fingerprint import check_same_model, with_precision
from gluon_hash.retrieval.codes.packing import unpack


@pytest.fixture(scope="module")
def exports(trained, prepared, tmp_path_factory):
    """The run's network with an .onnx, another one's, and in int8."""
    out = tmp_path_factory.mktemp("engines")
    export_model(trained / "run", out / "net", onnx=True)
    export_model(trained / "run", out / "small", int8=prepared / "train.rec")
    return out


@pytest.fixture
def bfloat16():
    """Skips where OpenVINO is not installed, or the processor has no bfloat16."""
    openvino = pytest.importorskip("openvino")
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor has no bfloat16")


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("model", ["run", "export"])
def test_records_are_encoded_by_an_engine(exports, trained, prepared, run, tmp_path, engine, model):
    pytest.importorskip(engine)
    path = trained / "run" if model == "run" else exports / "net"
    records = prepared / "query.rec"
    arguments = ["--records", records, "--out", tmp_path / "c.npz", "--engine", engine]
    code, _, err = run("encode", path, *arguments)
    assert code == 0, err
    said = f"{engine} in float32: 100.00% of the bits of 54 images are those of mxnet in float32"
    assert said in err and (model == "run") == ("exported for" in err)
    ours, theirs = CodeTable.load(tmp_path / "c.npz"), load_model(path).encode_file(records)
    np.testing.assert_array_equal(ours.codes, theirs.codes)
    assert ours.model == theirs.model


@pytest.mark.parametrize("model", ["run", "export"])
def test_bfloat16_is_recorded(bfloat16, exports, trained, prepared, run, tmp_path, model):
    path = trained / "run" if model == "run" else exports / "net.manifest.json"
    fast = ["--engine", "openvino", "--precision", "bfloat16"]
    arguments = ["--records", prepared / "query.rec", "--out", tmp_path / "c.npz"]
    code, _, err = run("encode", path, *arguments, *fast)
    assert code == 0 and "openvino in bfloat16: " in err, err
    ours, plain = CodeTable.load(tmp_path / "c.npz"), load_model(path)
    assert ours.model == f"{plain.fingerprint} bfloat16"
    expected = plain.encode_file(prepared / "query.rec").codes
    assert (unpack(ours.codes, 48) == unpack(expected, 48)).mean() > 0.95
    images = [RecordFile(prepared / "query.rec").image(row) for row in range(8)]
    chosen = Predictor.load(exports / "net", engine="openvino", precision="bfloat16")
    exact = Predictor.load(exports / "net", engine="openvino")
    relaxed = load_model(exports / "net").relaxed(images)
    scale = np.abs(relaxed).max()
    assert np.abs(exact.relaxed(images) - relaxed).max() < 1e-5 * scale  # not bfloat16 by itself
    assert 1e-4 * scale < np.abs(chosen.relaxed(images) - relaxed).max() < 0.1 * scale


def test_verify_has_a_row_for_every_engine(exports, prepared, run):
    pytest.importorskip("openvino")
    code, out, err = run("verify", exports / "net", "--records", prepared / "query.rec", "--json")
    assert code == 0, err
    for row in ("net mxnet", "net onnxruntime", "net openvino"):
        assert f'"form": "{row}"' in out


def test_verify_runs_bfloat16_where_it_is_asked_for(bfloat16, exports, prepared, run):
    arguments = ["--records", prepared / "query.rec", "--precision", "bfloat16", "--least", "0.9"]
    code, out, err = run("verify", exports / "net", *arguments, "--json")
    assert code == 0 and '"form": "net openvino bfloat16"' in out, err


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--engine", "tensorrt"], "engine: expected mxnet, onnxruntime, openvino, got 'tensorrt'"),
        (["--precision", "bfloat16"], "the engine mxnet does not compute in bfloat16 faster"),
        (
            ["--engine", "onnxruntime", "--precision", "bfloat16"],
            "the engine onnxruntime does not compute in bfloat16",
        ),
        (["--engine", "openvino", "--precision", "int8"], "`gluon-hash export --int8`"),
        (["--engine", "onnxruntime", "--device", "gpu:0"], "runs on the CPU; leave --device gpu:0"),
        (["--engine", "onnxruntime", "--relaxed"], "--engine and --precision are for codes"),
    ],
)
def test_what_does_not_go_together_is_refused(exports, prepared, run, tmp_path, arguments, said):
    records = ["--records", prepared / "query.rec", "--out", tmp_path / "c.npz"]
    code, _, err = run("encode", exports / "net", *records, *arguments)
    assert code == 2 and said in err and not (tmp_path / "c.npz").exists()


@pytest.mark.parametrize("command", ["encode", "verify"])
def test_what_is_not_installed_is_named(exports, prepared, run, tmp_path, monkeypatch, command):
    monkeypatch.setitem(sys.modules, "openvino", None)
    records = ["--records", prepared / "query.rec"]
    if command == "encode":
        records += ["--out", tmp_path / "c.npz", "--engine", "openvino"]
    else:
        records += ["--precision", "bfloat16"]
    code, _, err = run(command, exports / "net", *records)
    assert code == 2 and "pip install 'gluon_hash[fast]'" in err


def test_an_engine_needs_an_onnx(exports):
    for engine, name in (("onnxruntime", "ONNX Runtime"), ("openvino", "OpenVINO")):
        with pytest.raises(DataError, match=f"exported without .onnx, which {name} reads"):
            Predictor.load(exports / "small", engine=engine)


def test_a_baseline_has_no_engine(tmp_path):
    with pytest.raises(ValueError, match="no engine makes faster"):
        load_model(tmp_path / "itq.npz", engine="onnxruntime")


def test_an_engine_that_gives_other_bits_is_not_used(exports, prepared, monkeypatch):
    encoder = load_model(exports / "net", engine="onnxruntime")
    inputs = engine_check.sample_inputs(encoder, prepared / "query.rec")
    assert engine_check.check_engine(exports / "net", encoder, inputs, "onnxruntime") == 1.0
    encode = encoder.encode_prepared

    def one_bit_in_48(prepared):
        codes = encode(prepared)
        codes[:, 0] ^= 1
        return codes

    monkeypatch.setattr(encoder, "encode_prepared", one_bit_in_48)
    with pytest.raises(RuntimeError, match=r"97.92% of the bits of 54 images .* it is not used"):
        engine_check.check_engine(exports / "net", encoder, inputs, "onnxruntime")


def test_a_folder_of_images_is_encoded_by_an_engine(exports, run, tmp_path, rng):
    from PIL import Image

    (tmp_path / "photos").mkdir()
    for number in range(5):
        pixels = rng.randint(0, 256, (40, 50, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    arguments = ["--records", tmp_path / "photos", "--out", tmp_path / "c.npz"]
    code, _, err = run("encode", exports / "net", *arguments, "--engine", "onnxruntime")
    assert code == 0 and "of the bits of 5 images" in err, err
    table = CodeTable.load(tmp_path / "c.npz")
    files = [tmp_path / "photos" / name for name in table.names]
    np.testing.assert_array_equal(table.codes, load_model(exports / "net").encode(files))


@pytest.mark.parametrize("has_images", [True, False])
def test_a_service_compares_its_engine_on_the_collection(exports, prepared, capsys, has_images):
    pytest.importorskip("fastapi")
    from pathlib import Path

    from gluon_hash.cli import serve
    from gluon_hash.retrieval import HammingIndex
    from gluon_hash.serve import Collection, Limits
    from gluon_hash.serve.pictures import RecordPictures

    table = load_model(exports / "net").encode_file(prepared / "query.rec")
    index = HammingIndex(48, None, None, table.model)
    index.add(table.codes, table.ids, level_labels=table.level_labels)
    pictures = RecordPictures(prepared / "query.rec", max_pixels=10**6) if has_images else None
    by = serve.By(None, "onnxruntime", None)
    service = serve._service(Collection(index, pictures), Path(exports / "net"), by, Limits())
    err = capsys.readouterr().err
    assert ("100.00% of the bits of 54 images" in err) == has_images
    assert ("onnxruntime: not compared, no images are at hand" in err) != has_images
    service.close()


def test_int8_says_so_in_its_codes(exports, prepared):
    plain, small = load_model(exports / "net"), load_model(exports / "small")
    assert small.fingerprint == f"{plain.fingerprint} int8"
    assert small.encode_file(prepared / "query.rec").model == small.fingerprint


def test_one_models_precisions_may_meet_and_that_is_said(capsys):
    plain, small = "a" * 64, with_precision("a" * 64, "int8")
    check_same_model("the index", plain, "query.npz", plain)
    assert capsys.readouterr().err == ""
    check_same_model("the index", plain, "query.npz", small)
    assert "query.npz: codes in int8, the index in float32: some bits differ" in (
        capsys.readouterr().err
    )
    with pytest.raises(ValueError, match="of another model"):
        check_same_model("the index", with_precision("b" * 64, "int8"), "query.npz", small)
