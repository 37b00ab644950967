"""The commands of `gluon-hash plot` about codes and comparisons: drawn in the width asked for."""

import numpy as np
import pytest
from PIL import Image


@pytest.mark.parametrize(
    "name, files",
    [
        ("fidelity", ["{}/database.npz", "--level", "0"]),
        ("tanglegram", ["{}/database.npz"]),
        ("confusion", ["--query", "{}/query.npz", "--database", "{}/database.npz"]),
        ("bits", ["{}/database.npz"]),
        ("tsne", ["{}/query.npz", "--level", "1", "--metric", "hamming", "--perplexity", "4"]),
    ],
)
def test_figures_of_codes_are_drawn(make_run, run, tmp_path, name, files):
    make_run(tmp_path / "run")
    words = [word.format(tmp_path / "run") for word in files]
    tree = [] if name == "bits" else ["--hierarchy", tmp_path / "run" / "hierarchy.tsv"]
    out = tmp_path / "f.png"
    code, _, err = run("plot", name, *words, *tree, "--width", "single", "--out", out)
    assert code == 0, err
    image = Image.open(out)
    assert abs(image.width - 3.35 * 200) <= 1 and np.asarray(image.convert("L")).std() > 5


def test_a_comparison_is_drawn_and_a_width_that_is_none_is_named(comparison, run, tmp_path):
    out = tmp_path / "f.pdf"
    code, _, err = run("plot", "comparison", comparison, "--metric", "map", "--out", out)
    assert code == 0 and out.read_bytes().startswith(b"%PDF"), err
    code, _, err = run("plot", "bits", "x.npz", "--width", "wide", "--out", tmp_path / "g.png")
    assert code == 2 and "expected single, double or inches" in err
