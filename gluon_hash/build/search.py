"""A trained network measured by its method's search: Hamming, weighted Hamming of segments, asymmetric distance."""
from __future__ import annotations

from pathlib import Path
from typing import Callable

import mxnet as mx
import numpy as np

from gluon_hash.build.run import Run, encode_relaxed, encode_run, load_run, query_and_database
from gluon_hash.losses.shdh import segments
from gluon_hash.retrieval import CodeTable, Measured, feature_distances, measure, measure_by_distance
from gluon_hash.retrieval.baselines import ProductQuantizer, fit
from gluon_hash.retrieval.comparison import load_measured, save_measured
from gluon_hash.retrieval.weighted import weighted_distances

__all__ = ["SEARCHES", "measure_run"]

BATCH_SIZE = 128


def measure_run(folder: Path, search: str, contexts: list[mx.Context]) -> Measured:
    """Every metric of every query of the run's data; kept in the folder as measured_SEARCH.npz, codes too.

    Parameters
    ----------
    folder : Path
        A run folder.
    search : str
        A key of SEARCHES.
    contexts : list of Context

    Raises
    ------
    DataError
        If the folder is no run, or a file of it is damaged.
    """
    kept = folder / f"measured_{search}.npz"
    if not kept.exists():
        run = load_run(folder, contexts)
        for name, records in zip(("query", "database"), query_and_database(run.config)):
            if not (folder / f"{name}.npz").exists():
                encode_run(run, records, contexts, BATCH_SIZE).save(folder / f"{name}.npz")
        save_measured(SEARCHES[search](run, contexts), kept)
    return load_measured(kept)


def _tables(run: Run) -> tuple[CodeTable, CodeTable]:
    return CodeTable.load(run.path / "query.npz"), CodeTable.load(run.path / "database.npz")


def _hamming(run: Run, contexts: list[mx.Context]) -> Measured:
    return measure(*_tables(run), hierarchy=run.hierarchy)


def _weighted(run: Run, contexts: list[mx.Context]) -> Measured:
    """SHDH: the segment of level k, k = 0 the finest, weighs 2 (k + 1) / (K (K + 1)): coarse mistakes weigh more."""
    num_levels = run.hierarchy.num_levels
    weights = [2.0 * (k + 1) / (num_levels * (num_levels + 1)) for k in range(num_levels)]
    query, database = _tables(run)
    distances = weighted_distances(query, database, segments(run.config.net.num_bits, num_levels), weights)
    return measure_by_distance(distances, query.level_labels, database.level_labels, hierarchy=run.hierarchy)


def _asymmetric(run: Run, contexts: list[mx.Context]) -> Measured:
    """DQN: the query's outputs against what a product quantiser of num_bits keeps of the database's."""
    query, database = (encode_relaxed(run, records, contexts, BATCH_SIZE) for records in query_and_database(run.config))
    outputs = database.features.astype(np.float32)
    quantizer = fit("pq", outputs, database.level_labels[:, 0], run.config.net.num_bits, seed=run.config.training.seed)
    assert isinstance(quantizer, ProductQuantizer)
    distances = feature_distances(query.features, quantizer.reconstruct(outputs), "l2")
    return measure_by_distance(distances, query.level_labels, database.level_labels, hierarchy=run.hierarchy)


SEARCHES: dict[str, Callable[[Run, list[mx.Context]], Measured]] = {
    "hamming": _hamming, "weighted": _weighted, "asymmetric": _asymmetric}
