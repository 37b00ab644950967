"""`encode`, `index` and `index search` by an exported .onnx, in a process that has no MXNet."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("mxnet")  # which exports
pytest.importorskip("onnxruntime")

from gluon_hash.experiment import load_model
from gluon_hash.experiment.models.exporting import export_model
from gluon_hash.records import RecordFile
from gluon_hash.retrieval import CodeTable, HammingIndex

ROOT = Path(__file__).parents[2]
COMMAND = (
    "import sys; sys.modules['mxnet'] = sys.modules['gluoncv'] = None\n"
    "from gluon_hash.cli.app import main; main(sys.argv[1:])"
)


def hidden(*words):
    """Runs a command as if MXNet were not installed: exit code, stdout, stderr."""
    result = subprocess.run(
        [sys.executable, "-c", COMMAND, *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    return result.returncode, result.stdout, result.stderr


@pytest.fixture(scope="module")
def exports(trained, tmp_path_factory):
    """The run's network with an .onnx that gives packed codes, and without one."""
    out = tmp_path_factory.mktemp("exports")
    export_model(trained / "run", out / "whole", pixels_in=True, packed_out=True, onnx=True)
    export_model(trained / "run", out / "plain")
    return out


@pytest.fixture
def photos(tmp_path, prepared):
    records = RecordFile(prepared / "query.rec")
    (tmp_path / "photos").mkdir()
    for number in range(4):
        Image.fromarray(records.image(number)).save(tmp_path / "photos" / f"{number}.png")
    return tmp_path / "photos"


def test_records_whole_and_in_parts(exports, trained, prepared, tmp_path):
    records = prepared / "query.rec"
    expected = CodeTable.load(trained / "query.npz")
    for part, rows in ([], slice(None)), (["--shard", "1/2"], slice(32)):
        out = tmp_path / f"codes{len(part)}.npz"
        words = ["--records", records, "--out", out, "--batch-size", 32, *part]
        code, _, err = hidden("encode", exports / "whole", *words)
        assert code == 0, err
        np.testing.assert_array_equal(CodeTable.load(out).codes, expected.codes[rows])


def test_photos_are_indexed_and_found(exports, trained, photos, tmp_path):
    code, _, err = hidden(
        "index", photos, "--model", exports / "whole", "--out", tmp_path / "index"
    )
    assert code == 0, err
    expected = load_model(trained / "run").encode(photos)
    index = HammingIndex.load(tmp_path / "index")
    distances, ids = index.search(expected, 1)
    assert (np.asarray(distances).ravel() == 0).all()
    words = [tmp_path / "index", photos / "2.png", "--model", exports / "whole"]
    code, out, err = hidden("index", "search", *words, "-k", 1, "--json")
    assert code == 0 and "2.png" in out, err
    code, _, err = hidden("index", "search", *words, "-k", 1, "--rerank", "asymmetric")
    assert code == 2 and "export without --binary" in err


def test_what_is_missing_is_said(exports, prepared, tmp_path):
    words = ["--records", prepared / "query.rec", "--out", tmp_path / "codes.npz"]
    code, _, err = hidden("encode", exports / "plain", *words)
    assert code == 2 and "MXNet is not installed, and the manifest names no .onnx" in err
    assert len(err.splitlines()) == 1
