"""Every exported form, run over the same images: the bits it gives, and how fast."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from gluon_hash.deploy.manifest import SUFFIX, Manifest
from gluon_hash.deploy.onnx_runtime import open_onnx
from gluon_hash.deploy.runtimes import MXNET_RUNTIMES, without_fused_graphs
from gluon_hash.errors import DataError
from gluon_hash.progress import track
from gluon_hash.retrieval import CodeTable, Cutoffs, leave_one_out
from gluon_hash.retrieval.codes.packing import pack, unpack

__all__ = ["Agreement", "Sample", "verify"]

BATCH_SIZE = 32
AHP_AT = 100
MEGABYTE = 1e6  # bytes
Run = Callable[[np.ndarray], np.ndarray]
Open = Callable[[], Run]


@dataclass(frozen=True)
class Sample:
    """What every form encodes.

    Parameters
    ----------
    inputs : uint8, shape (N, crop, crop, 3), or float32, shape (N, num_features)
        Prepared pixels, or features.
    level_labels : int32, shape (N, K)
    """

    inputs: np.ndarray
    level_labels: np.ndarray


@dataclass(frozen=True)
class Agreement:
    """What one form gave.

    Parameters
    ----------
    form : str
        "NAME module": the export, and who ran it.
    equal_bits, equal_codes : float
        Fraction of the bits, and of the whole codes, that are the reference's.
    map, mahp : float
        Of the sample's images among themselves, each left out of its own ranking: fine mAP (ties
        averaged) and mAHP.
    images_per_second : float
        Without decoding.
    megabytes : float
        Of the files that this way of running it reads.
    """

    form: str
    equal_bits: float
    equal_codes: float
    map: float
    mahp: float
    images_per_second: float
    megabytes: float


def verify(
    manifests: Sequence[str | os.PathLike[str]],
    sample: Sample,
    reference: np.ndarray | None = None,
) -> list[Agreement]:
    """Run every form of each export over the same images.

    Parameters
    ----------
    manifests : sequence of path-like
        NAME.manifest.json, or DIR/NAME; the transforms must be the same.
    sample : Sample
    reference : uint8, shape (N, ceil(num_bits / 8)), optional
        The codes to hold them against; by default those of the first export by SymbolBlock.

    Returns
    -------
    list of Agreement
        A row for each manifest and each way of running it, in their order.

    Raises
    ------
    DataError
        As Manifest.load; or if an export takes other inputs, or gives codes of another length.
    ValueError
        If the sample has fewer than two images.
    """
    if len(sample.inputs) < 2:
        raise ValueError(
            f"verify: expected 2 images or more, which find each other, got {len(sample.inputs)}"
        )
    loaded = [(Path(path), Manifest.load(path)) for path in manifests]
    for path, manifest in loaded:
        _check_alike(path, manifest, loaded[0][1])
    rows = []
    for path, manifest in loaded:
        name = path.name.removesuffix(SUFFIX)
        for runtime, opened, files in _runtimes(path, manifest):
            context = nullcontext() if manifest.fused_graphs else without_fused_graphs()
            with context:
                codes, speed = _codes(opened(), manifest, sample, f"{name} {runtime}")
            reference = codes if reference is None else reference
            size = sum(os.path.getsize(path.parent / file) for file in files) / MEGABYTE
            rows.append(_row(f"{name} {runtime}", codes, reference, sample, manifest, speed, size))
    return rows


def _check_alike(path: Path, manifest: Manifest, first: Manifest) -> None:
    if (manifest.num_bits, manifest.transform()) != (first.num_bits, first.transform()):
        raise DataError(
            f"has {manifest.num_bits} bits and the transform {manifest.transform()}, the first "
            f"export {first.num_bits} and {first.transform()}; verify them one at a time",
            path=path,
        )


def _runtimes(path: Path, manifest: Manifest) -> Iterator[tuple[str, Open, tuple[str, ...]]]:
    """Name, how it is opened, and the files that it reads."""
    symbol, params = path.parent / manifest.symbol, path.parent / manifest.params
    for name, opened in MXNET_RUNTIMES.items():
        opens = partial(opened, symbol, params, manifest.input_name)
        yield name, opens, (manifest.symbol, manifest.params)
    if manifest.onnx is not None:
        onnx = partial(open_onnx, path.parent / manifest.onnx, manifest.input_name)
        yield "onnx", onnx, (manifest.onnx,)


def _codes(run: Run, manifest: Manifest, sample: Sample, name: str) -> tuple[np.ndarray, float]:
    """Packed codes of the sample, and images a second of its whole batches."""
    transform = manifest.transform()

    def outputs(inputs: np.ndarray) -> np.ndarray:
        if transform is not None and manifest.input == "planes":
            inputs = transform.normalize(inputs)
        output = run(inputs)
        return output if manifest.output == "packed" else pack(output)

    starts = range(0, len(sample.inputs), BATCH_SIZE)
    batches = [sample.inputs[start : start + BATCH_SIZE] for start in starts]
    outputs(batches[0])  # warm
    started = time.perf_counter()
    codes = [outputs(batch) for batch in track(batches, name, len(sample.inputs), size=len)]
    return np.concatenate(codes), len(sample.inputs) / (time.perf_counter() - started)


def _row(
    form: str,
    codes: np.ndarray,
    reference: np.ndarray,
    sample: Sample,
    manifest: Manifest,
    speed: float,
    megabytes: float,
) -> Agreement:
    num_bits = manifest.num_bits
    equal = unpack(codes, num_bits) == unpack(reference, num_bits)
    table = CodeTable(np.arange(len(codes)), codes, sample.level_labels, num_bits)
    at = min(AHP_AT, len(codes) - 1)
    measured = leave_one_out(table, cutoffs=Cutoffs(ahp=at))
    return Agreement(
        form,
        float(equal.mean()),
        float(equal.all(axis=1).mean()),
        measured["map_tie_averaged"],
        measured[f"mahp@{at}"],
        speed,
        megabytes,
    )
