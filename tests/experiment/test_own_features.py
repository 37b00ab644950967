"""The recipes of docs/own-data.md, "Features of timm, CLIP, DINOv2, torchvision", on a stand-in."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gluon_hash import deploy, load_model

KINDS = {"red/dark": (120, 10, 10), "red/light": (250, 120, 120), "blue": (20, 20, 200)}


class StandIn:
    """Called as a network of those libraries is: a batch of pixels, (N, D) float32 features."""

    def __init__(self, num_features, seed=0):
        self.weight = np.random.RandomState(seed).randn(3 * 64, num_features).astype(np.float32)

    def transform(self, image):
        """What timm and CLIP give with a network: resized, planes first, in [0, 1]."""
        return np.asarray(image.resize((8, 8)), np.float32).transpose(2, 0, 1) / 255  # (3, 8, 8)

    def __call__(self, batch):
        return np.maximum(batch.reshape(len(batch), -1) @ self.weight, 0)  # (N, num_features)


@pytest.fixture
def photos(tmp_path):
    """20 noisy images of each colour, in folders of two depths."""
    rng = np.random.RandomState(1)
    for name, color in KINDS.items():
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(20):
            pixels = np.clip(rng.normal(color, 25, (12, 12, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


@pytest.mark.mxnet
def test_the_recipe_from_images_to_an_exported_head(photos, tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = StandIn(num_features=24)
    # the recipe, as in the documentation but for the network
    paths = sorted(Path("photos").rglob("*.png"))
    features = [model(model.transform(Image.open(p).convert("RGB"))[None])[0] for p in paths]
    np.save("X.npy", np.stack(features))
    rows = [f"{p},{p.parent.relative_to('photos')},{p.parts[1]}\n" for p in paths]
    Path("table.csv").write_text("path,kind,group\n" + "".join(rows))

    def done(command):
        code, printed, said = run(*command.split())
        assert code == 0, said
        return printed

    done("prepare features X.npy --labels table.csv --out prepared/mine")
    done("train --data prepared/mine --out runs/mine --bits 16 --set training.epochs=8")
    done("encode runs/mine --records prepared/mine/query.npz --out q.npz")
    done("encode runs/mine --records prepared/mine/train.npz --out d.npz")
    done("index d.npz --hierarchy prepared/mine/hierarchy.tsv --out mine.index")
    answers = done("index search mine.index --codes q.npz -k 1").splitlines()[1:]
    # each of the six queries is followed by its answer: the path, whose folder is the class
    nearest = list(zip(answers[1::2], answers[2::2]))
    assert len(nearest) == 6
    assert all(
        answer.split()[-1].startswith(query[: query.rindex("/")]) for query, answer in nearest
    )

    done("export runs/mine --out export/mine")
    described = deploy.Manifest.load("export/mine.manifest.json")
    assert list(described.input_shape[1:]) == [24] and described.num_bits == 16
    np.testing.assert_array_equal(
        load_model("export/mine").encode(np.stack(features)),
        load_model("runs/mine").encode(np.stack(features)),
    )
