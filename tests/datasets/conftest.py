"""Small folders of images, each with pixels of its own."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def make_images():
    """Writes images of the given names below a folder: noise, so that no two are equal."""
    rng = np.random.RandomState(0)

    def make(root, names, height=8, width=8):
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.randint(0, 256, (height, width, 3)).astype(np.uint8)).save(path)
        return root

    return make
