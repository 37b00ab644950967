"""Features of any framework as a data set: split as images are, held in memory, written as .npz."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gluon_hash.arrays import save_arrays
from gluon_hash.datasets.arranging import SplitData
from gluon_hash.datasets.duplicates import Mode
from gluon_hash.datasets.feature_labels import UNNAMED, FilePath, Labels, Rows, read_rows
from gluon_hash.datasets.label_tables import classes_of, hierarchy_of, joined
from gluon_hash.datasets.prepared import write_folder
from gluon_hash.datasets.splits import QUERY_SHARE, draw_queries, say_split
from gluon_hash.errors import DataError
from gluon_hash.hierarchy import Hierarchy
from gluon_hash.hierarchy.unseen import PAPER
from gluon_hash.records.lists import ImageList

__all__ = ["FeatureDataset", "FeatureSplit", "features"]


@dataclass(frozen=True)
class FeatureSplit:
    """Features of one split.

    Parameters
    ----------
    features : float16 or float32, shape (N, num_features)
    fine_labels : int64, shape (N,)
    ids : int64, shape (N,)
        Unique over the splits.
    names : list of N str
        What the .lst file calls each row.
    provenance : dict
        What they were made of, as JSON values.
    """

    features: np.ndarray
    fine_labels: np.ndarray
    ids: np.ndarray
    names: list[str]
    provenance: dict[str, Any]

    def __len__(self) -> int:
        return len(self.fine_labels)

    @property
    def digest(self) -> Callable[[int], bytes]:
        """Position -> hash of the row, equal for equal rows."""
        return lambda p: hashlib.sha256(np.ascontiguousarray(self.features[p]).tobytes()).digest()

    def num_bytes(self, position: int) -> int:
        """What the row takes in a FeatureTable."""
        return self.features[position].nbytes

    def take(self, positions: np.ndarray) -> FeatureSplit:
        """The rows at ``positions``, in that order."""
        return FeatureSplit(
            self.features[positions],
            self.fine_labels[positions],
            self.ids[positions],
            [self.names[position] for position in positions],
            self.provenance,
        )

    def join(self, other: FeatureSplit) -> FeatureSplit:
        """These rows, then those of ``other``."""
        return FeatureSplit(
            np.concatenate([self.features, other.features]),
            np.concatenate([self.fine_labels, other.fine_labels]),
            np.concatenate([self.ids, other.ids]),
            self.names + other.names,
            self.provenance,
        )

    def write(self, folder: Path, name: str, rows: ImageList) -> Path:
        """Write NAME.npz, a FeatureTable, with the ids and labels of a list of these rows."""
        path = folder / f"{name}.npz"
        save_arrays(
            path,
            features=np.ascontiguousarray(self.features),
            ids=rows.ids,
            level_labels=rows.level_labels,
            provenance=np.array(json.dumps(self.provenance)),
        )
        return path


class FeatureDataset(SplitData[FeatureSplit]):
    """A data set of features; gluon_hash.datasets.features returns one.

    Parameters
    ----------
    As gluon_hash.datasets.arranging.SplitData; ``train`` and ``query`` are FeatureSplits.
    """

    def write(
        self,
        out: FilePath,
        *,
        seed: int = 24,
        limit: int | None = None,
        validation_per_class: int | None = None,
        duplicates: Mode | None = None,
        shuffle: bool | None = None,
        protocol: str = PAPER,
    ) -> dict[str, Any]:
        """Write train.npz, query.npz, lists, hierarchy and split manifest: all, or nothing.

        Arguments, returned value and errors are those of gluon_hash.datasets.Dataset.write.
        """
        return write_folder(
            self,
            out,
            FeatureSplit.write,
            seed=seed,
            limit=limit,
            validation_per_class=validation_per_class,
            duplicates=duplicates,
            skip_unreadable=False,
            shuffle=shuffle,
            protocol=protocol,
            settings={"num_features": int(self.train.features.shape[1])},
        )


def features(
    array: np.ndarray | FilePath,
    labels: Labels | None = None,
    hierarchy: Hierarchy | FilePath | None = None,
    *,
    levels: Sequence[str] | None = None,
    ids: np.ndarray | None = None,
    names: Sequence[str] | None = None,
    query: np.ndarray | FilePath | None = None,
    query_labels: Labels | None = None,
    array_name: str | None = None,
    query_share: float = QUERY_SHARE,
    query_per_class: int | None = None,
    seed: int = 24,
) -> FeatureDataset:
    """Features that any framework made, with labels: what a hash head is trained on.

    Parameters
    ----------
    array : float16, float32 or float64, shape (N, num_features), or path-like
        float16 is kept, the others become float32. A file is ``.npy``, ``.npz`` (with ids and
        level_labels inside, if it has them) or ``.parquet`` (with labels).
    labels : array, mapping or path-like, optional
        Names or numbers: of the finest class (N,), or of all levels, finest first, (N, K); columns
        by their level; or a CSV or TSV table with a header. Default: those in the file.
    hierarchy : Hierarchy or path-like, optional
        The tree of the classes, or its hierarchy.tsv; by default the one that the labels make.
    levels : sequence of str, optional
        The columns of a table that are levels, finest first; by default all but id and path.
    ids : int64, shape (N,), optional
        By default those in the file, or the rows counted.
    names : sequence of str, optional
        What the lists call the rows; by default the table's column "path" or "name", or the rows
        counted.
    query, query_labels : optional
        Features that are queries, and their labels; by default queries are drawn.
    array_name : str, optional
        Of the array in a ``.npz``, or the column of lists in a ``.parquet``.
    query_share, query_per_class, seed
        As gluon_hash.datasets.splits.draw_queries.

    Returns
    -------
    FeatureDataset

    Raises
    ------
    DataError
        If numbers do not fit, a row holds NaN or infinity, or labels are not a tree; says where.

    Examples
    --------
    >>> rows = np.random.RandomState(0).randn(20, 8)
    >>> data = features(rows, {"breed": ["husky", "siamese"] * 10, "species": ["dog", "cat"] * 10})
    >>> data.hierarchy.to_table(), len(data.train), len(data.query)
    ([('husky', 'dog'), ('siamese', 'cat')], 18, 2)
    """
    read = partial(read_rows, levels=levels, array_name=array_name)
    rows = read(array, labels, ids=ids, names=names)
    if query is None and query_labels is not None:
        raise ValueError("query_labels belong to query: give both, or none")
    if query is not None:
        asked = read(query, query_labels, ids=None, names=None, first_id=int(rows.ids.max()) + 1)
        _check_pair(rows, asked)
        tree = _hierarchy([rows, asked], hierarchy)
        return FeatureDataset(
            "features", tree, _split(rows, tree), _split(asked, tree), source=rows.provenance
        )
    tree = _hierarchy([rows], hierarchy)
    every = _split(rows, tree)
    drawn = draw_queries(every.fine_labels, share=query_share, per_class=query_per_class, seed=seed)
    train = every.take(np.setdiff1d(np.arange(len(every)), drawn))
    queries = every.take(drawn)
    say_split(tree, train.fine_labels, queries.fine_labels)
    return FeatureDataset("features", tree, train, queries, source=rows.provenance, drawn=True)


def _hierarchy(parts: Sequence[Rows], hierarchy: Hierarchy | FilePath | None) -> Hierarchy:
    """The tree that was given, or that of all labels together."""
    if isinstance(hierarchy, Hierarchy):
        return hierarchy
    if hierarchy is not None:
        return Hierarchy.load(hierarchy)
    return hierarchy_of(joined([rows.labels for rows in parts]))


def _split(rows: Rows, hierarchy: Hierarchy) -> FeatureSplit:
    labels = rows.labels
    if list(labels.columns) == [UNNAMED.format(level) for level in range(len(labels.columns))]:
        labels = labels.renamed(hierarchy.level_names)
    return FeatureSplit(
        rows.features, classes_of(labels, hierarchy), rows.ids, rows.names, rows.provenance
    )


def _check_pair(rows: Rows, queries: Rows) -> None:
    widths = rows.features.shape[1], queries.features.shape[1]
    if widths[0] != widths[1]:
        raise DataError(
            f"the features have {widths[0]} numbers and those of the queries {widths[1]}; "
            "encode both with the same network"
        )
    shared = np.intersect1d(rows.ids, queries.ids)
    if len(shared):
        raise DataError(
            f"id {shared[0]} is in both, and {len(shared) - 1} others; each row needs its own id"
        )
