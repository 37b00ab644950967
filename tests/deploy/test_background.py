"""Transparent pixels show the background that the training images were prepared with."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from gluon_hash.experiment import load_model


@pytest.mark.parametrize("background", [None, [0, 0, 0], [255, 0, 0]])
def test_a_run_and_its_export_put_images_over_the_background(trained, run, tmp_path, background):
    folder = tmp_path / "run"
    shutil.copytree(trained / "run", folder)
    manifest = json.loads((folder / "split.json").read_text())
    manifest["source"] = {} if background is None else {"background": background}
    (folder / "split.json").write_text(json.dumps(manifest))
    pixels = np.random.RandomState(0).randint(0, 256, (40, 40, 4)).astype(np.uint8)
    pixels[:20, :, 3], pixels[20:, :, 3] = 0, 255  # the upper half is transparent
    Image.fromarray(pixels).save(tmp_path / "a.png")
    seen = pixels[:, :, :3].copy()
    seen[:20] = background or [255, 255, 255]
    assert run("export", folder, "--out", tmp_path / "net")[0] == 0
    for model in (load_model(folder), load_model(tmp_path / "net")):
        assert (model.relaxed([tmp_path / "a.png"]) == model.relaxed([seen])).all()
        encoded = (tmp_path / "a.png").read_bytes()
        assert (model.relaxed([encoded]) == model.relaxed([seen])).all()
        prepared = np.stack([model.prepare(encoded)])
        assert prepared.dtype == np.uint8 and prepared.ndim == 4
        assert (model.relaxed_prepared(prepared) == model.relaxed([seen])).all()
