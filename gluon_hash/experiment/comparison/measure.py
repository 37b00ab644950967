"""A network measured by its method's distance: Hamming, weighted segments, asymmetric distance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from gluon_hash.engine import mx
from gluon_hash.errors import DataError
from gluon_hash.experiment.config_files import load_config
from gluon_hash.experiment.fingerprints import fingerprint, older_fingerprint
from gluon_hash.experiment.inputs import measuring_inputs
from gluon_hash.experiment.run_encoder import RunEncoder
from gluon_hash.experiment.run_folder import CONFIG
from gluon_hash.files import replace_json
from gluon_hash.guard import load_json
from gluon_hash.losses.shdh import segments
from gluon_hash.progress import log
from gluon_hash.retrieval import (
    CodeTable,
    Measured,
    feature_distances,
    measure,
    measure_by_distance,
)
from gluon_hash.retrieval.baselines import ProductQuantizer, fit
from gluon_hash.retrieval.evaluation.weighted import weighted_distances
from gluon_hash.training import read_state

__all__ = ["DISTANCES", "codes_of", "forget_what_is_stale", "measure_run"]

MEASURED = "measured.json"
Kept = TypeVar("Kept")


def forget_what_is_stale(folder: Path) -> None:
    """Delete codes and measurements of another network, other queries or another database."""
    network = read_state(folder / "best.ckpt").sha256["net.params"]
    files = measuring_inputs(load_config(folder / CONFIG))
    now = {"network": network, **fingerprint(files)}
    stamp = folder / MEASURED
    try:
        then = load_json(stamp) if stamp.exists() else None
    except DataError:
        then = None
    if then == now:
        return
    if then == {"network": network, **older_fingerprint(files)}:
        replace_json(stamp, now)
        return
    for path in (folder / "query.npz", folder / "database.npz", *folder.glob("measured_*.npz")):
        path.unlink(missing_ok=True)
    replace_json(stamp, now)


def measure_run(folder: Path, distance: str, contexts: list[mx.Context]) -> Measured:
    """Every metric of every query of the run's data; kept as measured_DISTANCE.npz in the folder.

    What is kept and cannot be read is made again; forget_what_is_stale comes first.

    Parameters
    ----------
    folder : Path
        A run folder.
    distance : str
        A key of DISTANCES.
    contexts : list of Context

    Raises
    ------
    DataError
        If the folder is not a run, or a checkpoint of it is damaged.
    """
    kept = folder / f"measured_{distance}.npz"
    measured = _read(Measured.load, kept)
    if measured is None or not measured.is_complete():
        measured = DISTANCES[distance](RunEncoder(folder, contexts), contexts)
        kept.unlink(missing_ok=True)  # a damaged one
        measured.save(kept)
    return measured


def codes_of(folder: Path, contexts: list[mx.Context]) -> tuple[CodeTable, CodeTable]:
    """Codes of queries and database; kept in the folder as query.npz and database.npz."""
    files = [folder / "query.npz", folder / "database.npz"]
    query, database = (_read(CodeTable.load, file) for file in files)
    if query is None or database is None:
        encoder = RunEncoder(folder, contexts)
        query, database = map(encoder.encode_file, measuring_inputs(encoder.run.config).values())
        for file in files:  # what is damaged, and its pair
            file.unlink(missing_ok=True)
        query.save(files[0])
        database.save(files[1])
    return query, database


def _read(load: Callable[[Path], Kept], path: Path) -> Kept | None:
    if not path.exists():
        return None
    try:
        return load(path)
    except DataError as error:
        log(f"{error}; it is made again")
        return None


def _hamming(encoder: RunEncoder, contexts: list[mx.Context]) -> Measured:
    return measure(*codes_of(encoder.path, contexts), hierarchy=encoder.hierarchy)


def _weighted(encoder: RunEncoder, contexts: list[mx.Context]) -> Measured:
    """SHDH: a bit of level k's segment weighs k + 1, 0 the finest: coarse mistakes weigh more."""
    num_levels = encoder.hierarchy.num_levels
    weights = [k + 1.0 for k in range(num_levels)]  # whole numbers: equal distances stay equal
    query, database = codes_of(encoder.path, contexts)
    distances = weighted_distances(query, database, segments(encoder.num_bits, num_levels), weights)
    return measure_by_distance(
        distances, query.level_labels, database.level_labels, hierarchy=encoder.hierarchy
    )


def _asymmetric(encoder: RunEncoder, contexts: list[mx.Context]) -> Measured:
    """DQN: the query's outputs against what product quantisation keeps of the database's."""
    config = encoder.run.config
    query, database = map(encoder.relaxed_file, measuring_inputs(config).values())
    outputs = database.features.astype(np.float32)
    quantizer = fit(
        "pq",
        outputs,
        database.level_labels[:, 0],
        config.net.num_bits,
        seed=config.training.seed,
    )
    assert isinstance(quantizer, ProductQuantizer)
    distances = feature_distances(query.features, quantizer.reconstruct(outputs), "l2")
    return measure_by_distance(
        distances, query.level_labels, database.level_labels, hierarchy=encoder.hierarchy
    )


DISTANCES: dict[str, Callable[[RunEncoder, list[mx.Context]], Measured]] = {
    "hamming": _hamming,
    "weighted": _weighted,
    "asymmetric": _asymmetric,
}
