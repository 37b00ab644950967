"""A network measured by its method's distance (Hamming, weighted segments, asymmetric distance).

What is searched in what follows from the protocol: see gluon_hash.retrieval.evaluation.searches.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gluon_hash.engine import mx
from gluon_hash.errors import DataError
from gluon_hash.experiment.data.fingerprints import fingerprint, older_fingerprint
from gluon_hash.experiment.data.inputs import HIERARCHY, measuring_inputs
from gluon_hash.experiment.models.run_encoder import RunEncoder
from gluon_hash.experiment.runs.file_names import measured_name
from gluon_hash.experiment.runs.run_folder import BACKBONE, CONFIG
from gluon_hash.experiment.settings.config_files import load_config
from gluon_hash.files import replace_json
from gluon_hash.guard import load_json
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.hierarchy.similarity import lcs_height
from gluon_hash.hierarchy.unseen import PAPER, read_unseen
from gluon_hash.losses.shdh import segments
from gluon_hash.nets import Backbone
from gluon_hash.progress import log
from gluon_hash.retrieval import (
    CodeTable,
    Cutoffs,
    Measured,
    feature_distances,
    measure,
    measure_by_distance,
)
from gluon_hash.retrieval.baselines import ProductQuantizer, fit
from gluon_hash.retrieval.evaluation import bilinear_distances
from gluon_hash.retrieval.evaluation.protocols import get_protocol
from gluon_hash.retrieval.evaluation.searches import Search, searches
from gluon_hash.retrieval.evaluation.weighted import weighted_distances
from gluon_hash.training import read_state

__all__ = ["DISTANCES", "Encoders", "codes_of", "forget_what_is_stale", "measure_run"]

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


class Encoders:
    """The network of the run folder that was asked for last, loaded once for all that needs it.

    The frozen backbone of the one before is kept where it is the same file.

    Parameters
    ----------
    contexts : list of Context
    """

    def __init__(self, contexts: list[mx.Context]) -> None:
        self._contexts = contexts
        self._last: tuple[str, RunEncoder] | None = None

    def of(self, folder: Path) -> RunEncoder:
        """The network as the folder has it now; DataError if it is not a run, or damaged."""
        network = read_state(folder / "best.ckpt").sha256["net.params"]
        if self._last is None or (self._last[0], self._last[1].path) != (network, folder):
            backbone = None if self._last is None else self._same_backbone(self._last[1], folder)
            self._last = network, RunEncoder(folder, self._contexts, backbone)
        return self._last[1]

    def _same_backbone(self, last: RunEncoder, folder: Path) -> Backbone | None:
        files = [each / BACKBONE for each in (last.path, folder)]
        if not all(file.exists() for file in files) or not os.path.samefile(*files):
            return None
        assert isinstance(last.run.net.features, Backbone)  # others are in no file
        return last.run.net.features


def measure_run(
    folder: Path, distance: str, encoders: Encoders, protocol: str = PAPER
) -> dict[str, Measured]:
    """Every metric of every query of the run's data, by the name of what was searched.

    Each is kept in the folder, as measured_DISTANCE.npz (of the paper's protocol) or
    measured_DISTANCE_SEARCH.npz. What is kept and cannot be read is made again;
    forget_what_is_stale comes first.

    Parameters
    ----------
    folder : Path
        A run folder.
    distance : str
        A key of DISTANCES.
    encoders : Encoders
    protocol : str
        One of gluon_hash.hierarchy.unseen.PROTOCOLS_OF_DATA.

    Raises
    ------
    DataError
        If the folder is not a run, or a checkpoint of it is damaged.
    """
    measured = {}
    for search in _searches(folder, protocol, encoders):
        kept = folder / measured_name(distance, search.name)
        values = _read(Measured.load, kept)
        if values is None or not values.is_complete():
            values = DISTANCES[distance](_Measuring(folder, encoders, search))
            kept.unlink(missing_ok=True)  # a damaged one
            values.save(kept)
        measured[search.name] = values
    return measured


def _searches(folder: Path, protocol: str, encoders: Encoders) -> list[Search]:
    query, database = codes_of(folder, encoders)
    unseen, data = None, load_config(folder / CONFIG).data
    if data.unseen_classes is not None:
        unseen = read_unseen(data.unseen_classes, Hierarchy.load(Path(data.root) / HIERARCHY))
    return searches(protocol, query.level_labels, database.level_labels, unseen)


@dataclass(frozen=True)
class _Measuring:
    """A network, and what is searched in what."""

    folder: Path
    encoders: Encoders
    search: Search

    @property
    def encoder(self) -> RunEncoder:
        """Of the run."""
        return self.encoders.of(self.folder)

    @functools.cached_property
    def hierarchy(self) -> Hierarchy:
        """Of all classes: the network's own is that of the classes that were trained."""
        data = self.encoder.run.config.data
        if data.unseen_classes is None and data.tree is None:
            return self.encoder.hierarchy
        return Hierarchy.load(Path(data.root) / HIERARCHY)

    @property
    def rules(self) -> dict[str, Any]:
        """What measure and measure_by_distance are told."""
        paper = self.search.name == PAPER
        at = None if paper else self.search.cut(get_protocol("standard").ahp_at)
        return {
            "cutoffs": Cutoffs(ahp=at),
            "hierarchy": self.hierarchy,
            "excluded": self.search.excluded,
        }

    def codes(self) -> tuple[CodeTable, CodeTable]:
        """Of the queries and of what they are searched in."""
        return self.search.tables(*codes_of(self.folder, self.encoders))


def codes_of(folder: Path, encoders: Encoders) -> tuple[CodeTable, CodeTable]:
    """Codes of queries and database; kept in the folder as query.npz and database.npz."""
    files = [folder / "query.npz", folder / "database.npz"]
    query, database = (_read(CodeTable.load, file) for file in files)
    if query is None or database is None:
        encoder = encoders.of(folder)
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


def _hamming(task: _Measuring) -> Measured:
    return measure(*task.codes(), **task.rules)


def _weighted(task: _Measuring) -> Measured:
    """SHDH: a bit of level k's segment weighs k + 1, 0 the finest: coarse mistakes weigh more."""
    num_levels = task.encoder.hierarchy.num_levels
    weights = [k + 1.0 for k in range(num_levels)]  # whole numbers: equal distances stay equal
    query, database = task.codes()
    own = segments(task.encoder.num_bits, num_levels)
    distances = weighted_distances(query, database, own, weights)
    return measure_by_distance(distances, query.level_labels, database.level_labels, **task.rules)


def _asymmetric(task: _Measuring) -> Measured:
    """DQN: the query's outputs against what product quantisation keeps of the database's."""
    config, search = task.encoder.run.config, task.search
    query, database = map(task.encoder.relaxed_file, measuring_inputs(config).values())
    outputs = database.features.astype(np.float32)
    quantizer = fit(
        "pq",
        outputs,
        database.level_labels[:, 0],
        config.net.num_bits,
        seed=config.training.seed,
    )
    assert isinstance(quantizer, ProductQuantizer)
    items = query if search.among_queries else database
    kept = quantizer.reconstruct(items.features.astype(np.float32)[search.items])
    distances = feature_distances(query.features[search.queries], kept, "l2")
    return measure_by_distance(
        distances,
        query.level_labels[search.queries],
        items.level_labels[search.items],
        **task.rules,
    )


def _bilinear(task: _Measuring) -> Measured:
    """Class probabilities compared by the tree that was trained."""
    similarity = lcs_height(task.encoder.hierarchy)
    return _by_posteriors(task, lambda query, items: bilinear_distances(query, items, similarity))


def _posterior(task: _Measuring) -> Measured:
    """The cosine of class probabilities: what a classifier's ranking can reach in floats."""
    return _by_posteriors(task, lambda query, items: feature_distances(query, items, "cosine"))


def _by_posteriors(
    task: _Measuring, compare: Callable[[np.ndarray, np.ndarray], Callable[[slice], np.ndarray]]
) -> Measured:
    search = task.search
    files = measuring_inputs(task.encoder.run.config).values()
    query, database = map(task.encoder.posteriors_file, files)
    items = query if search.among_queries else database
    return measure_by_distance(
        compare(query.features[search.queries], items.features[search.items]),
        query.level_labels[search.queries],
        items.level_labels[search.items],
        **task.rules,
    )


DISTANCES: dict[str, Callable[[_Measuring], Measured]] = {
    "hamming": _hamming,
    "weighted": _weighted,
    "asymmetric": _asymmetric,
    "bilinear": _bilinear,
    "posterior": _posterior,
}
