"""The notebooks run, cell by cell in one namespace, and hold what a run of them printed."""

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
EPOCHS = re.compile(r"^EPOCHS = \d+$")


def cells(path):
    """The sources of the code cells."""
    read = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in read["cells"] if cell["cell_type"] == "code"]


def test_there_are_three():
    names = {path.stem for path in NOTEBOOKS}
    assert names == {"folder_to_search", "your_features", "compare_methods"}


@pytest.mark.once
@pytest.mark.mxnet
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path, monkeypatch):
    """With an epoch in place of many: its cell tagged "parameters" says how many."""
    import matplotlib

    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    names = {"__name__": "__main__"}
    changed = 0
    for number, cell in enumerate(cells(path)):
        source = "".join(cell["source"])
        if cell["metadata"].get("tags") == ["parameters"]:
            assert EPOCHS.match(source)
            source, changed = "EPOCHS = 1", changed + 1
        exec(compile(source, f"{path.name}, code cell {number}", "exec"), names)
    assert changed == 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_holds_what_one_run_printed(path):
    counts = [cell["execution_count"] for cell in cells(path)]
    assert counts == list(range(1, len(counts) + 1))
    outputs = [output for cell in cells(path) for output in cell["outputs"]]
    assert outputs and not [output for output in outputs if output["output_type"] == "error"]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    text = path.read_text(encoding="utf-8")
    assert len(text) < 250_000 and not re.search(r"/(home|root|work|Users)/", text)
