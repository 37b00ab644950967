"""Export: a network's graph, parameters and manifest, run in every way before they count."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash import doctor
from gluon_hash.deploy.agreement import compare_runtimes
from gluon_hash.deploy.folding import fold_batch_norms
from gluon_hash.deploy.forms import PackBits, Preprocess
from gluon_hash.deploy.graph import INPUT_NAME, Graph
from gluon_hash.deploy.manifest import VERSION, Manifest
from gluon_hash.deploy.model_names import SUFFIX
from gluon_hash.deploy.network_files import check_network
from gluon_hash.deploy.onnx import require_onnx, write_onnx
from gluon_hash.deploy.quantize import quantize
from gluon_hash.deploy.runtimes import open_symbol_block
from gluon_hash.disks import expect_room, naming_failed_writes
from gluon_hash.engine import HybridBlock, nd
from gluon_hash.files import atomic_write_json, claimed, expect_name, publish_together, sha256
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.leftovers import temporary_folder
from gluon_hash.records import ImageTransform
from gluon_hash.records.images import WHITE, Color

__all__ = ["Form", "export_network"]

COMPARED_INPUTS = 4
SUFFIXES = {"symbol": "-symbol.json", "params": "-0000.params", "onnx": ".onnx"}


@dataclass(frozen=True)
class Form:
    """What an exported graph takes and gives, and what is written beside it.

    Parameters
    ----------
    pixels_in : bool
        The graph takes uint8 RGB (batch_size, crop, crop, 3) and scales them itself; otherwise
        planes of mean 0 and deviation 1, float32 (batch_size, 3, crop, crop).
    packed_out : bool
        The graph gives packed codes, uint8 (batch_size, ceil(num_bits / 8)); otherwise relaxed
        ones.
    onnx : bool
        Write NAME.onnx too.
    calibration : float32, shape (N, ...), optional
        Typical inputs (planes, or features): the network is exported in int8, its ranges theirs;
        see gluon_hash.deploy.quantize.
    """

    pixels_in: bool = False
    packed_out: bool = False
    onnx: bool = False
    calibration: np.ndarray | None = None


def export_network(
    net: HybridBlock,
    out: str | os.PathLike[str],
    *,
    num_bits: int,
    input_shape: Sequence[int],
    transform: ImageTransform | None,
    background: Color = WHITE,
    hierarchy: Hierarchy | None,
    backbone: str,
    source: dict[str, Any],
    form: Form | None = None,
) -> Path:
    """Write OUT-symbol.json, OUT-0000.params and OUT.manifest.json, and OUT.onnx if asked for.

    Batch norms are folded into the convolutions before them.

    Parameters
    ----------
    net : HybridBlock
        Input -> relaxed code (batch_size, num_bits); initialised.
    out : path-like
        DIR/NAME; none of the files may exist.
    num_bits : int
    input_shape : sequence of int
        Of one input as ``net`` takes it.
    transform : ImageTransform or None
        Its evaluation side is written into the manifest; None: the network reads features.
    background : Color
        What transparent pixels show.
    hierarchy : Hierarchy or None
        Level and class names for the manifest, where they are known.
    backbone : str
        Its name.
    source : dict
        Where the weights come from, as JSON values.
    form : Form, optional

    Returns
    -------
    Path
        The manifest.

    Raises
    ------
    ValueError
        If a file exists, the forms do not go together, or a library is not installed.
    RuntimeError
        If the files, read again and run in each way, do not compute what the network computes;
        nothing is written then.
    """
    form = form or Form()
    _check_form(form, transform)
    expect_name(out)
    out = Path(out)
    parts = [part for part in SUFFIXES if form.onnx or part != "onnx"]
    names = {part: out.name + SUFFIXES[part] for part in parts}
    final = [out.parent / name for name in (*names.values(), out.name + SUFFIX)]
    with (
        claimed(*final, doing="an export"),
        temporary_folder(out) as folder,
        naming_failed_writes(out.parent, folder),
    ):
        written = {part: folder / name for part, name in names.items()}
        shape = _shape(form, input_shape)
        core = _core(net, form)
        before = Preprocess(transform) if form.pixels_in and transform is not None else None
        whole = core.between(before, PackBits(num_bits) if form.packed_out else None)
        whole.save(written["symbol"], written["params"])
        expect_room(written["params"])
        check_network(written["symbol"], written["params"], INPUT_NAME)  # as who reads them does
        if form.onnx:
            dtype = np.uint8 if form.pixels_in else np.float32
            write_onnx(written["symbol"], written["params"], shape, dtype, written["onnx"])
        differences, fused_graphs = _compared(net, core, written, form, transform, input_shape)
        manifest = Manifest(
            version=VERSION,
            input_name=INPUT_NAME,
            input_shape=[-1, *shape],
            **_described(form, transform, background),
            num_bits=num_bits,
            bit_order="little: bit j is bit (j mod 8) of byte (j // 8), 1 where output j >= 0",
            backbone=backbone,
            **_classes(hierarchy),
            **names,
            sha256={name: sha256(folder / name) for name in names.values()},
            largest_difference=differences["symbol"],
            differences=differences,
            fused_graphs=fused_graphs,
            versions=doctor.version_report(),
            source=source,
        )
        atomic_write_json(folder / final[-1].name, manifest.model_dump())
        publish_together({folder / path.name: path for path in final})  # the manifest last
    return final[-1]


def _check_form(form: Form, transform: ImageTransform | None) -> None:
    if form.pixels_in and transform is None:
        raise ValueError("export: the network reads features, there are no pixels to scale")
    if form.onnx and form.calibration is not None:
        raise ValueError(
            "export: MXNet's int8 operations have no counterpart in ONNX; export twice, under two "
            "names"
        )
    if form.onnx:
        require_onnx()


def _core(net: HybridBlock, form: Form) -> Graph:
    """The network that is exported, without what the form puts around it."""
    graph = fold_batch_norms(Graph.of(net))
    return graph if form.calibration is None else quantize(graph, form.calibration)


def _compared(
    net: HybridBlock,
    core: Graph,
    written: dict[str, Path],
    form: Form,
    transform: ImageTransform | None,
    input_shape: Sequence[int],
) -> tuple[dict[str, float], bool]:
    """As compare_runtimes, on random inputs; int8, another network, is held against itself."""
    rng = np.random.RandomState(0)
    if form.pixels_in:
        assert transform is not None  # _check_form has looked
        inputs = rng.randint(0, 256, (COMPARED_INPUTS, *_shape(form, input_shape))).astype(np.uint8)
        seen = transform.normalize(inputs)
    else:
        seen = inputs = rng.standard_normal((COMPARED_INPUTS, *input_shape)).astype(np.float32)
    if form.calibration is None:
        return compare_runtimes(written, inputs, net(nd.array(seen)).asnumpy())
    symbol, params = (written["params"].with_name(f"core.{part}") for part in ("json", "params"))
    core.save(symbol, params)
    expect_room(params)
    return compare_runtimes(written, inputs, open_symbol_block(symbol, params, INPUT_NAME)(seen))


def _shape(form: Form, input_shape: Sequence[int]) -> tuple[int, ...]:
    """Of one input of the exported graph."""
    if form.pixels_in:
        planes, height, width = input_shape
        return (height, width, planes)
    return tuple(input_shape)


def _described(form: Form, transform: ImageTransform | None, background: Color) -> dict[str, Any]:
    """What a manifest says of the form, and of pixels."""
    said: dict[str, Any] = {
        "output": "packed" if form.packed_out else "relaxed",
        "precision": "float32" if form.calibration is None else "int8",
    }
    names = ("resize", "crop", "mean", "std")
    if transform is None:
        return {
            **said,
            "input": "features",
            **dict.fromkeys(("colour_order", "interpolation", *names)),
        }
    return {
        **said,
        "input": "pixels" if form.pixels_in else "planes",
        "colour_order": "RGB",
        "interpolation": "bilinear, antialiased (Pillow)",
        "background": background,
        **{name: getattr(transform, name) for name in names},
    }


def _classes(hierarchy: Hierarchy | None) -> dict[str, Any]:
    if hierarchy is None:
        return {"level_names": [], "class_names": [], "parents": None}
    return {
        "level_names": list(hierarchy.level_names),
        "class_names": [list(names) for names in hierarchy.class_names],
        "parents": [parents.tolist() for parents in hierarchy.parents],
    }
