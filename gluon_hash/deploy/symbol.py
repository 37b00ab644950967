"""Export: symbol JSON, parameters and manifest, read again and compared before they count."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash import doctor
from gluon_hash.deploy.manifest import VERSION, Manifest
from gluon_hash.deploy.predictor import import_block
from gluon_hash.disks import expect_room, naming_failed_writes
from gluon_hash.engine import mx, nd
from gluon_hash.files import atomic_write_json, claimed, expect_name, publish_together, sha256
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.leftovers import temporary_folder
from gluon_hash.nets import HashingNet
from gluon_hash.records import ImageTransform
from gluon_hash.records.images import WHITE, Color

__all__ = ["export_symbol", "TOLERANCE"]

TOLERANCE = 1e-4  # of the relaxed code, relative to its largest value
INPUT_NAME = "data"
COMPARED_INPUTS = 4


def export_symbol(
    net: HashingNet,
    out: str | os.PathLike[str],
    *,
    transform: ImageTransform | None,
    background: Color = WHITE,
    hierarchy: Hierarchy,
    backbone: str,
    source: dict[str, Any],
) -> Path:
    """Write OUT-symbol.json, OUT-0000.params and OUT.manifest.json.

    Parameters
    ----------
    net : HashingNet
        Initialised, on the CPU.
    out : path-like
        DIR/NAME; the three files must not exist.
    transform : ImageTransform or None
        Its evaluation side is written into the manifest; None: the network reads features.
    background : Color
        What transparent pixels show.
    hierarchy : Hierarchy
        Level and class names for the manifest.
    backbone : str
        Its name.
    source : dict
        Where the weights come from, as JSON values.

    Returns
    -------
    Path
        The manifest.

    Raises
    ------
    ValueError
        If a file exists.
    RuntimeError
        If the files, read again, do not compute what the network computes; nothing is written then.
    """
    expect_name(out)
    out = Path(out)
    names = {
        part: f"{out.name}{suffix}"
        for part, suffix in (
            ("symbol", "-symbol.json"),
            ("params", "-0000.params"),
            ("manifest", ".manifest.json"),
        )
    }
    final = [out.parent / name for name in names.values()]  # the manifest last: it names the others
    with (
        claimed(*final, doing="an export"),
        temporary_folder(out) as folder,
        naming_failed_writes(out, folder),
    ):
        shape = _input_shape(net, transform)
        difference = _export_and_compare(net, folder / out.name, shape)
        expect_room(folder / names["params"])
        hashes = {name: sha256(folder / name) for name in (names["symbol"], names["params"])}
        manifest = Manifest(
            version=VERSION,
            input_name=INPUT_NAME,
            input_shape=[-1, *shape],
            **_preprocessing(transform, background),
            num_bits=net.num_bits,
            bit_order="little: bit j is bit (j mod 8) of byte (j // 8), 1 where output j >= 0",
            backbone=backbone,
            level_names=list(hierarchy.level_names),
            class_names=[list(names) for names in hierarchy.class_names],
            parents=[parents.tolist() for parents in hierarchy.parents],
            symbol=names["symbol"],
            params=names["params"],
            sha256=hashes,
            largest_difference=difference,
            versions=doctor.version_report(),
            source=source,
        )
        atomic_write_json(folder / names["manifest"], manifest.model_dump())
        publish_together({folder / path.name: path for path in final})
    return final[-1]


def _input_shape(net: HashingNet, transform: ImageTransform | None) -> tuple[int, ...]:
    """Of one input: 3 planes, or a vector of features."""
    if transform is None:
        return (net.features.num_features,)
    return (3, transform.crop, transform.crop)


def _preprocessing(transform: ImageTransform | None, background: Color) -> dict[str, Any]:
    """What a manifest says of pixels."""
    names = ("resize", "crop", "mean", "std")
    if transform is None:
        return dict.fromkeys(("colour_order", "interpolation", *names))
    return {
        "colour_order": "RGB",
        "interpolation": "bilinear, antialiased (Pillow)",
        "background": background,
        **{name: getattr(transform, name) for name in names},
    }


def _export_and_compare(net: HashingNet, prefix: Path, shape: tuple[int, ...]) -> float:
    """Export, read again, and return the largest difference of the outputs for random inputs."""
    inputs = nd.array(np.random.RandomState(0).standard_normal((COMPARED_INPUTS, *shape)))
    net.hybridize(static_alloc=False, static_shape=False)
    expected = net(inputs).asnumpy()
    net.export(str(prefix), epoch=0)
    again = import_block(
        Path(f"{prefix}-symbol.json"), Path(f"{prefix}-0000.params"), INPUT_NAME, mx.cpu()
    )
    difference = float(np.abs(again(inputs).asnumpy() - expected).max())
    if not difference <= TOLERANCE * max(1.0, float(np.abs(expected).max())):
        raise RuntimeError(
            f"{prefix.name}: the exported network differs from the trained one by "
            f"{difference:.2g}, "
            f"more than {TOLERANCE:.0e}; nothing was written"
        )
    return difference
