"""Every exported form, run over the same images: the bits it gives, and how fast."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from gluon_hash.deploy.engines import Precision, open_engine
from gluon_hash.deploy.manifest import Manifest
from gluon_hash.deploy.model_names import SUFFIX
from gluon_hash.deploy.predictor import Predictor
from gluon_hash.deploy.runtimes import MXNET_RUNTIMES, without_fused_graphs
from gluon_hash.deploy.sample import Sample
from gluon_hash.errors import DataError
from gluon_hash.progress import track
from gluon_hash.retrieval import CodeTable, Cutoffs, evaluate, leave_one_out
from gluon_hash.retrieval.codes.packing import unpack

__all__ = ["Agreement", "verify"]

BATCH_SIZE = 32
AHP_AT = 100
MEGABYTE = 1e6  # bytes
Run = Callable[[np.ndarray], np.ndarray]
Open = Callable[[], Run]


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
        Fine mAP (ties averaged) and mAHP, of the sample's images among themselves, each left out of
        its own ranking; or in a database that is given.
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
    exports: Sequence[tuple[Path, Manifest]],
    sample: Sample,
    reference: np.ndarray | None = None,
    *,
    precision: Precision | None = None,
    database: CodeTable | None = None,
) -> list[Agreement]:
    """Run every form of each export over the same images.

    Parameters
    ----------
    exports : sequence of (path, manifest)
        Manifests that are loaded, and where they lie; their transforms must be the same.
    sample : Sample
    reference : uint8, shape (N, ceil(num_bits / 8)), optional
        The codes to hold them against; by default those of the first export by SymbolBlock.
    precision : {"float32", "bfloat16"}, optional
        "bfloat16": by OpenVINO in bfloat16 too, besides float32.
    database : CodeTable, optional
        In which each form's codes look for what is relevant; by default they look among themselves.

    Returns
    -------
    list of Agreement
        A row for each manifest and each way of running it, in their order: SymbolBlock, Module,
        the C predict API, then the engines as Predictor runs them: mxnet, and, of an export with
        .onnx, onnxruntime and, where it is installed, openvino.

    Raises
    ------
    DataError
        If an export takes other inputs, or gives codes of another length.
    MissingPackageError
        If an engine is not installed.
    ValueError
        If the sample has fewer than two images, or the database has codes of another length.
    """
    if len(sample.inputs) < 2:
        raise ValueError(
            f"verify: expected 2 images or more, which find each other, got {len(sample.inputs)}"
        )
    for path, manifest in exports:
        _check_alike(path, manifest, exports[0][1])
    rows = []
    for path, manifest in exports:
        name = path.name.removesuffix(SUFFIX)
        for runtime, opened, files in _runtimes(path, manifest, precision):
            context = nullcontext() if manifest.fused_graphs else without_fused_graphs()
            with context:
                codes, speed = _codes(opened(), manifest, sample, f"{name} {runtime}")
            reference = codes if reference is None else reference
            size = sum(os.path.getsize(path.parent / file) for file in files) / MEGABYTE
            table = CodeTable(np.arange(len(codes)), codes, sample.level_labels, manifest.num_bits)
            rows.append(_row(f"{name} {runtime}", table, reference, database, speed, size))
    return rows


def _check_alike(path: Path, manifest: Manifest, first: Manifest) -> None:
    if (manifest.num_bits, manifest.transform()) != (first.num_bits, first.transform()):
        raise DataError(
            f"has {manifest.num_bits} bits and the transform {manifest.transform()}, the first "
            f"export {first.num_bits} and {first.transform()}; verify them one at a time",
            path=path,
        )


def _runtimes(
    path: Path, manifest: Manifest, precision: Precision | None
) -> Iterator[tuple[str, Open, tuple[str, ...]]]:
    """Name, how it is opened, and the files that it reads."""
    symbol, params = path.parent / manifest.symbol, path.parent / manifest.params
    both = (manifest.symbol, manifest.params)
    for name, opened in MXNET_RUNTIMES.items():
        yield name, partial(opened, symbol, params, manifest.input_name), both
    yield "mxnet", partial(open_engine, manifest, path, "mxnet"), both
    if manifest.onnx is None:
        return
    yield "onnxruntime", partial(open_engine, manifest, path, "onnxruntime"), (manifest.onnx,)
    if precision == "bfloat16" or importlib.util.find_spec("openvino") is not None:
        yield "openvino", partial(open_engine, manifest, path, "openvino"), (manifest.onnx,)
    if precision == "bfloat16":
        opened = partial(open_engine, manifest, path, "openvino", precision)
        yield f"openvino {precision}", opened, (manifest.onnx,)


def _codes(run: Run, manifest: Manifest, sample: Sample, name: str) -> tuple[np.ndarray, float]:
    """Packed codes of the sample, and images a second of its batches."""
    predictor = Predictor(run, manifest.transform(), manifest.num_bits, manifest=manifest)
    images = sample.inputs.ndim == 4
    encode = predictor.encode_prepared if images else predictor.encode_features
    starts = range(0, len(sample.inputs), BATCH_SIZE)
    batches = [sample.inputs[start : start + BATCH_SIZE] for start in starts]
    for batch in {len(batch): batch for batch in batches}.values():  # warm, for each size
        encode(batch)
    started = time.perf_counter()
    codes = [encode(batch) for batch in track(batches, name, len(sample.inputs), size=len)]
    return np.concatenate(codes), len(sample.inputs) / (time.perf_counter() - started)


def _row(
    form: str,
    table: CodeTable,
    reference: np.ndarray,
    database: CodeTable | None,
    speed: float,
    megabytes: float,
) -> Agreement:
    equal = unpack(table.codes, table.num_bits) == unpack(reference, table.num_bits)
    at = min(AHP_AT, len(table) - 1 if database is None else len(database))
    cutoffs = Cutoffs(ahp=at)
    if database is None:
        measured = leave_one_out(table, cutoffs=cutoffs)
    else:
        measured = evaluate(table, database, cutoffs=cutoffs)
    return Agreement(
        form,
        float(equal.mean()),
        float(equal.all(axis=1).mean()),
        measured["map_tie_averaged"],
        measured[f"mahp@{at}"],
        speed,
        megabytes,
    )
