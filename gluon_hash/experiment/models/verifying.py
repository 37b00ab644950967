"""Exports held against the model that they were made of, on images of a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gluon_hash.deploy.engines import Precision
from gluon_hash.deploy.manifest import Manifest
from gluon_hash.deploy.model_names import manifest_path
from gluon_hash.deploy.verify import Agreement, verify
from gluon_hash.experiment.models.exporting import export_model
from gluon_hash.experiment.models.model import load_model
from gluon_hash.experiment.models.typical import typical_sample
from gluon_hash.retrieval import CodeTable
from gluon_hash.retrieval.codes.fingerprint import check_same_model

__all__ = ["cost_of_int8", "verify_exports"]


def verify_exports(
    manifests: Sequence[str | os.PathLike[str]],
    records: str | os.PathLike[str],
    *,
    against: str | os.PathLike[str] | None = None,
    num_images: int = 256,
    precision: Precision | None = None,
    database: str | os.PathLike[str] | None = None,
) -> list[Agreement]:
    """As gluon_hash.deploy.verify.verify, on images of a .rec (or features of an .npz).

    Parameters
    ----------
    manifests : sequence of path-like
    records : path-like
    against : path-like, optional
        The model whose codes are the reference: a run folder, an export or a baseline.
    num_images : int
        Spread evenly over the file; all, if it has fewer.
    precision
        As of gluon_hash.deploy.verify.verify.
    database : path-like, optional
        A code table of the same model, which the images are queries of.

    Raises
    ------
    DataError, ValueError
        As Manifest.load, load_model, CodeTable.load and verify; or if the model's codes have
        another length, or the database is of another model.
    """
    exports = [(manifest_path(path), Manifest.load(path)) for path in manifests]
    manifest, table = exports[0][1], None
    if database is not None:
        table = CodeTable.load(database)
        made_by = manifest.source.get("fingerprint")
        check_same_model(str(database), table.model, str(manifests[0]), made_by)
    sample, reference = typical_sample(manifest.transform(), records, num_images), None
    if against is not None:
        model = load_model(against)
        if model.num_bits != manifest.num_bits:
            raise ValueError(
                f"{against}: its codes have {model.num_bits} bits, those of {manifests[0]} "
                f"{manifest.num_bits}; it is another model"
            )
        images = manifest.transform() is not None
        encode = model.encode_prepared if images else model.encode
        reference = encode(sample.inputs)
    return verify(exports, sample, reference, precision=precision, database=table)


def cost_of_int8(
    model: str | os.PathLike[str],
    manifest: str | os.PathLike[str],
    records: str | os.PathLike[str],
) -> str:
    """What an int8 export loses and gains beside float32, in a sentence.

    Parameters
    ----------
    model : path-like
        The run folder that was exported.
    manifest : path-like
        The int8 export.
    records : path-like
        Images to encode with both, with their classes; their bits, and how they find each other.
    """
    with tempfile.TemporaryDirectory(prefix="gluon_hash.") as folder:
        rows = verify_exports([export_model(model, Path(folder) / "float32"), manifest], records)
    plain, small = (row for row in rows if row.form.endswith(" mxnet"))
    ratio = small.images_per_second / plain.images_per_second
    speed = f"{ratio:.1f} times as fast" if ratio > 1 else f"slower ({ratio:.2f} times as fast)"
    return (
        f"int8 beside float32: {small.equal_bits:.2%} of the bits are equal, mAP "
        f"{plain.map:.4f} -> {small.map:.4f}, mAHP {plain.mahp:.4f} -> {small.mahp:.4f} (these "
        f"images among themselves), {speed}, {small.megabytes:.1f} MB beside {plain.megabytes:.1f}"
        f"{'' if ratio > 1 else '; it does not pay on this machine'}"
    )
